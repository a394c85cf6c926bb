"""``reface``: a new surface that knows the boundary curve and chance, and nothing of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.polar import to_polar
from ..face.relief import random_surface
from ..face.segment import BEHIND_MEMBRANE_MM, Face
from .texture import scan_air, soft_tissue

#: Over the last mm of the segment's depth the new tissue goes over into the old one.
BLEND_MM = 3.0
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
        place = below_surface(face, random_surface(face, random), lps, parameters.depth_mm)
        tissue = soft_tissue(ct, face, random)[face.segment.array]
        air = scan_air(here, len(at), random)
        soft = np.clip(0.5 + place.below / edge_mm(ct), 0.0, 1.0)
        old = here[face.segment.array].astype(np.float32)
        blend = np.where(old > AIR_SPACE_HU, np.clip(place.to_back / BLEND_MM, 0.0, 1.0), 1.0)
        inside = blend * tissue + (1 - blend) * old
        out = here.astype(np.float32)
        out[face.segment.array] = air + soft * (inside - air)
        return out


@dataclass(frozen=True, eq=False)
class Place:
    """For points (N,): mm below the new surface along the line of sight, and mm to the back of the face segment."""

    below: np.ndarray
    to_back: np.ndarray


def below_surface(face: Face, surface: np.ndarray, lps: np.ndarray, depth_mm: float) -> Place:
    """Where points (N, 3) in LPS mm lie with respect to a surface (mm on ``face.raster``)."""
    directions, distance = to_polar(face.frame, lps)
    below = face.raster.sample(surface, directions) - distance
    membrane = face.raster.sample(face.membrane, directions)
    depth = ndimage.map_coordinates(face.depth.array, face.depth.geometry.to_kji(lps).T, order=1, mode="nearest")
    return Place(below, np.maximum(depth_mm - depth, distance - (membrane - BEHIND_MEMBRANE_MM)))


def edge_mm(ct: Volume) -> float:
    """Width in mm over which a sharp surface is seen in this scan: one voxel."""
    return float(np.mean(ct.geometry.spacing))
