"""What each kind of released object shows of the head's surface, rebuilt from its files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom

from ..core.errors import NotHounsfieldError
from ..core.volume import Volume
from ..input.ct import read_ct
from ..verify.coverage import SKIN_HU
from .grids import moved
from .hidden import HiddenFace
from .images import read_stacks
from .instances import find_instances
from .rays import LOOK_MM, edge_level, found_skin, rays_of
from .rtdose import dose_geometry
from .rtstruct import SHALLOW_MM, SHARE, contours_of, points_of, share_followed
from .seg_frames import Frames

#: Name of the object, and depth (N,) in mm of its surface below the old skin: negative before it, NaN where it vanished. Of images and
#: doses there is one per line of sight, the same lines for all of them, and NOT_SEEN where a line meets the old skin out of view.
Measure = Callable[[Path, HiddenFace, np.ndarray], Iterator[tuple[str, np.ndarray]]]

NOT_SEEN = np.inf


def of_ct(folder: Path, hidden: HiddenFace, matrix: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The skin of a CT; of one whose values are no HU the body's edge."""
    try:
        ct = read_ct(folder).volume
    except NotHounsfieldError:
        yield from of_images(folder, hidden, matrix)
        return
    yield folder.name, _on_rays(Volume(ct.array, moved(ct.geometry, matrix)), hidden, SKIN_HU)


def of_images(folder: Path, hidden: HiddenFace, matrix: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The body's edge in PET and MR: half-way between its own body and air."""
    for number, stack in enumerate(read_stacks(find_instances(folder).instances)):
        image = Volume(stack.volume.array, moved(stack.volume.geometry, matrix))
        level = edge_level(hidden, image)
        if level is not None:
            yield f"{folder.name} stack {number + 1}" if number else folder.name, _on_rays(image, hidden, level)


def of_dose(folder: Path, hidden: HiddenFace, matrix: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The border of each dose: where it begins."""
    for path in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        values = dataset.pixel_array.astype(np.float32)
        yield f"{folder.name}/{path.name}", _on_rays(Volume(values, moved(dose_geometry(dataset), matrix)), hidden, 0.5)


def of_structures(folder: Path, hidden: HiddenFace, matrix: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The contours of each structure that covers a part of the face."""
    for path in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        for roi in dataset.get("StructureSetROISequence") or []:
            items = contours_of(dataset, int(roi.ROINumber))
            parts = [points_of(one, matrix) for item in items for one in item.get("ContourSequence") or []]
            yield from _of_points(f"{folder.name}/{path.name} structure {roi.ROINumber}", np.vstack(parts) if parts else None, hidden)


def of_segments(folder: Path, hidden: HiddenFace, matrix: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The edge of each segment that covers a part of the face."""
    for path in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        frames = Frames.of(dataset, matrix)
        for label in frames.labels:
            known = set()
            for points in frames.surfaces(label):
                for name, depth in _of_points(f"{folder.name}/{path.name} segment {label}", points, hidden):
                    if depth.tobytes() not in known:
                        yield name, depth
                    known.add(depth.tobytes())


def _of_points(name: str, points: np.ndarray | None, hidden: HiddenFace) -> Iterator[tuple[str, np.ndarray]]:
    if points is None or not len(points):
        return
    points = points[hidden.in_region(points)]
    depth = hidden.depth_before(points) if len(points) else np.zeros(0)
    shallow = depth < SHALLOW_MM
    if share_followed(points[shallow], depth[shallow], hidden) > SHARE:
        yield name, depth[shallow]


def _on_rays(image: Volume, hidden: HiddenFace, level: float) -> np.ndarray:
    """Depth (N,) in mm below the old skin of the surface on the lines inside the curve; NaN where it vanished, or NOT_SEEN."""
    unit, before, _ = rays_of(hidden)
    known = ~np.isnan(before)
    unit, before = unit[known], before[known]
    origin = hidden.face.frame.origin
    seen = image.geometry.holds(image.geometry.to_kji(origin + unit * before[:, None]), LOOK_MM)
    depth = np.full(len(unit), NOT_SEEN)
    if seen.any():
        found = found_skin(image, origin, unit[seen], before[seen], level)
        points = origin + unit[seen] * np.nan_to_num(found)[:, None]
        depth[seen] = np.where(np.isnan(found), np.nan, hidden.depth_before(points))
    return depth


#: By family: what rebuilds the surfaces that a released series shows. A family that does not stand here, and does not say that it shows
#: nothing of the head, makes its study doubtful.
MEASURES: dict[str, Measure] = {
    "ct": of_ct,
    "pet_mr": of_images,
    "rtdose": of_dose,
    "rtstruct": of_structures,
    "seg": of_segments,
}
