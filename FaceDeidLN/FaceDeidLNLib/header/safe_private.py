"""Private elements that are known to be safe: rows of PS3.15 Table E.3.10-1 that CT, PET and MR of head and neck have.

Only numbers and coded words are kept, under the VR of the table: a text could hold anything, whatever the table says. The rows were
compared with those of three programs that read the table from the standard (editions 2024 to 2026a).
"""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from .readable import read_as

_NUMBERS = frozenset({"DS", "IS", "FL", "FD", "SS", "US", "SL", "UL"})
#: (private creator, group) -> the last two hexadecimal digits of the element -> its VR in the table.
SAFE: dict[tuple[str, int], dict[int, str]] = {
    ("Philips PET Private Group", 0x7053): {0x00: "DS", 0x09: "DS"},  # SUV factor, activity concentration factor
    ("ELSCINT1", 0x00E1): {0x21: "DS", 0x50: "DS"},  # DLP, acquisition duration
    ("ELSCINT1", 0x01E1): {0x26: "CS"},  # phantom type
    ("ELSCINT1", 0x01F1): {0x01: "CS", 0x07: "DS", 0x26: "DS", 0x27: "DS"},  # acquisition type, table velocity, pitch, rotation time
    ("GEMS_ACQU_01", 0x0019): {0x23: "DS", 0x24: "DS", 0x27: "DS"},  # table speed, mid scan time, rotation speed
    ("GEMS_PARM_01", 0x0043): {0x27: "SH", 0x39: "IS", 0x6F: "DS"},  # scan pitch ratio, b value, table entry
    ("GEMS_HELIOS_01", 0x0045): {0x01: "SS", 0x02: "FL"},  # macro rows in detector, macro width at the isocentre
    ("GEMS_SERS_01", 0x0025): {0x07: "SL"},  # images in series
    ("SIEMENS MR HEADER", 0x0019): {0x0C: "IS", 0x0D: "CS", 0x0E: "FD", 0x27: "FD"},  # b value, directionality, gradient, b matrix
    ("Philips Imaging DD 001", 0x2001): {0x03: "FL", 0x04: "CS"},  # diffusion b factor, diffusion direction
    ("Philips MR Imaging DD 001", 0x2005): {0x0D: "FL", 0x0E: "FL"},  # scale intercept, scale slope
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
        vr = SAFE.get((creator, tag.group), {}).get(tag.element & 0xFF)
        if vr is None:
            continue
        element = dataset[tag] if vr == dataset[tag].VR else read_as(dataset[tag], vr)
        if element is not None and _is_plain(element):
            found[creator_tag] = dataset[creator_tag]
            found[int(tag)] = element
    return [found[tag] for tag in sorted(found)]


def _is_plain(element: DataElement) -> bool:
    """Numbers, few of them, or one coded word without a digit run that could be an identifier."""
    values = element.value if isinstance(element.value, (list, tuple)) or element.VM > 1 else [element.value]
    if element.VR in _NUMBERS:
        return len(values) <= _MOST_NUMBERS
    text = str(element.value or "")
    return element.VR in ("CS", "SH") and len(text) <= _LONGEST_WORD and sum(c.isdigit() for c in text) <= 4
