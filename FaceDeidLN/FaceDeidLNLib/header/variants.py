"""Names, numbers and dates of the originals as somebody else would write them: the proof looks for these, beside what is written alike.

Names in capitals, without their umlauts or with them in two letters, joined or letter by letter; numbers without the zeros before them,
with signs or inside longer ones; dates in the orders and months of Europe and America. Spellings are
worked out apart from those that clean, so that neither hides what the other misses; the list of harmless words is the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydicom.datadict import tag_for_keyword

from .known import Known, words_in
from .values import DUMMY_DATE, uid_parts
from .vocabulary import harmless_words

#: Names of the patient and of those who bear the same.
OWN_NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson")
#: A word of a name counts from here on everywhere, and inside another word; a number of so many figures by itself, and inside another.
_WORD, _INSIDE, _NUMBER, _INSIDE_NUMBER, _SERIES = 4, 5, 5, 6, 4
_NUMBERED = frozenset({"SeriesNumber", "AcquisitionNumber"})
#: The figures of a date with the time down to a millionth; made UIDs have longer parts.
_LONGEST_TIME = 20
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_NAMED = "jan gen ene|feb fev|mar mrz|apr avr abr|may mai mag|jun giu|jul lug|aug aou ago|sep set|oct okt ott|nov|dec dez dic"
#: The months by the first three letters of their names, without marks.
_MONTHS = {name: number for number, names in enumerate(_NAMED.split("|"), start=1) for name in names.split()}
_BY_SIGNS = re.compile(r"(?<!\d)(?=(\d{1,4})[\s./_-]{1,3}(\d{1,2})[\s./_-]{1,3}(\d{1,4})(?!\d))")
_BY_MONTH = re.compile(r"(?<!\d)(\d{1,4})(?:st|nd|rd|th)?[\s.,/_-]*(?:of |de )?([a-z]{3})[a-z]*[\s.,/_-]*(?:de )?(\d{1,4})(?!\d)")
_MONTH_FIRST = re.compile(r"(?<![a-z])([a-z]{3})[a-z]*[\s.,/_-]*(\d{1,2})(?:st|nd|rd|th)?[\s.,/_-]+(\d{2,4})(?!\d)")
_SPELLED = re.compile(r"(?<![^\W_])[^\W\d_](?:[\W_]+[^\W\d_])+(?![^\W_])")
_BIRTH = tag_for_keyword("PatientBirthDate") or 0
Day = tuple[int, int, int]


@dataclass(frozen=True)
class Variants:
    """What is looked for: ``names`` and ``short`` own ones (bare), ``numbers`` (figures), ``codes`` (bare, without signs), dates."""

    names: frozenset[str]
    short: frozenset[str]
    numbers: frozenset[str]
    codes: frozenset[str]
    births: frozenset[Day]
    days: frozenset[Day]

    @classmethod
    def of(cls, known: Known, numbers: frozenset[str]) -> Variants:
        """Of what is known of the originals; ``numbers`` are those that must not stand in a text."""
        own = {word for keyword in OWN_NAMES for name in known.values.get(tag_for_keyword(keyword) or 0, ()) for word in words_in(name)}
        names = frozenset(bare(word) for word in known.names if len(word) >= _WORD or word not in harmless_words())
        figures = frozenset(re.sub(r"\D", "", number).lstrip("0") for number in numbers)
        compact = {_compact(number) for number in numbers if re.search(r"\d", number) and re.search(r"[^\W\d_]", number)}
        births = {_day(date) for date in known.values.get(_BIRTH, ()) if re.fullmatch(r"\d{8}", date) and date != DUMMY_DATE}
        days = frozenset(_day(date) for date in known.dates)
        return cls(
            names=frozenset(name for name in names if len(name) > 1),
            short=frozenset(bare(word) for word in own if 1 < len(word) < _WORD),
            numbers=frozenset(number for number in figures if len(number) >= _SERIES),
            codes=frozenset(code for code in compact if len(code) >= _INSIDE),
            births=frozenset(births),
            days=days,
        )

    def have_name(self, text: str, is_free: bool) -> bool:
        """True where a name stands in a text; a short own one counts in free texts alone, where protocols say CT or max too."""
        text = unicodedata.normalize("NFC", text)
        words = words_in(text)
        plain = {bare(word) for word in words}
        if self.names & plain or (is_free and self.short & plain):
            return True
        odd = [bare(word) for word in words if word not in harmless_words()]
        odd += [bare("".join(words_in_turn(run))) for run in _SPELLED.findall(text)]
        return any(name in word for name in self.names if len(name) >= _INSIDE for word in odd)

    def have_number(self, text: str) -> bool:
        """True where a number stands in a text, with signs and zeros as may be, a long one inside another too."""
        joined = re.sub(r"(?<=\d)[\s/_-]+(?=\d)", "", text)
        joined = re.sub(r"\d+(?:\.\d+){2,}", lambda run: run[0].replace(".", ""), joined)
        runs = {run.lstrip("0") for run in re.findall(r"\d+", f"{text} {joined}")}
        if any(len(number) >= _NUMBER and number in runs for number in self.numbers):
            return True
        if any(len(number) >= _INSIDE_NUMBER and number in run for number in self.numbers for run in runs):
            return True
        compact = _compact(text) if self.codes else ""
        return any(code in compact for code in self.codes)

    def are_number(self, keyword: str, value: str) -> bool:
        """True for a whole number (IS, DS) that is one of the patient's, or a day of an original."""
        plain = re.sub(r"\.0*$", "", value.strip()).lstrip("+0")
        if re.fullmatch(r"\d{7,8}", plain) and not self.days.isdisjoint(_days_in_run(plain.zfill(8))):
            return True
        return plain in self.numbers and len(plain) >= (_SERIES if keyword in _NUMBERED else _NUMBER)

    def are_in_uid(self, uid: str) -> bool:
        """True where a part of a UID is one of the numbers, or is or begins with a date."""
        parts = uid_parts(uid)
        if any(part in self.numbers and len(part) >= _NUMBER for part in parts):
            return True
        return any(not self.days.isdisjoint(_days_in_run(part[:8])) for part in parts if 8 <= len(part) <= _LONGEST_TIME)

    def have_date(self, text: str) -> bool:
        """True where a date with a full year, or the day of birth with two figures of it, stands in a text."""
        births = self.births | {(year % 100, month, day) for year, month, day in self.births}
        return any(day in births or (day[0] > 99 and day in self.days) for day in _days_in(bare(text)))


