"""A sentence about a head with its figures to one digit; limits, which everybody may know, and names stay."""

from __future__ import annotations

import re
from decimal import Decimal

#: Digits, thousands set off by commas, a fraction, an exponent.
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?:[eE][+-]?\d{1,3})?"
#: What stands before a limit, and before a number that is a name.
_LIMIT = r"(?:at most|at least|more than|less than|fewer than|longer than|limit of)"
_NAMED = r"(?:LN|level|series|segment|structure|label|stack|code|signal|Errno|bit)"
#: Figures by these units, and no others, may be written without a space.
_UNIT = r"(?:mm|cm|ml|HU|voxels?|slices?|degrees|s|min)\b"
_PARTS = re.compile(
    "|".join(
        (
            r"(?<!\w)'.*?'(?!\w)",  # a name in quotes, and another's apostrophe in it
            r"\([0-9A-Fa-f]{4},\s?[0-9A-Fa-f]{4}\)",  # a DICOM tag
            r"than was attacked \([^)]*\)",  # limits, several in one
            rf"\b{_LIMIT} {_NUMBER}",
            rf"\b{_NAMED} #?\d+\b(?!(?:[.,]\d|\s?(?:%|{_UNIT})))",
            r"(?<!\S)--[\w-]+[ =]\S+",
            # Neither a part of a name, an identifier, a path or a date, nor an amount of memory.
            rf"(?<![\w.,'#/\\])(?<![\w)]-)(?P<figure>{_NUMBER})(?:(?={_UNIT})|(?![\w'#/\\]|[.,-]\w|\s(?:[kMG]B|bits?|bytes)\b))",
        )
    )
)
_AT_MOST = re.compile(rf"[^();]*(?:\([^();]*\)[^();]*)*?\(at most (?P<limit>{_NUMBER})")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])")


def coarse(sentence: str) -> str:
    """A sentence with each of its figures cut off after the first digit, so that what misses a bound is not told as the bound.

    What is cut off to less than a limit that it exceeds, "13 mm (at most 11 mm)", is told as more than the limit.
    """
    return _PARTS.sub(_to_one_digit, sentence)


def _to_one_digit(found: re.Match[str]) -> str:
    """What becomes of a part of a sentence: limits and names stay."""
    if found["figure"] is None:
        return found[0]
    value = _value(found["figure"])
    step = Decimal(1).scaleb(value.adjusted())
    first = value // step * step
    bound = _AT_MOST.match(found.string, found.end())
    if bound is not None and first <= _value(bound["limit"]) < value:
        return f"more than {bound['limit']}"
    return format(first, "f") if first else "0"


def _value(number: str) -> Decimal:
    whole = number.replace(",", "") if _THOUSANDS.match(number) else number.replace(",", ".")
    return Decimal(whole)
