"""Review material of a study: every series before and after, on one picture each, for its owner alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..core.by_parts import by_parts
from ..core.errors import FaceDeidError, InputError, NotHounsfieldError, OutputError
from ..core.private import OWNER_FILE, OWNER_FOLDER, make_private_folder, write_private
from ..core.segment import BoxMask, unflat
from ..core.volume import AIR_HU, Volume, canonical_grid
from ..input.ct import read_ct
from ..output.letters import write_png
from ..output.pictures import review_sheet
from ..output.review_folder import README_FILE, README_FIRST_LINE, is_review
from ..verify.coverage import SKIN_HU
from .family import Series, StudyRun
from .grids import moved
from .hidden import HiddenFace
from .images import read_stacks
from .instances import Instance
from .outcome import Outcome
from .plan import StudyPlan
from .planes import Plane
from .rays import edge_level
from .report import Report
from .rtdose import dose_geometry
from .rtstruct import contours_of, planes_of, points_of
from .seg_frames import Frames
from .staging import staged
from .whole import whole_of
from .writer import name_of_series

LIST_FILE = "series.json"
WARNING = "This picture shows the face: do not share it."
#: Voxels (mm) and surroundings of the face (mm) in pictures of contours and masks.
VOXEL_MM, AROUND_MM = 2.0, 60.0
_README = f"""{README_FIRST_LINE}

It is the review material of a study: every picture shows the face before and after, so that whoever has it can recognise the patient.
Keep it where the original study is kept, and delete it when the review is done.

NN-MODALITY.png  a series before and after: surface from four sides, and slices; values of other modalities shown like those of a CT
{LIST_FILE}      every series with its outcome and the reason; what never leaves has no picture
"""


@dataclass(frozen=True, eq=False)
class Look:
    """A volume in the face's LPS mm, in numbers of its own, and which of them are air and the level of skin."""

    volume: Volume
    air: float = AIR_HU
    level: float = SKIN_HU

    def as_hu(self, like: Look) -> Volume:
        """Its values as HU, on the scale of ``like``: what is the same in both stays the same."""
        scale = (SKIN_HU - AIR_HU) / max(like.level - like.air, 1e-6)
        values = self.volume.array.astype(np.float32)
        return self.volume.with_array(np.clip(AIR_HU + (values - like.air) * scale, -1024, 3000))


#: What shows the objects of a series; one for each stack.
Shower = Callable[[Sequence[Instance], HiddenFace | None, np.ndarray], list[Look]]


