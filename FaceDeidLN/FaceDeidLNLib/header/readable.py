"""What of a header can be read, judged and written: the rest goes, because nobody could say what it holds."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..input.dicom_files import PIXELS

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
    """The value representation is one that the standard has for the tag; of private elements and unknown tags nothing is known."""
    form = _FORMS.get(element.VR)
    values = element.value if isinstance(element.value, (list, MultiValue)) else [element.value]
    if form is not None and not all(value is None or value == "" or form.fullmatch(_plain(value)) for value in values):
        return False
    if element.tag.is_private or element.VR == "UN" or not dictionary_has_tag(element.tag):
        return True
    return bool(set(element.VR.split(" or ")) & set(dictionary_VR(element.tag).split(" or ")))


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
            for element in [current[tag] for tag in current.keys() if int(tag) not in PIXELS]:  # noqa: SIM118
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
