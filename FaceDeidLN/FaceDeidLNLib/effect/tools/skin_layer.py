"""Where the skin lies in the face segment, and how far new tissue may stand before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...anatomy import packed
from ...anatomy.grids import steps_of
from ...core.by_parts import PART, by_parts
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
#: Skin is what air (HU less than that) lies beside, within so many mm and in the next voxel at least.
BARE_HU, BARE_MM = -400.0, 3.0


def skin_depth(ct: Volume, face: Face) -> np.ndarray:
    """Signed depth (mm, (N,)) below the solid skin of the segment's voxels."""
    return _at_voxels(ct, face, lambda lps: depth_of(face, lps, BEYOND_MM))


def beside_air(ct: Volume, face: Face) -> np.ndarray:
    """Voxels of the segment's box (bool) that air touches, or lies within BARE_MM of: skin, wherever the skin was found.

    In an open mouth, or where the field of view ends, the skin is found some mm too far out, and what lies that deep would stay.
    """
    here = ct.array[face.segment.box.slices]
    reach = [steps_of(BARE_MM, step) for step in ct.geometry.sampling]
    out = np.empty(here.shape, dtype=bool)
    together = max(1, PART // here[0].size, 2 * reach[0])
    for start in range(0, len(here), together):  # a few slices at a time, which a processor's cache holds
        first = max(0, start - reach[0])
        bare = packed.grow_line(packed.pack(here[first : start + together + reach[0]] < BARE_HU), reach[0], 0)[start - first :][:together]
        bare = packed.grow_line(packed.grow_line(bare, reach[1], 1), reach[2], 2)
        out[start : start + together] = packed.unpack(bare, here.shape[2])
    return out


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
