"""Values that stand for others: dummies by representation, shifted dates, ages that are told of so few that they tell who it is."""

from __future__ import annotations

import datetime
import re

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

DUMMY = "DEIDENTIFIED"
#: A coding scheme of nobody (PS3.3 8.2: private ones begin with 99).
DUMMY_SCHEME = "99DEID"
DUMMY_DATE = "19000101"
_NUMBERS = {
    "IS": "0",
    "DS": "0",
    "AS": "000D",
    "DA": DUMMY_DATE,
    "DT": f"{DUMMY_DATE}000000",
    "TM": "000000",
    "AE": "DEID",
    "UR": "urn:removed",
}
_BINARY = {"OB", "OW", "OD", "OF", "OL", "OV", "UN"}
#: From the first of these years on, and before the last, somebody can have been scanned: the clock of many systems ends in 2038.
_FIRST_YEAR, _LAST_YEAR = 1972, 2038
#: Days from which clocks without a battery count, and that programs write where no date may stand.
_STARTS = frozenset({"19800101", "20000101"})
#: Ages of 90 and more are one class (45 CFR 164.514(b)(2)(i)(C)).
OLDEST = "090Y"
_OLDEST_YEARS = 90
_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.2, "D": 365.25}


def text_of(dataset: Dataset, keyword: str) -> str:
    """A value as text; empty where it is missing or cannot be read."""
    try:
        return str(dataset.get(keyword) or "")
    except Exception:  # pydicom raises whatever a damaged element leads to
        return ""


def texts_of(dataset: Dataset, keyword: str) -> list[str]:
    """The values as texts; none where there is none or it cannot be read."""
    try:
        value = dataset.get(keyword) or ()
        return [value] if isinstance(value, str) else [str(one) for one in value]
    except Exception:  # pydicom raises whatever a damaged element leads to
        return []


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is missing, is none or cannot be read."""
    try:
        return [item for item in dataset.get(keyword) or () if isinstance(item, Dataset)]
    except Exception:  # pydicom raises whatever a damaged element leads to
        return []


def dummy(vr: str) -> object:
    """A value that says nothing, for what must have one."""
    if vr == "SQ":
        return Sequence([code_dummy()])
    if vr == "PN":
        return f"{DUMMY}^"
    if vr in _NUMBERS:
        return _NUMBERS[vr]
    if vr in _BINARY:
        return b"\0\0"
    return 0 if vr in ("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT") else DUMMY


def code_dummy() -> Dataset:
    """A coded entry that says nothing."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = DUMMY, DUMMY_SCHEME, DUMMY
    return item


def aged(value: str) -> str:
    """An age (AS) as it may stay; empty for none."""
    match = re.fullmatch(r"(\d{3})([DWMY])", value.strip().upper())
    if match is None:
        return ""
    return OLDEST if int(match[1]) / _PER_YEAR[match[2]] >= _OLDEST_YEARS else match[0]


def age_between(birth: str, day: str) -> str:
    """The age (AS) on a day (DA) of someone born on another; empty where that cannot be told."""
    try:
        born, then = (datetime.datetime.strptime(text[:8], "%Y%m%d").date() for text in (birth, day))
    except ValueError:
        return ""
    years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    return aged(f"{years:03d}Y") if 0 <= years < 1000 else ""


def is_placeholder(value: str) -> bool:
    """True for a date (DA, DT) of no examination: 19700101 lies before the first CT, 20991231 far off, and 20000101 is a clock's start.

    Moved, it would tell by how many days all dates moved: everybody knows what stood there.
    """
    day = value.strip().replace(".", "")[:8]  # 2000.01.01, as ACR-NEMA wrote it
    return day in _STARTS or (day[:4].isdigit() and not _FIRST_YEAR <= int(day[:4]) < _LAST_YEAR)


def moved(vr: str, value: str, days: int, zone: str = "") -> str | None:
    """A date (DA, DT) so many days earlier, at the same time of day; None where it cannot be moved.

    :param zone: the data set's own offset from UTC. A DT of another zone is told in it, and none keeps its own: it says where it was.
    """
    from dentdeid.keys import shift_da, shift_dt

    value = value.strip()
    value = value.replace(".", "") if vr == "DA" else _in_zone(value, zone)  # 1994.05.23, as ACR-NEMA wrote it
    try:
        new = (shift_da if vr == "DA" else shift_dt)(value, days)
        return new if vr == "DT" or len(new) == len(value) else None
    except (ValueError, OverflowError):
        return None


def _in_zone(value: str, zone: str) -> str:
    """A DT with an offset from UTC, told in another one; as it is where one of both is not known."""
    match = re.fullmatch(r"(\d{10}(?:\d\d){0,2})(\.\d+)?([+-]\d{4})", value)
    if match is None or re.fullmatch(r"[+-]\d{4}", zone.strip()) is None:
        return value
    pattern = "%Y%m%d%H%M%S"[: 2 * (len(match[1]) // 2) - 2]
    try:
        then = datetime.datetime.strptime(match[1], pattern) + datetime.timedelta(minutes=_minutes(zone.strip()) - _minutes(match[3]))
    except (ValueError, OverflowError):
        return value
    return then.strftime(pattern) + (match[2] or "")


def _minutes(zone: str) -> int:
    return (-1 if zone[0] == "-" else 1) * (60 * int(zone[1:3]) + int(zone[3:5]))


def uid_parts(uid: str) -> set[str]:
    """The parts of a UID; of one that begins as those of the standard do, what follows that."""
    return set(uid.removeprefix("1.2.840.10008.").split("."))
