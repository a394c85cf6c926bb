"""The headers of the DICOM files of a folder, and whether the numbers in them are numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

from ..core.errors import InputError
from ..core.progress import Alive, idle
from .file_names import require_text

_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "ImageType",
    "Modality",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "InstanceNumber",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "PixelPaddingValue",
]
#: How many numbers stand in the tags that place a slice, which every slice must have ...
_PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
#: ... in those that say how large it is, likewise, and in those that may be missing: one.
_SIZE = ("Rows", "Columns", "BitsAllocated")
_OPTIONAL = ("SamplesPerPixel", "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept")


@dataclass(frozen=True, eq=False)
class HeaderSlice:
    """A DICOM file and its header."""

    path: Path
    header: Dataset


def scan(folder: Path, alive: Alive = idle) -> list[HeaderSlice]:
    """The headers of every DICOM file below a folder in the order of the paths; other and hidden files are passed over."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        alive()
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and path.name.upper() != "DICOMDIR":
            header = _header(path)
            if header is not None:
                require_text(path)
                found.append(HeaderSlice(path, header))
    return found


def _header(path: Path) -> Dataset | None:
    """The tags that matter; None where the file is no DICOM image or document."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except InvalidDicomError:
        return _header_without_preamble(path)
    except (OSError, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise InputError(f"{path.name} cannot be read ({error}): it is truncated or damaged, get it again.") from error
    return header if "SOPClassUID" in header else None


def _header_without_preamble(path: Path) -> Dataset | None:
    """The header of an old file that starts without the 128-byte preamble; None where it makes no sense as DICOM."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
    except Exception:  # any bytes at all may stand in a file that is not DICOM, and pydicom may fail on them in any way
        return None
    return header if "SOPClassUID" in header and "Modality" in header else None


def numbers(item: HeaderSlice, keyword: str) -> tuple[float, ...]:
    """The finite numbers of a tag; none where it is missing or empty.

    :raises InputError: something else stands there.
    """
    try:
        value = item.header.get(keyword)
        values = value if isinstance(value, (list, MultiValue)) else [] if value in (None, "") else [value]
        found = tuple(float(part) for part in values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{item.path.name} holds no number in {keyword} ({error}): the header is damaged.") from error
    if not all(math.isfinite(part) for part in found):
        raise InputError(f"{item.path.name} holds no finite number in {keyword}: the header is damaged.")
    return found


def require_numbers(item: HeaderSlice) -> None:
    """The numbers of a slice's header are there, finite, as many as they have to be, and possible.

    :raises InputError: the first that is not.
    """
    name = item.path.name
    for keyword, count in _PLACE.items():
        if len(numbers(item, keyword)) != count:
            raise InputError(f"{name} has no {keyword}: without it nobody knows where the slice lies.")
    for keyword in (*_SIZE, *(keyword for keyword in _OPTIONAL if keyword in item.header)):
        if len(numbers(item, keyword)) != 1:
            raise InputError(f"{name} holds {len(numbers(item, keyword))} numbers in {keyword} instead of one: the header is damaged.")
    if min(numbers(item, "PixelSpacing")) <= 0.0:
        raise InputError(f"{name} has a pixel spacing that is not above 0: the header is damaged.")
    allocated = int(item.header.BitsAllocated)
    if not 1 <= int(item.header.get("BitsStored", allocated)) <= allocated:
        raise InputError(f"{name} stores {item.header.BitsStored} bits in {allocated}: the header is damaged.")
