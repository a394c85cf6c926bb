"""Where the skin lies in the face segment, and how far new tissue may stand before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...core.by_parts import by_parts
from ...core.segment import unflat
from ...core.volume import Volume
from ...face.polar import PolarRaster, signed_degrees, to_polar
from ...face.segment import Face, depth_of

#: Roughly how long a degree is on a face.
MM_PER_DEGREE = 1.8
#: New tissue before the old skin rises from the curve no more steeply than this (mm per mm): a step would draw the curve.
RISE = 0.5
#: Further (degrees) outside the curve lie ears, which have their own outline.
EARS_DEGREES = -3.0
#: Depth (mm) where the skin was not looked at: far before it.
BEYOND_MM = -30.0


def skin_depth(ct: Volume, face: Face) -> np.ndarray:
    """Signed depth (mm, (N,)) below the solid skin of the segment's voxels."""
    return _at_voxels(ct, face, lambda lps: depth_of(face, lps, BEYOND_MM))


def most_before(ct: Volume, face: Face) -> np.ndarray:
    """How far (mm, (N,)) new tissue may stand before the old skin at the segment's voxels; no limit at ears and without a curve."""
    if not len(face.curve.path):
        return np.full(face.segment.voxels, np.inf)
    raster = PolarRaster()
    within = signed_degrees(raster, face.curve.inside(raster))

    def rise(lps: np.ndarray) -> np.ndarray:
        degrees = raster.sample(within, to_polar(face.frame, lps)[0])
        return np.where(degrees < EARS_DEGREES, np.inf, RISE * MM_PER_DEGREE * np.maximum(degrees, 0.0))

    return _at_voxels(ct, face, rise)


def _at_voxels(ct: Volume, face: Face, value: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What ``value`` gives (N,) for the places (LPS mm, (N, 3)) of the segment's voxels."""
    mask, grid = face.segment.array, ct.geometry.crop(face.segment.box)
    return by_parts(lambda voxels: value(grid.to_lps(unflat(voxels, mask.shape))), np.flatnonzero(mask))
