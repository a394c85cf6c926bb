"""Codes of standard schemes, told by their form: a code may be a long number, and a long number in a code may be somebody's.

SNOMED CT: 6 to 18 figures, a partition and a check digit of Verhoeff (SNOMED CT Release File Specification, SCTID). LOINC: figures, a
hyphen and a check digit modulus 10 (LOINC Users' Guide, appendix C). DCM: five or six figures (PS3.16 Annex D).
"""

from __future__ import annotations

import re

#: Rows of the multiplication table of the dihedral group D5, and of the permutations.
_MULTIPLIED = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_PERMUTED = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")
_SCT = re.compile(r"[1-9]\d{2,14}[01][0-5]\d")
_DCM = re.compile(r"1[0-3]\d{3,4}")
_LOINC = re.compile(r"[1-9]\d{0,6}-\d")


def is_well_formed(value: str, scheme: str) -> bool:
    """True for a code that a standard scheme can have; false for every code of another scheme."""
    value = value.strip()
    if scheme in ("SCT", "SNOMED-CT"):
        return _SCT.fullmatch(value) is not None and _verhoeff(value) == 0
    if scheme == "DCM":
        return _DCM.fullmatch(value) is not None
    return scheme == "LN" and _LOINC.fullmatch(value) is not None and _modulus_10(value[:-2]) == int(value[-1])


def _verhoeff(number: str) -> int:
    """0 for a number whose last figure is its check digit."""
    check = 0
    for place, figure in enumerate(reversed(number)):
        check = int(_MULTIPLIED[check][int(_PERMUTED[place % 8][int(figure)])])
    return check


def _modulus_10(number: str) -> int:
    """The check digit of Luhn: every second figure from the right is doubled, and all are added up."""
    doubled = (int(figure) * (2 - place % 2) for place, figure in enumerate(reversed(number)))
    return -sum(value // 10 + value % 10 for value in doubled) % 10
