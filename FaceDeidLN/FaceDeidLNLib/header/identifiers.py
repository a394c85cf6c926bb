"""What is known of the persons and places of a study while its headers are cleaned: it may stay in no text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from .dated import plain_date
from .known import is_ideographic, values_of
from .raw import Key, raw_items
from .spelling import fold, skeleton
from .values import DUMMY_DATE
from .vocabulary import harmless_words

_PLACES = frozenset({"InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "PatientAddress"})
_NUMBERS = frozenset(
    {
        "PatientID",
        "AccessionNumber",
        "StudyID",
        "AdmissionID",
        "IssuerOfPatientID",
        "MedicalRecordLocator",
        "ServiceEpisodeID",
        "PatientTelephoneNumbers",
        "FillerOrderNumberImagingServiceRequest",
        "PlacerOrderNumberImagingServiceRequest",
        "RequestedProcedureID",
    }
)
#: Representations of days, which some programs write into the numbers of series, acquisitions and instances too.
_DATES = frozenset({"DA", "DT"})
_DAY = re.compile(r"[12]\d{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_DEVICES = frozenset({"StationName", "DeviceSerialNumber"})
#: Representations that hold none of these.
_NEVER = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT", "OB", "OW", "OF", "OD", "OL", "OV", "UI", "TM"})
_MARKS = " .,;:()'\"[]"
_LONG = 4
#: A number of so many figures is known without the zeros before it and the signs in it: anywhere, or as the number of a series.
_LONG_NUMBER, _SERIES_NUMBER = 5, 4
_NUMBERED = frozenset({"SeriesNumber", "AcquisitionNumber"})


@dataclass(eq=False)
class Identifiers:
    """Words (as skeletons, see spelling.py) of persons, places and numbers.

    ``short`` are the short parts of patients' names, which may be words of protocols too (Max, Hu, Ma): they tell in free texts alone.
    ``figures`` are the long numbers without signs and the zeros before them; ``ideographs`` the parts of names that no space parts from
    other words, most family names of one letter among them. ``version`` grows, so that nobody relies on an older state.
    """

    devices_stay: bool = False
    words: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)
    figures: set[str] = field(default_factory=set)
    ideographs: set[str] = field(default_factory=set)
    version: int = 0
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _known_bytes: set[Key] = field(default_factory=set)

    def take(self, dataset: Dataset) -> None:
        """Take in what stands in a data set at any depth; elements that cannot be read are passed over, and removed later."""
        before = len(self.words) + len(self.short) + len(self.ideographs)
        waiting = [dataset]
        while waiting:
            current = waiting.pop()
            for tag, item, key in raw_items(current):
                if key is not None and (key in self._known_bytes or not _may_hold(int(tag), key[1])):
                    continue
                element = None if item.VR in _NEVER else _element(current, tag)
                if element is None:
                    continue
                if key is not None:
                    self._known_bytes.add(key)
                if element.VR == "SQ":
                    waiting.extend(element.value or ())
                else:
                    self._take(element)
        self.version += len(self.words) + len(self.short) + len(self.ideographs) > before

    def _take_day(self, day: str) -> None:
        """The figures of a day (YYYYMMDD), in every order with its whole year."""
        if _DAY.fullmatch(day) and day != DUMMY_DATE:
            written = {day, day[6:] + day[4:6] + day[:4], day[4:] + day[:4]}
            self.figures |= {figures.lstrip("0") for figures in written}
            self.words |= {figures.lstrip("0") for figures in written}

    def _take(self, element: DataElement) -> None:
        if element.VR in _DATES:
            for value in values_of(element):
                self._take_day(plain_date(value))
            return
        keyword = "" if element.VR == "PN" else element.keyword
        if element.VR != "PN" and not self._is_wanted(keyword):
            return
        text = str(element.value or "") if not isinstance(element.value, (list, MultiValue)) else "\\".join(map(str, element.value))
        if (keyword, text) in self._seen:
            return
        self._seen.add((keyword, text))
        if element.VR == "PN":
            found = set(name_words(text))
            self.ideographs |= set(filter(is_ideographic, map(fold, _name_parts(text))))
            if "Patient" in element.keyword or element.keyword == "ResponsiblePerson":
                self.short |= {skeleton(word) for word in _name_parts(text) if 1 < len(word) < _LONG}
        else:
            words = [*_words(text), *([text.strip()] if keyword not in _PLACES else [])]
            found = {word for word in words if len(word) > 2 and (keyword not in _PLACES or word.lower() not in harmless_words())}
            if keyword in _NUMBERS or keyword.startswith("OtherPatient"):
                self.figures |= _figures(text)
        self.words |= {*map(skeleton, found), *(figures for figures in self.figures if len(figures) >= _LONG_NUMBER)}

    def stand_in(self, text: str) -> bool:
        """True where one of the words is the text, a word of it, or a part of a word that no terminology has."""
        plain = fold(text.strip())
        parts = [part for part in re.split(r"[\W_]+", plain) if part]
        if not self.words.isdisjoint(map(skeleton, (plain, *parts))):
            return True
        if any(word in plain for word in self.ideographs):
            return True
        odd = [part for part in (*parts, "".join(parts)) if part not in harmless_words()]
        odd = [skeleton(part) for part in (*odd, *([plain] if odd else []))]
        return any(word in part for word in self.words if len(word) >= _LONG for part in odd)

    def is_number(self, keyword: str, text: str) -> bool:
        """True for a whole number that is one of the patient's, with the zeros before it or without."""
        plain = re.sub(r"\.0*$", "", text.strip()).lstrip("+0")
        return plain in self.figures and len(plain) >= (_SERIES_NUMBER if keyword in _NUMBERED else _LONG_NUMBER)

    def _is_wanted(self, keyword: str) -> bool:
        """Places, numbers, other numbers of the patient, and the device where it may not be told."""
        if keyword in _DEVICES:
            return not self.devices_stay
        return keyword in _PLACES or keyword in _NUMBERS or keyword.startswith("OtherPatient")


