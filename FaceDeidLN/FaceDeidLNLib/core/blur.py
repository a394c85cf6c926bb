"""A Gaussian along one axis of a large array, in its place."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .ahead import shared_out
from .processors import processors


def blur_along(array: np.ndarray, sigma: float, axis: int, mode: str, truncate: float) -> None:
    """Blur an array (k, j, i) in its place along one axis (standard deviation ``sigma`` in cells); the rest as scipy's gaussian_filter1d.

    The processors share its slabs along another axis, and no other value comes of it, however many they are.
    """
    slabs = np.array_split(array, processors(), axis=1 if axis == 0 else 0)

    def blur(slab: np.ndarray) -> None:
        if slab.size:
            ndimage.gaussian_filter1d(slab, sigma, axis, output=slab, mode=mode, truncate=truncate)

    shared_out(blur, slabs)
