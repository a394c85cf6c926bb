"""What a release and its files are called: their names must tell nothing of the originals either."""

from __future__ import annotations

import re
from pathlib import Path

from ..core.errors import InputError
from .known import Known
from .variants import Variants

#: How releases are named: a folder after the series' modality (05-SR), which may be somebody's name or title too.
_OWN_NAME = re.compile(r"study-\d+|\d\d+-[A-Z0-9]{1,16}|IM\d{4,}\.dcm")


def require_untelling(folder: Path, known: Known) -> None:
    """Refuse to release under a name that tells something of an original, as that of its own folder often does.

    :raises InputError: it does; the sentence repeats nothing of it.
    """
    kind = told_by_name(folder.name, known, Variants.of(known, known.telling().numbers))
    if kind:
        raise InputError(
            f"The name of the output holds {kind} of an original, and its header is cleaned of it: name another output; in a batch do so "
            "in the column output of a CSV, after which its lists call the case too."
        )


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
