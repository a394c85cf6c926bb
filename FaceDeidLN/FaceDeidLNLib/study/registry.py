"""The families there are, by the name that the table of rules uses, in the order in which they are worked on."""

from __future__ import annotations

from .ct import CtFamily
from .documents import DocumentsFamily
from .family import ObjectFamily
from .pet_mr import PetMrFamily
from .registration import RegistrationFamily
from .rtdose import RtDoseFamily
from .rtstruct import RtStructFamily
from .rules import WITHHELD, rule_for
from .seg import SegFamily
from .withheld import WithheldFamily

#: CT first: it says where the face is. Then registrations, which lead to it, and what is made after it.
FAMILIES: dict[str, ObjectFamily] = {
    family.name: family
    for family in (
        CtFamily(),
        RegistrationFamily(),
        PetMrFamily(),
        RtStructFamily(),
        RtDoseFamily(),
        SegFamily(),
        DocumentsFamily(),
        WithheldFamily(),
    )
}


def family_of(sop_class: str) -> str:
    """The name of the family of a SOP class; withheld where it has none."""
    name = rule_for(sop_class).family
    return name if name in FAMILIES else WITHHELD
