"""Is a structure set or segmentation that has a frame of reference of its own drawn on the slices of a CT all the same?

Some programs (rt-utils, and what is built on it; some anonymisers) invent that UID, and name with each contour or frame the slice that
it was drawn on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from .dicom_enhanced import PER_FRAME, SHARED
from .dicom_header import HeaderSlice, value_of
from .rtstruct import contour_points, frames_of_rtstruct
from .seg_frames import corners_of

#: A contour or frame lies in its slice if its points are no further from the plane than this share of the way to the next slice: they are
#: written to a tenth of a mm or finer.
IN_PLANE = 0.1
OWN_FRAME = "a frame of reference of its own; all that it draws names a slice of this CT and lies in it"


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """The plane of a slice: its normal (3,), its place (mm) along it, how far (mm) the next slice is, and its pixels.

    ``first`` (3,) is the middle of its first pixel, ``per_mm`` (2, 3) takes mm to columns and rows, of which there are ``size`` (2,).
    """

    normal: np.ndarray
    height_mm: float
    gap_mm: float
    first: np.ndarray
    per_mm: np.ndarray
    size: np.ndarray

    def holds(self, points: np.ndarray) -> bool:
        """True where all points (N, 3; LPS mm) lie in it."""
        return bool(np.all(np.abs(points @ self.normal - self.height_mm) <= IN_PLANE * self.gap_mm))

    def shows(self, points: np.ndarray) -> bool:
        """True where all points (N, 3; LPS mm) lie in it and on its pixels."""
        pixels = (points - self.first) @ self.per_mm.T
        return self.holds(points) and bool(np.all((pixels >= -0.5) & (pixels <= self.size - 0.5)))


_Lies = Callable[[SlicePlane, np.ndarray], bool]


def planes_of_slices(slices: Sequence[HeaderSlice]) -> dict[str, SlicePlane]:
    """The planes of placed slices, in their order, by SOP instance UID; none of those whose UID does not tell them apart (multi-frame)."""
    rows = np.array(value_of(slices[0].header, "ImageOrientationPatient"), dtype=float).reshape(2, 3)
    normal = np.cross(rows[0], rows[1])
    firsts = np.array([value_of(item.header, "ImagePositionPatient") for item in slices], dtype=float)
    heights = firsts @ normal
    gaps = np.abs(np.diff(heights))
    nearest = np.minimum(np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:]))
    uids = [str(value_of(item.header, "SOPInstanceUID", "")) for item in slices]
    known = Counter(uids)
    per_mm = rows / np.array(value_of(slices[0].header, "PixelSpacing"), dtype=float)[::-1, None]
    size = np.array([value_of(slices[0].header, side) for side in ("Columns", "Rows")])
    places = zip(heights, nearest, firsts, strict=True)
    planes = (SlicePlane(normal, float(height), float(gap), first, per_mm, size) for height, gap, first in places)
    return {uid: plane for uid, plane in zip(uids, planes, strict=True) if uid and known[uid] == 1}


def is_drawn_on(dataset: Dataset, frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> bool:
    """True where a structure set names other frames of reference than the CT's, and each of its contours a slice of it, and lies in it.

    A damaged element raises whatever it leads to.
    """
    if not planes or not frames_of_rtstruct(dataset) - {frame_of_reference_uid}:
        return False
    drawn = [(contour, points) for contour in _contours(dataset) if len(points := contour_points(contour))]
    return bool(drawn) and all(_lies_in_its_slice(contour.get("ContourImageSequence"), points, planes) for contour, points in drawn)


def is_segmented_on(dataset: Dataset, frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> bool:
    """As ``is_drawn_on``, of the frames of a segmentation object, whose pixels lie on those of the slice; contours may go on beyond it."""
    if not planes or str(dataset.get("FrameOfReferenceUID", "")) in ("", frame_of_reference_uid):
        return False
    shared = (dataset.get(SHARED) or [Dataset()])[0]
    frames = dataset.get(PER_FRAME) or ()
    return bool(frames) and all(
        _lies_in_its_slice(_sources(frame, shared), corners_of(dataset, index)[1], planes, SlicePlane.shows)
        for index, frame in enumerate(frames)
    )


def _contours(dataset: Dataset) -> Iterator[Dataset]:
    return (contour for item in dataset.get("ROIContourSequence") or () for contour in item.get("ContourSequence") or ())


def _sources(frame: Dataset, shared: Dataset) -> list[Dataset]:
    """The images that a frame of a segmentation names as those it was made from (PS3.3 C.7.6.16.2.6)."""
    made_from = frame.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or ()
    return [image for item in made_from for image in item.get("SourceImageSequence") or ()]


def _lies_in_its_slice(
    named: Iterable[Dataset] | None, points: np.ndarray, planes: Mapping[str, SlicePlane], lies: _Lies = SlicePlane.holds
) -> bool:
    own = [planes.get(str(image.get("ReferencedSOPInstanceUID", ""))) for image in named or ()]
    return bool(own) and all(plane is not None and lies(plane, points) for plane in own)
