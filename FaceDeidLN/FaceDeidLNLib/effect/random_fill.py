"""``drown``, ``scramble`` and ``epidermis``: the skin is lost in random values."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.parameters import Parameters
from ..core.volume import AIR_HU, Volume, resample
from ..face.segment import Face
from .texture import correlated, scan_air

#: Skin and fat (HU): the range of the published replacement values.
SUPERFICIAL_HU = (-125.0, 50.0)
#: ``scramble``: inner and outer bracket of the skin (mm below and above it).
INNER_MM = 6.0
OUTER_MM = 6.0
#: ``epidermis``: mean and deviation of the new skin's shift (mm), and how far neighbouring places shift alike (mm).
SHIFT_MM = 4.0
SHIFT_SD_MM = 3.0
SHIFT_LENGTH_MM = 12.0
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
        """Independent draws (HU), float32 (k, j, i) of the segment's box; air from ``outside_mm`` before the skin."""
        values = ct.array[face.segment.box.slices]
        air = box_depth(ct, face) < -parameters.outside_mm
        own = values[(values > SUPERFICIAL_HU[0]) & (values < SUPERFICIAL_HU[1]) & face.segment.array]
        if not len(own):
            own = np.linspace(*SUPERFICIAL_HU, 100)
        return np.where(air, AIR_HU, random.choice(own, values.shape)).astype(np.float32)


class Scramble:
    """Between two brackets of the skin each voxel is like the inside or like the outside, at random.

    After MiDeFace (FreeSurfer): random values with the mean and deviation of the true inside and outside.

    Privacy: recognisable. The share of inside values is constant between the brackets, but a median or Gaussian filter
    restores the brackets themselves, which run along the face.
    """

    name = "scramble"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """HU, float32 (k, j, i) of the segment's box; beyond the brackets the segment keeps its values."""
        values = ct.array[face.segment.box.slices].astype(np.float32)
        depth = box_depth(ct, face)
        inside, outside = values[(depth > 0) & face.segment.array], values[(depth < 0) & face.segment.array]
        drawn = np.where(
            random.random(values.shape) < 0.5, _like(inside, values.shape, 0.0, random), _like(outside, values.shape, AIR_HU, random)
        )
        return np.where((depth < INNER_MM) & (depth > -OUTER_MM), drawn, values).astype(np.float32)


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
        at, old, depth = np.argwhere(mask), values[mask], box_depth(ct, face)[mask]
        sampling = np.array(ct.geometry.sampling)
        shift = np.clip(SHIFT_MM + smooth_noise(ct, face, at, random) * SHIFT_SD_MM, 0.0, parameters.outside_mm - 1.0)
        air = scan_air(values, len(at), random)
        skin = SKIN_HU + correlated(at, 0.5 / sampling, 12.0, random)
        part = np.clip(0.5 + (depth + shift) / float(np.mean(ct.geometry.spacing)), 0.0, 1.0)
        values[mask] = np.where(depth > 1.5, np.maximum(old, skin), air + part * (skin - air))
        return values


def smooth_noise(ct: Volume, face: Face, at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise (N,) of deviation 1 at voxels ``at`` (N, 3) of the box, correlated over SHIFT_LENGTH_MM; linear between its cells."""
    step = SHIFT_LENGTH_MM / 3
    place = at * (np.array(ct.geometry.sampling) / step)
    block = ndimage.gaussian_filter(random.standard_normal(tuple(np.ceil(place.max(0)).astype(int) + 2)), 3.0, mode="wrap")
    return ndimage.map_coordinates(block / block.std(), place.T, order=1, mode="nearest", output=np.float32)


def box_depth(ct: Volume, face: Face) -> np.ndarray:
    """Signed depth (mm) below the solid skin, (k, j, i) of the segment's box."""
    return resample(face.depth, ct.geometry.crop(face.segment.box), fill=-30.0).array


def _like(sample: np.ndarray, shape: tuple[int, ...], otherwise: float, random: np.random.Generator) -> np.ndarray:
    """Normal draws with the mean and deviation of a sample (``otherwise`` and 20 HU where it is empty)."""
    mean, deviation = (float(sample.mean()), float(sample.std())) if len(sample) else (otherwise, 20.0)
    return (mean + deviation * random.standard_normal(shape)).astype(np.float32)
