"""A CT as it was read: its voxels in HU, and what is needed to write the same kind again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.geometry import Geometry
from ..core.stack import Stack
from ..core.volume import Volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .slice_planes import SlicePlane


@dataclass(frozen=True)
class Calibration:
    """How values that are no HU, as those of a cone beam, are worked on: HU = ``slope`` * value + ``offset``."""

    slope: float
    offset: float


@dataclass(frozen=True)
class StoredSlice:
    """How one DICOM slice stores its values: HU = ``slope`` * stored + ``intercept`` (PS3.3 C.11.1.1.2)."""

    slope: float = 1.0
    intercept: float = 0.0
    bits_allocated: int = 16
    bits_stored: int = 16
    signed: bool = True
    #: Lowest and highest stored value that is no measurement (PS3.3 C.7.5.1.1.2); None where the header names none.
    padding: tuple[int, int] | None = None

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest value that can be stored."""
        if self.signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1

    @property
    def whole(self) -> bool:
        """True where slope and intercept are whole numbers, so that HU are whole numbers too."""
        return float(self.slope).is_integer() and float(self.intercept).is_integer()

    def calibrated(self, calibration: Calibration) -> StoredSlice:
        """The same stored values, where what they stand for is no HU until it is calibrated."""
        slope, offset = calibration.slope, calibration.offset
        return replace(self, slope=slope * self.slope, intercept=slope * self.intercept + offset)

    def holds(self, hu: np.ndarray) -> bool:
        """Can short numbers, in HU, be stored as they are? Told by the least and the largest; False where that does not tell."""
        if self.slope != 1.0 or not self.whole or not hu.size or hu.dtype != np.int16 or self.bits_stored > 16:
            return False
        low, high = self.range
        return low <= int(hu.min()) - int(self.intercept) and int(hu.max()) - int(self.intercept) <= high

    def to_stored(self, hu: np.ndarray) -> np.ndarray:
        """The nearest stored values (same shape) of HU, clipped to what can be stored: int32, or 16 bits where those hold them."""
        hu = np.asarray(hu)
        if self.holds(hu):
            return _shifted(hu, -int(self.intercept), np.dtype(np.int16 if self.signed else np.uint16))
        if self.slope == 1.0 and self.whole and hu.dtype.kind in "iu":
            return np.clip(hu.astype(np.int32) - np.int32(self.intercept), *self.range)
        stored = np.rint((hu.astype(np.float64) - self.intercept) / self.slope)
        return np.clip(stored, *self.range).astype(np.int32)

    def to_hu(self, stored: np.ndarray) -> np.ndarray:
        """HU of stored values: int32 where slope and intercept are whole numbers (int16 where 16 bits give no more), else float32.

        Where HU are the stored values, they may be ``stored`` itself: not to be changed.
        """
        if self.slope == 1.0 and self.whole and stored.size and stored.dtype.itemsize == 2:
            low, high = int(stored.min()) + int(self.intercept), int(stored.max()) + int(self.intercept)
            if low >= -(2**15) and high < 2**15:
                if not self.intercept:
                    return stored.view(np.int16)
                return _shifted(stored, int(self.intercept), np.dtype(np.int16))
        if self.whole:
            return stored.astype(np.int32) * np.int32(self.slope) + np.int32(self.intercept)
        return (stored * float(self.slope) + float(self.intercept)).astype(np.float32)


def _shifted(values: np.ndarray, by: int, dtype: np.dtype) -> np.ndarray:
    """Values of 16 bits plus a whole number, as a type of 16 bits that holds every sum."""
    return (values.view(np.uint16) + np.uint16(by & 0xFFFF)).view(dtype)


@dataclass(frozen=True, eq=False)
class Padding:
    """Voxels that are no measurement though they read as more than air: ``mask`` (k, j, i), and in its order their ``values``.

    Those are stored values of DICOM, or the very values of an image file.
    """

    mask: np.ndarray
    values: np.ndarray

    def of_slice(self, k: int) -> np.ndarray:
        """The stored values of one slice, in the order of its mask."""
        begin = int(np.count_nonzero(self.mask[:k]))
        return self.values[begin : begin + int(np.count_nonzero(self.mask[k]))]


@dataclass(frozen=True, eq=False)
class CtInput:
    """A CT and where it came from.

    ``volume`` holds HU in the source's own voxel order and geometry. An image file keeps its scalar type (a NIfTI
    with ``scl_slope`` whose HU are whole numbers becomes int16 or int32). DICOM becomes int16 (int32 where the
    values need it) if slope and intercept are whole numbers, else float32.
    ``kind`` is "dicom" or the file extension (".nrrd", ".nii.gz", ...). ``files`` are the slices in the order of
    the array's k axis (DICOM) or the single file, and ``stored`` says for each slice how it stores its values
    (DICOM only). ``frames`` is the number of each slice in its file, and ``padding`` what was taken for air; None
    where nothing was. ``source_uids`` are those of all instances and series that stand with it, and ``notes`` say in one
    line each what was left out or is odd. Where slices lie at uneven places, ``stack`` holds them as they are and ``volume``
    an even grid of them. ``calibration`` is what made HU of values that are none, ``own_values`` those of an image file.
    """

    volume: Volume
    path: Path
    kind: str
    files: tuple[Path, ...] = ()
    frame_of_reference_uid: str = ""
    stored: tuple[StoredSlice, ...] = ()
    frames: tuple[int, ...] = ()
    padding: Padding | None = None
    stack: Stack | None = None
    source_uids: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None
    own_values: np.ndarray | None = None
    #: Where its slices lie, by SOP instance UID; of those that it tells apart (DICOM only).
    planes: Mapping[str, SlicePlane] = field(default_factory=dict, repr=False)
    #: Headers of its files that can be written, as far as they were read: each is taken out by whoever writes it.
    headers: dict[Path, Dataset] = field(default_factory=dict, repr=False)
    #: All elements of its files before the pixels, as they were read: taken out by whoever makes ``headers`` of them.
    elements: dict[Path, Dataset] = field(default_factory=dict, repr=False)

    @property
    def outside(self) -> np.ndarray | None:
        """Where ``volume`` holds padding (bool); None where there is none, or where it is not known on an even grid of uneven slices."""
        return None if self.padding is None or self.stack is not None else self.padding.mask

    @property
    def padding_worked_on(self) -> np.ndarray | None:
        """As ``outside``, also where ``volume`` is an even grid: there padding is where the nearer of two slices has it."""
        if self.padding is None or self.stack is None:
            return self.outside
        return self.stack.with_array(self.padding.mask.astype(np.uint8)).even() > 0

    @property
    def slices(self) -> Volume:
        """The slices as they are stored, in HU; where they lie at uneven places, their geometry has the mean step."""
        if self.stack is None:
            return self.volume
        return Volume(self.stack.array, slices_geometry(self.volume.geometry, self.stack.places))


def slices_geometry(grid: Geometry, places: np.ndarray) -> Geometry:
    """The geometry, with the mean step, of slices that lie at ``places`` (n,) along the k axis of an even grid."""
    matrix = grid.ijk_to_lps.copy()
    matrix[:3, 2] *= places[-1] / (len(places) - 1)
    return Geometry((len(places), *grid.shape[1:]), matrix)
