"""The header of a source file as one that can be written: every element decoded once, and kept as its bytes stand.

What cannot be decoded is left out by name: nobody reads it, and it must not stop the work.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Hashable, Iterator

import numpy as np
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from ..core.errors import OutputError

#: Sequences in sequences: no CT header has more than a handful of levels.
MAX_LEVELS = 24
#: Longer values, in bytes, are not remembered: they take room, and few come twice.
MAX_KNOWN = 1024
#: Bytes of the words of which a binary value consists, for the order of their bytes (PS3.5 7.3); those of pixels are as long as a pixel.
WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


class PlainHeaders:
    """Makes plain headers. The slices of a series share nearly all of their elements, and each of those is decoded once.

    ``left_out`` holds the names of elements that could not be decoded.
    """

    def __init__(self) -> None:
        self.left_out: set[str] = set()
        self._known: dict[Hashable, RawDataElement | None] = {}

    def plain(self, source: Dataset) -> Dataset:
        """A copy of a data set that can be written in explicit VR little endian, whatever the source's encoding was.

        Group lengths are not kept (retired, PS3.5 7.2). An odd value is no reason to talk: it is kept as it stands.

        :raises OutputError: sequences nest deeper than ``MAX_LEVELS``.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._plain(source, 0)

    def _plain(self, source: Dataset, level: int) -> Dataset:
        if level > MAX_LEVELS:
            raise OutputError(f"the header nests sequences more than {MAX_LEVELS} levels deep: it is damaged")
        elements: dict[BaseTag, DataElement | RawDataElement] = {}
        characters = str(source._character_set)
        for tag, raw in sorted(source.items(), key=tag_number):
            number = int(tag)
            if number >> 16 <= 0x0002 or not number & 0xFFFF:
                continue
            element = self._decoded(source, tag, level) if raw.VR == "SQ" else self._leaf(source, raw, characters, level)
            if element is None:
                self.left_out.add(_name(tag))
            else:
                elements[tag] = element
        fresh = Dataset(elements)
        fresh.set_original_encoding(False, True, source._character_set)
        return fresh

    def _leaf(self, source: Dataset, raw: DataElement | RawDataElement, characters: str, level: int) -> DataElement | RawDataElement | None:
        """An element as it can be written; None where it cannot be decoded. What is no sequence is remembered."""
        key = _key(source, raw, characters)
        if key is not None and (known := self._known.get(key, raw)) is not raw:
            return known
        element = self._decoded(source, raw.tag, level)
        if key is not None and (element is None or element.is_raw):
            self._known[key] = element
        return element

    def _decoded(self, source: Dataset, tag: BaseTag, level: int) -> DataElement | RawDataElement | None:
        """An element decoded; what turns out to be a sequence (which only decoding shows in implicit VR), with plain items."""
        raw = source.get_item(tag)
        try:
            element = source[tag]
            if element.VR != "SQ":
                return _leaf(source, raw, element)
            return DataElement(tag, "SQ", Sequence([self._plain(item, level + 1) for item in element.value or ()]))
        except OutputError:
            raise
        except Exception:  # pydicom raises whatever a damaged element led to
            return None


def copied(plain: Dataset) -> Dataset:
    """A plain header that can be changed while the other stays; its file meta information is the same."""
    elements = {}
    for tag, element in plain.items():
        if element.is_raw:
            elements[tag] = element  # cannot be changed
        elif element.VR == "SQ":
            elements[tag] = DataElement(tag, "SQ", Sequence([copied(item) for item in element.value or ()]))
        else:
            elements[tag] = copy.deepcopy(element)
    fresh = Dataset(elements)
    fresh.set_original_encoding(False, True, plain._character_set)
    fresh.file_meta = getattr(plain, "file_meta", None)
    return fresh


def leaves(dataset: Dataset) -> Iterator[tuple[Dataset, BaseTag, bytes]]:
    """Every element of a plain header that is no sequence, at every depth: the data set that holds it, its tag and its bytes."""
    for tag, element in list(dataset.items()):
        if element.VR != "SQ":
            yield dataset, tag, value_bytes(element)
        else:
            for item in element.value or ():
                yield from leaves(item)


def value_bytes(element: DataElement | RawDataElement) -> bytes:
    """The value of an element as it would be written in explicit VR little endian."""
    value = element.value
    if element.is_raw:
        return value or b""
    if element.VR == "UI" and isinstance(value, str):  # of each instance another one
        text = value.encode("iso8859")
        return text + b"\0" * (len(text) % 2)
    return _encoded(element)


def tags_of(*keywords: str) -> frozenset[BaseTag]:
    """The tags of the standard's keywords."""
    return frozenset(BaseTag(tag_for_keyword(keyword)) for keyword in keywords)


def _key(source: Dataset, raw: DataElement | RawDataElement, characters: str) -> Hashable | None:
    """Everything that what becomes of an element depends on; None where that is more than itself, its maker and the characters."""
    value, vr = raw.value, raw.VR
    if not raw.is_raw or value is None or len(value) > MAX_KNOWN:
        return None
    maker = None
    if vr is None or vr == "UN":
        if raw.tag.is_private:
            maker = source.get_item(BaseTag((raw.tag & 0xFFFF0000) | raw.tag.element >> 8))
            maker = None if maker is None else bytes(maker.value or b"") if maker.is_raw else str(maker.value)
        elif len(DicomDictionary.get(raw.tag, ("",))[0]) != 2:  # signed or unsigned is said elsewhere in the header
            return None
    return int(raw.tag), vr, value, raw.length, raw.is_little_endian, characters, maker


def tag_number(item: tuple[BaseTag, object]) -> int:
    """The tag of an element as a plain number, which is compared much faster."""
    return int(item[0])


def _leaf(source: Dataset, raw: DataElement | RawDataElement, element: DataElement) -> RawDataElement:
    """An element that is no sequence, with the bytes it has, or would have in little endian."""
    vr = element.VR
    if len(vr) != 2:
        vr = correct_ambiguous_vr_element(DataElement(element.tag, vr, element.value), source, True).VR
    as_it_stands = raw.is_raw and raw.is_little_endian
    if as_it_stands and raw.value is not None and raw.length not in (len(raw.value), 0xFFFFFFFF):
        raise ValueError("the value ends early")
    value = (raw.value or b"") if as_it_stands else _encoded(DataElement(element.tag, vr, element.value))
    if not as_it_stands and raw.is_raw and vr in WORD_BYTES:
        value = np.frombuffer(value, f"u{WORD_BYTES[vr]}").byteswap().tobytes()
    value = value + (b"\0" if len(value) % 2 else b"")
    return RawDataElement(element.tag, vr, len(value), value, 0, False, True)


def _encoded(element: DataElement) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_data_element(buffer, element)
    return buffer.getvalue()[8:]


def _name(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"
