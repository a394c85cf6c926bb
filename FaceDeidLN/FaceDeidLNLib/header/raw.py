"""Elements as their bytes stand in a file: what was judged once, as most of a series are, need not be decoded and judged again."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import lru_cache

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

#: The same key means the same tag, representation, bytes and character set; None where the bytes alone do not settle the value.
Key = tuple[Hashable, ...] | None
#: Longer values are not worth remembering.
_LONGEST = 4096


def raw_items(dataset: Dataset) -> Iterator[tuple[BaseTag, DataElement | RawDataElement, Key]]:
    """The tags of a data set, each with its element as it stands, and with its key; nothing is decoded."""
    sets = dataset._character_set  # what pydicom decodes with; it tells it nowhere else
    character_set = sets if isinstance(sets, str) else tuple(sets or ())
    for tag, item in list(dataset.items()):
        yield tag, item, _key(item, character_set)


def _key(item: object, character_set: Hashable) -> Key:
    if not isinstance(item, RawDataElement) or not isinstance(item.value, bytes) or len(item.value) > _LONGEST:
        return None
    vr = item.VR or listed_vr(int(item.tag))
    if vr in ("", "SQ", "UN") or " " in vr:
        return None
    return int(item.tag), vr, item.VR is None, item.is_little_endian, character_set, item.value


@lru_cache(maxsize=4096)
def listed_vr(tag: int) -> str:
    """The representation of the dictionary for a tag of implicit VR; empty where it has none."""
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


def is_sequence(tag: int, item: DataElement | RawDataElement) -> bool:
    """True for a sequence of items, one of implicit VR too, whose representation is the dictionary's."""
    return (item.VR or listed_vr(int(tag))) == "SQ"


def can_stay_raw(item: object) -> bool:
    """True for an element whose bytes can be written as they are, in explicit VR little endian."""
    return isinstance(item, RawDataElement) and item.VR is not None and item.is_little_endian and len(item.value or b"") % 2 == 0
