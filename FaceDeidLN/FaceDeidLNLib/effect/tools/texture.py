"""Values that look like the scan they stand in: soft tissue and air with the patient's own density and noise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ...core.by_parts import by_parts
from ...core.volume import AIR_HU, BELOW_AIR_HU, Volume
from ...face.segment import Face
from .noise import Noise

#: Gives HU (N,) of tissue for voxels (N, 3), in the order (k, j, i) of the face segment's box.
Tissue = Callable[[np.ndarray], np.ndarray]
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
#: Where among its values, from the least to the most, a mixture is looked at.
RANKS = np.linspace(0, 1, 64)
#: The grain's deviation in the mixture below, where the mottle's is 1; and how the values of the mixture are looked up: in so many steps
#: over so many standard deviations to either side.
DEEP_GRAIN = 0.3
MOST_NORMAL, NORMAL_STEPS = 5.0, 1 << 12
#: A part of the new tissue is denser (HU more) in patches, like enhanced gland and vessel: correlation (Gaussian sigma, mm) and
#: where they begin and are full (standard deviations). They are so large that no filter removes them, and so rare that the
#: values' spread does not tell of them: who takes away what is like the fill leaves them, and finds them at 150 HU.
PATCH_MM = 11.0
PATCH_HU = 65.0
PATCH_FROM, PATCH_FULL = 0.3, 0.8
#: The new tissue is at least so dense (skin, gland or enhanced muscle): through a fill of 45 HU, smoothed and seen at 50 HU,
#: the old muscle and bone behind it told persons apart (rank-1 20 % of 60).
DENSE_HU = 115.0
#: So many of the scan's values stand for its air: no more than 16 bits count.
AIR_VALUES = 1 << 16
#: What is denser than this is not plain air.
AIR_LIMIT_HU = -900.0


@dataclass(frozen=True, eq=False)
class Scan:
    """What new tissue takes over from a scan: mean and noise (HU) of the dense soft tissue in the face segment.

    ``mixture`` are quantiles (HU) of all tissue there, None where there is too little of it; ``air`` is the plain air (HU, N) of its box.
    """

    mean: float
    noise: float
    mixture: np.ndarray | None
    air: np.ndarray

    @classmethod
    def of(cls, ct: Volume, face: Face) -> Scan:
        """Look at the segment's box of a CT (HU)."""
        here, mask = ct.array[face.segment.box.slices], face.segment.array
        return cls(*soft_statistics(here, mask), _mixture(here[mask]), plain_air(here))


def _mixture(values: np.ndarray) -> np.ndarray | None:
    own = values[(values > TISSUE_HU[0]) & (values < TISSUE_HU[1])]
    return None if len(own) < FEWEST_VOXELS else np.quantile(own, RANKS)


def tissues(ct: Volume, face: Face, scan: Future[Scan], random: np.random.Generator) -> tuple[Tissue, Tissue]:
    """``soft_tissue`` and ``deep_tissue`` of one scan: where one goes over into the other its noise goes on."""
    grain = grain_of(ct, face, random)  # before the scan is asked for, which is looked at meanwhile
    return soft_tissue(ct, face, scan.result(), random, grain), deep_tissue(ct, face, scan.result(), random, grain)


def grain_of(ct: Volume, face: Face, random: np.random.Generator) -> Noise:
    """The grain of the scan's noise over the segment's box, of deviation 1."""
    return Noise.drawn(GRAIN_MM / np.array(ct.geometry.sampling), 1.0, face.segment.box.shape, random)


def soft_tissue(ct: Volume, face: Face, scan: Scan, random: np.random.Generator, grain: Noise | None = None) -> Tissue:
    """Dense soft tissue: the patient's mean, the scan's noise (of that ``grain``), some mottle, and patches that are denser."""
    grain = grain_of(ct, face, random) if grain is None else grain
    steps, shape = np.array(ct.geometry.sampling), face.segment.box.shape
    mean, noise = max(scan.mean, DENSE_HU), scan.noise  # no more of the scan is kept
    patches, mottle = Noise.drawn(PATCH_MM / steps, 1.0, shape, random), Noise.drawn(MOTTLE_MM / steps, MOTTLE_HU, shape, random)

    def tissue(at: np.ndarray) -> np.ndarray:
        patch = np.clip((patches.at(at) - PATCH_FROM) / (PATCH_FULL - PATCH_FROM), 0.0, 1.0)
        return mean + noise * grain.at(at) + mottle.at(at) + PATCH_HU * patch

    return tissue


def deep_tissue(ct: Volume, face: Face, scan: Scan, random: np.random.Generator, grain: Noise) -> Tissue:
    """A mixture like the patient's own: fat and muscle in patches, with the noise of that ``grain``.

    Correlated noise whose values are replaced, rank by rank, by those of the segment's own tissue: its histogram is theirs.
    """
    if scan.mixture is None:
        return soft_tissue(ct, face, scan, random, grain)
    mottle = Noise.drawn(MOTTLE_MM / np.array(ct.geometry.sampling), 1.0, face.segment.box.shape, random)
    levels = np.interp(ndtr(np.linspace(-MOST_NORMAL, MOST_NORMAL, NORMAL_STEPS)), RANKS, scan.mixture).astype(np.float32)
    scale = (NORMAL_STEPS - 1) / (2 * MOST_NORMAL)

    def tissue(at: np.ndarray) -> np.ndarray:
        drawn = (mottle.at(at) + DEEP_GRAIN * grain.at(at)) * (scale / np.sqrt(1.0 + DEEP_GRAIN**2))
        return levels[np.clip(np.rint(drawn + (NORMAL_STEPS - 1) / 2), 0, NORMAL_STEPS - 1).astype(np.intp)]

    return tissue


def soft_statistics(values: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Mean and noise (standard deviation) in HU of the dense soft tissue among ``values`` (k, j, i) inside ``mask``.

    The noise is measured between neighbours along i that are both dense soft tissue, robustly (1.48 MAD).
    """
    soft = (values > SOFT_HU[0]) & (values < SOFT_HU[1]) & mask
    if np.count_nonzero(soft) < FEWEST_VOXELS:
        return USUAL_SOFT_HU, USUAL_NOISE_HU
    pair = soft[..., 1:] & soft[..., :-1]
    step = values[..., 1:][pair].astype(np.float32) - values[..., :-1][pair]
    noise = 1.4826 * float(np.median(np.abs(step))) / np.sqrt(2) if len(step) else USUAL_NOISE_HU
    return float(np.median(values[soft])), float(np.clip(noise, *NOISE_LIMITS_HU))


def plain_air(values: np.ndarray) -> np.ndarray:
    """The plain air (N,) among HU: without padding and metal whose values ran over, which read as less, unless most of it is that."""
    air = values[values < AIR_LIMIT_HU]
    if not len(air) or air.min() >= BELOW_AIR_HU:
        return air
    measured = air[air >= BELOW_AIR_HU]
    return measured if 2 * len(measured) >= len(air) else air


def scan_air(air: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` values (HU, float32) drawn from a scan's plain ``air`` (HU, N); AIR_HU where there is none."""
    if not len(air):
        return np.full(count, AIR_HU, dtype=np.float32)
    some = random.choice(air, min(len(air), AIR_VALUES)).astype(np.float32)  # as many as a processor's cache holds
    return by_parts(some.take, random.integers(0, len(some), count, dtype=np.uint16))
