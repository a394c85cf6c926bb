"""What tells of a person without being a word: dates, long numbers in pieces, ages of the very old, initials and words spelled out.

Ages of 90 and more, and all elements of dates but the year, are identifiers of 45 CFR 164.514(b)(2)(i).
"""

from __future__ import annotations

import re

_OLD_YEARS = r"0?(?:9\d|1[0-3]\d)"
_AGES = (
    re.compile(rf"\b{_OLD_YEARS}[\s-]*(?:y|yo|y/o|yrs?|years?|j|jahre|jährige?r?|ans|años|anni|anos)\b\.?(?:[\s-]*old\b)?", re.IGNORECASE),
    re.compile(r"\b(?:aged?|alter|edad|età|eta|âge|idade)[\s:=]*(?:of\s+)?0?(?:9\d|1[0-3]\d)\b", re.IGNORECASE),
    re.compile(rf"\b(?:[MFW]{_OLD_YEARS}|{_OLD_YEARS}[\s/-]?[MFW])\b", re.IGNORECASE),
)
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.[ -]?)+[^\W\d_]?\b\.?")
#: Three single letters and more, whatever stands between them.
_SPELLED = re.compile(r"(?<![^\W_])[^\W\d_](?:[\s.,/_-]+[^\W\d_]){2,}(?![^\W_])")
_MONTH = """jan(?:uary|uar)?|jänner|feb(?:ruary|ruar)?|mar(?:ch)?|mär(?:z)?|mrz|maerz|apr(?:il)?|may|mai|june?|juni|july?|juli|
    aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?|
    janvier|février|fevrier|mars|avril|juin|juillet|août|aout|septembre|octobre|novembre|décembre|decembre|
    enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|
    gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre""".replace("\n", "").replace(" ", "")
#: A number; not the places after a point, nor what has some: a slice of 3.0 mm beside MAR is no day.
_DAY = r"(?<![\d.,])\d{1,4}(?:st|nd|rd|th)?"
_NUMBER_AFTER = r"\d{1,4}(?:st|nd|rd|th)?(?![\d]|[.,]\d)"
_BETWEEN = r"[\s.,/'_-]{0,3}(?:of\s|de\s)?"
_BY_MONTH = re.compile(
    rf"(?:{_DAY}{_BETWEEN}(?<![^\W\d_])(?:{_MONTH})(?![^\W\d_])(?:{_BETWEEN}{_NUMBER_AFTER})?"
    rf"|(?<![^\W\d_])(?:{_MONTH})(?![^\W\d_]){_BETWEEN}{_NUMBER_AFTER}(?:[\s.,/'_-]{{1,3}}{_NUMBER_AFTER})?)",
    re.IGNORECASE,
)
#: Runs without spaces: of nothing but whole numbers and signs; a number with places; signs alone.
_WHOLE = re.compile(r"[\W_]*\d+(?:[\W_]+\d+)*[\W_]*")
_DECIMAL = re.compile(r"[\W_]*?(\d+)[.,](\d+)[\W_]*")
_SIGNS = re.compile(r"[-/.:,;#+=_()]+")
_LAST_DAY, _LAST_MONTH = 31, 12


def without_patterns(text: str) -> str:
    """The text without them, each replaced by a space."""
    for pattern in (*_AGES, _BY_MONTH):
        text = pattern.sub(" ", text)
    return _SPELLED.sub(" ", _INITIALS.sub(" ", _without_numbers(text)))


def _without_numbers(text: str) -> str:
    """Without two whole numbers and more that stand beside each other or are joined (05 03 60, 4711-22, +49 89 4400): 5.0 and 3 mm stay."""
    chunks = re.split(r"(\s+)", text)
    run: list[int] = []
    for place, chunk in enumerate([*chunks, "the end"]):
        if not chunk or chunk.isspace() or (run and _SIGNS.fullmatch(chunk)):
            continue
        if _numbers_in(chunk):
            run.append(place)
            continue
        if _is_telling([chunks[one] for one in run]):
            for one in range(run[0], run[-1] + 1):
                chunks[one] = " "
        run = []
    return "".join(chunks)


def _numbers_in(chunk: str) -> int:
    """How many whole numbers a run without spaces is; 0 for one with letters."""
    return len(re.findall(r"\d+", chunk)) if _WHOLE.fullmatch(chunk) else 0


def _is_telling(run: list[str]) -> bool:
    """Two whole numbers or more among numbers that follow each other, or one beside what may be a day and month (05.03 60)."""
    measures = [chunk for chunk in run if _is_measure(chunk)]
    others = sum(_numbers_in(chunk) for chunk in run if chunk not in measures)
    return others > 1 or (others == 1 and any(_may_be_day(chunk) for chunk in measures))


def _is_measure(chunk: str) -> bool:
    """A number with places (0.75, 5.0), not a day with two figures for each part (05.03)."""
    match = _DECIMAL.fullmatch(chunk)
    return match is not None and not (len(match[1]) > 1 and match[1][0] == "0")


def _may_be_day(chunk: str) -> bool:
    match = _DECIMAL.fullmatch(chunk)
    if match is None:
        return False
    one, other = sorted(map(int, match.groups()))
    return 0 < one <= _LAST_MONTH and other <= _LAST_DAY
