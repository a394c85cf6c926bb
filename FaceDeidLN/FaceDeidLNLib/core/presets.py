"""Other systems as region and effect: re-implemented from their published descriptions, and with protection on, which none of them has.

They are stand-ins for a comparison of methods, not the systems themselves: landmarks take the place of registration and of networks.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InputError


@dataclass(frozen=True)
class Preset:
    """A system's row: ``style`` and ``effect`` by name, with or without ears; ``after`` says what it follows and where that is written."""

    name: str
    style: str
    effect: str
    ears: bool
    after: str


_ALL = (
    Preset(
        "quickshear",
        "plane",
        "mask",
        False,
        "Schimke & Hale, Quickshear, HealthSec 2011: everything before a plane at the brain's lower front is blanked",
    ),
    Preset(
        "biometric-mask",
        "box",
        "mask",
        False,
        "ct_biometric_mask of the R package ichseg (Muschelli): boxes of face and ears, drawn on a template, out to the image's edges",
    ),
    Preset(
        "carina",
        "full",
        "blur",
        False,
        "Carina INTDeIdentifier (product page): the detected face is blurred through a mask and the body's contour is kept",
    ),
    Preset(
        "drown",
        "outline",
        "drown",
        False,
        "face_deid_ct (Kitamura), after Collins et al., Radiology 2020;296:22: the whole skin becomes random values of skin and fat",
    ),
    Preset(
        "mideface",
        "full-hairline",
        "scramble",
        True,
        "MiDeFace (FreeSurfer 7.3): face, forehead and ears filled with random values like the true inside and outside",
    ),
    Preset(
        "mask-face",
        "full",
        "epidermis",
        True,
        "Milchenko & Marcus, Neuroinformatics 2013;11:65: the surface of face and ears is distorted, what lies below stays",
    ),
    Preset(
        "reface",
        "full",
        "reface",
        True,
        "mri_reface (Schwarz et al., NeuroImage 2021;231:117845): face and ears become generic ones; here without an average face",
    ),
    Preset(
        "mcgill-box",
        "below-eyes-kept",
        "mask",
        False,
        "O'Sullivan-Steben, Galarneau & Kildea, arXiv 2508.13914 (2025): a box above the lower edge of the eyes and before their middle",
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


def preset_named(name: str) -> Preset:
    """The preset of that name; InputError lists the names there are."""
    if name not in PRESETS:
        raise InputError(f"there is no preset '{name}'; choose one of: {', '.join(PRESETS)}")
    return PRESETS[name]
