"""The effects there are, by name."""

from __future__ import annotations

from ..core.errors import InputError
from ..core.plugins import made_by
from ..face.styles import STYLES, style_named
from .base import Effect
from .records import RECORDS, record_of

EFFECTS: dict[str, Effect] = {record.name: made_by(record.made_by, __package__)() for record in RECORDS}


def effect_named(name: str) -> Effect:
    """The effect of that name; InputError lists the names there are."""
    return EFFECTS[record_of(name).name]


def require_fit(style: str, effect: str) -> None:
    """Raises InputError for names that there are not, and for an effect that needs a curve where the region has none."""
    style_named(style)
    if record_of(effect).needs_curve and style not in STYLES:
        raise InputError(f"the effect '{effect}' needs a curve, and the region '{style}' has none: choose another (--effect mask)")
