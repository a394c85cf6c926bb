"""The effects there are, by name."""

from __future__ import annotations

from ..core.errors import InputError
from ..face.styles import STYLES, style_named
from .base import Effect
from .blur import Blur
from .blur_strong import BlurStrong
from .mask import Mask
from .names import EFFECTS_ON_A_CURVE
from .random_fill import Drown, Epidermis, Scramble
from .reface import Reface

EFFECTS: dict[str, Effect] = {effect.name: effect for effect in (Reface(), Mask(), Blur(), BlurStrong(), Drown(), Scramble(), Epidermis())}


def effect_named(name: str) -> Effect:
    """The effect of that name; InputError lists the names there are."""
    if name not in EFFECTS:
        raise InputError(f"there is no effect '{name}'; choose one of: {', '.join(EFFECTS)}")
    return EFFECTS[name]


def require_fit(style: str, effect: str) -> None:
    """Raises InputError for names that there are not, and for an effect that needs a curve where the region has none."""
    style_named(style)
    effect_named(effect)
    if effect in EFFECTS_ON_A_CURVE and style not in STYLES:
        raise InputError(f"the effect '{effect}' needs a curve, and the region '{style}' has none: choose another (--effect mask)")
