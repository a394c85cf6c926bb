"""What a release and its files are called: their names must tell nothing of the originals either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from ..core.errors import InputError
from .base import HeaderPolicy
from .known import Known, is_ideographic, values_of
from .variants import OWN_NAMES, Variants, bare
from .vocabulary import harmless_words

#: How releases are named: a folder after the series' modality (05-SR), which may be somebody's name or title too.
_OWN_NAME = re.compile(r"study-\d{2,4}|\d{2,3}-[A-Z0-9]{1,16}|IM\d{4,6}\.dcm")
_NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "StudyID")
_DATES = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
#: Shorter words and numbers stand in names of outputs by chance; words from the second length on are found within others too.
_SHORTEST_WORD, _WITHIN, _SHORTEST_NUMBER = 4, 6, 5


def require_untelling(folder: Path, original: Dataset) -> None:
    """Refuse to release under a name that tells whose head it is, as that of its own folder often does.

    The name of a patient that holds a figure is a pseudonym, and so is a number of few figures: outputs may be called after these.

    :raises InputError: it does; the sentence repeats nothing of it.
    """
    kind = _told_of(folder.name, original)
    if kind:
        raise InputError(
            f"The name of the output holds {kind} of an original, and its header is cleaned of it: name another output; in a batch do so "
            "in the column output of a CSV, after which its lists call the case too."
        )


def require_called(folder: Path, originals: Sequence[Path], policy: HeaderPolicy) -> None:
    """``require_untelling`` for the files (one of each study) that ``policy`` cleans; nothing where it keeps headers.

    :raises InputError: as there.
    """
    for path in originals if policy.options is not None else ():
        original = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if not policy.is_own(original):
            require_untelling(folder, original)


def _told_of(name: str, original: Dataset) -> str:
    """What of the patient and the study of an original the name of an output tells; empty where nothing."""
    plain = bare(name)
    if any(_stands(word, plain) for value in _values(original, OWN_NAMES) if not re.search(r"\d", value) for word in _words(bare(value))):
        return "a name"
    figures = (plain, re.sub(r"(?<=\d)[\W_](?=\d)", "", plain))
    numbers = {number.lstrip("0") for value in _values(original, _NUMBERS) for number in _figures(value)}
    if any(len(number) >= _SHORTEST_NUMBER and number in text for number in numbers for text in figures):
        return "a number"
    days = {value for value in _values(original, _DATES) if re.fullmatch(r"\d{8}", value)}
    days |= {day[6:] + day[4:6] + day[:4] for day in days} | {day[4:] + day[:4] for day in days}
    if any(day in text for day in days for text in figures):
        return "a date"
    return "a UID" if any(uid in name for uid in _values(original, _UIDS)) else ""


def _figures(number: str) -> list[str]:
    """The figures of a number as one, whatever parts them; in one with letters, as pseudonyms have them, each run by itself."""
    return re.findall(r"\d+", number if _words(number) else re.sub(r"\D", "", number))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _stands(word: str, plain: str) -> bool:
    """Does a word of a patient's name stand in the name of an output?"""
    if is_ideographic(word):
        return word in plain
    if len(word) < _SHORTEST_WORD or word in harmless_words():
        return False
    return word in _words(plain) or (len(word) >= _WITHIN and word in plain)


def _values(original: Dataset, keywords: tuple[str, ...]) -> list[str]:
    """The values as texts; none of what cannot be read, which the proof of the headers finds."""
    found = []
    for keyword in keywords:
        try:
            found += values_of(original[keyword]) if keyword in original else ()
        except Exception:  # pydicom raises whatever a damaged element leads to
            continue
    return found


def told_by_name(name: str, known: Known, variants: Variants) -> str:
    """What of an original the name of a file or folder tells; empty where nothing."""
    if _OWN_NAME.fullmatch(name):
        return ""
    plain = re.sub(r"\.dcm$", "", name)
    return told(variants, plain, False) or ("a UID" if known.uids & set(re.findall(r"[\d.]*\d", plain)) else "")


def told(variants: Variants, text: str, is_free: bool, is_code: bool = False) -> str:
    """What of an original a text tells; a code of six figures (121058) may be any day."""
    if variants.have_name(text, is_free):
        return "a name"
    if variants.have_number(text):
        return "a number"
    return "a date" if not is_code and variants.have_date(text) else ""
