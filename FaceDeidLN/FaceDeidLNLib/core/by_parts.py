"""Long lists of voxels, worked on part by part: a part fits into processors' caches, and the processors share the parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .ahead import shared_out

#: Voxels in a part. Before and after each numpy call a thread waits for the interpreter: with half as many voxels a call the threads
#: wait longer for each other than a nearer cache saves, and with more each of them takes the more memory.
PART = 1 << 16


def by_parts(function: Callable[..., np.ndarray], *voxels: np.ndarray) -> np.ndarray:
    """``function(*voxels)`` for a function that gives values (N,) of arrays (N, ...) and treats every voxel alone."""
    count = len(voxels[0])
    first = function(*(one[:PART] for one in voxels))
    if count <= PART:
        return first
    out = np.empty((count, *first.shape[1:]), dtype=first.dtype)
    out[:PART] = first

    def fill(start: int) -> None:
        out[start : start + PART] = function(*(one[start : start + PART] for one in voxels))

    shared_out(fill, range(PART, count, PART))
    return out
