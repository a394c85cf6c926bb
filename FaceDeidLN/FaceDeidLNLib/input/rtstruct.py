"""DICOM RT Structure Sets: contours to masks on the CT's own grid.

Read here and not with rt-utils, which needs the folder of the DICOM series (the CT may be an image file), knows axial
slices only and says itself that it handles holes poorly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset

from ..core.errors import InputError
from ..core.geometry import Box, Geometry
from ..core.segment import Segment, tight
from ..core.volume import Volume
from .contours import Contour, fill_contours
from .frame_of_reference import require_same_frame
from .names import OPEN_CODE, Role, one_line, role_of
from .plausible import FARTHEST_MM
from .segments import require_few

#: A contour is drawn on a plane of the CT if its points stay within this share of a voxel of one plane.
FLAT_VOXELS = 0.35
#: No contour has more points, no structure set more points or contours: what does is no drawing of a patient.
MOST_CONTOUR_POINTS, MOST_POINTS, MOST_CONTOURS = 20_000, 3_000_000, 200_000
#: The contours of all structures run through no more rows and columns of the CT's planes, and their boxes hold no more voxels than so
#: many times the CT's, or than this: it bounds the time that drawing takes.
MOST_CROSSINGS, MOST_CTS, LEAST_VOXELS = 60_000_000, 16, 1 << 28


def read_rtstruct(dataset: Dataset, path: Path, ct: Geometry, frame_of_reference_uid: str = "") -> list[Segment]:
    """The structures of an RTSTRUCT as masks on the CT's grid ``ct``.

    Points and open lines (PS3.3 C.8.8.6) count where the name says node, target or gland: a line as if it were closed, a point as the
    voxel that it lies in. Other structures without closed contours are empty and told as what they are; those without a point are empty
    too, as are those that lie in another frame of reference than the CT: their names tell it.
    Slices between the contours of a structure belong to it: see ``fill_contours``.

    :param frame_of_reference_uid: of the CT; "" where it is not known, and then nothing is compared.
    :raises InputError: another frame of reference (both UIDs are named), contours across the CT's planes, a damaged file,
        more points than anybody draws.
    """
    try:
        require_drawn(dataset, path)
        return _structures(dataset, path, ct, frame_of_reference_uid)
    except InputError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged element led to
        raise InputError(f"{path.name} is no whole structure set ({error}): export it again, or give a .seg.nrrd.") from error


def _structures(dataset: Dataset, path: Path, ct: Geometry, frame_of_reference_uid: str) -> list[Segment]:
    """The structures; a tag that is missing or holds something else raises whatever it leads to."""
    frames = {*_frames_of_structures(dataset), *_frames_of_set(dataset)}
    require_same_frame(path, sorted(frames), frame_of_reference_uid)
    rois = {int(roi.ROINumber): roi for roi in dataset.StructureSetROISequence}
    if len(rois) < len(dataset.StructureSetROISequence):
        raise ValueError("two of its structures have one number")
    drawn: list[tuple[str, list[np.ndarray]]] = []
    empty, open_ones = _without_points(dataset, rois), []
    for item in dataset.get("ROIContourSequence", ()):
        roi = rois.get(int(item.ReferencedROINumber)) or _unlisted(item)
        if _other_frame(roi, frame_of_reference_uid):
            empty.append(f"{_name_of(roi)} (in another frame of reference)")
            continue
        name = _name_of(roi)
        placed = [_on_voxels(ct.to_kji(points)) for points in _contours(item, role_of(name) in (Role.NODE, Role.ORGAN))]
        if placed:
            drawn.append((name, placed))
        elif name not in empty:
            open_ones.append(name)
    if not drawn:
        raise InputError(f"{path.name} holds no closed contour of this CT: check that it is the right structure set.")
    require_few(len(drawn) + len(empty) + len(open_ones), path.name)
    _require_drawable([placed for _, placed in drawn], ct, path)
    masks = [(name, _filled(placed, ct, name, path), "") for name, placed in drawn]
    nothing = _one_voxel(ct, (0, 0, 0), False)
    masks += [*((name, nothing, "") for name in empty), *((name, nothing, OPEN_CODE) for name in open_ones)]
    return [Segment(name, mask, f"file:{path.name}", code) for name, mask, code in masks]


def frames_of_rtstruct(dataset: Dataset) -> frozenset[str]:
    """UIDs of the frames of reference that its structures lie in; those that the set as a whole names where no structure does."""
    return frozenset(filter(None, _frames_of_structures(dataset))) or frozenset(filter(None, _frames_of_set(dataset)))


def _frames_of_structures(dataset: Dataset) -> Iterator[str]:
    return (str(roi.get("ReferencedFrameOfReferenceUID", "")) for roi in dataset.StructureSetROISequence)


def _frames_of_set(dataset: Dataset) -> Iterator[str]:
    return (str(item.get("FrameOfReferenceUID", "")) for item in dataset.get("ReferencedFrameOfReferenceSequence", ()))


def _without_points(dataset: Dataset, rois: Mapping[int, Dataset]) -> list[str]:
    """The names of the structures that are listed and not drawn anywhere."""
    drawn = {
        int(item.ReferencedROINumber)
        for item in dataset.get("ROIContourSequence", ())
        if any(stored_points(contour) for contour in item.get("ContourSequence") or ())
    }
    return [_name_of(roi) for number, roi in rois.items() if number not in drawn]


def _name_of(roi: Dataset) -> str:
    return one_line(str(roi.get("ROIName", ""))) or f"ROI {roi.ROINumber}"


def _unlisted(item: Dataset) -> Dataset:
    """What stands for a structure that is drawn and not listed: it has no name, so that nobody knows that it is no node."""
    roi = Dataset()
    roi.ROINumber = item.ReferencedROINumber
    return roi


def _require_drawable(structures: list[list[np.ndarray]], ct: Geometry, path: Path) -> None:
    """Refuse what would take minutes to draw. Raises InputError."""
    last = np.array(ct.shape) - 1.0
    crossings = voxels = 0.0
    for placed in structures:
        inside = [np.clip(kji, 0.0, last) for kji in placed]
        crossings += sum(np.abs(np.diff(kji, axis=0, append=kji[:1])).sum() for kji in inside)
        joined = np.concatenate(inside)
        voxels += float(np.prod(np.ptp(joined, axis=0) + 1.0))
    if crossings > MOST_CROSSINGS or voxels > max(MOST_CTS * np.prod(ct.shape, dtype=float), LEAST_VOXELS):
        raise InputError(f"{path.name} draws more than anybody draws of a patient: export the structures of this CT alone.")


def _other_frame(roi: Dataset, ct_uid: str) -> bool:
    """True where a structure says that it lies in another frame of reference than the CT."""
    own = str(roi.get("ReferencedFrameOfReferenceUID", "") or "")
    return bool(ct_uid and own and own != ct_uid)


def _contours(item: Dataset, with_open: bool) -> Iterator[np.ndarray]:
    """The closed contours of a structure as points (N, 3) in LPS mm, ``with_open`` lines too, and points one by one."""
    for contour in item.get("ContourSequence", ()):
        kind = str(contour.get("ContourGeometricType", "")).upper()
        points = contour_points(contour)
        if not np.all(np.abs(points) <= FARTHEST_MM):
            raise ValueError(f"a contour point lies beyond {FARTHEST_MM:g} mm, or nowhere")
        if kind.startswith("CLOSED") and len(points) >= 3:
            yield points
        elif with_open and kind == "POINT":
            yield from points[:, None]
        elif with_open and len(points):
            yield points


def _on_voxels(kji: np.ndarray) -> np.ndarray:
    """Points (N, 3) in voxels; those of what encloses nothing at the middle of the voxels that they lie in."""
    return kji if len(kji) >= 3 else np.rint(kji)


def stored_points(contour: Dataset) -> bytes | Sequence[float] | None:
    """The numbers of a contour as they stand: the text of the file, or what was written since; None where there are none."""
    element = contour.get_item("ContourData")
    return None if element is None else element.value


def contour_points(contour: Dataset) -> np.ndarray:
    """The points (N, 3) of a contour, straight from the text of the file: pydicom would make an object of every number.

    :raises ValueError: they are no numbers, or an offset (PS3.3 C.8.8.6) says that the contour lies elsewhere than its points.
    """
    if any(map(float, contour.get("ContourOffsetVector") or ())):
        raise ValueError("a contour has a Contour Offset Vector, so that it lies elsewhere than its points")
    value = stored_points(contour)
    if isinstance(value, bytes):
        value = value.strip(b" \0")
        if b"_" in value:  # no number of DICOM, but one of Python
            raise ValueError("a contour point is no number")
        value = value.split(b"\\") if value else None
    return np.array([float(number) for number in value] if value is not None else (), dtype=float).reshape(-1, 3)


def require_drawn(dataset: Dataset, path: Path) -> None:
    """Refuse, before a number is read, more than anybody draws of a patient."""
    contours = points = most = 0
    for item in dataset.get("ROIContourSequence", ()):
        for contour in item.get("ContourSequence", ()):
            value = stored_points(contour)
            count = value.count(b"\\") // 3 + 1 if isinstance(value, bytes) else len(value or ()) // 3
            contours, points, most = contours + 1, points + count, max(most, count)
    if most > MOST_CONTOUR_POINTS or points > MOST_POINTS or contours > MOST_CONTOURS:
        told = f"{contours} contours, {points} points, {most} in one contour"
        raise InputError(f"{path.name} holds more than anybody draws of a patient ({told}): export the structures of this CT alone.")


def _filled(placed: list[np.ndarray], ct: Geometry, name: str, path: Path) -> Volume:
    """The mask of one structure, whose contours are points (N, 3) in voxels of the CT, on its grid, cropped to the box that holds it."""
    axis = _stacking_axis(placed)
    if axis is None:
        raise InputError(f"The contours of '{name}' in {path.name} run across the CT's planes: give the structure set of this CT.")
    around = _around(placed, axis, ct.shape)
    flat = [Contour(float(np.median(kji[:, axis])), np.delete(kji - around.start, axis, axis=1)) for kji in placed]
    order = (axis, *(other for other in range(3) if other != axis))
    filled = fill_contours(flat, tuple(around.shape[n] for n in order), tuple(ct.sampling[n] for n in order))
    mask = np.moveaxis(filled, 0, axis)
    own = tight(name, mask)
    if not own.voxels:
        return _one_voxel(ct, np.rint(placed[0][0]).astype(int), True)  # drawn outside the CT, as whoever places it will say
    return Volume(mask[own.box.slices], ct.crop(around).crop(own.box))


def _one_voxel(ct: Geometry, kji: Sequence[int], is_set: bool) -> Volume:
    """A mask of the voxel (k, j, i) of the CT's grid, or beyond it, alone."""
    start = tuple(int(n) for n in kji)
    return Volume(np.full((1, 1, 1), is_set), ct.crop(Box(start, tuple(n + 1 for n in start))))


def _around(placed: list[np.ndarray], axis: int, shape: tuple[int, int, int]) -> Box:
    """The voxels that contours can reach in their planes, all planes along ``axis``; at least one."""
    points = np.concatenate(placed)
    start = np.clip(np.floor(points.min(0)).astype(int) - 1, 0, np.array(shape) - 1)
    stop = np.clip(np.ceil(points.max(0)).astype(int) + 2, start + 1, shape)
    start[axis], stop[axis] = 0, shape[axis]
    return Box(tuple(int(n) for n in start), tuple(int(n) for n in stop))


def _stacking_axis(placed: list[np.ndarray]) -> int | None:
    """The array axis across which every contour is flat; None where there is none."""
    spread = np.max([np.ptp(kji, axis=0) for kji in placed], axis=0)
    axis = int(np.argmin(spread))
    return axis if spread[axis] <= 2 * FLAT_VOXELS else None
