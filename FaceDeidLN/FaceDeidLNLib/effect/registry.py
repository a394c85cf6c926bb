"""The effects there are, by name."""

from __future__ import annotations

from ..core.errors import InputError
from .base import Effect
from .blur import Blur
from .blur_strong import BlurStrong
from .mask import Mask
from .random_fill import Drown, Epidermis, Scramble
from .reface import Reface

EFFECTS: dict[str, Effect] = {effect.name: effect for effect in (Reface(), Mask(), Blur(), BlurStrong(), Drown(), Scramble(), Epidermis())}


def effect_named(name: str) -> Effect:
    """The effect of that name; InputError lists the names there are."""
    if name not in EFFECTS:
        raise InputError(f"there is no effect '{name}'; choose one of: {', '.join(EFFECTS)}")
    return EFFECTS[name]
