"""The headers of the DICOM files of a folder, and whether the numbers in them are numbers."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
)

from ..core.errors import InputError
from .dicom_files import PIXELS, DicomFile, as_stored, encoding_of, keep_only, stored_or_none

#: What any reader of images asks of a header: who, which series, where, and how its numbers are stored.
IMAGE_TAGS = (
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
    "RescaleType",
    "ModalityLUTSequence",
    "HighBit",
    "PixelPaddingValue",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "SeriesNumber",
)
_TAGS = [
    *IMAGE_TAGS,
    "SpecificCharacterSet",
    "PixelPaddingRangeLimit",
    "SeriesTime",
    "ConvolutionKernel",
    "SliceThickness",
    "AcquisitionNumber",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "ContentTime",
    "TemporalPositionIndex",
    "TemporalPositionIdentifier",
    "NominalPercentageOfCardiacPhase",
    "TriggerTime",
    "ContrastBolusAgent",
    "KVP",
    "FilterType",
    "ReconstructionDiameter",
    "StackID",
    "ImagesInAcquisition",
    "ImageComments",
]
#: Multi-frame CT: made by a scanner, or put together from classic slices.
ENHANCED = (EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
#: Multi-frame images whose frames say where they lie.
_PLACED_FRAMES = (
    *ENHANCED,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
)
#: How many numbers stand in the tags that place a slice, which every slice must have ...
_PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
#: ... in those that say how large it is, likewise, and in those that may be missing: one.
_SIZE = ("Rows", "Columns", "BitsAllocated")
_OPTIONAL = ("SamplesPerPixel", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "RescaleSlope", "RescaleIntercept")
#: Of these the ones that need not be whole; no image is rescaled by more.
_RESCALE, _MOST_RESCALED = ("RescaleSlope", "RescaleIntercept"), 1e9

_PIXELS, _UNDEFINED = 0x7FE00010, 0xFFFFFFFF
_FUNCTIONAL_GROUPS = 0x5200
#: Tags of keywords, and the representation of each in the standard.
_KNOWN_TAGS = {keyword: BaseTag(tag_for_keyword(keyword)) for keyword in _TAGS}
_KEPT = {int(tag): dictionary_VR(tag) for tag in _KNOWN_TAGS.values()}
#: Longer values, in bytes, are not remembered: they take room, and few come twice.
_MOST_KNOWN = 1024


@dataclass(frozen=True, eq=False)
class HeaderSlice:
    """A DICOM slice: its file, its header, and which frame of the file it is.

    ``pixels`` is where in the file the bytes of uncompressed pixels begin, and how many there are; None where nobody looked.
    ``before_pixels`` holds every element before the pixels, as it was read; None where they are to be read from the file.
    """

    path: Path
    header: Dataset
    frame: int = 0
    pixels: tuple[int, int] | None = None
    before_pixels: Dataset | None = None


def pixels_at(file: DicomFile) -> tuple[int, int] | None:
    """Where the bytes of a file's pixel data begin, and how many there are; None where they have no length or no place of their own."""
    element = as_stored(file.dataset, _PIXELS) if _PIXELS in file.dataset else None
    deflated = file.dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    if element is None or not element.is_raw or element.length == _UNDEFINED or deflated:
        return None
    return element.value_tell, element.length


def before_pixels(file: DicomFile) -> Dataset | None:
    """A copy of a file's data set up to its pixels; None where a value stayed on the disk, or would be decoded with the header."""
    found = {}
    for tag in file.dataset.keys():  # noqa: SIM118 (a data set iterates over its elements)
        if tag in PIXELS:
            break
        element = as_stored(file.dataset, tag)
        if element.is_raw and element.value is None and element.length:
            return None
        if tag in _KEPT and not element.is_raw and element.VR == "SQ":
            return None
        found[tag] = element
    return _like(file.dataset, found)


