"""The effects there are, by name."""

from __future__ import annotations

from ..core.errors import InputError
from .base import Effect
from .blur import Blur
from .mask import Mask
from .reface import Reface

EFFECTS: dict[str, Effect] = {effect.name: effect for effect in (Mask(), Blur(), Reface())}


def effect_named(name: str) -> Effect:
    """The effect of that name; InputError lists the names there are."""
    if name not in EFFECTS:
        raise InputError(f"there is no effect '{name}'; choose one of: {', '.join(EFFECTS)}")
    return EFFECTS[name]
