"""What may be chosen together: looked at before any work, and light, because the command line asks before it loads anything."""

from __future__ import annotations

from dataclasses import asdict

from ..anatomy.level.table import level_named
from ..core.errors import InputError
from ..core.parameters import Parameters, require_watermark
from ..face.styles import STYLES, chosen_region
from .records import OWN_NUMBERS, record_of


def require_sound(parameters: Parameters) -> None:
    """Raises InputError for names that there are not, numbers out of their range, and an effect that does not fit the region."""
    chosen_region(parameters)
    require_fit(parameters.style, parameters.effect)
    require_watermark(parameters.watermark)
    parameters.require_in_range()
    for number in OWN_NUMBERS:
        number.require(parameters.own_number(number))
    for name in parameters.levels:
        level_named(name)


def require_fit(style: str, effect: str) -> None:
    """Raises InputError for an effect that there is not, or that needs a curve where the region has none."""
    if record_of(effect).needs_curve and style not in STYLES:
        raise InputError(f"The effect '{effect}' needs a curve, and the region '{style}' has none: choose another (--effect mask).")


def told(parameters: Parameters) -> dict[str, object]:
    """What a certificate says of the choices: all that mean something to the effect, and never the seed."""
    shared = {name: value for name, value in asdict(parameters).items() if name not in ("seed", "own")}
    return {**shared, **{number.field: parameters.own_number(number) for number in record_of(parameters.effect).numbers}}
