"""The table of effects: all that command line, module, help and benchmarks know of each. Slicer reads it at every start, so it is light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..core.errors import InputError
from ..core.parameters import Number


@dataclass(frozen=True)
class Preset:
    """Another system as region and effect: re-implemented from its published description, and with protection on, which none of them has.

    It is a stand-in for a comparison of methods, not the system itself: landmarks take the place of registration and of networks.
    ``style`` is the region by name, with or without ``ears``; ``after`` says what it follows and where that is written; ``effect`` is
    that of the record it stands in.
    """

    name: str
    style: str
    after: str
    ears: bool = False
    effect: str = ""


@dataclass(frozen=True)
class EffectRecord:
    """One effect. To add one: its file here beside, its row below, and its name in README's row of ``--effect``.

    ``made_by`` is its file and class ("blur:Blur"); ``gives`` one phrase for tooltips and help. ``numbers`` are those that mean
    something to it and not to all: option, keyword, slider and certificate are made from them, and the effect reads them by
    ``parameters.own_number``.
    """

    name: str
    made_by: str
    gives: str
    numbers: tuple[Number, ...] = ()
    #: It makes a new surface from the curve, and goes with regions that have one.
    needs_curve: bool = False
    #: Every run draws another face.
    is_random: bool = False
    #: It scatters single voxels. Every other random one builds new tissue, which must rise from the curve without a step.
    scatters: bool = False
    #: Keys of attack.reversal.ALL_REVERSALS that fit it; None: every one.
    reversals: tuple[str, ...] | None = None
    #: Other systems that do it.
    presets: tuple[Preset, ...] = ()


FILL_HU = Number("fill_hu", -2000.0, 3000.0, "HU", "what mask puts in place of the face", -1000.0)
SIGMA_MM = Number("sigma_mm", 0.1, 50.0, "mm", "standard deviation of blur's Gaussian", 6.0)
_DECONVOLUTIONS = ("Wiener 6 mm", "Wiener 12 mm", "Richardson-Lucy 6 mm", "Richardson-Lucy 12 mm")
_SHELLS = ("shell of 6 mm", "shell of 12 mm")
_FILL = ("without fill",)

RECORDS = (
    EffectRecord(
        "reface",
        "reface:Reface",
        "another, computed face grows out of the curve: it looks like a head and holds nothing of this one's skin",
        needs_curve=True,
        is_random=True,
        reversals=(*_FILL, "shell of 6 mm"),
        presets=(
            Preset(
                "reface",
                "full",
                "mri_reface (Schwarz et al., NeuroImage 2021;231:117845): face and ears become generic ones; here without an average face",
                ears=True,
            ),
        ),
    ),
    EffectRecord(
        "reface-veil",
        "reface:RefaceVeil",
        "as reface, with a random plate of bone before the bone that stays, so that no threshold shows the old skull from the front",
        needs_curve=True,
        is_random=True,
        reversals=(*_FILL, "shell of 6 mm"),
    ),
    EffectRecord(
        "mask",
        "mask:Mask",
        "one value in place of the face: plain to see, and the fill shows where the face was",
        numbers=(FILL_HU,),
        reversals=_SHELLS,
        presets=(
            Preset(
                "quickshear",
                "plane",
                "Schimke & Hale, Quickshear, HealthSec 2011: everything before a plane at the brain's lower front is blanked",
            ),
            Preset(
                "biometric-mask",
                "box",
                "ct_biometric_mask of the R package ichseg (Muschelli): boxes of face and ears, drawn on a template, to the image's edges",
            ),
            Preset(
                "mcgill-box",
                "below-eyes-kept",
                "O'Sullivan-Steben, Galarneau & Kildea, arXiv 2508.13914 (2025): a box above the eyes' lower edge, before their middle",
            ),
        ),
    ),
    EffectRecord(
        "blur",
        "blur:Blur",
        "the face smoothed over some millimetres: looks mild, and hides little",
        numbers=(SIGMA_MM,),
        reversals=_DECONVOLUTIONS,
        presets=(
            Preset(
                "carina",
                "full",
                "Carina INTDeIdentifier (product page): the detected face is blurred through a mask and the body's contour is kept",
            ),
        ),
    ),
    EffectRecord(
        "blur-strong",
        "blur_strong:BlurStrong",
        "the face smoothed until only its rough shape is left",
        numbers=(SIGMA_MM,),
        reversals=_DECONVOLUTIONS,
    ),
    EffectRecord(
        "drown",
        "drown:Drown",
        "skin, and the air before it, become random values of skin and fat: the new surface follows the face",
        is_random=True,
        reversals=_FILL,
        presets=(
            Preset(
                "drown",
                "outline",
                "face_deid_ct (Kitamura), after Collins et al., Radiology 2020;296:22: the whole skin becomes random skin and fat",
            ),
        ),
    ),
    EffectRecord(
        "scramble",
        "scramble:Scramble",
        "around the skin every voxel is like the inside or the outside, at random: noise, which a filter takes away",
        is_random=True,
        scatters=True,
        reversals=_FILL,
        presets=(
            Preset(
                "mideface",
                "full-hairline",
                "MiDeFace (FreeSurfer 7.3): face, forehead and ears filled with random values like the true inside and outside",
                ears=True,
            ),
        ),
    ),
    EffectRecord(
        "epidermis",
        "epidermis:Epidermis",
        "the skin drawn again with a random thickness; what lies below stays as it is",
        is_random=True,
        reversals=_FILL,
        presets=(
            Preset(
                "mask-face",
                "full",
                "Milchenko & Marcus, Neuroinformatics 2013;11:65: the surface of face and ears is distorted, what lies below stays",
                ears=True,
            ),
        ),
    ),
)
#: The numbers that only some effects have, each once.
OWN_NUMBERS = tuple(dict.fromkeys(number for record in RECORDS for number in record.numbers))
OWN_DEFAULTS = {number.keyword: number.default for number in OWN_NUMBERS}
EFFECT_NAMES = tuple(record.name for record in RECORDS)
PRESETS = {preset.name: replace(preset, effect=record.name) for record in RECORDS for preset in record.presets}


def record_of(name: str) -> EffectRecord:
    """The row of an effect; InputError lists the names there are."""
    for record in RECORDS:
        if record.name == name:
            return record
    raise InputError(f"There is no effect '{name}'; choose one of: {', '.join(EFFECT_NAMES)}.")


def effects_with(field: str) -> tuple[str, ...]:
    """The effects that a number, by its field, means something to; empty where it does to all."""
    return tuple(record.name for record in RECORDS if field in [number.field for number in record.numbers])


def own_numbers(effect: str, values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """``Parameters.own``: those of the values, by field, that mean something to the effect and are not its default.

    Raises InputError for an effect that there is not, and for a value out of its range.
    """
    known = {number.field: number for number in OWN_NUMBERS}
    for field, value in values.items():
        known[field].require(value)
    meant = record_of(effect).numbers
    return tuple((n.field, values[n.field]) for n in meant if values.get(n.field, n.default) != n.default)


def preset_named(name: str) -> Preset:
    """The preset of that name; InputError lists the names there are."""
    if name not in PRESETS:
        raise InputError(f"There is no preset '{name}'; choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
