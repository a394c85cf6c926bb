"""A Gaussian in mm around the face."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ...anatomy.grids import sample
from ...core.geometry import Box
from ...core.volume import AIR_HU, BELOW_AIR_HU, Volume, block_mean

#: The Gaussian is cut off here, in standard deviations.
REACH_SIGMA = 3.0
#: No block is wider than this share of the standard deviation.
BLOCKS_PER_SIGMA = 20.0
#: The recursive filter asks for so many voxels along each axis.
FEWEST = 4


def smooth(ct: Volume, box: Box, sigma_mm: float) -> np.ndarray:
    """Gaussian of ``sigma_mm`` along the grid's axes, float32 (k, j, i) of the box's shape.

    What reads as less than any air, as metal does whose values ran over, counts as air: smoothed, it would be a hole in the skin.
    A Gaussian that is very wide for the voxels is made from their means over blocks: ``blur-strong`` differs by less than 1 HU at
    voxels of 0.5 mm, and not at all where they are larger than 0.8 mm.
    """
    reach = [int(np.ceil(REACH_SIGMA * sigma_mm / step)) for step in ct.geometry.sampling]
    start = tuple(max(0, a - r) for a, r in zip(box.start, reach, strict=True))
    stop = tuple(min(n, b + r) for b, r, n in zip(box.stop, reach, ct.array.shape, strict=True))
    near = ct.crop(Box(start, stop))
    if near.array.min() < BELOW_AIR_HU:
        near = near.with_array(np.where(near.array < BELOW_AIR_HU, near.array.dtype.type(AIR_HU), near.array))
    blocks = block_mean(near, sigma_mm / BLOCKS_PER_SIGMA)
    smoothed = _gaussian(blocks, sigma_mm)
    if blocks is not near:
        return sample(blocks.with_array(sitk.GetArrayFromImage(smoothed)), ct.geometry.crop(box))
    inner = tuple(slice(a - s, b - s) for a, b, s in zip(box.start, box.stop, start, strict=True))
    return sitk.GetArrayFromImage(smoothed[inner[::-1]])


def _gaussian(volume: Volume, sigma_mm: float) -> sitk.Image:
    """The volume smoothed; where it has too few voxels for the filter its last ones go on, as they do for the filter itself."""
    shape = volume.array.shape
    more = [(0, max(0, FEWEST - n)) for n in shape]
    array = volume.array.astype(np.float32)
    image = sitk.GetImageFromArray(np.pad(array, more, mode="edge") if np.any(more) else array)
    image.SetSpacing(volume.geometry.spacing)
    return sitk.SmoothingRecursiveGaussian(image, [sigma_mm] * 3)[tuple(slice(n) for n in shape[::-1])]
