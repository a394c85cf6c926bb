"""``reface``: a new surface that knows the boundary curve and chance, and nothing of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.polar import to_polar
from ..face.relief import random_surface
from ..face.segment import Face
from .ear_surface import smooth_ears
from .texture import deep_tissue, scan_air, soft_tissue

#: Over so many mm at its back the new tissue goes over into the old one.
BLEND_MM = 3.0
#: The new tissue ends on a random surface (mm below the membrane: mean, deviation, correlation length in degrees), but not
#: less than SKIN_LAYER_MM below the old skin: at a constant depth below that skin it would be an offset copy of the face,
#: which comes to light where the fill is taken away.
FLOOR_MM = 14.0
FLOOR_SD_MM = 3.0
FLOOR_DEGREES = 8.0
SKIN_LAYER_MM = 8.0
#: Under the new surface lies so much (mm: mean, deviation; correlation as above) dense tissue, and below it a mixture of fat
#: and muscle that cannot be told from the old one by its values: what comes to light where the dense layer is taken away is random, too.
DENSE_LAYER_MM = 13.0
DENSE_LAYER_SD_MM = 3.0
#: What is less dense than this (HU) is an air space and is not blended in.
AIR_SPACE_HU = -250.0
#: Old tissue that happens to get its own value back changes by so much (HU): nothing of the skin is left, not even by chance.
LEAST_CHANGE_HU = 2.0


class Reface:
    """The face replaced by a smooth membrane over the boundary curve with a random generic relief (see face/relief.py).

    The aim of mri_reface (Schwarz et al., NeuroImage 2021) and of Uchida et al. 2023, without an atlas and without a
    reference person. In front of the surface there is air with the scan's own noise, behind it soft tissue with the
    patient's own density and noise; air spaces in the segment are filled.

    Privacy: the surface is a function of the curve on the skin and of a random draw. What remains is what the curve itself
    tells (breadth and height of the face) and the bone that the segment leaves.
    """

    name = "reface"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """New HU for the box; a function of the face only through the curve, apart from density and noise statistics."""
        box = face.segment.box
        here = ct.array[box.slices]
        at = np.argwhere(face.segment.array)
        lps = ct.geometry.crop(box).to_lps(at)
        surface = random_surface(face, random)
        dense = surface - DENSE_LAYER_MM - DENSE_LAYER_SD_MM * roughness(face, random)
        place = below_surface(face, surface, dense, face.membrane - FLOOR_MM - FLOOR_SD_MM * roughness(face, random), lps)
        tissue = layered_tissue(ct, face, at, place.above_deep, random)
        air = scan_air(here, len(at), random)
        soft = np.clip(0.5 + place.below / edge_mm(ct), 0.0, 1.0)
        old = here[face.segment.array].astype(np.float32)
        blend = np.where(old > AIR_SPACE_HU, np.clip(place.above_floor / BLEND_MM, 0.0, 1.0), 1.0)
        inside = blend * tissue + (1 - blend) * old
        out = here.astype(np.float32)
        new = air + soft * (inside - air)
        by_chance = (np.abs(new - old) < 1.0) & (place.above_floor > 0) & (old > AIR_SPACE_HU)
        out[face.segment.array] = np.where(by_chance, old + LEAST_CHANGE_HU, new)
        return smooth_ears(out, ct, face, lambda ear: soft_tissue(ct, face, ear, random), random)


def layered_tissue(ct: Volume, face: Face, at: np.ndarray, above_deep: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """HU (N,) of voxels ``at`` (N, 3), ``above_deep`` mm above the end of the dense layer: dense tissue over a mixture."""
    dense = np.clip(0.5 + above_deep / BLEND_MM, 0.0, 1.0)
    return dense * soft_tissue(ct, face, at, random) + (1 - dense) * deep_tissue(ct, face, at, random)


@dataclass(frozen=True, eq=False)
class Place:
    """For points (N,), along the line of sight: mm below the new surface, and above the ends of its dense layer and of all new tissue."""

    below: np.ndarray
    above_deep: np.ndarray
    above_floor: np.ndarray


def roughness(face: Face, random: np.random.Generator) -> np.ndarray:
    """Smooth noise of deviation 1 on ``face.raster``."""
    noise = ndimage.gaussian_filter(random.standard_normal(face.raster.shape), FLOOR_DEGREES / face.raster.step, mode="reflect")
    return noise / max(float(noise.std()), 1e-9)


def below_surface(face: Face, surface: np.ndarray, dense: np.ndarray, floor: np.ndarray, lps: np.ndarray) -> Place:
    """Where points (N, 3) in LPS mm lie to the new surface, the end of its dense layer and its floor (mm on ``face.raster``)."""
    directions, distance = to_polar(face.frame, lps)
    depth = ndimage.map_coordinates(face.depth.array, face.depth.geometry.to_kji(lps).T, order=1, mode="nearest")
    below, before, above = (face.raster.sample(one, directions) - distance for one in (surface, dense, floor))
    return Place(below, -before, np.maximum(SKIN_LAYER_MM - depth, -above))


def edge_mm(ct: Volume) -> float:
    """Width in mm over which a sharp surface is seen in this scan: one voxel."""
    return float(np.mean(ct.geometry.spacing))
