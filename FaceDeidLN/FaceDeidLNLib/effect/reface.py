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
SKIN_LAYER_MM = 6.0
#: Under the new surface lies so much (mm) dense tissue, and below it a mixture of fat and muscle that cannot be told from the
#: old one by its values: what comes to light where the dense layer is taken away is the new surface once more.
DENSE_LAYER_MM = 10.0
#: What is less dense than this (HU) is an air space and is not blended in.
AIR_SPACE_HU = -250.0


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
        place = below_surface(face, random_surface(face, random), random_floor(face, random), lps)
        tissue = layered_tissue(ct, face, at, place.below, random)
        air = scan_air(here, len(at), random)
        soft = np.clip(0.5 + place.below / edge_mm(ct), 0.0, 1.0)
        old = here[face.segment.array].astype(np.float32)
        blend = np.where(old > AIR_SPACE_HU, np.clip(place.above_floor / BLEND_MM, 0.0, 1.0), 1.0)
        inside = blend * tissue + (1 - blend) * old
        out = here.astype(np.float32)
        out[face.segment.array] = air + soft * (inside - air)
        return smooth_ears(out, ct, face, lambda ear: soft_tissue(ct, face, ear, random), random)


def layered_tissue(ct: Volume, face: Face, at: np.ndarray, below: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """HU (N,) of voxels ``at`` (N, 3), ``below`` mm under the new surface: dense tissue over the patient's own mixture."""
    deep = np.clip((below - DENSE_LAYER_MM) / BLEND_MM, 0.0, 1.0)
    return (1 - deep) * soft_tissue(ct, face, at, random) + deep * deep_tissue(ct, face, at, random)


@dataclass(frozen=True, eq=False)
class Place:
    """For points (N,): mm below the new surface along the line of sight, and mm before the floor of the new tissue."""

    below: np.ndarray
    above_floor: np.ndarray


def random_floor(face: Face, random: np.random.Generator) -> np.ndarray:
    """Distance (mm) from the frame's origin to the floor of the new tissue, on ``face.raster``."""
    noise = ndimage.gaussian_filter(random.standard_normal(face.raster.shape), FLOOR_DEGREES / face.raster.step, mode="reflect")
    return face.membrane - FLOOR_MM - FLOOR_SD_MM * noise / max(float(noise.std()), 1e-9)


def below_surface(face: Face, surface: np.ndarray, floor: np.ndarray, lps: np.ndarray) -> Place:
    """Where points (N, 3) in LPS mm lie with respect to the new surface and its floor (mm on ``face.raster``)."""
    directions, distance = to_polar(face.frame, lps)
    depth = ndimage.map_coordinates(face.depth.array, face.depth.geometry.to_kji(lps).T, order=1, mode="nearest")
    above = np.maximum(SKIN_LAYER_MM - depth, distance - face.raster.sample(floor, directions))
    return Place(face.raster.sample(surface, directions) - distance, above)


def edge_mm(ct: Volume) -> float:
    """Width in mm over which a sharp surface is seen in this scan: one voxel."""
    return float(np.mean(ct.geometry.spacing))
