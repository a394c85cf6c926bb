"""Words of the standard terminologies that pydicom carries (PS3.16), without those that name a person or a place.

Terminologies are full of such: a view is called after Towne, a sign after Robert, a breed of cattle after Texas. Three things find them:
what the concept is (breeds and other matters of animals, stains, equations and views that bear the name of whoever made them up), how a
word is written (with a capital in the middle of a term and nowhere without), and a list of frequent names (names.json, with its sources).
"""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Iterator
from functools import lru_cache

from .spelling import fold

#: Context groups (PS3.16) of animals (drugs, housing, ranks, breeds), of specimen stains, of eponymous views and of equations by author.
_NAMED_AFTER = frozenset({*range(603, 647), 4012, 7454, 7480, 7481, 7482, 7484, 7486, 7490, 8112, 12012, 12013})
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_LETTERS = re.compile(r"[^\W\d_]+")
_OWNER = re.compile(r"([^\W\d_]+)['’]s\b")
#: A word of more letters without a capital says that a term is written as a sentence is, with capitals for names alone.
_LONG = 3


@lru_cache(maxsize=1)
def frequent_names() -> frozenset[str]:
    """Frequent surnames and given names of many languages, large places and eponyms, folded."""
    said = json.loads(pkgutil.get_data(__package__, "names.json") or b"{}")
    return frozenset(word for kind in ("surnames", "given_names", "places", "eponyms") for word in said[kind].split())


@lru_cache(maxsize=1)
def terms() -> frozenset[str]:
    """The words of the terminologies in lower case, none of them a name."""
    words: set[str] = set()
    plain: set[str] = set()
    capitals: set[str] = set()
    for name, meanings in _concepts():
        words |= {part.lower() for part in _PART.findall(name) if len(part) > 1}
        for meaning in meanings:
            written = _LETTERS.findall(meaning)
            plain |= {word for word in written if word.islower()}
            capitals |= _with_capitals(meaning, written)
    return frozenset(word for word in words - (capitals - plain) if fold(word) not in frequent_names())


def _with_capitals(meaning: str, written: list[str]) -> set[str]:
    """Words, in lower case, that a term has with a capital where a sentence has none, or as the owner of something."""
    owners = {owner.lower() for owner in _OWNER.findall(meaning)}
    if not any(word.islower() and len(word) > _LONG for word in written[1:]):
        return owners  # Every Word May Be Written So
    return owners | {word.lower() for word in written[1:] if word[0].isupper() and word[1:].islower()}


def _concepts() -> Iterator[tuple[str, list[str]]]:
    """The name and the meanings of each concept that is called after nobody."""
    from pydicom.sr import _concepts_dict as listed

    for scheme in listed.concepts.values():
        left = {code for codes in scheme.values() for code, (_, groups) in codes.items() if groups and _NAMED_AFTER.issuperset(groups)}
        for name, codes in scheme.items():
            meanings = [meaning for code, (meaning, _) in codes.items() if code not in left and not meaning.endswith("(organism)")]
            if meanings:
                yield name, meanings
