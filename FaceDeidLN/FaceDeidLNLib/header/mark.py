"""What the mark of a cleaned header vouches for: who the patient is in it, and every date at every depth.

A file that was cleaned before keeps its pseudonym and its dates, so these must be the ones that were written then: nothing is believed
of a header in which one of them was changed, added or taken away, or which was given another's mark.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..input.dicom_files import PIXELS
from .raw import listed_vr, raw_items
from .values import text_of

#: What begins the value of (0012,0063) that holds the mark.
MARK = "FaceDeidLN header "
#: What stays as it is where a mark is believed, beside dates.
_PERSON = ("PatientID", "PatientName", "StudyID")
#: Only these are decoded: dates, what holds them, and what may be either.
_LOOKED_AT = ("DA", "DT", "SQ", "UN")


def vouched(dataset: Dataset) -> str:
    """The text that a mark is a keyed hash of; the same whatever order and transfer syntax the header is written in."""
    person = (f"{keyword}={text_of(dataset, keyword)}" for keyword in _PERSON)
    return "\n".join([*person, *sorted(_dates(dataset, ""))])


def _dates(dataset: Dataset, where: str) -> Iterator[str]:
    """Place and value of every date and date-time; what cannot be decoded is told by its bytes."""
    for tag, item, _ in raw_items(dataset):
        vr = item.VR or listed_vr(int(tag))
        if vr not in _LOOKED_AT or int(tag) in PIXELS:
            continue
        place = f"{where}/{int(tag):08x}"
        try:
            element = dataset[tag]
            items = list(element.value or ()) if element.VR == "SQ" else None
            said = "" if items is not None else _said(element)
        except Exception:  # pydicom raises whatever a damaged element leads to
            items, said = None, repr(item.value)
        for number, inner in enumerate(items or ()):
            yield from _dates(inner, f"{place}#{number}")
        if said:
            yield f"{place}={said}"


def _said(element: DataElement) -> str:
    """The values of a date as text; nothing for another element, and for none."""
    if element.VR not in ("DA", "DT") or not element.value:
        return ""
    values = element.value if element.VM > 1 else [element.value]
    return "\\".join(str(value).strip("\0 ") for value in values)
