"""The header of a source file as one that can be written: every element decoded once, and kept as its bytes stand.

What cannot be decoded is left out by name: nobody reads it, and it must not stop the work.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from ..core.errors import OutputError

#: Sequences in sequences: no CT header has more than a handful of levels.
MAX_LEVELS = 24
#: Bytes per value of the representations that pydicom hands on undecoded, for the order of their bytes.
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def plain_header(source: Dataset, left_out: set[str]) -> Dataset:
    """A copy of a data set that can be written in explicit VR little endian, whatever the source's encoding was.

    Group lengths are not kept (retired, PS3.5 7.2). The names of elements that cannot be decoded are added to ``left_out``.

    :raises OutputError: sequences nest deeper than ``MAX_LEVELS``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd value is no reason to talk: it is kept as it stands
        return _plain(source, left_out, 0)


def leaves(dataset: Dataset) -> Iterator[tuple[Dataset, BaseTag, bytes]]:
    """Every element of a plain header that is no sequence, at every depth: the data set that holds it, its tag and its bytes."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        if element.VR != "SQ":
            yield dataset, tag, element_bytes(dataset, tag)
        else:
            for item in element.value or ():
                yield from leaves(item)


def element_bytes(dataset: Dataset, tag: BaseTag) -> bytes:
    """The value of an element as it would be written in explicit VR little endian."""
    element = dataset.get_item(tag)
    if element.is_raw:
        return element.value or b""
    return _encoded(element)


def _plain(source: Dataset, left_out: set[str], level: int) -> Dataset:
    if level > MAX_LEVELS:
        raise OutputError(f"the header nests sequences more than {MAX_LEVELS} levels deep: it is damaged")
    fresh = Dataset()
    fresh.set_original_encoding(False, True, source._character_set)
    for tag in sorted(source.keys()):
        if tag.group <= 0x0002 or tag.element == 0:
            continue
        raw = source.get_item(tag)
        try:
            element = source[tag]
            if element.VR == "SQ":
                items = [_plain(item, left_out, level + 1) for item in element.value or ()]
                fresh[tag] = DataElement(tag, "SQ", Sequence(items))
            else:
                fresh[tag] = _leaf(source, raw, element)
        except OutputError:
            raise
        except Exception:  # pydicom raises whatever a damaged element led to
            left_out.add(_name(tag))
    return fresh


def _leaf(source: Dataset, raw: DataElement | RawDataElement, element: DataElement) -> RawDataElement:
    """An element that is no sequence, with the bytes it has, or would have in little endian."""
    vr = element.VR
    if len(vr) != 2:
        vr = correct_ambiguous_vr_element(DataElement(element.tag, vr, element.value), source, True).VR
    as_it_stands = raw.is_raw and raw.is_little_endian
    if as_it_stands and raw.value is not None and raw.length not in (len(raw.value), 0xFFFFFFFF):
        raise ValueError("the value ends early")
    value = (raw.value or b"") if as_it_stands else _encoded(DataElement(element.tag, vr, element.value))
    if not as_it_stands and raw.is_raw and vr in _WORDS:
        value = np.frombuffer(value, f"u{_WORDS[vr]}").byteswap().tobytes()
    value = value + (b"\0" if len(value) % 2 else b"")
    return RawDataElement(element.tag, vr, len(value), value, 0, False, True)


def _encoded(element: DataElement) -> bytes:
    holder, buffer = Dataset(), DicomBytesIO()
    holder[element.tag] = element
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_dataset(buffer, holder)
    return buffer.getvalue()[8:]


def _name(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"
