"""The whole data set of an instance as the families want it: with a transfer syntax, its numbers in little endian."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..input.dicom_files import encoding_of
from ..output.dicom_plain import WORD_BYTES

_PIXELS = 0x7FE00010


def whole_of(path: Path) -> Dataset:
    """All of a file, also of one without preamble or in big endian, which pydicom reads and does not write in another encoding."""
    dataset = pydicom.dcmread(path, force=True)
    is_implicit, is_little = encoding_of(dataset)[0]
    if not is_little:
        dataset, is_implicit = _turned(dataset, _pixel_bytes(dataset)), False
    if "TransferSyntaxUID" not in getattr(dataset, "file_meta", ()):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
    return dataset


def _pixel_bytes(dataset: Dataset) -> int:
    return max(2, int(dataset.get("BitsAllocated") or 0) // 8)


def _turned(dataset: Dataset, pixel_bytes: int) -> Dataset:
    """The same elements, decoded, with every binary value in little endian."""
    out = Dataset()
    for element in dataset:
        value = element.value
        if element.VR == "SQ":
            value = [_turned(item, _pixel_bytes(item)) for item in value or ()]
        elif element.VR in WORD_BYTES and isinstance(value, bytes):
            size = pixel_bytes if element.tag == _PIXELS else WORD_BYTES[element.VR]
            value = np.frombuffer(value[: len(value) // size * size], f">u{size}").astype(f"<u{size}").tobytes()
        out.add_new(element.tag, element.VR, value)
    return out
