"""The effects there are, by name."""

from __future__ import annotations

from importlib import import_module

from ..core.errors import InputError
from ..face.styles import STYLES, style_named
from .base import Effect
from .records import RECORDS, EffectRecord, record_of


def _made(record: EffectRecord) -> Effect:
    """The effect of a row."""
    file, _, name = record.made_by.partition(":")
    return getattr(import_module(f".{file}", __package__), name)()


EFFECTS: dict[str, Effect] = {record.name: _made(record) for record in RECORDS}


def effect_named(name: str) -> Effect:
    """The effect of that name; InputError lists the names there are."""
    return EFFECTS[record_of(name).name]


def require_fit(style: str, effect: str) -> None:
    """Raises InputError for names that there are not, and for an effect that needs a curve where the region has none."""
    style_named(style)
    if record_of(effect).needs_curve and style not in STYLES:
        raise InputError(f"the effect '{effect}' needs a curve, and the region '{style}' has none: choose another (--effect mask)")