class Headers:
    """Takes headers out of files. The slices of a series share nearly all of their elements, and each of those is decoded once.

    The elements of these headers are shared, so that none of them may be changed.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, DataElement] = {}

    def header_of(self, file: DicomFile) -> Dataset:
        """The tags that matter of a file's data set, which loses the others.

        :raises InputError: one of them cannot be decoded.
        """
        dataset = file.dataset
        stored = {tag: as_stored(dataset, tag) for tag in dataset.keys() if tag in _KEPT}  # noqa: SIM118 (it iterates over elements)
        characters = str(encoding_of(dataset)[1])
        kept, fresh = {}, {}
        for tag, element in stored.items():
            key = _key(element, characters)
            known = None if key is None else self._known.get(key)
            kept[tag] = element if known is None else known
            if known is None:
                fresh[tag] = key
        keep_only(dataset, kept)
        require_decoded(dataset, file.path.name, list(fresh))
        self._known |= {key: dataset[tag] for tag, key in fresh.items() if key is not None}
        return dataset


def _key(element: DataElement | RawDataElement, characters: str) -> Hashable | None:
    """Everything that the decoded value of one of the tags that matter depends on; None where that is more than the element itself."""
    if not element.is_raw or element.value is None or len(element.value) > _MOST_KNOWN:
        return None
    tag = int(element.tag)
    standard = _KEPT[tag]
    if standard == "SQ" or (element.VR in (None, "UN") and len(standard) != 2):  # signed or unsigned is said elsewhere in the header
        return None
    return tag, element.VR, element.value, element.is_implicit_VR, element.is_little_endian, characters


def _like(source: Dataset, elements: dict[BaseTag, DataElement | RawDataElement]) -> Dataset:
    """A data set of these elements that stands as ``source`` does."""
    fresh = Dataset(elements)
    how, characters = encoding_of(source)
    fresh.set_original_encoding(*how, characters)
    fresh.file_meta = source.file_meta
    return fresh


def require_decoded(header: Dataset, name: str, tags: Sequence[BaseTag] | None = None) -> None:
    """Read every value of a header (or those of ``tags``), at every depth, so that whoever works with it meets none that cannot be read.

    Functional groups are an exception: whoever splits the frames reads of them what is needed.

    :raises InputError: one cannot be decoded, or is a sequence where the standard has none, or the other way round.
    """
    for tag in list(header.keys()) if tags is None else tags:
        try:
            element = header[tag]
            if (element.VR == "SQ") != (dictionary_VR(tag) == "SQ"):
                raise ValueError(f"{element.VR} in the place of {dictionary_VR(tag)}")
            if element.VR == "SQ" and tag.group != _FUNCTIONAL_GROUPS:
                for item in element.value or ():
                    for inner in item.iterall():
                        str(inner.value)
        except Exception as error:  # pydicom raises whatever a damaged element led to
            told = f"{name} holds something that cannot be read in {keyword_for_tag(tag)}"
            raise InputError(f"{told}: the header is damaged, get it again.") from error


def source_uids(items: Sequence[HeaderSlice]) -> frozenset[str]:
    """The UIDs of instances and series, which must not be found in what is released."""
    keywords = ("SOPInstanceUID", "SeriesInstanceUID")
    return frozenset(str(value_of(item.header, keyword) or "") for item in items for keyword in keywords) - {""}


def value_of(header: Dataset, keyword: str, default: object = None) -> Any:  # noqa: ANN401 - whatever stands there
    """What ``header.get`` gives of a tag that matters, several times faster where it was decoded."""
    element = stored_or_none(header, _KNOWN_TAGS[keyword])
    return default if element is None else header.get(keyword) if element.is_raw else element.value


def numbers(item: HeaderSlice, keyword: str) -> tuple[float, ...]:
    """The finite numbers of a tag; none where it is missing or empty.

    :raises InputError: something else stands there.
    """
    try:
        value = value_of(item.header, keyword)
        values = value if isinstance(value, (list, MultiValue)) else [] if value in (None, "") else [value]
        if any("_" in str(part) for part in values):  # no number of DICOM, but one of Python
            raise ValueError(f"{values}")
        found = tuple(float(part) for part in values)
    except Exception as error:  # pydicom raises whatever a damaged element led to
        raise InputError(f"{item.path.name} holds no number in {keyword}: the header is damaged.") from error
    if not all(math.isfinite(part) for part in found):
        raise InputError(f"{item.path.name} holds no finite number in {keyword}: the header is damaged.")
    return found


def require_sound_place(item: HeaderSlice) -> None:
    """What says where a slice lies and how large it is is numbers, as many as they have to be, as far as it is there.

    :raises InputError: the first that is not.
    """
    for keyword, count in _PLACE.items():
        if len(found := numbers(item, keyword)) not in (0, count):
            raise InputError(f"{item.path.name} holds {len(found)} of {count} numbers in {keyword}: the header is damaged.")
    for keyword in ("NumberOfFrames", *_SIZE):
        if numbers(item, keyword):
            _require_one(item, keyword)


def require_numbers(item: HeaderSlice) -> None:
    """The numbers of a slice's header are there, finite, as many as they have to be, and possible.

    :raises InputError: the first that is not.
    """
    name = item.path.name
    if max(numbers(item, "NumberOfFrames"), default=1.0) > 1 and item.header.get("SOPClassUID") not in _PLACED_FRAMES:
        raise InputError(f"{name} is a multi-frame image that says of no frame where it lies: export it as single-frame CT images or NRRD.")
    for keyword, count in _PLACE.items():
        if len(numbers(item, keyword)) != count:
            raise InputError(f"{name} has no {keyword}: without it nobody knows where the slice lies.")
    for keyword in (*_SIZE, *(keyword for keyword in _OPTIONAL if stored_or_none(item.header, _KNOWN_TAGS[keyword]) is not None)):
        _require_one(item, keyword)
    if min(numbers(item, "PixelSpacing")) <= 0.0:
        raise InputError(f"{name} has a pixel spacing that is not above 0: the header is damaged.")
    header, allocated = item.header, int(item.header.BitsAllocated)
    stored = value_of(header, "BitsStored", allocated)
    if not 1 <= stored <= allocated or value_of(header, "HighBit", 0) >= allocated:
        raise InputError(f"{name} stores {stored} bits in {allocated}, up to bit {header.get('HighBit', '?')}: the header is damaged.")


def _require_one(item: HeaderSlice, keyword: str) -> None:
    """One number stands in a tag, a whole one above 0 (0 for none) unless it is a rescale's. Raises InputError."""
    found = numbers(item, keyword)
    if len(found) != 1:
        raise InputError(f"{item.path.name} holds {len(found)} numbers in {keyword} instead of one: the header is damaged.")
    is_whole = keyword in _RESCALE or (isinstance(value_of(item.header, keyword), int) and found[0] >= 0)
    if not is_whole or abs(found[0]) > _MOST_RESCALED:
        raise InputError(f"{item.path.name} holds {found[0]:g} in {keyword}, which no image has: the header is damaged.")
