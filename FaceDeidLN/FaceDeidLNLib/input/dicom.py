"""A DICOM folder to one CT series: headers by pydicom, pixels by GDCM in SimpleITK, which knows every transfer syntax."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..core.errors import InputError, NotHounsfieldError
from ..core.geometry import Geometry
from ..core.progress import Alive, idle
from ..core.stack import Stack
from ..core.volume import AIR_HU, Volume
from .case import Calibration, CtInput, Padding, StoredSlice, slices_geometry
from .copies import require_own_uids, without_copies
from .dicom_damaged import require_others
from .dicom_enhanced import frames_of, require_all_frames
from .dicom_files import DicomFile, read_folder, told
from .dicom_geometry import Placed, series_geometry
from .dicom_header import Headers, HeaderSlice, before_pixels, numbers, pixels_at, require_numbers, source_uids, value_of
from .dicom_pixels import read_stored
from .dicom_select import choose_series
from .file_names import require_no_index
from .packed import packed_apart, require_unpacked
from .padding import MOST_AIR_HU, MOST_TISSUE_HU, bright_padding
from .plausible import require_content, require_grid
from .slice_planes import planes_of_slices

#: What is said of second copies of a file.
COPIES = "the same as another file and left out"
PACKED = "packed and left out, with whatever slices are in there"
#: Of so many files all elements are held (some 30 kB each) until they are written; those of more are read again.
MOST_HELD = 2000
#: What a CT slice may be (PS3.3 C.8.2.1.1.2); the first one is shown inverted, its values are HU all the same.
_GREY = ("MONOCHROME1", "MONOCHROME2")
#: Rescale Type (PS3.3 C.11.1.1.2) of what is no HU, as the maps of a dual-energy CT have it.
_OTHER_UNITS = {
    "OD": "optical densities",
    "MGML": "concentrations",
    "PCT": "percentages",
    "Z_EFF": "effective atomic numbers",
    "ED": "electron densities",
    "EDW": "electron densities",
}


@dataclass(frozen=True, eq=False)
class Series:
    """A CT series whose headers were read and found fit: its slices in their places, and how each stores its values."""

    folder: Path
    placed: Placed
    stored: tuple[StoredSlice, ...]
    uids: frozenset[str]
    notes: tuple[str, ...]

    @property
    def frame_of_reference_uid(self) -> str:
        """That of its first slice; empty where there is none."""
        return str(self.placed.slices[0].header.get("FrameOfReferenceUID", ""))

    def calibrated(self, calibration: Calibration) -> Series:
        """The same series, whose values become HU by a calibration beside the headers' rescale."""
        return replace(self, stored=tuple(how.calibrated(calibration) for how in self.stored))


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice (j, i): HU, and where padding was taken for air with its stored values; None where none was."""

    hu: np.ndarray
    outside: np.ndarray | None = None
    padding: np.ndarray | None = None


def read_dicom_series(folder: Path, series: str | None = None, alive: Alive = idle, calibration: Calibration | None = None) -> CtInput:
    """The CT series of a folder (sub-folders included), or the one in the folder of a DICOM file that this file belongs to, in HU.

    Slices are sorted along their normal; those of an enhanced CT are its frames.

    Every stored value can be recovered exactly from the HU; that is verified slice by slice. ``alive`` is called for every file.

    :raises InputError: no DICOM, no CT, several series or patients, a scout, damaged files, uneven slices.
    """
    found = find_series(folder, series, alive, MOST_HELD)
    if calibration is not None:
        found = found.calibrated(calibration)
    placed = found.placed
    _require_possible(found)
    array, padding = _read_voxels(found, alive)
    stack = None if placed.places is None else Stack(array, placed.places, placed.geometry.shape[0], placed.gaps_mm)
    return CtInput(
        Volume(array if stack is None else stack.even(), placed.geometry),
        found.folder,
        "dicom",
        tuple(s.path for s in placed.slices),
        found.frame_of_reference_uid,
        found.stored,
        frames=tuple(s.frame for s in placed.slices),
        padding=padding,
        stack=stack,
        source_uids=found.uids,
        notes=found.notes,
        calibration=calibration,
        planes=planes_of_slices(placed.slices),
        elements={s.path: s.before_pixels for s in placed.slices if s.before_pixels is not None},
    )


def find_series(folder: Path, series: str | None = None, alive: Alive = idle, held: int = 0) -> Series:
    """The series that ``read_dicom_series`` reads, without its voxels; raises the same errors, but those of voxels.

    :param held: of so many files at most, every element before the pixels is held.
    """
    folder = Path(folder)
    single = folder if folder.is_file() else None
    require_no_index(folder)
    take = partial(_header_slice, places=itertools.count(), held=held, shared=Headers())
    there = read_folder(folder if single is None else folder.parent, take, alive, deep=single is None)
    headers, copies = without_copies(there.files, single)
    if not headers:
        for file in there.damaged:  # of whatever modality: there is nothing else
            raise file.error
        require_unpacked(folder, there.others)
    choice = choose_series([frame for item in headers for frame in frames_of(item)], folder, series, single)
    damaged = require_others(there.damaged, _series_of(choice.slices), _series_of(headers))
    for item in choice.slices:
        require_numbers(item)
    require_all_frames(choice.slices)
    placed = series_geometry(choice.slices)
    require_own_uids(placed.slices)
    stored = tuple(_stored(s) for s in placed.slices)
    notes = (*_notes(there.others, damaged, copies), *choice.notes, *filter(None, [placed.note, _missing(placed.slices)]))
    return Series(folder, placed, stored, source_uids(headers), notes)


def _header_slice(file: DicomFile, places: Iterator[int], held: int, shared: Headers) -> HeaderSlice:
    whole = before_pixels(file) if next(places) < held else None
    pixels = pixels_at(file)
    header = shared.header_of(file)  # all that is left of the data set
    return HeaderSlice(file.path, header, pixels=pixels, before_pixels=whole)


def grids_of(series: Series) -> tuple[Geometry, Geometry]:
    """The geometry of the volume and that of the slices (see ``CtInput``) that a series is read to."""
    grid, places = series.placed.geometry, series.placed.places
    return grid, grid if places is None else slices_geometry(grid, places)


def _missing(slices: Sequence[HeaderSlice]) -> str:
    """Whether the headers tell of more images than are here; a part of a scan may have been chosen on purpose, so it is no error."""
    acquisitions = Counter(str(item.header.get("AcquisitionNumber", "")) for item in slices)
    counts = {int(count) for item in slices for count in numbers(item, "ImagesInAcquisition")}
    if len(acquisitions) != 1 or len(counts) != 1 or len(slices) >= max(counts):
        return ""
    return f"the headers tell of {max(counts)} images in the acquisition, and {len(slices)} slices are here"


def _series_of(items: Sequence[HeaderSlice]) -> set[str]:
    return {str(value_of(item.header, "SeriesInstanceUID", "")) for item in items}


def _notes(others: Sequence[Path], damaged: Sequence[Path], copies: Sequence[Path]) -> tuple[str, ...]:
    """What was passed over in the folder."""
    packed, others = packed_apart(others)
    left = ((packed, PACKED), (others, "no DICOM and left out"), (damaged, "damaged, of another series, and left out"), (copies, COPIES))
    return tuple(f"{told(paths)} {why}" for paths, why in left if paths)


def _stored(item: HeaderSlice) -> StoredSlice:
    """How a slice stores its values.

    :raises InputError: colour, several bits that a CT does not have, a modality look-up table, a slope of 0.
    :raises NotHounsfieldError: the header names another unit.
    """
    header, name = item.header, item.path.name
    if (unit := str(value_of(header, "RescaleType", "")).strip().upper()) in _OTHER_UNITS:
        raise NotHounsfieldError(f"{name} holds {_OTHER_UNITS[unit]} and no HU (RescaleType {unit}): give the CT itself.")
    if int(value_of(header, "SamplesPerPixel", 1)) != 1 or value_of(header, "PhotometricInterpretation", "MONOCHROME2") not in _GREY:
        raise InputError(f"{name} is {header.get('PhotometricInterpretation', 'a colour image')}: a CT slice is of one grey.")
    if "ModalityLUTSequence" in header:
        raise InputError(
            f"{name} turns its values into HU by a look-up table, which is not supported: export it with rescale slope and intercept."
        )
    allocated = int(header.BitsAllocated)
    if allocated not in (8, 16):
        raise InputError(f"{name} has {allocated} bits per voxel: a CT slice has 16.")
    slope = float(value_of(header, "RescaleSlope", 1))
    if slope == 0.0:
        raise InputError(f"{name} has a rescale slope of 0: its values cannot be turned into HU.")
    bits = int(value_of(header, "BitsStored", allocated))
    how = StoredSlice(
        slope, float(value_of(header, "RescaleIntercept", 0)), allocated, bits, bool(value_of(header, "PixelRepresentation", 0))
    )
    return replace(how, padding=_padding(how, item))


def _padding(how: StoredSlice, item: HeaderSlice) -> tuple[int, int] | None:
    """Lowest and highest stored value that stands for nothing (PS3.3 C.7.5.1.1.2); None where the header names none.

    :raises InputError: it lies beyond the stored bits: decoders cut it to those bits, and padding would turn into bone.
    """
    ends = [value_of(item.header, keyword) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    found = [_signed(end, how) for end in ends if isinstance(end, int)]
    if not isinstance(ends[0], int):
        return None
    ends_hu = how.to_hu(np.array(found))
    if min(found) < max(found) and ends_hu.max() > MOST_AIR_HU and ends_hu.min() < MOST_TISSUE_HU:
        raise InputError(
            f"{item.path.name} calls values from {ends_hu.min():.0f} to {ends_hu.max():.0f} HU padding, as tissue has them: its header is "
            "wrong, export the series again."
        )
    low, high = how.range
    for value in found:
        if not low <= value <= high:
            raise InputError(
                f"{item.path.name} pads with {value}, which its {how.bits_stored} stored bits cannot hold: export the series again."
            )
    return min(found), max(found)


def _signed(value: int, how: StoredSlice) -> int:
    """A number that was written as unsigned, though the pixels are signed, or the other way round."""
    if how.signed and value >= 1 << (how.bits_allocated - 1):
        return value - (1 << how.bits_allocated)
    return value + (1 << how.bits_allocated) if value < 0 and not how.signed else value


def read_planes(series: Series, alive: Alive = idle) -> Iterator[Plane]:
    """Slice after slice, in HU: int16 where its values fit, else int32; float32 where HU of the series are not whole numbers.

    :raises InputError: a file cannot be decoded, or its stored values cannot be recovered from the HU.
    """
    slices, whole = series.placed.slices, all(s.whole for s in series.stored)
    for item, how, values in zip(slices, series.stored, read_stored(slices, series.stored, alive), strict=True):
        hu = how.to_hu(values)
        _require_recoverable(how, hu, values, item.path.name)
        outside = bright_padding(how, values)
        if outside is not None:
            hu = np.where(outside, hu.dtype.type(AIR_HU), hu)  # the stored values stay
        fits = whole and (hu.dtype == np.int16 or (hu.min() >= -(2**15) and hu.max() < 2**15))
        hu = hu.astype(np.int16 if fits else np.int32 if whole else np.float32, copy=False)
        yield Plane(hu, outside, None if outside is None else values[outside])


def _require_possible(series: Series) -> None:
    """Refuse, by the headers and the files' sizes, what is larger than any CT or than its files can hold. Raises InputError."""
    name, grid = series.folder.name, series.placed.geometry
    require_grid(grid, name)
    require_content(sum(path.stat().st_size for path in {item.path for item in series.placed.slices}), 2 * int(np.prod(grid.shape)), name)


def _read_voxels(series: Series, alive: Alive) -> tuple[np.ndarray, Padding | None]:
    """HU (k, j, i) of all slices: int16 where every value fits, else int32; float32 where HU are not whole numbers.

    And the padding that was taken for air; None where none was.
    """
    array, padded = np.empty(grids_of(series)[1].shape, dtype=np.int16), {}
    for k, plane in enumerate(read_planes(series, alive)):
        array = array.astype(np.promote_types(array.dtype, plane.hu.dtype) if k else plane.hu.dtype, copy=False)
        array[k] = plane.hu
        if plane.outside is not None:
            padded[k] = plane
    if not padded:
        return array, None
    mask = np.zeros(array.shape, dtype=bool)
    for k, plane in padded.items():
        mask[k] = plane.outside
    return array, Padding(mask, np.concatenate([plane.padding for plane in padded.values()]))


def _require_recoverable(how: StoredSlice, hu: np.ndarray, values: np.ndarray, name: str) -> None:
    if not (how.slope == 1.0 and how.whole) and not np.array_equal(how.to_stored(hu), values):
        raise InputError(f"{name}: its stored values cannot be recovered from the HU, so that it could not be written back unchanged.")
