"""RT structure sets: what follows the old skin is made anew after the new one, every other structure stays byte for byte."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ..core.affine import affine
from ..core.volume import Volume
from ..input.dicom_files import CONTOURS, keep_only
from ..input.names import Role, role_of
from ..input.rtstruct import contour_points
from ..verify.beside_skin import densest
from .beside import filled_up, require_apart
from .elsewhere import lies_on_skin, require_in_body, require_in_view, require_on_skin
from .family import ClippedOneByOne, DoubtError, StudyRun
from .hidden import HiddenFace
from .instances import Instance
from .inward import require_no_inward_copy
from .lines import require_no_line
from .own_frames import lay_in
from .pictures import remove_pictures
from .planes import Plane
from .rays import clear_cells, rays_of
from .references import every_item
from .whole import whole_of

#: RT ROI Interpreted Type (PS3.3 C.8.8.8) of what lies on the skin.
TYPES = {"EXTERNAL", "BOLUS", "FIXATION", "ISOCENTER_SURFACE"}
NAMES = re.compile(
    r"extern|estern|body|skin|haut|peau|piel|pelle|huid|sk[oó]ra|cilt|cuerpo|corpo|corps|k[öo]e?rper|lichaam|mask|bolus|isodos|outline"
    r"|contour|contorno|surface|oberfl|shell|кожа|тело|контур|皮膚|皮肤|体表|轮廓|輪郭|피부|^\d+(\.\d+)?\s*(gy|cgy|%)",
    re.IGNORECASE,
)
#: What lies on the skin and is not the body's outline.
ON_SKIN = re.compile(r"mask|bolus|isodos|shell|gy|%", re.IGNORECASE)
#: What is as large as this (mm) in every direction may be the outline of a head.
WHOLE_MM = 100.0
#: More points than this do not lie within so few mm, unless they are metres.
MANY, SHRUNK_MM = 100, 1.0
#: Anatomy with such a word in its name.
INNER = re.compile(
    r"vertebr|mandib|carotid|ciliar|vitre|corpus|callosum|airway|pineal|netzhaut|schleimhaut|hornhaut|bindehaut|hirnhaut", re.IGNORECASE
)
#: What lies on the skin though a target stands in its name: "Bolus PTV".
LAYERS = re.compile(r"bolus|isodos", re.IGNORECASE)
#: Less deep (mm) than this below the old skin is its surroundings.
SHALLOW_MM = 12.0
#: A structure follows the old skin where a share of the face has points of it at one depth, within so many mm.
SAME_DEPTH_MM, SHARE = 2.0, 0.08
#: One that is called after bone or another inner part does so from here on: of 30 mandibles the largest share is 0.09.
INNER_SHARE = 0.12
#: Deeper than this (mm) a structure counts as reaching down without end.
DEEP_MM = 10.0


class RtStructFamily(ClippedOneByOne):
    """RT Structure Set."""

    name = "rtstruct"
    clips = "structures that follow the old skin made anew after the new one, all others byte for byte"

    def clip(self, run: StudyRun, instance: Instance, hidden: HiddenFace, matrix: np.ndarray) -> dict[str, Any]:
        """Clip, verify, write."""
        dataset = whole_of(instance.path)
        if instance.drawn_in:
            lay_in(dataset, instance.drawn_in)
        drawn_in = {str(roi.get("ReferencedFrameOfReferenceUID") or instance.frame) for roi in dataset.get("StructureSetROISequence") or []}
        if drawn_in - {instance.frame}:
            raise DoubtError("its structures lie in several frames of reference, and the face is looked for in one of them")
        _require_listed(dataset)
        outlines = _require_place(dataset, run.seen_in(instance.frame), matrix)
        names = followers(dataset, hidden, matrix, outlines)
        came = {id(one): one for number in names for one in _contours(dataset, number)}
        for number in names:
            remake(contours_of(dataset, number), hidden, matrix)
        drawn = list(_drawn(dataset, matrix))
        made = [(name, _joined(rings)) for _, name, rings in drawn]
        require_no_copy([(name, in_region(points, hidden)) for name, points in made], hidden)
        require_no_inward_copy(made, hidden)
        kept = [(name, rings if number not in names else _not_made(dataset, number, rings, came)) for number, name, rings in drawn]
        require_no_line(((name, ring) for name, rings in kept for ring in rings), hidden)
        require_apart([(name, _joined([filled_up(ring) for ring in rings])) for name, rings in kept], run.drawn_in(hidden), hidden)
        remove_pictures(dataset, CONTOURS)
        run.writer.put(instance, dataset)
        return {"structures": len(dataset.get("StructureSetROISequence") or []), "made_anew": sorted(names.values())}


def _require_listed(dataset: Dataset) -> None:
    """Every contour belongs to a structure of the set, so that it is looked at, and the contours of what is listed are there.

    :raises DoubtError: one does not, or a file that was cut between two elements lost them.
    """
    if dataset.get("StructureSetROISequence") and "ROIContourSequence" not in dataset:
        raise DoubtError("the contours of its structures are missing: it is truncated or damaged, get it again")
    numbers = {int(roi.ROINumber) for roi in dataset.get("StructureSetROISequence") or []}
    listed = sum("ContourData" in one for number in numbers for one in _contours(dataset, number))
    if sum("ContourData" in item for item in every_item(dataset)) > listed:
        raise DoubtError("it holds contours of no structure that it lists, which nobody looks at")


def _require_place(dataset: Dataset, shown: Sequence[Volume], matrix: np.ndarray) -> frozenset[int]:
    """The numbers of the structures that outline the body, whatever they are called.

    :raises DoubtError: one lies where no CT shows anything, is shrunk, or was drawn around a body that lies elsewhere.
    """
    kinds, outlines = kinds_of(dataset), set()
    for number, name, points in _structures(dataset, matrix):
        kind, said = kinds.get(number, ""), f"the structure '{name}'"
        if len(points) > MANY and np.ptp(points, axis=0).max() < SHRUNK_MM:
            raise DoubtError(f"all {len(points)} points of {said} lie within {SHRUNK_MM:g} mm: they are in another unit, export it again")
        require_in_view(said, points, shown)
        is_external = kind == "EXTERNAL" and list(kinds.values()).count(kind) == 1
        if is_external or (is_outline(name, kind) and role_of(name) is Role.OUTLINE):  # however small: it may be in another unit
            require_on_skin(said, points, shown)
        if require_whole_place(said, points, shown, is_outline(name, kind), kind in TYPES or ON_SKIN.search(name) is not None):
            outlines.add(number)
    return frozenset(outlines)


def require_whole_place(said: str, points: np.ndarray, shown: Sequence[Volume], is_named: bool, is_layer: bool) -> bool:
    """True for what outlines the body; ``is_named`` so, or ``is_layer`` on it, which may stand out of it.

    :raises DoubtError: it is as large as a head and was drawn around a body that lies elsewhere.
    """
    if not len(points) or np.ptp(points, axis=0).min() <= WHOLE_MM:
        return False
    if is_named:
        require_on_skin(said, points, shown)
    if is_named or not is_layer:
        require_in_body(said, points, shown)
    return lies_on_skin(points, shown)


def kinds_of(dataset: Dataset) -> dict[int, str]:
    """The type of each structure in upper case, by its number."""
    items = dataset.get("RTROIObservationsSequence") or []
    return {int(item.ReferencedROINumber): str(item.get("RTROIInterpretedType") or "").upper() for item in items}


def is_outline(name: str, kind: str = "") -> bool:
    """True for what is said to be the outline of the whole body, and no layer, dose or mask on it."""
    return kind == "EXTERNAL" or (is_skin(name) and kind not in TYPES and ON_SKIN.search(name) is None)


def is_skin(name: str) -> bool:
    """True for the name of a structure on the skin or after it, in the languages of planning systems.

    A node, target or gland is none, whatever else its name holds: "LN mask", "GTV skin side", "parotid contour".
    """
    if NAMES.search(name) is None or INNER.search(name) is not None:
        return False
    return LAYERS.search(name) is not None or role_of(name) not in (Role.NODE, Role.ORGAN)


def is_called_skin(name: str, depth: np.ndarray) -> bool:
    """True for such a name where the structure comes up to the old skin; ``depth`` (N,) in mm is that of its points in the region."""
    return is_skin(name) and bool(len(depth)) and float(depth.min()) < SAME_DEPTH_MM


def contours_of(dataset: Dataset, number: int) -> list[Dataset]:
    """The items of ROI Contour Sequence of a structure."""
    return [item for item in dataset.get("ROIContourSequence") or [] if int(item.ReferencedROINumber) == number]


def _contours(dataset: Dataset, number: int) -> list[Dataset]:
    """The contours of a structure."""
    return [one for item in contours_of(dataset, number) for one in item.get("ContourSequence") or []]


def _not_made(dataset: Dataset, number: int, rings: Sequence[np.ndarray], came: Mapping[int, Dataset]) -> list[np.ndarray]:
    """Those points (N, 3) of a structure's contours that are as they came, as single points are; ``came``: those by their ``id``."""
    return [ring for one, ring in zip(_contours(dataset, number), rings, strict=True) if id(one) in came]


