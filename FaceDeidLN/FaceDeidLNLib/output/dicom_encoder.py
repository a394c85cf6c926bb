"""Data sets as DICOM files: explicit VR little endian, fresh file meta information, an empty preamble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.uid import ExplicitVRLittleEndian

from ..input.dicom_files import encoding_of
from .dicom_plain import MAX_KNOWN

_PREAMBLE = b"\0" * 128 + b"DICM"


class Encoder:
    """Saves data sets. The slices of a series share nearly all of their elements, and each of those is encoded once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, bytes], bytes] = {}

    def save(self, dataset: Dataset, path: Path) -> None:
        """As ``save``, whose bytes are the same."""
        if int(pydicom.__version__.split(".")[0]) < 3 or not _stands_as_written(dataset):
            save(dataset, path)
            return
        _set_meta(dataset, ExplicitVRLittleEndian)
        meta = _buffer()
        write_file_meta_info(meta, dataset.file_meta, enforce_standard=True)
        with path.open("wb") as file:
            file.writelines((_PREAMBLE, meta.getvalue(), *self._elements(dataset)))

    def _elements(self, dataset: Dataset) -> Iterator[bytes]:
        characters = dataset.get("SpecificCharacterSet", "iso8859")
        for tag in sorted(dataset.keys(), key=int):
            element = dataset.get_item(tag)
            if element.is_raw and len(element.value or b"") <= MAX_KNOWN:
                yield self._shared(element)
                continue
            buffer = _buffer()
            write_data_element(buffer, element, characters)
            yield buffer.getvalue()

    def _shared(self, element: RawDataElement) -> bytes:
        key = (int(element.tag), element.VR, element.value)
        if key not in self._known:
            buffer = _buffer()
            write_data_element(buffer, element)
            self._known[key] = buffer.getvalue()
        return self._known[key]


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> None:
    """Write a dataset as a DICOM file with fresh file meta information and an empty preamble."""
    _set_meta(dataset, syntax)
    if int(pydicom.__version__.split(".")[0]) >= 3:
        dataset.save_as(path, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(path, write_like_original=False)


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


def _buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    return buffer
