"""``scramble``: around the skin each voxel is like the inside or the outside, at random."""

from __future__ import annotations

import numpy as np

from ..core.parameters import Parameters
from ..core.volume import AIR_HU, BELOW_AIR_HU, Volume
from ..face.segment import Face
from .tools.by_chance import unlike
from .tools.skin_layer import beside_air, skin_depth

#: Inner and outer bracket of the skin (mm below and above it).
INNER_MM = 6.0
OUTER_MM = 6.0


class Scramble:
    """Between two brackets of the skin each voxel is like the inside or like the outside, at random.

    After MiDeFace (FreeSurfer): random values with the mean and deviation of the true inside and outside.

    Privacy: recognisable. The share of inside values is constant between the brackets, but a median or Gaussian filter
    restores the brackets themselves, which run along the face.
    """

    name = "scramble"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """HU, float32 (k, j, i) of the segment's box; beyond the brackets the segment keeps its values."""
        out, mask = ct.array[face.segment.box.slices].astype(np.float32), face.segment.array
        old, depth = out[mask], skin_depth(ct, face)
        is_inside = random.random(out.shape)[mask] < 0.5
        inside = _like(old[depth > 0], out.shape, 0.0, random)[mask]
        outside = _like(old[depth < 0], out.shape, AIR_HU, random)[mask]
        bracket = ((depth < INNER_MM) | beside_air(ct, face)[mask]) & (depth > -OUTER_MM)
        out[mask] = np.where(bracket, unlike(np.where(is_inside, inside, outside), old), old)
        return out


def _like(sample: np.ndarray, shape: tuple[int, ...], otherwise: float, random: np.random.Generator) -> np.ndarray:
    """Normal draws with the mean and deviation of what was measured of a sample (``otherwise`` and 20 HU where that is nothing).

    None lies beyond the sample's own values: with an airway or metal among them they scatter so much that draws would reach -3000 HU.
    """
    sample = sample[sample >= BELOW_AIR_HU]
    mean, deviation = (float(sample.mean()), float(sample.std())) if len(sample) else (otherwise, 20.0)
    draws = (mean + deviation * random.standard_normal(shape)).astype(np.float32)
    return draws.clip(sample.min(), sample.max()) if len(sample) else draws