def points_of(contour: Dataset, matrix: np.ndarray) -> np.ndarray:
    """The points (N, 3) of a contour in the face's LPS mm."""
    return affine(contour_points(contour), matrix[:3, :3], matrix[:3, 3])


def followers(dataset: Dataset, hidden: HiddenFace, matrix: np.ndarray, outlines: frozenset[int] = frozenset()) -> dict[int, str]:
    """Number and name of the structures that follow the old skin in the region: by geometry, or by type or name with a point near it.

    ``outlines`` are the numbers of those that outline the body, as if they were called so.
    """
    kinds = kinds_of(dataset)
    found = {}
    for number, name, points in _in_region(dataset, hidden, matrix):
        depth = hidden.depth_before(points)
        points, depth = points[depth < SHALLOW_MM], depth[depth < SHALLOW_MM]
        said = number in outlines or kinds.get(number, "") in TYPES or is_called_skin(name, depth)
        if (said and len(points)) or follows(name, points, depth, hidden):
            found[number] = name
    return found


def require_no_copy(parts: Sequence[tuple[str, np.ndarray]], hidden: HiddenFace) -> None:
    """No structure is a copy of the old skin, nor are all of them together; ``parts`` are names and points (N, 3) in the region.

    :raises DoubtError: some are.
    """
    clear, most = clear_cells(hidden), most_left(hidden)
    left = [name for name, points in parts if share_alike(points, hidden, clear) > most]
    if left:
        named = ", ".join(f"'{name}'" for name in left)
        what = "1 structure still follows" if len(left) == 1 else f"{len(left)} structures still follow"
        raise DoubtError(f"{what} the old skin: {named}")
    if parts and share_alike(np.vstack([points for _, points in parts]), hidden, clear) > most:
        raise DoubtError("its structures follow the old skin together, each of them a part of it")


