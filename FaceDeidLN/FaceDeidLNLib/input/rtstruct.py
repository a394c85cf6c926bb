"""DICOM RT Structure Sets: contours to masks on the CT's own grid.

Read here and not with rt-utils, which needs the folder of the DICOM series (the CT may be an image file), knows axial
slices only and says itself that it handles holes poorly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset

from ..core.errors import InputError
from ..core.geometry import Box, Geometry
from ..core.segment import Segment, tight
from ..core.volume import Volume
from .frame_of_reference import require_same_frame

#: A contour is drawn on a plane of the CT if its points stay within this share of a voxel of one plane.
FLAT_VOXELS = 0.35
#: A pixel whose centre lies this near (pixels) to the contour belongs to it.
EDGE_PIXELS = 0.05
#: No patient reaches as far (mm) from where his coordinates begin.
FARTHEST_MM = 1e5


@dataclass(frozen=True, eq=False)
class _Contour:
    """A closed contour: position along the stacking axis (voxels) and points (N, 2) in the plane, array order."""

    plane: float
    points: np.ndarray


def read_rtstruct(dataset: Dataset, path: Path, ct: Geometry, frame_of_reference_uid: str = "") -> list[Segment]:
    """The structures of an RTSTRUCT as masks on the CT's grid ``ct``; structures without closed contours are left out.

    Several contours on one plane are combined by exclusive or (holes; keyholes too). A contour stands for the slices up
    to half-way to the next one, at most for half the usual distance between its structure's contours.

    :param frame_of_reference_uid: of the CT; "" where it is not known, and then nothing is compared.
    :raises InputError: another frame of reference (both UIDs are named), contours across the CT's planes, a damaged file.
    """
    try:
        return _structures(dataset, path, ct, frame_of_reference_uid)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path.name} is no whole structure set ({error}): export it again, or give a .seg.nrrd.") from error


def _structures(dataset: Dataset, path: Path, ct: Geometry, frame_of_reference_uid: str) -> list[Segment]:
    """The structures; a tag that is missing or holds something else raises whatever it leads to."""
    frames = {str(roi.get("ReferencedFrameOfReferenceUID", "")) for roi in dataset.StructureSetROISequence}
    frames |= {str(item.get("FrameOfReferenceUID", "")) for item in dataset.get("ReferencedFrameOfReferenceSequence", ())}
    require_same_frame(path, sorted(frames), frame_of_reference_uid)
    rois = {int(roi.ROINumber): roi for roi in dataset.StructureSetROISequence}
    segments = []
    for item in dataset.get("ROIContourSequence", ()):
        roi = rois.get(int(item.ReferencedROINumber))
        if roi is None or _other_frame(roi, frame_of_reference_uid):
            continue
        contours = list(_closed_contours(item))
        if contours:
            name = str(roi.get("ROIName", "")) or f"ROI {roi.ROINumber}"
            segments.append(Segment(name, _filled(contours, ct, name, path), f"file:{path.name}"))
    if not segments:
        raise InputError(f"{path.name} holds no closed contour of this CT: check that it is the right structure set.")
    return segments


def _other_frame(roi: Dataset, ct_uid: str) -> bool:
    """True where a structure says that it lies in another frame of reference than the CT."""
    own = str(roi.get("ReferencedFrameOfReferenceUID", "") or "")
    return bool(ct_uid and own and own != ct_uid)


def _closed_contours(item: Dataset) -> Iterator[np.ndarray]:
    """The closed contours of a structure as points (N, 3) in LPS mm."""
    for contour in item.get("ContourSequence", ()):
        kind = str(contour.get("ContourGeometricType", ""))
        points = np.array(contour.get("ContourData", ()) or (), dtype=float).reshape(-1, 3)
        if not np.all(np.abs(points) <= FARTHEST_MM):
            raise ValueError(f"a contour point lies beyond {FARTHEST_MM:g} mm, or nowhere")
        if kind.startswith("CLOSED") and len(points) >= 3:
            yield points


def _filled(contours: list[np.ndarray], ct: Geometry, name: str, path: Path) -> Volume:
    """The mask of one structure on the CT's grid, cropped to the box that holds it."""
    placed = [ct.to_kji(points) for points in contours]
    axis = _stacking_axis(placed)
    if axis is None:
        raise InputError(f"The contours of '{name}' in {path.name} run across the CT's planes: give the structure set of this CT.")
    flat = [_Contour(float(np.median(kji[:, axis])), np.delete(kji, axis, axis=1)) for kji in placed]
    mask = np.zeros(ct.shape, dtype=bool)
    view = np.moveaxis(mask, axis, 0)
    planes = np.array(sorted({round(contour.plane, 2) for contour in flat}))
    drawn = {plane: _fill_plane([c.points for c in flat if round(c.plane, 2) == plane], view.shape[1:]) for plane in planes}
    reach = 0.5 * float(np.median(np.diff(planes))) if len(planes) > 1 else 0.5
    for index in range(view.shape[0]):
        nearest = planes[np.argmin(np.abs(planes - index))]
        if abs(nearest - index) <= max(reach, 0.5) + 1e-3:
            view[index] = drawn[nearest]
    own = tight(name, mask)
    box = own.box if own.voxels else Box((0, 0, 0), (1, 1, 1))
    return Volume(mask[box.slices], ct.crop(box))


def _stacking_axis(placed: list[np.ndarray]) -> int | None:
    """The array axis across which every contour is flat; None where there is none."""
    spread = np.max([np.ptp(kji, axis=0) for kji in placed], axis=0)
    axis = int(np.argmin(spread))
    return axis if spread[axis] <= 2 * FLAT_VOXELS else None


def _fill_plane(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels inside an odd number of the polygons (N, 2), and those on their edges."""
    inside = np.zeros(shape, dtype=bool)
    edge = np.zeros(shape, dtype=bool)
    for polygon in polygons:
        inside ^= _inside(polygon, shape)
        edge |= _on_edge(polygon, shape)
    return inside | edge


def _inside(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies inside a polygon (even-odd rule): each edge flips the pixels to the right of it, row by row."""
    flips = np.zeros((shape[0], shape[1] + 1), dtype=np.int32)
    for (r0, c0), (r1, c1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if r0 == r1:
            continue
        low, high = min(r0, r1), max(r0, r1)
        rows = np.arange(max(int(np.ceil(low)), 0), min(int(np.ceil(high)), shape[0]))
        columns = c0 + (rows - r0) * (c1 - c0) / (r1 - r0)
        np.add.at(flips, (rows, np.clip(np.ceil(columns), 0, shape[1]).astype(int)), 1)
    return (np.cumsum(flips[:, :-1], axis=1) % 2).astype(bool)


def _on_edge(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies on the polygon's edge."""
    out = np.zeros(shape, dtype=bool)
    following = np.roll(polygon, -1, axis=0)
    count = np.maximum(np.ceil(np.abs(following - polygon).max(1) / EDGE_PIXELS).astype(int), 1)
    for start, end, steps in zip(polygon, following, count, strict=True):
        points = start + np.linspace(0.0, 1.0, steps + 1)[:, None] * (end - start)
        whole = np.rint(points).astype(int)
        on = (np.abs(points - whole).max(1) <= EDGE_PIXELS) & np.all((whole >= 0) & (whole < shape), axis=1)
        out[tuple(whole[on].T)] = True
    return out
