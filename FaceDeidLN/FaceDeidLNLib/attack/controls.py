"""What the attack must be able to find: another scan of the same head, a skin cut at constant depth, a smoothed skin."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..core.geometry import Geometry
from ..core.volume import AIR_HU, Volume, resample
from .window import Window

#: Another scan of the same head is turned (degrees, about each axis) and moved (mm) by so much, standard deviations.
TURN_DEGREES = 2.5
MOVE_MM = 3.0
NOISE_HU = 20.0


def another_scan(ct: Volume, window: Window, random: np.random.Generator) -> Volume:
    """The CT as if the head had been scanned again: turned, moved, sampled between the voxels, with other noise."""
    turn = Rotation.from_rotvec(np.radians(random.normal(0, TURN_DEGREES, 3))).as_matrix()
    motion, half = np.eye(4), np.eye(4)
    motion[:3, :3] = turn
    motion[:3, 3] = window.origin - turn @ window.origin + random.normal(0, MOVE_MM, 3)
    half[:3, 3] = 0.5
    scanned = resample(ct, Geometry(ct.geometry.shape, motion @ ct.geometry.ijk_to_lps @ half))
    return Volume(scanned.array + random.normal(0, NOISE_HU, scanned.array.shape).astype(np.float32), ct.geometry)


def cut_skin(ct: Volume, depth: Volume, cut_mm: float) -> Volume:
    """The CT with air down to ``cut_mm`` below the skin; ``depth`` is the signed depth (mm) below the skin, any grid."""
    deep = resample(depth, ct.geometry, fill=-50.0).array
    return ct.with_array(np.where(deep < cut_mm, AIR_HU, ct.array))


def smoothed_skin(ct: Volume, depth: Volume, sigma_mm: float) -> Volume:
    """The solid head in air, smoothed with a Gaussian of ``sigma_mm``."""
    solid = np.where(resample(depth, ct.geometry, fill=-50.0).array > 0, 0.0, AIR_HU).astype(np.float32)
    return ct.with_array(ndimage.gaussian_filter(solid, sigma_mm / np.array(ct.geometry.sampling)))
