"""The effects there are, by name."""

from __future__ import annotations

from ..core.plugins import made_by
from .base import Effect
from .records import RECORDS, record_of

EFFECTS: dict[str, Effect] = {record.name: made_by(record.made_by, __package__)() for record in RECORDS}


def effect_named(name: str) -> Effect:
    """The effect of that name; InputError lists the names there are."""
    return EFFECTS[record_of(name).name]
