"""Private elements that are known to be safe (PS3.15 E.3.10, Table E.3.10-1), those that CT, PET and MR of head and neck have.

Only numbers and coded words are kept: a text could hold anything, whatever the table says.
"""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

#: (private creator, group) -> the last two hexadecimal digits of the element -> the VRs that it may have.
_NUMBERS = frozenset({"DS", "IS", "FL", "FD", "SS", "US", "SL", "UL"})
_SAFE: dict[tuple[str, int], frozenset[int]] = {
    ("Philips PET Private Group", 0x7053): frozenset({0x00, 0x09}),  # SUV factor, activity concentration factor
    ("ELSCINT1", 0x00E1): frozenset({0x21}),  # DLP
    ("ELSCINT1", 0x01E1): frozenset({0x26, 0x50}),  # phantom type, acquisition duration
    ("ELSCINT1", 0x01F1): frozenset({0x01, 0x07, 0x26, 0x27}),  # acquisition type, table velocity, pitch, rotation time
    ("GEMS_ACQU_01", 0x0019): frozenset({0x23, 0x24, 0x27}),  # table speed, mid scan time, rotation speed
    ("GEMS_PARM_01", 0x0043): frozenset({0x27, 0x39, 0x6F}),  # scan pitch ratio, b value, table entry
    ("GEMS_HELIOS_01", 0x0045): frozenset({0x01, 0x02}),  # macro rows in detector, macro width at the isocentre
    ("GEMS_SERS_01", 0x0025): frozenset({0x07}),  # images in series
    ("SIEMENS MR HEADER", 0x0019): frozenset({0x0C, 0x0D, 0x0E, 0x27}),  # b value, directionality, gradient direction, b matrix
    ("Philips Imaging DD 001", 0x2001): frozenset({0x03, 0x04}),  # diffusion b factor, diffusion direction
}
_LONGEST_WORD = 16
_MOST_NUMBERS = 16


def safe_elements(dataset: Dataset) -> list[DataElement]:
    """The safe private elements at the top of a data set, each after its private creator."""
    found: dict[int, DataElement] = {}
    for tag in [tag for tag in dataset.keys() if tag.is_private and tag.element > 0xFF]:  # noqa: SIM118 (a data set iterates over elements)
        creator_tag = (tag.group << 16) | (tag.element >> 8)
        if creator_tag not in dataset:
            continue
        creator = str(dataset[creator_tag].value).strip()
        if tag.element & 0xFF in _SAFE.get((creator, tag.group), ()) and _is_plain(dataset[tag]):
            found[creator_tag] = dataset[creator_tag]
            found[int(tag)] = dataset[tag]
    return [found[tag] for tag in sorted(found)]


def is_safe(dataset: Dataset, element: DataElement) -> bool:
    """True for a safe private element of a data set, and for a private creator of one."""
    return any(element.tag == other.tag for other in safe_elements(dataset))


def _is_plain(element: DataElement) -> bool:
    """Numbers, few of them, or one coded word without a digit run that could be an identifier."""
    values = element.value if isinstance(element.value, (list, tuple)) or element.VM > 1 else [element.value]
    if element.VR in _NUMBERS:
        return len(values) <= _MOST_NUMBERS
    text = str(element.value or "")
    return element.VR in ("CS", "SH") and len(text) <= _LONGEST_WORD and sum(c.isdigit() for c in text) <= 4
