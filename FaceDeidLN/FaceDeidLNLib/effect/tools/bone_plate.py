"""A plate of bone before the bone that stays: a threshold shows the plate, and behind it little tells where the old bone begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ...core.volume import Volume
from ...face.segment import Face
from .texture import FEWEST_VOXELS, GRAIN_MM, Noise, Tissue

#: The plate begins so far (mm) below the new surface, more or less (deviation, least).
COVER_MM, COVER_SD_MM, LEAST_COVER_MM = 3.0, 0.8, 2.0
#: So dense (HU: mean, deviation of its grain) and so thick (mm: mean, deviation) is its outer part: no threshold up to 1500 HU looks
#: through it, at voxels of 5 mm and after smoothing by 3 mm.
COMPACT_HU, COMPACT_SD_HU = 2400.0, 80.0
COMPACT_MM, COMPACT_SD_MM = 12.0, 1.5
#: Behind it lie values like the patient's own bone, rank by rank, in trabeculae and plates of that size (Gaussian sigma, mm); these
#: where a face has too little bone (HU).
SPONGY_MM = 2.5
BONE_HU = 200.0
USUAL_BONE_HU = (200.0, 1300.0)
#: One part goes over into the next within so many mm.
SEAM_MM = 3.0


@dataclass(frozen=True, eq=False)
class BonePlate:
    """What was drawn: distance (mm) to the plate's outer and inner side on the new face's raster, and the values of both parts."""

    outer: np.ndarray
    inner: np.ndarray
    compact: Tissue
    spongy: Tissue

    def share(self, outer: np.ndarray, distance: np.ndarray, edge: float) -> np.ndarray:
        """How much of a voxel (N,) at that distance (mm) is plate or lies behind it; ``edge`` (mm) is how wide its outer side is seen."""
        return np.clip(0.5 + (outer - distance) / edge, 0.0, 1.0)

    def values(self, at: np.ndarray, inner: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """HU (N,) of voxels ``at`` (N, 3) of the face segment's box that lie behind the outer side."""
        compact = np.clip(0.5 + (distance - inner) / SEAM_MM, 0.0, 1.0)
        return compact * self.compact(at) + (1 - compact) * self.spongy(at)


def drawn_plate(
    surface: np.ndarray, roughness: tuple[np.ndarray, np.ndarray], ct: Volume, face: Face, random: np.random.Generator
) -> BonePlate:
    """A plate below a new ``surface`` (mm, on the raster of the two maps of ``roughness``, each of deviation 1)."""
    outer = surface - np.maximum(COVER_MM + COVER_SD_MM * roughness[0], LEAST_COVER_MM)
    inner = outer - COMPACT_MM - COMPACT_SD_MM * roughness[1]
    grain = Noise.drawn(GRAIN_MM / np.array(ct.geometry.sampling), COMPACT_SD_HU, face.segment.box.shape, random)
    return BonePlate(outer, inner, lambda at: COMPACT_HU + grain.at(at), spongy_bone(ct, face, random))


def spongy_bone(ct: Volume, face: Face, random: np.random.Generator) -> Tissue:
    """Correlated noise whose values are replaced, rank by rank, by those of the patient's own bone around the face segment."""
    own = ct.array[face.segment.box.slices]
    own = own[own > BONE_HU]
    ranks = np.linspace(0, 1, 64)
    levels = np.quantile(own, ranks) if len(own) >= FEWEST_VOXELS else np.interp(ranks, (0, 1), USUAL_BONE_HU)
    mottle = Noise.drawn(SPONGY_MM / np.array(ct.geometry.sampling), 1.0, face.segment.box.shape, random)
    return lambda at: np.interp(ndtr(mottle.at(at)), ranks, levels).astype(np.float32)
