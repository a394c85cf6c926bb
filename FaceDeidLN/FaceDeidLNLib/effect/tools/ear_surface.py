"""A smooth side of the head where an ear was: air before it, generic tissue behind it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...core.volume import Volume
from ...face.apron import smoothstep
from ...face.ears import MAP_STEP, Ear, below_surface_mm
from ...face.segment import Face
from .texture import Tissue, plain_air, scan_air

#: The new surface swells over the one that the skin around the ear spans: by this much in the middle (mm), at random by so much
#: (standard deviation, mm) over such a length (mm), and not within so much of the border (mm).
SWELL_MM, SWELLING_MM, SWELLING_LENGTH_MM, FADE_MM = 1.5, 1.0, 12.0, 10.0


def smooth_ears(values: np.ndarray, ct: Volume, face: Face, tissue: Tissue, random: np.random.Generator) -> np.ndarray:
    """``values`` (HU, the face segment's box) with every ear of the face replaced by a smooth surface.

    The surface is a function of the skin around the ear and of the draw, never of the ear; nothing of the old tissue is
    left in the ear's voxels.
    """
    for ear in face.ears:
        inside = ear.segment.inside(face.segment.box)
        if not inside.any():
            continue
        at = np.argwhere(inside)
        place = ear.place(ct.geometry.crop(face.segment.box).to_lps(at))
        below = below_surface_mm(ear, place) + ear.frame.scale * ear.sample(swellings(ear, random), place)
        soft = np.clip(0.5 + below / float(np.mean(ct.geometry.spacing)), 0.0, 1.0)
        air = scan_air(plain_air(ct.array[face.segment.box.slices]), len(at), random)
        values[inside] = air + soft * (tissue(at) - air)
    return values


def swellings(ear: Ear, random: np.random.Generator) -> np.ndarray:
    """How far (rows, columns; mm of the mean face) the new surface stands before ``ear.surface``: a broad rise with random swellings."""
    noise = ndimage.gaussian_filter(random.standard_normal(ear.border.shape), SWELLING_LENGTH_MM / MAP_STEP, mode="reflect")
    noise *= SWELLING_MM / max(float(noise.std()), 1e-9)
    return smoothstep(ear.border / FADE_MM) * (SWELL_MM + noise)
