"""The names of the effects, without what they need: Slicer reads them at every start."""

from __future__ import annotations

from ..core.errors import InputError
from .records import RECORDS

EFFECT_NAMES = tuple(record.name for record in RECORDS)
#: A watermark is no longer than that.
LONGEST_WATERMARK = 24


def require_watermark(text: str) -> None:
    """Raises InputError for a text that cannot be drawn on a face: too long, blank, or not in printable ASCII."""
    if text and (len(text) > LONGEST_WATERMARK or not text.strip() or not all(" " <= letter <= "~" for letter in text)):
        raise InputError(f"the watermark '{text}' cannot be drawn: give at most {LONGEST_WATERMARK} plain letters or digits")
