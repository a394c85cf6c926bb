"""Slices at uneven places: an even grid of them to work on, and what was made on it carried to every slice at its own place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .volume import BELOW_AIR_HU

#: A slice this near to a plane of the grid, in planes, is that plane.
ON_PLANE = 1e-3


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices (n, j, i) and their places (n,), ascending, along the k axis of an even grid of ``planes`` planes.

    ``gaps_mm`` (n - 1,) are the distances between the slices.
    """

    array: np.ndarray
    places: np.ndarray
    planes: int
    gaps_mm: np.ndarray

    def with_array(self, array: np.ndarray) -> Stack:
        """Other values at the same places."""
        return replace(self, array=array)

    def even(self) -> np.ndarray:
        """The grid (planes, j, i): linear between two slices, of the slices' type; beyond the last slice as that.

        Padding (HU below any air) is no measurement and mixes with none: there the nearer slice is taken.
        """
        out = np.empty((self.planes, *self.array.shape[1:]), dtype=self.array.dtype)
        below = np.clip(np.searchsorted(self.places, np.arange(self.planes) + ON_PLANE, side="right") - 1, 0, len(self.places) - 2)
        for k, n in enumerate(below):
            share = (k - self.places[n]) / (self.places[n + 1] - self.places[n])
            out[k] = _between(self.array[n], self.array[n + 1], float(np.clip(share, 0.0, 1.0)), out.dtype)
        return out

    def carried(self, grid: np.ndarray) -> np.ndarray:
        """The values (n, j, i) of a grid (planes, j, i) at the slices' places, of the slices' type."""
        out = np.empty_like(self.array)
        for n, (low, high, share) in enumerate(self._neighbours()):
            out[n] = _between(grid[low], grid[high], share, out.dtype)
        return out

    def covered(self, mask: np.ndarray) -> np.ndarray:
        """Where a mask (planes, j, i) holds the plane a slice lies on, or either of the two that it lies between: bool (n, j, i)."""
        out = np.empty(self.array.shape, dtype=bool)
        for n, (low, high, _) in enumerate(self._neighbours()):
            out[n] = mask[low] | mask[high]
        return out

    def _neighbours(self) -> Iterator[tuple[int, int, float]]:
        """The planes below and above each slice, the same twice for a slice on a plane, and how near it is to the upper one."""
        for place in self.places:
            nearest = round(float(place))
            if abs(place - nearest) < ON_PLANE:
                yield nearest, nearest, 0.0
            else:
                low = int(np.floor(place))
                yield low, min(low + 1, self.planes - 1), float(place - low)


def _between(low: np.ndarray, high: np.ndarray, share: float, kind: np.dtype) -> np.ndarray:
    if share < ON_PLANE:
        return low.astype(kind)
    if share > 1.0 - ON_PLANE:
        return high.astype(kind)
    mixed = low.astype(np.float32) * np.float32(1.0 - share) + high.astype(np.float32) * np.float32(share)
    padding = (low < BELOW_AIR_HU) | (high < BELOW_AIR_HU)
    mixed[padding] = (low if share < 0.5 else high)[padding]
    return (np.rint(mixed) if kind.kind in "iu" else mixed).astype(kind)
