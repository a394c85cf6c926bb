"""What of a header can be read, judged and written: the rest goes, because nobody could say what it holds."""

from __future__ import annotations

import io
import math
import re
import struct
from collections import Counter
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..input.dicom_files import PIXELS
from .raw import can_stay_raw

#: What the values of a representation look like (PS3.5 6.2); anything else under it could be a text.
_FORMS = {
    "DS": re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf", re.IGNORECASE),
    "IS": re.compile(r"[-+]?\d+(?:\.0*)?"),
    "UI": re.compile(r"[0-9.]+"),
    "AS": re.compile(r"\d{3}[DWMY]"),
    "DA": re.compile(r"\d{8}|\d{4}\.\d\d\.\d\d"),
    "TM": re.compile(r"[\d:.]+"),
    "DT": re.compile(r"[\d.]+(?:[-+]\d{4})?"),
}


def is_of_its_kind(element: DataElement) -> bool:
    """The value representation is one that the standard has for the tag; of a tag that it does not have, nothing can be."""
    form = _FORMS.get(element.VR)
    values = element.value if isinstance(element.value, (list, MultiValue)) else [element.value]
    if form is not None and not all(value is None or value == "" or form.fullmatch(_plain(value)) for value in values):
        return False
    if element.tag.is_private or element.VR == "UN":
        return True
    if not dictionary_has_tag(element.tag):
        return False
    return bool(set(element.VR.split(" or ")) & set(dictionary_VR(element.tag).split(" or ")))


#: What can be read from bytes of a wrong representation beyond doubt: numbers of a fixed length, and what has a form of its own.
_SIZES = {"FD": 8, "FL": 4, "US": 2, "SS": 2, "UL": 4, "SL": 4}
_LETTERS = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "I", "SL": "i"}
_CODED = re.compile(r"[A-Z0-9_ ]{1,16}(?:\\[A-Z0-9_ ]{1,16})*")


def read_as(element: DataElement, vr: str) -> DataElement | None:
    """A binary element (OB, UN ...) read by another representation, as some archives store what they do not know; None where it cannot be.

    Numbers must be whole, finite and of little endian; coded words and number strings must have their form.
    """
    raw = element.value
    if element.VR not in ("OB", "OW", "UN") or not isinstance(raw, bytes) or not raw:
        return None
    try:
        if vr in _SIZES and len(raw) % _SIZES[vr] == 0:
            values = list(struct.unpack(f"<{len(raw) // _SIZES[vr]}{_LETTERS[vr]}", raw))
            return DataElement(element.tag, vr, values if len(values) > 1 else values[0]) if all(map(math.isfinite, values)) else None
        text = raw.decode("ascii").rstrip(" \0")
        if (vr == "CS" and _CODED.fullmatch(text)) or (vr in ("DS", "IS") and all(_FORMS[vr].fullmatch(part) for part in text.split("\\"))):
            return DataElement(element.tag, vr, text)
    except (ValueError, OverflowError):  # no text, or a number that no scanner writes
        return None
    return None


def as_listed(element: DataElement) -> DataElement | None:
    """An element of a wrong representation, read by the standard's own; None where that does not settle it."""
    if element.tag.is_private or not dictionary_has_tag(element.tag):
        return None
    return read_as(element, dictionary_VR(element.tag))


def _plain(value: object) -> str:
    """A value as text; a number as it stood in the file."""
    return str(getattr(value, "original_string", value)).strip("\0 ")


@dataclass(eq=False)
class Writable:
    """Takes out what can be read but not be written; a value that was written once, as most of a series are, is not tried again."""

    _fine: set[tuple[str, str]] = field(default_factory=set)

    def drop_others(self, dataset: Dataset, counts: Counter[str]) -> None:
        """Take out, at every depth, the elements that cannot be written."""
        waiting = [dataset]
        while waiting:
            current = waiting.pop()
            for tag, item in list(current.items()):
                if int(tag) in PIXELS or (can_stay_raw(item) and item.VR not in ("SQ", "UN")):
                    continue  # its bytes are written as they stand
                element = current[tag]
                if element.VR == "SQ":
                    waiting.extend(element.value or ())
                elif not self._is_fine(element):
                    del current[element.tag]
                    counts["unwritable_removed"] += 1

    def _is_fine(self, element: DataElement) -> bool:
        key = (element.VR, str(element.value))
        if key not in self._fine:
            if not _is_writable(element):
                return False
            self._fine.add(key)
        return True


def _is_writable(element: DataElement) -> bool:
    from pydicom.filebase import DicomFileLike
    from pydicom.filewriter import write_data_element

    target = DicomFileLike(io.BytesIO())
    target.is_little_endian, target.is_implicit_VR = True, False
    try:
        write_data_element(target, element)
    except Exception:  # pydicom raises whatever a value led to
        return "or" in element.VR.split()  # settled by the rest of the data set when it is written
    return True
