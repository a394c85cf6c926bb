"""What other tools do to a face, as effects of the attack table alone: nobody can choose them in a run.

Re-implemented from the tools' published source as a method inside this project's face segment, with protection on, which none of them has.
"""

from __future__ import annotations

import numpy as np
from FaceDeidLNLib.attack.reversal import BLOCK_MM, in_blocks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.face.segment import Face
from scipy import ndimage

#: In-plane standard deviation (mm) of the Gaussian; window (mm) of the median and deviation of the noise put upon it (HU).
IN_PLANE_MM = 8.0
MEDIAN_MM, NOISE_HU = 15.0, 100.0


class Pixelation:
    """Blocks of 8.5 mm, each with the value of one of its voxels (nearest neighbour), as LUWAKX 0.1.1."""

    name = "pixelation"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """HU, float32 (k, j, i) of the face segment's box; blocks are counted from the volume's first voxel."""
        steps = in_blocks(ct, BLOCK_MM)
        at = [np.arange(start, stop) // n * n for start, stop, n in zip(face.segment.box.start, face.segment.box.stop, steps, strict=True)]
        return ct.array[np.ix_(*at)].astype(np.float32)


class InPlaneGaussian:
    """Gaussian of 8 mm within each slice, as the default of RSNA Anonymizer 19."""

    name = "in-plane gaussian"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """HU, float32 (k, j, i) of the face segment's box."""
        sigma = [0.0, *(IN_PLANE_MM / step for step in ct.geometry.sampling[1:])]
        return ndimage.gaussian_filter(ct.array.astype(np.float32), sigma, mode="nearest")[face.segment.box.slices]


class MedianNoise:
    """In-plane median with noise upon it, as the other choices of RSNA Anonymizer 19 together."""

    name = "median and noise"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """HU, float32 (k, j, i) of the face segment's box."""
        size = [1, *(2 * max(1, round(MEDIAN_MM / 2 / step)) + 1 for step in ct.geometry.sampling[1:])]
        smooth = ndimage.median_filter(ct.array, size)[face.segment.box.slices].astype(np.float32)
        return smooth + random.normal(0.0, NOISE_HU, smooth.shape).astype(np.float32)


OTHERS = {effect.name: effect for effect in (Pixelation(), InPlaneGaussian(), MedianNoise())}
#: Keys of attack.reversal.ALL_REVERSALS that fit each.
DECODERS = {
    "pixelation": ("block corners",),
    "in-plane gaussian": ("Wiener in plane 8 mm", "Wiener 6 mm"),
    "median and noise": ("Wiener in plane 8 mm", "Wiener 6 mm"),
}
