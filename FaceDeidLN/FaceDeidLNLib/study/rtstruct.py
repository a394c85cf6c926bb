"""RT structure sets: what follows the old skin is made anew after the new one, every other structure stays byte for byte."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import partial

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from ..face.polar import to_polar
from .family import Done, DoubtError, Series, Study, StudyRun, one_by_one
from .hidden import HiddenFace
from .instances import Instance
from .outcome import Decision, Outcome
from .pictures import remove_pictures
from .planes import Plane
from .rays import clear_cells, rays_of

CLIPS = "structures that follow the old skin made anew after the new one, all others byte for byte"
#: RT ROI Interpreted Type (PS3.3 C.8.8.8) of what lies on the skin.
TYPES = {"EXTERNAL", "BOLUS", "FIXATION", "ISOCENTER_SURFACE"}
NAMES = re.compile(
    r"extern|estern|body|skin|haut|peau|piel|pelle|huid|sk[oó]ra|cilt|cuerpo|corpo|corps|k[öo]e?rper|lichaam|mask|bolus|isodos|outline"
    r"|contour|contorno|surface|oberfl|shell|кожа|тело|контур|皮膚|皮肤|体表|轮廓|輪郭|피부|^\d+(\.\d+)?\s*(gy|cgy|%)",
    re.IGNORECASE,
)
#: Anatomy with such a word in its name.
INNER = re.compile(r"vertebr|mandib|carotid|ciliar|vitre|corpus|callosum|airway|pineal", re.IGNORECASE)
#: Less deep (mm) than this below the old skin is its surroundings.
SHALLOW_MM = 12.0
#: A structure follows the old skin where a share of the face has points of it at one depth, within so many mm.
SAME_DEPTH_MM, SHARE = 2.0, 0.08
#: What was made anew may follow it no more than the new skin itself does, by this factor.
MORE_THAN_SKIN = 1.3
#: Deeper than this (mm) a structure counts as reaching down without end.
DEEP_MM = 10.0


class RtStructFamily:
    """RT Structure Set."""

    name = "rtstruct"

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Clip where the frame of reference is a CT's of the study, or may lead to one."""
        return study.where_a_face_is_known(series, Decision(Outcome.CLIP, CLIPS))

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Make anew, verify, write."""
        return one_by_one(series, run, partial(self._release, run))

    @staticmethod
    def _release(run: StudyRun, instance: Instance, hidden: HiddenFace, matrix: np.ndarray) -> Done:
        dataset = pydicom.dcmread(instance.path)
        names = followers(dataset, hidden, matrix)
        for number in names:
            remake(contours_of(dataset, number), hidden, matrix)
        left = followers(dataset, hidden, matrix, most_left(hidden))
        if left:
            raise DoubtError(f"{len(left)} structures still follow the old skin: {', '.join(left.values())}")
        remove_pictures(dataset)
        run.writer.put(instance, dataset)
        figures = {"structures": len(dataset.get("StructureSetROISequence") or []), "made_anew": sorted(names.values())}
        return Done((instance,), Decision(Outcome.CLIP, CLIPS), figures)


def is_skin(name: str) -> bool:
    """True for the name of a structure on the skin or after it, in the languages of planning systems."""
    return NAMES.search(name) is not None and INNER.search(name) is None


def contours_of(dataset: Dataset, number: int) -> list[Dataset]:
    """The items of ROI Contour Sequence of a structure."""
    return [item for item in dataset.get("ROIContourSequence") or [] if int(item.ReferencedROINumber) == number]


def points_of(contour: Dataset, matrix: np.ndarray) -> np.ndarray:
    """The points (N, 3) of a contour in the face's LPS mm."""
    points = np.array(contour.get("ContourData") or (), dtype=float).reshape(-1, 3)
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def followers(dataset: Dataset, hidden: HiddenFace, matrix: np.ndarray, most: float | None = None) -> dict[int, str]:
    """Number and name of the structures that follow the old skin in the region: by geometry, or by type or name with a point near it.

    With ``most`` by geometry alone: those that follow more than this share of the face.
    """
    kinds = {
        int(item.ReferencedROINumber): str(item.get("RTROIInterpretedType") or "")
        for item in dataset.get("RTROIObservationsSequence") or []
    }
    found = {}
    for roi in dataset.get("StructureSetROISequence") or []:
        number, name = int(roi.ROINumber), str(roi.get("ROIName") or "")
        parts = [points_of(one, matrix) for item in contours_of(dataset, number) for one in item.get("ContourSequence") or []]
        points = np.vstack(parts) if parts else np.zeros((0, 3))
        points = points[hidden.in_region(points)] if len(points) else points
        depth = hidden.depth_before(points) if len(points) else np.zeros(0)
        points, depth = points[depth < SHALLOW_MM], depth[depth < SHALLOW_MM]
        said = kinds.get(number, "").upper() in TYPES or is_skin(name)
        near = said and len(points) and most is None
        cells = None if most is None else clear_cells(hidden)
        if near or share_followed(points, depth, hidden, cells) > (SHARE if most is None else most):
            found[number] = name
    return found


