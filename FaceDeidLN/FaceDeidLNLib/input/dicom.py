"""A DICOM folder to one CT series: headers by pydicom, pixels by GDCM in SimpleITK, which knows every transfer syntax."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..core.errors import InputError
from ..core.progress import Alive, idle
from ..core.volume import Volume
from .case import CtInput, StoredSlice
from .dicom_files import read_folder, told
from .dicom_geometry import series_geometry
from .dicom_header import HeaderSlice, header_of, require_numbers, source_uids
from .dicom_select import choose_series

#: Transfer syntaxes whose pixels have the length that the header says.
_UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)


def read_dicom_series(folder: Path, series: str | None = None, alive: Alive = idle) -> CtInput:
    """The CT series of a folder (sub-folders included), slices sorted along their normal, in HU.

    Every stored value can be recovered exactly from the HU; that is verified slice by slice. ``alive`` is called for every file.

    :raises InputError: no DICOM, no CT, several series or patients, a scout, damaged files, uneven slices.
    """
    folder = Path(folder)
    there = read_folder(folder, alive)
    headers = [HeaderSlice(file.path, header_of(file)) for file in there.files]
    chosen = choose_series(headers, folder, series)
    for item in chosen:
        require_numbers(item)
    slices, geometry = series_geometry(chosen)
    stored = tuple(_stored(s) for s in slices)
    array = _read_voxels(slices, stored, alive)
    frame = str(slices[0].header.get("FrameOfReferenceUID", ""))
    return CtInput(
        Volume(array, geometry),
        folder,
        "dicom",
        tuple(s.path for s in slices),
        frame,
        stored,
        source_uids=source_uids(headers),
        notes=_notes(there.others),
    )


def _notes(others: Sequence[Path]) -> tuple[str, ...]:
    """What was passed over in the folder."""
    return (f"{told(others)} no DICOM and left out",) if others else ()


def _stored(item: HeaderSlice) -> StoredSlice:
    """How a slice stores its values.

    :raises InputError: colour, several bits that a CT does not have, a modality look-up table, a slope of 0.
    """
    header, name = item.header, item.path.name
    if int(header.get("SamplesPerPixel", 1)) != 1 or header.get("PhotometricInterpretation", "MONOCHROME2") != "MONOCHROME2":
        raise InputError(f"{name} is {header.get('PhotometricInterpretation', 'a colour image')}: a CT slice is MONOCHROME2.")
    if "ModalityLUTSequence" in header:
        raise InputError(
            f"{name} turns its values into HU by a look-up table, which is not supported: export it with rescale slope and intercept."
        )
    allocated = int(header.BitsAllocated)
    if allocated not in (8, 16):
        raise InputError(f"{name} has {allocated} bits per voxel: a CT slice has 16.")
    slope = float(header.get("RescaleSlope", 1))
    if slope == 0.0:
        raise InputError(f"{name} has a rescale slope of 0: its values cannot be turned into HU.")
    bits = int(header.get("BitsStored", allocated))
    how = StoredSlice(slope, float(header.get("RescaleIntercept", 0)), allocated, bits, bool(header.get("PixelRepresentation", 0)))
    _require_padding_fits(how, header.get("PixelPaddingValue"), name)
    return how


def _require_padding_fits(how: StoredSlice, padding: object, name: str) -> None:
    """Refuse a padding value beyond the stored bits: decoders cut it to those bits, and padding would turn into bone."""
    if not isinstance(padding, int):
        return
    value = padding - (1 << how.bits_allocated) if how.signed and padding >= 1 << (how.bits_allocated - 1) else padding
    low, high = how.range
    if not low <= value <= high:
        raise InputError(f"{name} pads with {value}, which its {how.bits_stored} stored bits cannot hold: export the series again.")


def _read_voxels(slices: list[HeaderSlice], stored: tuple[StoredSlice, ...], alive: Alive) -> np.ndarray:
    """HU (k, j, i) of all slices: int16 where every value fits, else int32; float32 where HU are not whole numbers."""
    whole = all(s.whole for s in stored)
    planes = []
    for item, how in zip(slices, stored, strict=True):
        alive()
        plane = how.to_hu(_stored_values(item, how))
        fits = whole and plane.min() >= -(2**15) and plane.max() < 2**15
        planes.append(plane.astype(np.int16 if fits else np.int32 if whole else np.float32))
    return np.stack(planes)


def _compression(item: HeaderSlice) -> str:
    """The name of a transfer syntax that compresses the pixels; empty where none does."""
    syntax = getattr(item.header, "file_meta", {}).get("TransferSyntaxUID")
    return "" if syntax is None or syntax in _UNCOMPRESSED else str(syntax.name)


def _require_all_pixels(item: HeaderSlice) -> None:
    """Raises InputError where uncompressed pixels end early: SimpleITK 2.5.2 (Slicer 5.10) reads such a file without a word."""
    if _compression(item):
        return
    pixels = pydicom.dcmread(item.path, specific_tags=["PixelData", "Rows", "Columns", "BitsAllocated"], force=True)
    if len(pixels.get("PixelData") or b"") < pixels.Rows * pixels.Columns * pixels.BitsAllocated // 8:
        raise InputError(f"{item.path.name} cannot be decoded: the file is truncated or damaged, get it again.")


def _stored_values(item: HeaderSlice, how: StoredSlice) -> np.ndarray:
    """The stored values (j, i) of a slice, int32.

    :raises InputError: the file cannot be decoded, or its HU do not lead back to stored values.
    """
    name = item.path.name
    _require_all_pixels(item)
    try:
        image = sitk.ReadImage(str(item.path), imageIO="GDCMImageIO")
    except RuntimeError as error:
        compression = _compression(item)
        more = f", or its compression ({compression}) is one that cannot be read here: export it uncompressed" if compression else ""
        raise InputError(f"{name} cannot be decoded: the file is truncated or damaged, get it again{more}.") from error
    shape = (int(item.header.Rows), int(item.header.Columns))
    hu = sitk.GetArrayViewFromImage(image)
    if hu.size != shape[0] * shape[1]:
        raise InputError(f"{name} has {hu.size} values instead of {shape[0]} x {shape[1]}: the file is damaged.")
    hu = hu.reshape(shape)
    values = how.to_stored(hu)
    lost = np.abs(values * how.slope + how.intercept - hu).max() > 1e-3 * abs(how.slope)
    if lost or not np.array_equal(how.to_stored(how.to_hu(values)), values):
        raise InputError(f"{name}: its stored values cannot be recovered from the HU, so that it could not be written back unchanged.")
    return values
