"""Values that look like the scan they stand in: soft tissue and air with the patient's own density and noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from ..core.volume import AIR_HU, Volume
from ..face.segment import Face

#: Muscle, gland and skin lie between these (HU, with contrast medium); fat and bone do not.
SOFT_HU = (0.0, 120.0)
#: Fat and soft tissue (HU), without bone.
TISSUE_HU = (-150.0, 150.0)
#: Used where a face has too little of it.
USUAL_SOFT_HU = 45.0
USUAL_NOISE_HU = 12.0
FEWEST_VOXELS = 200
#: No scan is quieter or noisier than this in soft tissue (standard deviation, HU).
NOISE_LIMITS_HU = (3.0, 60.0)
#: Blur of a scan (Gaussian sigma, mm), which makes its noise grainy; and the larger mottle of muscle with fat in it.
GRAIN_MM = 0.5
MOTTLE_MM = 4.0
MOTTLE_HU = 30.0
#: The new tissue is at least so dense (skin, gland or enhanced muscle): through a fill of 45 HU, smoothed and seen at 50 HU,
#: the old muscle and bone behind it told persons apart (rank-1 20 % of 60).
DENSE_HU = 105.0
#: What is denser than this is not plain air.
AIR_LIMIT_HU = -900.0


def soft_tissue(ct: Volume, face: Face, random: np.random.Generator) -> np.ndarray:
    """Dense soft tissue, float32 (k, j, i) of the segment's box: the patient's mean, the scan's noise, some mottle."""
    values = ct.array[face.segment.box.slices]
    mean, noise = soft_statistics(values, face.segment.array)
    mean = max(mean, DENSE_HU)
    steps = np.array(ct.geometry.sampling)
    return mean + correlated(values.shape, GRAIN_MM / steps, noise, random) + correlated(values.shape, MOTTLE_MM / steps, MOTTLE_HU, random)


def deep_tissue(ct: Volume, face: Face, random: np.random.Generator) -> np.ndarray:
    """A mixture like the patient's own, float32 (k, j, i) of the segment's box: fat and muscle in patches.

    Correlated noise whose values are replaced, rank by rank, by those of the segment's own tissue: its histogram is theirs.
    """
    values = ct.array[face.segment.box.slices]
    own = values[(values > TISSUE_HU[0]) & (values < TISSUE_HU[1]) & face.segment.array]
    if len(own) < FEWEST_VOXELS:
        return soft_tissue(ct, face, random)
    steps = np.array(ct.geometry.sampling)
    patches = correlated(values.shape, MOTTLE_MM / steps, 1.0, random) + correlated(values.shape, GRAIN_MM / steps, 0.3, random)
    quantiles = np.quantile(own, np.linspace(0, 1, 64))
    place = ndtr(patches / np.sqrt(1.09))
    return np.interp(place, np.linspace(0, 1, 64), quantiles).astype(np.float32)


def soft_statistics(values: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Mean and noise (standard deviation) in HU of the dense soft tissue among ``values`` (k, j, i) inside ``mask``.

    The noise is measured between neighbours along i that are both dense soft tissue, robustly (1.48 MAD).
    """
    soft = (values > SOFT_HU[0]) & (values < SOFT_HU[1]) & mask
    if np.count_nonzero(soft) < FEWEST_VOXELS:
        return USUAL_SOFT_HU, USUAL_NOISE_HU
    pair = soft[..., 1:] & soft[..., :-1]
    step = np.diff(values.astype(np.float32), axis=-1)[pair]
    noise = 1.4826 * float(np.median(np.abs(step))) / np.sqrt(2) if len(step) else USUAL_NOISE_HU
    return float(np.median(values[soft])), float(np.clip(noise, *NOISE_LIMITS_HU))


def correlated(shape: tuple[int, ...], sigma: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise, float32, with ``deviation``; smoothed with ``sigma`` voxels per axis (below a third of a voxel: white)."""
    noise = random.standard_normal(shape, dtype=np.float32)
    if np.max(sigma) > 0.33:
        noise = ndimage.gaussian_filter(noise, np.where(sigma > 0.33, sigma, 0.0), mode="wrap", truncate=2.5)
        noise /= max(float(noise.std()), 1e-6)
    return deviation * noise


def scan_air(values: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` values (HU, float32) drawn from the plain air among ``values``; AIR_HU where there is none."""
    air = values[values < AIR_LIMIT_HU]
    if not len(air):
        return np.full(count, AIR_HU, dtype=np.float32)
    return random.choice(air, count).astype(np.float32)
