"""One word in its many spellings: a name is the same in capitals, with its umlauts romanised or without them, composed or decomposed."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from ..input.vocabulary import PLAIN_LETTERS

#: How marked letters are romanised in two letters, in German and in the languages of the north, and the plain letter.
_ROMANISED = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))


@lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """The text without case and combining marks, ``ss`` for the sharp s."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold().translate(PLAIN_LETTERS))
    return unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))


@lru_cache(maxsize=1 << 16)
def skeleton(text: str) -> str:
    """The folded text with one letter where an umlaut may be written with two: the same for every spelling of a name."""
    found = fold(text)
    for two, one in _ROMANISED:
        found = found.replace(two, one)
    return found


def same_number(text: str) -> str:
    """A patient's number, or who gave it out, as all ways to write it have it: two systems differ in case and spaces."""
    return " ".join(text.split()).casefold().upper()
