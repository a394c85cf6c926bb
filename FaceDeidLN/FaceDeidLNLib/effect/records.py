"""The table of effects: all that command line, module, help and benchmarks know of each. Slicer reads it at every start, so it is light."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import InputError


@dataclass(frozen=True)
class EffectRecord:
    """One effect. To add one: its file here beside, and its row below.

    ``made_by`` is its file and class ("blur:Blur"); ``gives`` one sentence for tooltips and help. ``numbers`` are the fields of
    ``Parameters`` that mean something to it and not to all (their unit, range and meaning: core.parameters.NUMBERS).
    """

    name: str
    made_by: str
    gives: str
    numbers: tuple[str, ...] = ()
    #: It makes a new surface from the curve, and goes with regions that have one.
    needs_curve: bool = False
    #: Every run draws another face.
    is_random: bool = False
    #: It scatters single voxels. Every other random one builds new tissue, which must rise from the curve without a step.
    scatters: bool = False
    #: Keys of attack.reversal.ALL_REVERSALS that fit it; None: every one.
    reversals: tuple[str, ...] | None = None


_DECONVOLUTIONS = ("Wiener 6 mm", "Wiener 12 mm", "Richardson-Lucy 6 mm", "Richardson-Lucy 12 mm")
_SHELLS = ("shell of 6 mm", "shell of 12 mm")
_FILL = ("without fill",)

RECORDS = (
    EffectRecord(
        "reface",
        "reface:Reface",
        "a new surface that knows the curve and chance, and nothing of the face",
        needs_curve=True,
        is_random=True,
        reversals=(*_FILL, "shell of 6 mm"),
    ),
    EffectRecord("mask", "mask:Mask", "one value in place of the face", numbers=("fill_hu",), reversals=_SHELLS),
    EffectRecord("blur", "blur:Blur", "the face smoothed by a Gaussian", numbers=("sigma_mm",), reversals=_DECONVOLUTIONS),
    EffectRecord(
        "blur-strong",
        "blur_strong:BlurStrong",
        "the face smoothed again and again",
        numbers=("sigma_mm",),
        reversals=_DECONVOLUTIONS,
    ),
    EffectRecord("drown", "drown:Drown", "skin, and air before it, become random skin and fat", is_random=True, reversals=_FILL),
    EffectRecord(
        "scramble",
        "scramble:Scramble",
        "around the skin every voxel is like the inside or the outside, at random",
        is_random=True,
        scatters=True,
        reversals=_FILL,
    ),
    EffectRecord("epidermis", "epidermis:Epidermis", "the skin drawn again with a random thickness", is_random=True, reversals=_FILL),
)
EFFECT_NAMES = tuple(record.name for record in RECORDS)


def record_of(name: str) -> EffectRecord:
    """The row of an effect; InputError lists the names there are."""
    for record in RECORDS:
        if record.name == name:
            return record
    raise InputError(f"there is no effect '{name}'; choose one of: {', '.join(EFFECT_NAMES)}")


def effects_with(field: str) -> tuple[str, ...]:
    """The effects that a number (a field of ``Parameters``) means something to; empty where it does to all."""
    return tuple(record.name for record in RECORDS if field in record.numbers)
