"""``blur``: the face segment is smoothed."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..core.geometry import Box
from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.segment import Face

#: The Gaussian is cut off here, in standard deviations.
REACH_SIGMA = 3.0


class Blur:
    """Gaussian of standard deviation ``sigma_mm`` (the "facial blur" of the NA-MIC Project Week 44 mock-up).

    Privacy: recognisable. A Gaussian can be undone in part (Abramian & Eklund 2019, arXiv 1810.06455), and what it
    leaves is still the face's coarse shape.
    """

    name = "blur"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """The CT smoothed in mm; voxels around the box take part, the volume's edge is replicated."""
        return smooth(ct, face.segment.box, parameters.sigma_mm)


def smooth(ct: Volume, box: Box, sigma_mm: float) -> np.ndarray:
    """Gaussian of ``sigma_mm`` along the grid's axes, float32 (k, j, i) of the box's shape."""
    reach = [int(np.ceil(REACH_SIGMA * sigma_mm / step)) for step in ct.geometry.sampling]
    start = tuple(max(0, a - r) for a, r in zip(box.start, reach, strict=True))
    stop = tuple(min(n, b + r) for b, r, n in zip(box.stop, reach, ct.array.shape, strict=True))
    image = sitk.GetImageFromArray(ct.array[Box(start, stop).slices].astype(np.float32))
    image.SetSpacing(ct.geometry.spacing)
    smoothed = sitk.SmoothingRecursiveGaussian(image, [sigma_mm] * 3)
    blurred = sitk.GetArrayViewFromImage(smoothed)  # valid only as long as the image itself
    inner = tuple(slice(a - s, b - s) for a, b, s in zip(box.start, box.stop, start, strict=True))
    return np.ascontiguousarray(blurred[inner])
