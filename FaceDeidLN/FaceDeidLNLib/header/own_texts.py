"""Words in places where the standard or this program wrote them: there they name nobody, even where the patient bears the same name.

Somebody called Basic has it in the mark of every cleaned header, and one whom another program named REMOVED in every certificate.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from .known import keyed_elements, values_of
from .mark import MARK
from .options import BASIC, FACE_CODES, OPTIONS, PROFILE
from .terms import is_term
from .values import text_of

#: What stands for a profile or an option in a mark (0012,0064), and what names the program in another one and in the derivation.
_MEANINGS = frozenset({BASIC.meaning, *(option.meaning for option in OPTIONS.values()), *FACE_CODES.values()})
_SENTENCES = {
    "DeidentificationMethod": re.compile(rf"FaceDeidLN [\w.+-]+, PS3\.15 \w+ Basic Profile|{MARK}[\w-]+"),
    "DerivationDescription": re.compile(
        r"FaceDeidLN( \d[\w.+-]*)?: face de-identified(, region [a-z+-]+, effect [a-z-]+, privacy [a-z:, ]+| after the CT of the study)"
    ),
}
#: What a certificate says of itself; keys of one, as opposed to names of files; and its values that are the same in every one.
_SCHEMA, _FORM, _FIXED = re.compile(r"facedeidln-\w+/\d+"), re.compile(r"[A-Za-z_ ]+"), frozenset({PROFILE, *OPTIONS})
#: A file's hash, before which its name stands.
_HASH = re.compile(r"[0-9a-f]{64}")


def is_of_nobody(element: DataElement, value: str) -> bool:
    """True for a value of an element that is a term of the standard, or a text of the marks that every cleaned header has."""
    if element.VR == "CS":
        return is_term(element.keyword, value)
    sentence = _SENTENCES.get(element.keyword)
    return value in _MEANINGS if element.keyword == "CodeMeaning" else sentence is not None and bool(sentence.fullmatch(value))


def taken_derivation(dataset: Dataset) -> str:
    """What this program wrote into the derivation (0008,2111), taken out of it before it is cleaned; empty where it is not its own."""
    said = text_of(dataset, "DerivationDescription").split("; ")
    own = [one for one in said if _SENTENCES["DerivationDescription"].fullmatch(one)]
    if own:
        dataset.DerivationDescription = "; ".join(one for one in said if one not in own)
    return "; ".join(own)


def words_of_marks(dataset: Dataset) -> Counter[str]:
    """How often each word (lower case) stands in a data set as a term of the standard, or in this program's own texts."""
    found: Counter[str] = Counter()
    for element, _ in keyed_elements(dataset):
        for value in values_of(element):
            if is_of_nobody(element, value):
                found.update(_words(value))
    return found


def words_of_certificate(raw: bytes) -> Counter[str]:
    """How often each word (lower case) stands in a certificate as a part of its form; none where it is none."""
    found: Counter[str] = Counter()

    def take(pairs: list[tuple[str, object]]) -> dict[str, object]:
        for key, value in pairs:
            is_file = isinstance(value, str) and _HASH.fullmatch(value)
            found.update(_words(key) if _FORM.fullmatch(key) and not is_file else ())
            found.update(word for text in _texts(value) if text in _FIXED for word in _words(text))
        return dict(pairs)

    try:
        certificate = json.loads(raw, object_pairs_hook=take)
    except (ValueError, RecursionError):
        return Counter()
    is_own = isinstance(certificate, dict) and _SCHEMA.fullmatch(str(certificate.get("schema")))
    return found if is_own else Counter()


def _texts(value: object) -> Iterator[str]:
    yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))


def _words(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())
