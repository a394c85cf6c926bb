"""The frames of a DICOM SEG on the CT's planes one by one, where they are no box: tilted gantry, uneven slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from ..core.geometry import Geometry

#: A frame lies on the CT's pixels if its corners lie this near (voxels) to them, along its own slice too.
ON_PIXELS = 0.05
#: Frames nearer than 0.1 planes lie at one place.
_DIGITS = 1


@dataclass(frozen=True, eq=False)
class LaidFrames:
    """Where the frames of a SEG lie that was drawn on the pixels of this CT.

    ``starts`` (n, 3): the voxel (k, j, i), k with fractions, of each frame's first pixel; ``numbers`` (n,): its segment, 0 in a label map.
    """

    seg: Dataset
    ct: Geometry
    starts: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, seg: Dataset, ct: Geometry) -> LaidFrames:
        """All frames of a SEG. Raises ValueError where one does not lie on the CT's pixels."""
        count = range(int(seg.NumberOfFrames))
        return cls(seg, ct, np.array([_start(seg, n, ct) for n in count]), np.array([_segment_of(seg, n) for n in count]))

    def mask(self, number: int, share: float) -> np.ndarray:
        """The CT voxels (bool, (k, j, i)) of a segment, of a fractional one from this ``share`` of its largest value on.

        A frame reaches half way to the next one, and a plane counts as soon as the frame touches it.
        """
        gaps = np.diff(np.unique(np.round(self.starts[:, 0], _DIGITS)))
        reach = 0.5 * (float(gaps.min()) if len(gaps) else 1.0) + 0.5 - ON_PIXELS
        out = np.zeros(self.ct.shape, dtype=bool)
        for n in np.flatnonzero((self.numbers == number) | (self.numbers == 0)):
            k, j, i = self.starts[n]
            rows, columns = np.nonzero(self._shown(int(n), number, share))
            rows, columns = rows + int(np.rint(j)), columns + int(np.rint(i))
            inside = (rows >= 0) & (rows < out.shape[1]) & (columns >= 0) & (columns < out.shape[2])
            first, stop = max(0, int(np.ceil(k - reach))), max(0, int(np.floor(k + reach)) + 1)
            out[first:stop, rows[inside], columns[inside]] = True
        return out

    def _shown(self, index: int, number: int, share: float) -> np.ndarray:
        """Bool of a frame: where it shows the segment."""
        pixels, kind = self.seg.get_stored_frame(index + 1), str(self.seg.SegmentationType)
        if kind == "LABELMAP":
            return pixels == number
        return pixels >= share * int(self.seg.MaximumFractionalValue) if kind == "FRACTIONAL" else pixels > 0


def corners_of(seg: Dataset, index: int) -> tuple[np.ndarray, np.ndarray]:
    """The four corner pixels of a frame: row and column (4, 2), the first pixel first, the last one last, and LPS mm (4, 3)."""
    rows = np.array(_macro(seg, index, "PlaneOrientationSequence").ImageOrientationPatient, dtype=float).reshape(2, 3)
    spacing = [float(value) for value in _macro(seg, index, "PixelMeasuresSequence").PixelSpacing]
    origin = np.array(_macro(seg, index, "PlanePositionSequence").ImagePositionPatient, dtype=float)
    ends = np.array([(row, column) for row in (0, seg.Rows - 1) for column in (0, seg.Columns - 1)], dtype=float)
    return ends, origin + ends[:, :1] * spacing[0] * rows[1] + ends[:, 1:] * spacing[1] * rows[0]


def _start(seg: Dataset, index: int, ct: Geometry) -> np.ndarray:
    ends, corners = (places[:3] for places in corners_of(seg, index))  # the fourth follows from them
    placed = ct.to_kji(corners)
    meant = np.rint(placed[0]) + np.column_stack([np.zeros(3), ends])
    meant[:, 0] = placed[0, 0]
    if np.abs(placed - meant).max() > ON_PIXELS:
        raise ValueError(f"frame {index + 1} does not lie on the pixels of the CT")
    return placed[0]


def shown_segments(seg: Dataset) -> set[int]:
    """The numbers of the segments that the frames of a SEG show, background and padding not counted.

    Raises ValueError where not every frame is described, and whatever a missing or damaged element leads to.
    """
    count = int(seg.NumberOfFrames)
    if len(seg.PerFrameFunctionalGroupsSequence) != count:
        raise ValueError(f"{len(seg.PerFrameFunctionalGroupsSequence)} of its {count} frames are described")
    if str(seg.SegmentationType) != "LABELMAP":
        return {_segment_of(seg, n) for n in range(count)}
    found = {int(label) for n in range(count) for label in np.unique(seg.get_stored_frame(n + 1))}
    return found - {0, seg.get("PixelPaddingValue")}


def _segment_of(seg: Dataset, index: int) -> int:
    """The number of the segment that a frame shows; 0 in a label map."""
    if str(seg.SegmentationType) == "LABELMAP":
        return 0
    return int(_macro(seg, index, "SegmentIdentificationSequence").ReferencedSegmentNumber)


def _macro(seg: Dataset, index: int, keyword: str) -> Dataset:
    """A functional group of a frame, its own or the one of all."""
    own, shared = seg.PerFrameFunctionalGroupsSequence[index], seg.SharedFunctionalGroupsSequence[0]
    return (own.get(keyword) or shared[keyword].value)[0]
