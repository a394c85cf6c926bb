"""One data set cleaned: every element at every depth meets its action of the table, or the rule of its value representation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from .codes import is_well_formed
from .content import CONTENT, item_action, refers_by_position, value_keyword
from .memory import Judged, Memory
from .raw import can_stay_raw, raw_items
from .readable import as_listed, is_of_its_kind
from .table import BY_VR, CLEAN, DUMMY, EMPTY, KEEP, REMOVE, UID, Actions
from .terms import is_term
from .values import DUMMY_SCHEME, aged, code_dummy, dummy, text_of, uid_parts

TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
_DATES = frozenset({"DA", "DT"})
#: Dates that are no patient's and stand in the standard or in a template for all to read: moved, they would tell the shift of all dates.
_PUBLISHED = frozenset(
    {
        "ContextGroupVersion",
        "ContextGroupLocalVersion",
        "TemplateVersion",
        "TemplateLocalVersion",
        "EffectiveDateTime",
        "InformationIssueDateTime",
    }
)
_BINARY = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})
#: Binary values that are the image, or how it is shown.
_IMAGE = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010, 0x7FE00001, 0x7FE00002, 0x00283006})
_PALETTES = frozenset({0x00281201, 0x00281202, 0x00281203, 0x00281204, 0x00281221, 0x00281222, 0x00281223, 0x00281224})
#: Texts that are no free text: they name machines and methods; they may hold no identifier of the patient all the same.
_TECHNICAL = frozenset(
    {
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "CodingSchemeResponsibleOrganization",
        "MappingResource",
        "ContextIdentifier",
        "URNCodeValue",
    }
)
_CODES = frozenset({"CodeValue", "LongCodeValue"})
_CODE_TAGS = frozenset({0x00080100, 0x00080119})
#: UIDs that name classes and terminologies and no object.
_CLASSES = frozenset({"TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID", "TemplateUID"})
#: A part of a UID that is a date, or begins with one.
_DATED = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
#: A number or a date of somebody in a code or a name of a method.
_NUMBER = re.compile(r"\d{6,}|\d{1,4}[-./ ]\d\d?[-./ ]\d{1,4}|\d+[-/ ]\d{4,}")


@dataclass(frozen=True)
class Rules:
    """How single values are replaced. ``date`` gives None for one that cannot be moved; ``text`` cleans; ``uid`` gives the new UID;
    ``is_number`` knows the patient's numbers among those of an attribute.

    ``context`` is the same where all of these give the same, as far as the known identifiers are the same.
    """

    text: Callable[[str], str]
    uid: Callable[[str], str]
    date: Callable[[str, str], str | None]
    is_known: Callable[[str], bool]
    is_number: Callable[[str, str], bool]
    times_stay: bool
    context: Hashable = None


@dataclass(eq=False)
class Walker:
    """Cleans data sets of one SOP class in place; ``counts`` counts what was done, ``memory`` is of these actions and rules."""

    actions: Actions
    rules: Rules
    counts: Counter[str]
    memory: Memory = field(default_factory=Memory)
    _counted: list[str] = field(default_factory=list)
    #: The coding scheme of the code at hand.
    _named_by: str = ""

    def clean(self, dataset: Dataset) -> None:
        """Every element at every depth."""
        self._by_position = refers_by_position(dataset)
        waiting = [(dataset, "")]
        while waiting:
            current, around = waiting.pop()
            for tag, item, key in raw_items(current):
                if int(tag) in _IMAGE:
                    continue
                key = None if key is None or around in CONTENT else (around, key, _scheme(current, tag))
                if key is not None and (judged := self.memory.get(key)) is not None:
                    self._again(current, tag, item, judged)
                    continue
                self._named_by = _scheme(current, tag)
                if (element := self._first(current, tag, item, around, key)) is not None and element.VR == "SQ":
                    waiting.extend((item, element.keyword) for item in element.value or ())

    def _again(self, dataset: Dataset, tag: BaseTag, item: DataElement | RawDataElement, judged: Judged) -> None:
        """Do with an element what was done with its like."""
        for what in judged.counted:
            self.counts[what] += 1
        if not judged.stays:
            dataset.pop(tag, None)
        elif judged.changed or not can_stay_raw(item):
            dataset[tag] = DataElement(tag, judged.vr, judged.value, already_converted=True)

    def _first(self, dataset: Dataset, tag: BaseTag, item: DataElement | RawDataElement, around: str, key: Hashable) -> DataElement | None:
        """Judge an element that nobody has seen; None for one that goes."""
        self._counted = []
        try:
            element = self._as_listed(dataset, tag)
            before = element.value
            stays = self._one(dataset, element, around)
        except Exception:  # whatever a damaged element leads to: nobody could judge it
            stays = False
            self._count("unreadable_removed")
        if not stays:
            dataset.pop(tag, None)
            if key is not None:
                self.memory.put(key, Judged(False, True, "", None, tuple(self._counted)))
            return None
        changed = element.value is not before
        if not changed and key is not None and can_stay_raw(item):
            dataset[tag] = item
        if key is not None:
            self.memory.put(key, Judged(True, changed, element.VR, element.value, tuple(self._counted)))
        return element

    def _count(self, what: str) -> None:
        self._counted.append(what)
        self.counts[what] += 1

    def _as_listed(self, dataset: Dataset, tag: BaseTag) -> DataElement:
        """An element, read by the representation that the standard has for it where another program stored it as bytes."""
        element = dataset[tag]
        if element.VR in _BINARY and (read := as_listed(element)) is not None:
            self._count("read_anew")
            dataset[tag] = element = read
        return element

    def _one(self, dataset: Dataset, element: DataElement, around: str) -> bool:
        """Clean one element; False where it goes."""
        tag = element.tag
        if tag.is_private or element.VR == "UN" or tag.element == 0 or tag.group in (0x0002, 0x0004, 0xFFFC) or _draws(tag.group):
            self._count("removed")
            return False
        if not is_of_its_kind(element):
            self._count("unreadable_removed")
            return False
        action = self.actions.of_tag(tag, element.keyword, around)
        if around in CONTENT and element.keyword == value_keyword(dataset):
            said = item_action(dataset, self.actions.options)
            action = DUMMY if said == REMOVE else said or BY_VR
        if element.VR == "SQ":
            return self._sequence(element, action, around)
        return self._value(element, action, around)

    def _sequence(self, element: DataElement, action: str, around: str) -> bool:
        """Items are cleaned one by one afterwards; content items that may not stay go here."""
        if element.keyword in CONTENT and action in (BY_VR, CLEAN):
            self._drop_items(element)
            return True
        if action in (BY_VR, CLEAN, KEEP, UID):
            return True
        self._count("sequences_removed")
        wanted = self.actions.without(element.keyword, around)
        if wanted == REMOVE:
            return action == EMPTY and self._set(element, [])
        if wanted == EMPTY:
            return self._set(element, [])
        return self._set(element, [code_dummy()] if element.keyword.endswith("CodeSequence") else list(element.value or ())[:1])

    def _drop_items(self, element: DataElement) -> None:
        if self._by_position:
            return
        kept = [item for item in element.value or () if item_action(item, self.actions.options) != REMOVE]
        if len(kept) < len(element.value or ()):
            self.counts["content_items_removed"] += len(element.value) - len(kept)
            element.value = kept

    def _value(self, element: DataElement, action: str, around: str) -> bool:
        if action == REMOVE:
            self._count("removed")
            return False
        if element.value is None or element.value == "":
            return True
        if action == DUMMY and not (element.VR in _DATES and self.rules.times_stay):
            self._count("dummied")
            return self._set(element, dummy(element.VR) if element.VR != "UI" else self._new_uids(element))
        if action == EMPTY:
            self._count("emptied")
            return self._set(element, None)
        if action == KEEP and not any(self.rules.is_known(value) for value in _texts(element)):
            self._count("kept")
            return True
        return self._set_or_without(element, self._cleaned(element, action), around)

    def _cleaned(self, element: DataElement, action: str) -> object:
        """The value as it may stay; None where nothing of it may."""
        vr, keyword = element.VR, element.keyword
        if keyword == "TimezoneOffsetFromUTC":
            return None  # where it was; all dates and times are told in the same zone
        if vr in _DATES:
            return self._dates(element)
        if vr == "TM":
            return element.value if self.rules.times_stay else None
        if vr in ("AS", "IS", "DS"):
            return self._figures(element)
        if vr in TEXTS:
            return self._texts(element)
        if vr == "UI":
            stays = _is_class(keyword) and action == BY_VR and not self._is_in_uid(element)
            return element.value if stays else self._new_uids(element)
        if vr in ("PN", "AE"):
            return None
        if vr == "UR":
            return element.value if keyword == "URNCodeValue" and str(element.value).startswith("urn:") else None
        if vr == "CS":
            return self._codes(element, action)
        if keyword == "ICCProfile":
            return _generic_colours()
        if vr in _BINARY:
            return element.value if int(element.tag) in _PALETTES else None
        return element.value

    def _dates(self, element: DataElement) -> object:
        if element.keyword in _PUBLISHED:
            return None
        moved = [self.rules.date(element.VR, value) for value in _texts(element)]
        if None in moved:
            return None
        self._count("dates_shifted")
        return moved if len(moved) > 1 else moved[0]

    def _figures(self, element: DataElement) -> object:
        """Numbers that are none of the patient's; ages at any depth, those of 90 and more as one class."""
        values = _texts(element)
        if element.VR != "AS":
            return None if len(values) == 1 and self.rules.is_number(element.keyword, values[0]) else element.value
        new = [aged(value) for value in values]
        if new == values:
            return element.value
        return (new if len(new) > 1 else new[0]) if any(new) else None

    def _texts(self, element: DataElement) -> object:
        values = _texts(element)
        if element.keyword in _TECHNICAL and not any(self.rules.is_known(value) or _NUMBER.search(value) for value in values):
            return element.value
        if element.keyword in _CODES:
            return element.value if all(self._is_code(value) for value in values) else None
        new = [self.rules.text(value) for value in values]
        if new == values:
            return element.value
        self._count("texts_cleaned")
        return (new if len(new) > 1 else new[0]) if any(new) else None

    def _is_code(self, value: str) -> bool:
        """A code of a standard scheme, or one without a long number; none of the patient's."""
        return not self.rules.is_known(value) and (is_well_formed(value, self._named_by) or not _NUMBER.search(value))

    def _codes(self, element: DataElement, action: str) -> object:
        """Coded words: one of the table is a defined term or nothing; others lose known identifiers that are no word of the standard."""
        values = _texts(element)
        new = [self.rules.text(value) if action != BY_VR else "" if self._tells(element.keyword, value) else value for value in values]
        if new == values:
            return element.value
        return (new if len(new) > 1 else new[0]) if any(new) else None

    def _tells(self, keyword: str, value: str) -> bool:
        """A term of the attribute (HEAD as a body part) names nobody, whatever the patient is called; a long number may be somebody's."""
        return bool(_NUMBER.search(value)) or (self.rules.is_known(value) and not is_term(keyword, value))

    def _is_in_uid(self, element: DataElement) -> bool:
        """True where one of the patient's numbers, or a date, is a part of a UID."""
        parts = {part for value in _texts(element) for part in uid_parts(value.strip())}
        return any(_DATED.match(part) or any(self.rules.is_number(element.keyword, run) for run in (part, part[:8])) for part in parts)

    def _new_uids(self, element: DataElement) -> object:
        new = [self.rules.uid(value.strip()) for value in _texts(element)]
        self._count("uids_replaced")
        return new if len(new) > 1 else new[0] if new else None

    def _set(self, element: DataElement, value: object) -> bool:
        element.value = value
        return True

    def _set_or_without(self, element: DataElement, value: object, around: str) -> bool:
        """Take a cleaned value; where nothing is left of it, what the standard asks for."""
        if value is element.value:
            return True
        if value is not None:
            return self._set(element, value)
        self._count("emptied")
        wanted = self.actions.without(element.keyword, around)
        if wanted == REMOVE:
            return False
        if wanted == EMPTY:
            return self._set(element, None)
        return self._set(element, DUMMY_SCHEME if element.keyword == "CodingSchemeDesignator" else dummy(element.VR))


def _generic_colours() -> bytes | None:
    """A colour profile that names no device; None where the imaging library is missing."""
    try:
        from dentdeid.dicom.meta import srgb_icc_profile

        return srgb_icc_profile()
    except ImportError:
        return None


def _scheme(dataset: Dataset, tag: BaseTag) -> str:
    """The scheme of a code value; nothing for any other element."""
    return text_of(dataset, "CodingSchemeDesignator").strip() if int(tag) in _CODE_TAGS else ""


def _draws(group: int) -> bool:
    """Overlays and curves (repeating groups of PS3.6)."""
    return group & 0xFF01 in (0x5000, 0x6000)


def _is_class(keyword: str) -> bool:
    return keyword in _CLASSES or keyword.endswith("ClassUID") or keyword == "ContextGroupExtensionCreatorUID"


def _texts(element: DataElement) -> list[str]:
    value = element.value
    return [str(one) for one in (value if isinstance(value, (list, MultiValue)) else [value]) if one is not None]
