"""``epidermis``: the skin is drawn again with a random thickness."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.by_parts import by_parts
from ..core.parameters import Parameters
from ..core.volume import Volume, linear
from ..face.segment import Face
from .tools.by_chance import unlike
from .tools.noise import Noise
from .tools.skin_layer import beside_air, most_before, skin_depth
from .tools.texture import plain_air, scan_air

#: Mean and deviation of the new skin's shift (mm), and how far neighbouring places shift alike (mm).
SHIFT_MM = 4.0
SHIFT_SD_MM = 3.0
SHIFT_LENGTH_MM = 12.0
#: Density (HU) of the re-drawn skin layer.
SKIN_HU = 30.0
#: Skin is so thick (mm); in coarse voxels, and where it was found too far out, it is what air touches.
SKIN_MM = 1.5


class Epidermis:
    """The skin is re-drawn with a smoothly varying random thickness.

    After the surface distortion of Milchenko & Marcus, Neuroinformatics 2013;11:65.

    Privacy: recognisable. Thickness varies by some mm about the true surface; the coarse shape of the face is untouched.
    """

    name = "epidermis"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """HU, float32 (k, j, i) of the segment's box: skin in front of the old surface, air before it."""
        values = ct.array[face.segment.box.slices].astype(np.float32)
        mask = face.segment.array
        at, old, depth = np.argwhere(mask), values[mask], skin_depth(ct, face)
        shift = np.clip(SHIFT_MM + smooth_noise(ct, face, at, random) * SHIFT_SD_MM, 0.0, max(0.0, parameters.outside_mm - 1.0))
        shift = np.minimum(shift, most_before(ct, face))
        air = scan_air(plain_air(values), len(at), random)
        skin = SKIN_HU + by_parts(Noise.drawn(0.5 / np.array(ct.geometry.sampling), 12.0, values.shape, random).at, at)
        part = np.clip(0.5 + (depth + shift) / float(np.mean(ct.geometry.spacing)), 0.0, 1.0)
        below = (depth > SKIN_MM) & ~beside_air(ct, face)[mask]
        values[mask] = np.where(below, np.maximum(old, skin), unlike(air + part * (skin - air), old))
        return values


def smooth_noise(ct: Volume, face: Face, at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise (N,) of deviation 1 at voxels ``at`` (N, 3) of the box, correlated over SHIFT_LENGTH_MM; linear between its cells."""
    cells = np.array(ct.geometry.sampling) / (SHIFT_LENGTH_MM / 3)
    size = np.ceil(at.max(0) * cells).astype(int) + 2
    block = ndimage.gaussian_filter(random.standard_normal(tuple(size)), 3.0, mode="reflect")
    block /= block.std()
    return by_parts(lambda part: linear(block, part * cells), at)
