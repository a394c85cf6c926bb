"""Data sets as DICOM files: explicit VR little endian, fresh file meta information, an empty preamble."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from struct import Struct

import pydicom
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian

from ..input.dicom_files import encoding_of
from .dicom_plain import MAX_KNOWN, tag_number

_PREAMBLE = b"\0" * 128 + b"DICM"
#: The beginning of an element with four bytes of length, as of a sequence, and of an item (PS3.5, tables 7.1-1 and 7.5-1).
_WITH_LENGTH, _ITEM = Struct("<HH2sHL"), Struct("<HHL")
#: (0002,0003), the instance's UID in the file meta information, without its length.
_INSTANCE_UID = b"\x02\x00\x03\x00UI"


class Encoder:
    """Saves data sets. The slices of a series share nearly all of their elements, and each of those is encoded once."""

    def __init__(self) -> None:
        self._known: dict[Hashable, bytes] = {}
        self._raw: dict[int, tuple[RawDataElement, bytes]] = {}
        self._around_uid: dict[Hashable, tuple[bytes, bytes]] = {}

    def save(self, dataset: Dataset, path: Path) -> None:
        """As ``save``, whose bytes are the same."""
        if int(pydicom.__version__.split(".")[0]) < 3 or not _stands_as_written(dataset):
            save(dataset, path)
            return
        with path.open("wb") as file:
            file.writelines((_PREAMBLE, self._meta(dataset), *self._elements(dataset, "iso8859")))

    def _meta(self, dataset: Dataset) -> bytes:
        """The file meta information, encoded once for all instances of a class whose UIDs are as long."""
        kind, instance = dataset.SOPClassUID, dataset.SOPInstanceUID
        plain = isinstance(kind, str) and isinstance(instance, str)
        key = ("meta", str(kind), len(instance)) if plain else None
        if key in self._around_uid:
            before, after = self._around_uid[key]
            return before + instance.encode("ascii") + after
        _set_meta(dataset, ExplicitVRLittleEndian)
        buffer = _buffer()
        write_file_meta_info(buffer, dataset.file_meta, enforce_standard=True)
        before, mark, after = buffer.getvalue().partition(_INSTANCE_UID)
        if plain:
            self._around_uid[key] = before + mark + after[:2], after[2 + len(instance) :]
        return before + mark + after

    def _elements(self, dataset: Dataset, characters: str | Sequence[str]) -> Iterator[bytes]:
        characters = dataset.get("SpecificCharacterSet", characters)
        for _, element in sorted(dataset.items(), key=tag_number):
            if element.is_raw:
                yield self._as_it_stands(element, characters)
            elif element.VR == "SQ" and not element.is_undefined_length:
                yield self._sequence(element, characters)
            elif element.VR == "OW" and type(element.value) is bytes and not element.is_undefined_length:
                yield _WITH_LENGTH.pack(element.tag.group, element.tag.element, b"OW", 0, len(element.value))
                yield element.value  # not copied: pixels
            else:
                yield self._shared(element, characters)

    def _sequence(self, element: DataElement, characters: str | Sequence[str]) -> bytes:
        items = [self._item(item, characters) for item in element.value or ()]
        if None in items:
            return _encoded(element, characters)
        held = b"".join(items)
        return _WITH_LENGTH.pack(element.tag.group, element.tag.element, b"SQ", 0, len(held)) + held

    def _item(self, item: Dataset, characters: str | Sequence[str]) -> bytes | None:
        """An item of a sequence with its mark; None where pydicom may write it in another way."""
        if getattr(item, "is_undefined_length_sequence_item", False) or not (_stands_as_written(item) or _is_fresh(item)):
            return None
        held = b"".join(self._elements(item, characters))
        return _ITEM.pack(0xFFFE, 0xE000, len(held)) + held

    def _as_it_stands(self, element: RawDataElement, characters: str | Sequence[str]) -> bytes:
        """As ``_shared``, for the very element that slices share, which is known by its identity as long as it is held here."""
        held = self._raw.get(id(element))
        if held is not None:
            return held[1]
        found = self._shared(element, characters)
        if len(found) <= MAX_KNOWN:
            self._raw[id(element)] = element, found
        return found

    def _shared(self, element: DataElement | RawDataElement, characters: str | Sequence[str]) -> bytes:
        key = _key(element, characters)
        if key is None:
            return _encoded(element, characters)
        if key not in self._known:
            self._known[key] = _encoded(element, characters)
        return self._known[key]


def _key(element: DataElement | RawDataElement, characters: str | Sequence[str]) -> Hashable | None:
    """All that the bytes of an element depend on; None where that is long, or not told in a few words."""
    value = element.value
    if element.is_raw:
        return (int(element.tag), element.VR, value, element.length) if len(value or b"") <= MAX_KNOWN else None
    if isinstance(value, MultiValue) and all(type(part) is str for part in value):
        value = tuple(value)
    if type(value) not in (str, int, UID, tuple) or element.is_undefined_length or (type(value) is str and len(value) > MAX_KNOWN):
        return None
    return int(element.tag), element.VR, type(value), value, str(characters)


def _encoded(element: DataElement | RawDataElement, characters: str | Sequence[str]) -> bytes:
    buffer = _buffer()
    write_data_element(buffer, element, characters)
    return buffer.getvalue()


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> None:
    """Write a dataset as a DICOM file with fresh file meta information and an empty preamble."""
    _set_meta(dataset, syntax)
    try:
        if int(pydicom.__version__.split(".")[0]) >= 3:
            dataset.save_as(path, enforce_file_format=True)
        else:
            dataset.is_little_endian, dataset.is_implicit_VR = True, False
            dataset.save_as(path, write_like_original=False)
    except OSError as error:  # pydicom raises another one, without a number, for that of the disk
        if error.errno is None and isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _set_meta(dataset: Dataset, syntax: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128


def _stands_as_written(dataset: Dataset) -> bool:
    """No element has to be decoded to be written: what pydicom asks, too, before it writes bytes as they stand."""
    if encoding_of(dataset) != ((False, True), dataset._character_set):
        return False
    return all(tag >> 16 > 2 and tag & 0xFFFF for tag in map(int, dataset.keys()))


def _is_fresh(item: Dataset) -> bool:
    """Made here, of elements that are decoded and whose representation is settled: none has to be asked what it is."""
    return all(not element.is_raw and len(element.VR) == 2 and element.VR != "SQ" and element.tag.element for element in item.values())


def _buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    return buffer