@lru_cache(maxsize=1)
def _wanted_tags() -> frozenset[int]:
    """The tags of all attributes that are looked into, persons' names left out."""
    listed = {tag_for_keyword(keyword) for keyword in _PLACES | _NUMBERS | _DEVICES}
    return frozenset(listed | {tag for tag, entry in DicomDictionary.items() if entry[4].startswith("OtherPatient")})


def _may_hold(tag: int, vr: str) -> bool:
    """Is it a person's name, a date, or an attribute that is looked into?"""
    return vr == "PN" or vr in _DATES or tag in _wanted_tags()


def _element(dataset: Dataset, tag: int) -> DataElement | None:
    """An element; None for one that cannot be read."""
    try:
        return dataset[tag]
    except Exception:  # whatever a damaged element leads to
        return None


def _words(text: str) -> list[str]:
    return [word.strip(_MARKS).lower() for word in re.split(r"[\s^=\\,;/|]+", text) if word.strip(_MARKS)]


def _figures(text: str) -> set[str]:
    """The figures of numbers without signs and the zeros before them; nothing of a short one."""
    found = {re.sub(r"\D", "", value).lstrip("0") for value in text.split("\\")}
    return {value for value in found if len(value) >= _SERIES_NUMBER}


def _name_parts(name: str) -> set[str]:
    """The words of a person's name in all its components, with parts of double names."""
    whole = _words(name)
    return {*whole, *(part for word in whole for part in re.split(r"[-_.'’]", word) if part)}


def name_words(name: str) -> list[str]:
    """The words of a person's name that are no short words of protocols, and its initials where no protocol has them."""
    found = [word for word in _name_parts(name) if len(word) >= _LONG or (len(word) > 1 and word not in harmless_words())]
    first = [word[0] for word in _words(name)]
    initials = {"".join(first), "".join(reversed(first))} if 1 < len(first) <= 3 else set()
    return [*found, *(word for word in initials if word.isalpha() and word not in harmless_words())]