def _in_region(dataset: Dataset, hidden: HiddenFace, matrix: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
    """Number, name and points (N, 3) in the region of each structure."""
    for number, name, points in _structures(dataset, matrix):
        yield number, name, in_region(points, hidden)


def in_region(points: np.ndarray, hidden: HiddenFace) -> np.ndarray:
    """Those of points (N, 3; the face's LPS mm) that lie in the region."""
    return points[hidden.in_region(points)] if len(points) else points


def _structures(dataset: Dataset, matrix: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
    """Number, name and points (N, 3) of each structure."""
    return ((number, name, _joined(rings)) for number, name, rings in _drawn(dataset, matrix))


def _drawn(dataset: Dataset, matrix: np.ndarray) -> Iterator[tuple[int, str, list[np.ndarray]]]:
    """Number, name and the points (N, 3) of each contour of each structure."""
    for roi in dataset.get("StructureSetROISequence") or []:
        number = int(roi.ROINumber)
        yield number, str(roi.get("ROIName") or ""), [points_of(one, matrix) for one in _contours(dataset, number)]


def _joined(rings: Sequence[np.ndarray]) -> np.ndarray:
    return np.vstack(rings) if rings else np.zeros((0, 3))


def follows(name: str, points: np.ndarray, depth: np.ndarray, hidden: HiddenFace) -> bool:
    """True for a structure of this name that follows the old skin; ``depth`` (N,) in mm below it is that of its shallow points (N, 3)."""
    return share_followed(points, depth, hidden) > (SHARE if INNER.search(name) is None else INNER_SHARE)


def share_followed(points: np.ndarray, depth: np.ndarray, hidden: HiddenFace) -> float:
    """The largest share of the face that points (N, 3) of one depth (N,) below the old skin cover."""
    if len(points) < 30:
        return 0.0
    near = np.abs(depth - np.median(depth)) < SAME_DEPTH_MM
    cells = np.unique(hidden.cells(points[near]), axis=0)
    return float(hidden.face.inside[tuple(cells.T)].sum() / hidden.face.inside.sum())


def share_alike(points: np.ndarray, hidden: HiddenFace, clear: np.ndarray) -> float:
    """How much of the outermost points of a surface (N, 3) lies at one depth below the old skin; 0 where it shows too little.

    Looked at where the new skin lies clear of the old one: there a copy of the old skin has all of them at one depth, however far
    apart its contours are, and the new skin some of them, by chance. ``clear`` are these places (``rays.clear_cells``).
    """
    if not len(points):
        return 0.0
    cells = hidden.cells(points)
    outer = np.full(clear.shape, np.inf)
    np.minimum.at(outer, tuple(cells.T), hidden.depth_before(points))
    depth = outer[clear & np.isfinite(outer)]
    most, _ = densest(depth, 2 * SAME_DEPTH_MM)
    return most / len(depth) if most > SHARE / 2 * clear.sum() else 0.0


def most_left(hidden: HiddenFace) -> float:
    """The largest ``share_alike`` that an object made anew may have: half-way from the new skin's own to that of a copy of the old one."""
    unit, _, after = rays_of(hidden)
    points = hidden.face.frame.origin + (unit * after[:, None])[~np.isnan(after)]
    return (1.0 + share_alike(points, hidden, clear_cells(hidden))) / 2.0


def remake(items: list[Dataset], hidden: HiddenFace, matrix: np.ndarray) -> None:
    """Let a structure lie below the new skin in the region as it lay below the old one, plane by plane; other planes stay.

    ``matrix`` (4, 4) leads from the structure's LPS mm to the face's. :raises DoubtError: a plane cannot be made anew.
    """
    for item in items:
        planes = list(planes_of(item, matrix))
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
            drawn = [affine(ring, back[:3, :3], back[:3, 3]) for ring in plane.outlines(mask.reshape(plane.shape))]
            at = next(index for index, one in enumerate(contours) if one is members[0])
            contours = [one for one in contours if not any(one is old for old in members)]
            contours[at:at] = [_contour(members[0], ring) for ring in drawn]
        item.ContourSequence = contours


def planes_of(item: Dataset, matrix: np.ndarray) -> Iterator[list[Dataset]]:
    """The closed contours of a structure, those on one plane together."""
    groups: dict[tuple[float, ...], list[Dataset]] = {}
    drawn = [(one, points_of(one, matrix)) for one in item.get("ContourSequence") or []]
    closed = [(one, points) for one, points in drawn if len(points) >= 3]
    if not closed:
        return
    axis = int(np.argmin(np.max([np.ptp(points, axis=0) for _, points in closed], axis=0)))
    for one, points in closed:
        groups.setdefault((round(float(np.median(points[:, axis])), 1),), []).append(one)
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
    out = copy.copy(like)  # with its character set, in which texts of its maker are written
    keep_only(out, {tag: copy.deepcopy(like.get_item(tag)) for tag in like.keys() - CONTOURS})
    out.ContourGeometricType, out.NumberOfContourPoints = "CLOSED_PLANAR", len(ring)
    out.ContourData = [f"{value:.2f}" for value in ring.ravel()]
    return out
