"""Whether points lie in a mask: looked up by the cell that holds them, and interpolated only where that cell's corners differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.volume import linear


@dataclass(frozen=True, eq=False)
class Solid:
    """A mask (bool) that goes on beyond its own grid; ``all`` and ``any`` (N,) tell of each cell whether its eight corners are set."""

    mask: np.ndarray
    all: np.ndarray
    any: np.ndarray

    @classmethod
    def of(cls, mask: np.ndarray) -> Solid:
        """Look at every cell of a (k, j, i) mask."""
        every, some = mask, mask
        for axis in range(3):
            every, some = every & _next(every, axis), some | _next(some, axis)
        return cls(mask, every.ravel(), some.ravel())

    def holds(self, kji: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """True (N,) for array positions (N, 3), which lie in these ``cells`` (N,): linear only where the corners differ."""
        out = self.all.take(cells)
        differ = np.flatnonzero(self.any.take(cells) & ~out)
        out[differ] = linear(self.mask.view(np.uint8), kji[differ]) > 0.5
        return out


def _next(mask: np.ndarray, axis: int) -> np.ndarray:
    """The mask's next voxel along an axis; the last one is its own."""
    return np.concatenate([mask, np.take(mask, [-1], axis)], axis)[(slice(None),) * axis + (slice(1, None),)]


def cells_of(kji: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The cells (N,), counted in C order by their first corner, that hold array positions (N, 3), or are the nearest to them."""
    out = np.zeros(len(kji), dtype=np.intp)
    for place, size in zip(kji.T, shape, strict=True):
        out *= size
        out += np.clip(place, 0, size - 1).astype(np.intp)
    return out
