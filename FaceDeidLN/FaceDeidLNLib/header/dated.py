"""Whether the dates of an instance are an original's: a moved date may well be a date of somebody else, or another one of the same patient.

Times of day are no secret where dates have moved (PS3.15 E.3.6 leaves the manner to the user, and a shift by whole days keeps the order
within a day), so they and the instance's number tell which original an instance was. Its dates must lie one number of days from that
original's, and not none.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from .values import DUMMY_DATE, text_of

#: What stays of an instance whatever is cleaned.
_STAYS = ("SOPClassUID", "Modality", "InstanceNumber", "SeriesNumber", "AcquisitionNumber")
_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime", "StructureSetTime")
#: Dates (YYYYMMDD) by tag.
Dates = Mapping[int, frozenset[str]]


@dataclass(eq=False)
class Calendar:
    """The dates of the originals by what stays of each instance."""

    _dates: dict[tuple[str, ...], list[Dates]] = field(default_factory=dict)

    def take(self, dataset: Dataset, dates: Dates) -> None:
        """Take in an original."""
        known = self._dates.setdefault(_stays(dataset), [])
        if dates not in known:
            known.append(dates)

    def have_moved(self, dataset: Dataset, dates: Dates) -> bool | None:
        """Do all dates lie so many days from those of one original, and not as in another? None where no original is known."""
        key = _stays(dataset)
        known = self._dates.get(key)
        if known is None or not any(key[len(_STAYS) :]):
            return None
        shifts = [_shifts(dates, original) for original in known]
        return any(days - {0} for days in shifts) and not any(0 in days for days in shifts)


def dates_of(elements: Iterable[DataElement]) -> Dates:
    """The dates in elements of date and date-time, dummies left out."""
    found: dict[int, set[str]] = {}
    for element in elements:
        if element.VR in ("DA", "DT"):
            values = element.value if element.VM > 1 else [element.value]
            days = {day for day in (plain_date(str(value)) for value in values or ()) if day not in ("", DUMMY_DATE)}
            if days:
                found.setdefault(int(element.tag), set()).update(days)
    return {tag: frozenset(days) for tag, days in found.items()}


def plain_date(value: str) -> str:
    """The date of a DA or DT as YYYYMMDD; empty where it has none."""
    match = re.match(r"(\d{4})\.?(\d\d)\.?(\d\d)", value.strip())
    return "".join(match.groups()) if match else ""


def _stays(dataset: Dataset) -> tuple[str, ...]:
    return tuple(text_of(dataset, keyword) for keyword in (*_STAYS, *_TIMES))


def _shifts(new: Dates, original: Dates) -> set[int]:
    """By how many days all dates of an instance can have moved from an original's; any number where there are none."""
    found: set[int] | None = None
    for tag, days in new.items():
        for day in days:
            apart = {_days(old) - _days(day) for old in original.get(tag, ())} if _days(day) else set()
            found = apart if found is None else found & apart
    return {1} if found is None else found


def _days(day: str) -> int:
    """The number of a day; 0 for one that no calendar has."""
    try:
        return datetime.date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()
    except ValueError:
        return 0