@lru_cache(maxsize=1 << 16)
def bare(text: str) -> str:
    """Without case and marks; one letter where an umlaut may be written with two."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    letters = unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))
    return re.sub("ae|oe|ue|aa", lambda two: two[0][0], letters)


def words_in_turn(text: str) -> list[str]:
    """The words of a text in their order."""
    return re.findall(r"[^\W_]+", text)


def _compact(text: str) -> str:
    return re.sub(r"[\W_]", "", bare(text))


def _day(date: str) -> Day:
    return int(date[:4]), int(date[4:6]), int(date[6:8])


def _days_in(text: str) -> Iterator[Day]:
    """Every day that a text may name; the year with two figures where it is written so."""
    for first, second, third in _BY_SIGNS.findall(text):
        yield from _ordered(first, second, third)
    for first, month, third in _BY_MONTH.findall(text):
        yield from _in_month(month, first, third)
    for month, day, year in _MONTH_FIRST.findall(text):
        yield from _in_month(month, day, year)
    for run in re.findall(r"(?<!\d)\d{6}(?:\d\d)?(?!\d)", text):
        yield from _days_in_run(run)


def _days_in_run(run: str) -> Iterator[Day]:
    """The days that six or eight figures may be."""
    cut = len(run) - 4
    yield from _ordered(run[:cut], run[cut : cut + 2], run[cut + 2 :])
    yield from _ordered(run[:2], run[2:4], run[4:])


def _ordered(first: str, second: str, third: str) -> Iterator[Day]:
    """Year, month and day; day, month and year; month, day and year."""
    if len(first) in (2, 4):
        yield int(first), int(second), int(third)
    if len(third) in (2, 4):
        yield int(third), int(second), int(first)
        yield int(third), int(first), int(second)


def _in_month(month: str, first: str, third: str) -> Iterator[Day]:
    for number in (6, 7) if month == "jui" else (_MONTHS.get(month, 0),):  # juin, juillet
        for year, day in ((first, third), (third, first)):
            if len(year) in (2, 4):
                yield int(year), number, int(day)
