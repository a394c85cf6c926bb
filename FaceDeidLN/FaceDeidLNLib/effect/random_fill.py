"""``drown``, ``scramble`` and ``epidermis``: the skin is lost in random values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from ..core.parameters import Parameters
from ..core.segment import unflat
from ..core.volume import AIR_HU, Volume
from ..face.polar import PolarRaster, signed_degrees, to_polar
from ..face.relief import MM_PER_DEGREE
from ..face.segment import Face, depth_of
from .parts import by_parts
from .texture import Noise, scan_air

#: Skin and fat (HU): the range of the published replacement values.
SUPERFICIAL_HU = (-125.0, 50.0)
#: ``scramble``: inner and outer bracket of the skin (mm below and above it).
INNER_MM = 6.0
OUTER_MM = 6.0
#: ``epidermis``: mean and deviation of the new skin's shift (mm), and how far neighbouring places shift alike (mm).
SHIFT_MM = 4.0
SHIFT_SD_MM = 3.0
SHIFT_LENGTH_MM = 12.0
#: New tissue before the old skin rises from the curve no more steeply than this (mm per mm): a step would draw the curve.
RISE = 0.5
#: Further (degrees) outside the curve lie ears, which have their own outline.
EARS_DEGREES = -3.0
#: Depth (mm) where the skin was not looked at: far before it.
BEYOND_MM = -30.0
#: Density (HU) of the re-drawn skin layer.
SKIN_HU = 30.0


class Drown:
    """Superficial tissue and the air in front become values drawn from the patient's own skin and fat.

    After face_deid_ct's ``drown_volume`` (Collins et al., Radiology 2020;296:22), restricted to the face segment.

    Privacy: recognisable. The new surface is the segment's front, an offset copy of the face; independent random values are
    filtered away, and bone that stays shows the skull.
    """

    name = "drown"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """Independent draws (HU), float32 (k, j, i) of the segment's box; air from ``outside_mm`` before the skin, less at the curve."""
        here, mask = ct.array[face.segment.box.slices], face.segment.array
        own = here[mask]
        own = own[(own > SUPERFICIAL_HU[0]) & (own < SUPERFICIAL_HU[1])]
        if not len(own):
            own = np.linspace(*SUPERFICIAL_HU, 100)
        out = here.astype(np.float32)
        front = np.minimum(parameters.outside_mm, most_before(ct, face))
        out[mask] = np.where(skin_depth(ct, face) < -front, AIR_HU, random.choice(own, here.shape)[mask])
        return out


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
        bracket = (depth < INNER_MM) & (depth > -OUTER_MM)
        out[mask] = np.where(bracket, np.where(is_inside, inside, outside), old)
        return out


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
        shift = np.clip(SHIFT_MM + smooth_noise(ct, face, at, random) * SHIFT_SD_MM, 0.0, parameters.outside_mm - 1.0)
        shift = np.minimum(shift, most_before(ct, face))
        air = scan_air(values, len(at), random)
        skin = SKIN_HU + by_parts(Noise.drawn(0.5 / np.array(ct.geometry.sampling), 12.0, values.shape, random).at, at)
        part = np.clip(0.5 + (depth + shift) / float(np.mean(ct.geometry.spacing)), 0.0, 1.0)
        values[mask] = np.where(depth > 1.5, np.maximum(old, skin), air + part * (skin - air))
        return values


def smooth_noise(ct: Volume, face: Face, at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise (N,) of deviation 1 at voxels ``at`` (N, 3) of the box, correlated over SHIFT_LENGTH_MM; linear between its cells."""
    cells = np.array(ct.geometry.sampling) / (SHIFT_LENGTH_MM / 3)
    size = np.ceil(at.max(0) * cells).astype(int) + 2
    block = ndimage.gaussian_filter(random.standard_normal(tuple(size)), 3.0, mode="wrap")
    block /= block.std()
    return by_parts(lambda part: ndimage.map_coordinates(block, (part * cells).T, order=1, mode="nearest", output=np.float32), at)


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


def _like(sample: np.ndarray, shape: tuple[int, ...], otherwise: float, random: np.random.Generator) -> np.ndarray:
    """Normal draws with the mean and deviation of a sample (``otherwise`` and 20 HU where it is empty)."""
    mean, deviation = (float(sample.mean()), float(sample.std())) if len(sample) else (otherwise, 20.0)
    return (mean + deviation * random.standard_normal(shape)).astype(np.float32)
