"""A plate of bone before the bone that stays: a threshold shows the plate, and behind it little tells where the old bone begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ...core.volume import Volume
from ...face.apron import share_of_height
from ...face.polar import PolarRaster, signed_degrees
from ...face.segment import Face
from .noise import Noise
from .texture import FEWEST_VOXELS, GRAIN_MM, Tissue

#: The plate begins so far (mm) below the new surface, more or less (deviation, least).
COVER_MM, COVER_SD_MM, LEAST_COVER_MM = 3.0, 0.8, 2.0
#: So dense (HU: mean, deviation of its grain) and so thick (mm: mean, deviation) is its outer part: few lines of sight look through it
#: at 1500 HU, at voxels of 5 mm and after smoothing by 3 mm.
COMPACT_HU, COMPACT_SD_HU = 2600.0, 80.0
COMPACT_MM, COMPACT_SD_MM = 9.0, 1.5
#: Behind it lie values like the patient's own bone, rank by rank, in trabeculae of that size (Gaussian sigma, mm); the usual ones (HU)
#: where a face has too little bone.
SPONGY_MM = 2.5
BONE_HU = 200.0
USUAL_BONE_HU = (200.0, 1300.0)
#: They end so far (mm: mean, deviation) behind the outer part and not on the old tissue: its depth below the old skin would show from
#: behind (a model that looked at inner sides found 20 % of persons where they reached down to it, and 10 % so).
FILL_MM, FILL_SD_MM = 5.0, 3.0
#: Beyond the curve it ends within so many degrees.
BEYOND_DEGREES = 4.0
#: One part goes over into the next within so many mm.
SEAM_MM = 3.5


@dataclass(frozen=True, eq=False)
class BonePlate:
    """What was drawn: distance (mm) to outer side, seam and inner end on the new face's raster, and the values of both parts.

    ``share`` (on the raster) is how much of it there is: all inside the curve, where it hides bone, and none where the face runs out.
    """

    outer: np.ndarray
    seam: np.ndarray
    end: np.ndarray
    share: np.ndarray
    compact: Tissue
    spongy: Tissue

    def over(
        self, tissue: np.ndarray, at: np.ndarray, cells: tuple[PolarRaster, np.ndarray], distance: np.ndarray, edge: float
    ) -> np.ndarray:
        """HU (N,) of voxels ``at`` (N, 3) of the face segment's box, where ``tissue`` (N,) would be without the plate.

        ``cells``: the raster and where on it they lie; ``edge`` (mm) is how wide the outer side is seen.
        """
        raster, where = cells
        outer, seam, end = (raster.sample_at(one, where) for one in (self.outer, self.seam, self.end))
        share = raster.sample_at(self.share, where) * np.clip(0.5 + (outer - distance) / edge, 0.0, 1.0)
        share *= np.clip(0.5 + (distance - end) / SEAM_MM, 0.0, 1.0)
        compact = np.clip(0.5 + (distance - seam) / SEAM_MM, 0.0, 1.0)
        return (1 - share) * tissue + share * (compact * self.compact(at) + (1 - compact) * self.spongy(at))


def drawn_plate(
    surface: np.ndarray, raster: PolarRaster, rough: Sequence[np.ndarray], ct: Volume, face: Face, random: np.random.Generator
) -> BonePlate:
    """A plate below a new ``surface`` (mm), on its ``raster``; the three maps of ``rough`` have deviation 1."""
    share = share_of_height(signed_degrees(raster, face.curve.inside(raster)), 0.0, BEYOND_DEGREES)
    outer = surface - np.maximum(COVER_MM + COVER_SD_MM * rough[0], LEAST_COVER_MM)
    seam = outer - COMPACT_MM - COMPACT_SD_MM * rough[1]
    end = seam - FILL_MM - FILL_SD_MM * rough[2]
    grain = Noise.drawn(GRAIN_MM / np.array(ct.geometry.sampling), COMPACT_SD_HU, face.segment.box.shape, random)
    return BonePlate(outer, seam, end, share, lambda at: COMPACT_HU + grain.at(at), spongy_bone(ct, face, random))


def spongy_bone(ct: Volume, face: Face, random: np.random.Generator) -> Tissue:
    """Correlated noise whose values are replaced, rank by rank, by those of the patient's own bone around the face segment."""
    own = ct.array[face.segment.box.slices]
    own = own[own > BONE_HU]
    ranks = np.linspace(0, 1, 64)
    levels = np.quantile(own, ranks) if len(own) >= FEWEST_VOXELS else np.interp(ranks, (0, 1), USUAL_BONE_HU)
    mottle = Noise.drawn(SPONGY_MM / np.array(ct.geometry.sampling), 1.0, face.segment.box.shape, random)
    return lambda at: np.interp(ndtr(mottle.at(at)), ranks, levels).astype(np.float32)