def share_followed(points: np.ndarray, depth: np.ndarray, hidden: HiddenFace, of: np.ndarray | None = None) -> float:
    """The largest share of the face that points (N, 3) of one depth (N,) below the old skin cover; or of the raster's cells ``of``."""
    if len(points) < 30:
        return 0.0
    near = np.abs(depth - np.median(depth)) < SAME_DEPTH_MM
    directions, _ = to_polar(hidden.face.frame, points[near])
    cells = np.rint(hidden.face.raster.cells(directions)).astype(int)
    cells = np.unique(np.clip(cells, 0, np.array(hidden.face.raster.shape) - 1), axis=0)
    of = hidden.face.inside if of is None else of
    return float(of[tuple(cells.T)].sum() / of.sum())


def share_of_new_skin(hidden: HiddenFace) -> float:
    """The same of the new skin, where it lies clear of the old one: by chance some of it is at one depth."""
    unit, _, after = rays_of(hidden)
    points = hidden.face.frame.origin + (unit * after[:, None])[~np.isnan(after)]
    depth = hidden.depth_before(points)
    shallow = depth < SHALLOW_MM
    return share_followed(points[shallow], depth[shallow], hidden, clear_cells(hidden))


def most_left(hidden: HiddenFace) -> float:
    """The largest share of the face, where the new skin lies clear of the old one, that an object made anew may still follow."""
    return max(SHARE, MORE_THAN_SKIN * share_of_new_skin(hidden) + SHARE)


def remake(items: list[Dataset], hidden: HiddenFace, matrix: np.ndarray) -> None:
    """Let a structure lie below the new skin in the region as it lay below the old one, plane by plane; other planes stay."""
    for item in items:
        planes = list(_planes(item, matrix))
        limits = _depths(planes, hidden, matrix)
        if limits is None:
            continue
        back = np.linalg.inv(matrix)
        contours = list(item.ContourSequence)
        for members in planes:
            points = [points_of(one, matrix) for one in members]
            plane = Plane.around(points)
            if plane is None:
                raise DoubtError("a structure that follows the old skin has contours that are not flat")
            grid = plane.points()
            inside = hidden.in_region(grid)
            if not inside.any():
                continue
            mask = plane.filled(points).ravel()
            after = hidden.depth_after(grid[inside])
            mask[inside] = (after > limits[0]) & (after < limits[1])
            drawn = [ring @ back[:3, :3].T + back[:3, 3] for ring in plane.outlines(mask.reshape(plane.shape))]
            at = next(index for index, one in enumerate(contours) if one is members[0])
            contours = [one for one in contours if not any(one is old for old in members)]
            contours[at:at] = [_contour(members[0], ring) for ring in drawn]
        item.ContourSequence = contours


def _planes(item: Dataset, matrix: np.ndarray) -> Iterator[list[Dataset]]:
    """The closed contours of a structure, those on one plane together."""
    groups: dict[tuple[float, ...], list[Dataset]] = {}
    closed = [one for one in item.get("ContourSequence") or [] if len(one.get("ContourData") or ()) >= 9]
    if not closed:
        return
    spread = np.max([np.ptp(points_of(one, matrix), axis=0) for one in closed], axis=0)
    axis = int(np.argmin(spread))
    for one in closed:
        groups.setdefault((round(float(np.median(points_of(one, matrix)[:, axis])), 1),), []).append(one)
    yield from groups.values()


def _depths(planes: list[list[Dataset]], hidden: HiddenFace, matrix: np.ndarray) -> tuple[float, float] | None:
    """Between which depths (mm) below the old skin the structure lies in the region; None where it is not there."""
    depths = []
    for members in planes:
        points = [points_of(one, matrix) for one in members]
        plane = Plane.around(points)
        if plane is not None:
            grid = plane.points()[plane.filled(points).ravel()]
            depths.append(hidden.depth_before(grid[hidden.in_region(grid)]) if len(grid) else np.zeros(0))
    joined = np.concatenate(depths) if depths else np.zeros(0)
    if not len(joined):
        return None
    low, high = np.percentile(joined, (2, 98))
    return float(low), float(high) if high < DEEP_MM else np.inf


def _contour(like: Dataset, ring: np.ndarray) -> Dataset:
    out = copy.deepcopy(like)
    out.ContourGeometricType, out.NumberOfContourPoints = "CLOSED_PLANAR", len(ring)
    out.ContourData = [f"{value:.2f}" for value in ring.ravel()]
    return out
