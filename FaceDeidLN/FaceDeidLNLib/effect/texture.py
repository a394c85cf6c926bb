"""Values that look like the scan they stand in: soft tissue and air with the patient's own density and noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from ..core.volume import AIR_HU, Volume
from ..face.segment import Face

#: Muscle, gland and skin lie between these (HU, with contrast medium); fat and bone do not.
SOFT_HU = (0.0, 120.0)
#: Soft tissue with some of its fat (HU): what lies under the dense layer.
TISSUE_HU = (-80.0, 100.0)
#: Used where a face has too little of it.
USUAL_SOFT_HU = 45.0
USUAL_NOISE_HU = 12.0
FEWEST_VOXELS = 200
#: No scan is quieter or noisier than this in soft tissue (standard deviation, HU).
NOISE_LIMITS_HU = (3.0, 60.0)
#: Blur of a scan (Gaussian sigma, mm), which makes its noise grainy; and the larger mottle of muscle with fat in it.
GRAIN_MM = 0.5
MOTTLE_MM = 4.0
MOTTLE_HU = 15.0
#: A part of the new tissue is denser (HU more) in patches, like enhanced gland and vessel: correlation (Gaussian sigma, mm) and
#: where they begin and are full (standard deviations). They are so large that no filter removes them, and so rare that the
#: values' spread does not tell of them: who takes away what is like the fill leaves them, and finds them at 150 HU.
PATCH_MM = 11.0
PATCH_HU = 65.0
PATCH_FROM, PATCH_FULL = 0.3, 0.8
#: The new tissue is at least so dense (skin, gland or enhanced muscle): through a fill of 45 HU, smoothed and seen at 50 HU,
#: the old muscle and bone behind it told persons apart (rank-1 20 % of 60).
DENSE_HU = 115.0
#: Noise is made in periodic blocks of so many cells per axis, with at most such a correlation (standard deviation, cells).
TILE = 96
TILE_SIGMA = 2.0
#: What is denser than this is not plain air.
AIR_LIMIT_HU = -900.0


def soft_tissue(ct: Volume, face: Face, at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Dense soft tissue (HU, (N,)) for voxels ``at`` (N, 3): the patient's mean, the scan's noise, some mottle."""
    mean, noise = soft_statistics(ct.array[face.segment.box.slices], face.segment.array)
    steps = np.array(ct.geometry.sampling)
    grain = correlated(at, GRAIN_MM / steps, noise, random)
    patch = np.clip((correlated(at, PATCH_MM / steps, 1.0, random) - PATCH_FROM) / (PATCH_FULL - PATCH_FROM), 0.0, 1.0)
    return max(mean, DENSE_HU) + grain + correlated(at, MOTTLE_MM / steps, MOTTLE_HU, random) + PATCH_HU * patch


def deep_tissue(ct: Volume, face: Face, at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A mixture like the patient's own (HU, (N,)) for voxels ``at`` (N, 3): fat and muscle in patches.

    Correlated noise whose values are replaced, rank by rank, by those of the segment's own tissue: its histogram is theirs.
    """
    values = ct.array[face.segment.box.slices][face.segment.array]
    own = values[(values > TISSUE_HU[0]) & (values < TISSUE_HU[1])]
    if len(own) < FEWEST_VOXELS:
        return soft_tissue(ct, face, at, random)
    steps = np.array(ct.geometry.sampling)
    patches = correlated(at, MOTTLE_MM / steps, 1.0, random) + correlated(at, GRAIN_MM / steps, 0.3, random)
    ranks = np.linspace(0, 1, 64)
    return np.interp(ndtr(patches / np.sqrt(1.09)), ranks, np.quantile(own, ranks)).astype(np.float32)


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


def correlated(at: np.ndarray, sigma: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise (N,), float32, with ``deviation`` at voxels ``at`` (N, 3), correlated over ``sigma`` voxels per axis.

    It comes from a periodic block of TILE cells per axis, smoothed with up to TILE_SIGMA cells; a longer correlation is the
    same block seen larger, cell by cell. Below a third of a voxel the noise is white along that axis.
    """
    block = random.standard_normal((TILE,) * 3, dtype=np.float32)
    cells = np.where(sigma > 0.33, np.minimum(sigma, TILE_SIGMA), 0.0)
    if cells.any():
        block = ndimage.gaussian_filter(block, cells, mode="wrap", truncate=2.5)
        block /= float(block.std())
    shrunk = np.where(sigma > TILE_SIGMA, TILE_SIGMA / sigma, 1.0).astype(np.float32)
    cell = at if (shrunk == 1.0).all() else (at * shrunk).astype(np.int32)
    return deviation * block[tuple((cell % TILE).T)]


def scan_air(values: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` values (HU, float32) drawn from the plain air among ``values``; AIR_HU where there is none."""
    air = values[values < AIR_LIMIT_HU]
    if not len(air):
        return np.full(count, AIR_HU, dtype=np.float32)
    return random.choice(air, count).astype(np.float32)