def require_review(folder: Path) -> None:
    """Raises InputError where a folder holds something that is not of an earlier review."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not is_review(folder))):
        raise InputError(f"{folder} holds what is not of an earlier review: name another --qa folder.")


@dataclass(frozen=True, eq=False)
class StudyReview:
    """Where the pictures of one study go: a folder of its own for its owner alone."""

    folder: Path

    def write(self, planned: StudyPlan, reports: Sequence[Report], run: StudyRun) -> None:
        """Pictures of all series, of what was written for them as well, and the list.

        :raises OutputError: the folder cannot be written.
        """
        try:
            require_review(self.folder)
            make_private_folder(self.folder)
            self.folder.chmod(OWNER_FOLDER)
            for old in (*self.folder.glob("*.png"), self.folder / LIST_FILE):
                old.unlink(missing_ok=True)
            write_private(self.folder / README_FILE, _README)
            lines = [self._one(number, series, reports, run) for number, series in enumerate(planned.study.series, start=1)]
            write_private(self.folder / LIST_FILE, json.dumps(lines, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(f"The review folder {self.folder} cannot be written: {error.strerror}.") from error

    def _one(self, number: int, series: Series, reports: Sequence[Report], run: StudyRun) -> dict[str, object]:
        own = {id(instance) for instance in series.instances}
        said = {(one.decision.outcome.value, one.decision.reason): one for one in reports if id(one.entry.instance) in own}
        first = series.instances[0]
        facts: dict[str, object] = {
            "series": first.text("SeriesDescription"),
            "modality": first.text("Modality"),
            "instances": len(series.instances),
            "outcomes": [{"outcome": outcome, "reason": reason} for outcome, reason in said],
        }
        show = SHOWERS.get(series.family)
        if show is None or all(one.decision.outcome is Outcome.WITHHOLD and not one.decision.doubtful for one in said.values()):
            return facts
        name = f"{name_of_series(number, series.instances[0])}.png"
        title = "; ".join(f"{outcome}: {reason}" for outcome, reason in said)
        try:
            _draw(series, show, run, self.folder / name, f"{facts['series'] or name} - {title}")
        except FaceDeidError as error:
            return {**facts, "no_picture": str(error)}
        except Exception as error:  # an object that breaks a reader is withheld, and has no picture
            return {**facts, "no_picture": f"{type(error).__name__}: {error}"}
        return {**facts, "picture": name}


def _draw(series: Series, show: Shower, run: StudyRun, path: Path, title: str) -> None:
    """The sheets of all stacks of a series, one picture each."""
    hidden, matrix = run.face_in(series.frame) if run.leads_to_face(series.frame) else (None, np.eye(4))
    written = [instance for instance in series.instances if instance.uid in run.writer.written]
    before = show(written or series.instances, hidden, matrix)
    after = show([Instance(run.writer.written[one.uid], one.header) for one in written], hidden, matrix) if written else []
    for stack, look in enumerate(before):
        original = look.as_hu(look)
        result = after[stack].as_hu(look) if stack < len(after) else None
        face, spared = (None, ()) if hidden is None else _masks(hidden, original)
        place = path if stack == 0 else path.with_stem(f"{path.stem}-{stack + 1}")
        sheet = review_sheet(original, result, face, spared, f"{WARNING} {title}")
        place.unlink(missing_ok=True)
        place.touch(OWNER_FILE, exist_ok=False)
        write_png(sheet, place)


def _masks(hidden: HiddenFace, image: Volume) -> tuple[BoxMask | None, tuple[BoxMask, ...]]:
    grid = image.geometry
    box = grid.box_around(hidden.reach.geometry.corners())
    part = grid.crop(box)
    spared = (*hidden.protected_on(grid), *hidden.levels_on(grid))
    if 0 in part.shape:
        return None, spared
    voxels = np.arange(np.prod(part.shape))
    inside = by_parts(lambda some: hidden.in_region(part.to_lps(unflat(some, part.shape))), voxels).reshape(part.shape)
    return (BoxMask("face", box, inside) if inside.any() else None), spared


def _ct(instances: Sequence[Instance], hidden: HiddenFace | None, matrix: np.ndarray) -> list[Look]:
    try:
        with staged(instances) as folder:
            ct = read_ct(folder).volume
    except NotHounsfieldError:
        return _images(instances, hidden, matrix)
    return [Look(Volume(ct.array, moved(ct.geometry, matrix)))]


def _images(instances: Sequence[Instance], hidden: HiddenFace | None, matrix: np.ndarray) -> list[Look]:
    out = []
    for stack in read_stacks(instances):
        image = Volume(stack.volume.array, moved(stack.volume.geometry, matrix))
        low, high = np.percentile(image.array, (5, 95))
        level = None if hidden is None else edge_level(hidden, image)
        out.append(Look(image, float(low), (float(low) + float(high)) / 2 if level is None or level <= low else level))
    return out


def _doses(instances: Sequence[Instance], hidden: HiddenFace | None, matrix: np.ndarray) -> list[Look]:
    out = []
    for instance in instances:
        dataset = whole_of(instance.path)
        values = dataset.pixel_array.astype(np.float32)
        out.append(Look(Volume(values, moved(dose_geometry(dataset), matrix)), 0.0, max(0.02 * float(values.max()), 1.0)))
    return out


def _structures(instances: Sequence[Instance], hidden: HiddenFace | None, matrix: np.ndarray) -> list[Look]:
    datasets = (whole_of(instance.path) for instance in instances)
    items = (item for one in datasets for roi in one.get("StructureSetROISequence") or [] for item in contours_of(one, int(roi.ROINumber)))
    planes = (members for item in items for members in planes_of(item, matrix))
    return [Look(_solid((_filled([points_of(one, matrix) for one in members]) for members in planes), hidden))]


def _filled(contours: Sequence[np.ndarray]) -> np.ndarray:
    plane = Plane.around(contours)
    return np.vstack(contours) if plane is None else plane.points()[plane.filled(contours).ravel()]


def _segments(instances: Sequence[Instance], hidden: HiddenFace | None, matrix: np.ndarray) -> list[Look]:
    objects = (Frames.of(whole_of(instance.path), matrix) for instance in instances)
    return [Look(_solid((frames.points(label) for frames in objects for label in frames.labels), hidden))]


def _solid(parts: Iterable[np.ndarray], hidden: HiddenFace | None) -> Volume:
    """Points (N, 3), part by part, as a body: the voxels around the face that they fill, gaps between planes closed."""
    if hidden is None:
        parts = list(parts)
        around = np.vstack([np.zeros((0, 3)), *parts])
    else:  # one part at a time: together they take many times as much room as their object
        around = hidden.reach.geometry.corners()
    if not len(around):
        raise InputError("nothing is drawn in it")
    grid = canonical_grid(np.array([around.min(0) - AROUND_MM, around.max(0) + AROUND_MM]), VOXEL_MM)
    filled = np.zeros(grid.shape, dtype=bool)
    for points in parts:
        at = np.rint(grid.to_kji(points)).astype(int)
        filled[tuple(at[np.all((at >= 0) & (at < grid.shape), axis=1)].T)] = True
    if not filled.any():
        raise InputError("nothing is drawn in it around the face")
    filled = ndimage.binary_closing(filled, ndimage.generate_binary_structure(3, 3), iterations=3)
    return Volume(np.where(filled, 40.0, AIR_HU).astype(np.float32), grid)


#: By family: what shows the objects of a series.
SHOWERS: dict[str, Shower] = {
    "ct": _ct,
    "pet_mr": _images,
    "rtdose": _doses,
    "rtstruct": _structures,
    "seg": _segments,
}
