"""What the node levels ask of the mandible: its lower border, inner and outer side along the arch, and the outside of the ramus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..grids import grow
from .grid import JawGrid

#: The axis (jaw mm, anterior) about which the arch is walked: 0 degrees is the symphysis, about 80 the angle.
CENTRE_Y = 15.0
BIN_DEG = 3.0
BINS = 36
#: The lower border is looked at over this height (mm).
BORDER_MM = 7.0


@dataclass(frozen=True, eq=False)
class JawOutline:
    """Per side (0 left, 1 right) and azimuth bin: ``border`` z of the lower border, ``outside`` radius of its outer side (jaw mm).

    ``inner`` (K, BINS, 2): radius of the inner side at each height, going on upward where no bone is. ``bin`` and
    ``radius`` (J, I) belong to the columns of the grid, ``side`` (I,) too. ``ramus_out`` (K, J, 2): outermost |x| of the
    bone, going on in front of and above it; ``ramus_back`` (K, 2): y of the ramus' posterior edge.
    """

    border: np.ndarray
    outside: np.ndarray
    inner: np.ndarray
    bin: np.ndarray
    radius: np.ndarray
    side: np.ndarray
    ramus_out: np.ndarray
    ramus_back: np.ndarray

    def columns(self, table: np.ndarray) -> np.ndarray:
        """A table (BINS, 2) on the columns (J, I), or a table (K, BINS, 2) on the voxels (K, J, I)."""
        return table[..., self.bin, np.broadcast_to(self.side[None, :], self.bin.shape)]

    @property
    def angle_z(self) -> np.ndarray:
        """Height (2,) of the mandible's angle on each side: the lower border from 60 to 84 degrees."""
        return np.median(self.border[int(60 / BIN_DEG) : int(84 / BIN_DEG)], axis=0)


def trace_outline(grid: JawGrid, mask: np.ndarray) -> JawOutline:
    """Walk around the mandible ``mask`` (bool, on ``grid``)."""
    radius = np.hypot(grid.x[0], grid.y[0] - CENTRE_Y)
    bins, side = arch_bins(grid)
    k, j, i = np.nonzero(mask)
    z, b, s, r = grid.z.ravel()[k], bins[j, i], side[i], radius[j, i]
    border = np.full((BINS, 2), np.inf)
    np.minimum.at(border, (b, s), z)
    border = _smooth(border)
    low = z <= border[b, s] + BORDER_MM
    outside = np.full((BINS, 2), -np.inf)
    np.maximum.at(outside, (b[low], s[low]), r[low])
    inner = np.full((mask.shape[0], BINS, 2), np.inf)
    np.minimum.at(inner, (k, b, s), r)
    ramus_out, ramus_back = _ramus(grid, mask, side)
    return JawOutline(border, _smooth(outside), _upward(inner), bins, radius, side, ramus_out, ramus_back)


def arch_bins(grid: JawGrid) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth bin (J, I) of the grid's columns and their side (I,), 0 left, 1 right."""
    azimuth = np.degrees(np.arctan2(np.abs(grid.x[0]) + 0.0 * grid.y[0], grid.y[0] - CENTRE_Y + 0.0 * grid.x[0]))
    return np.minimum((azimuth / BIN_DEG).astype(int), BINS - 1), (grid.x[0, 0] < 0).astype(int)


def beside(grid: JawGrid, mask: np.ndarray, steps: int) -> np.ndarray:
    """The voxels (bool) of the grid at whose azimuth ``mask`` (bool) has bone at most ``steps`` voxels higher or lower."""
    bins, side = arch_bins(grid)
    k, j, i = np.nonzero(mask)
    there = np.zeros((mask.shape[0], BINS, 2), dtype=bool)
    there[k, bins[j, i], side[i]] = True
    there = grow(there, steps, axes=(0,))
    return there[:, bins, np.broadcast_to(side[None, :], bins.shape)]


def _smooth(table: np.ndarray) -> np.ndarray:
    """Gaps (infinite) take the nearest bin's value; then the median of three bins."""
    out = np.empty_like(table)
    at = np.arange(len(table))
    for column in range(table.shape[1]):
        known = np.flatnonzero(np.isfinite(table[:, column]))
        values = np.interp(at, known, table[known, column]) if len(known) else np.zeros(len(table))
        out[:, column] = ndimage.median_filter(values, 3, mode="nearest")
    return out


def _upward(inner: np.ndarray) -> np.ndarray:
    """Above the bone its uppermost inner side goes on; below it stays infinite."""
    out = inner.copy()
    for k in range(1, len(out)):
        out[k] = np.where(np.isfinite(out[k]), out[k], out[k - 1])
    return out


def _ramus(grid: JawGrid, mask: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outermost |x| (K, J, 2) and posterior edge y (K, 2) of the bone, with gaps filled from the nearest row and height."""
    out = np.zeros((*mask.shape[:2], 2))
    back = np.full((mask.shape[0], 2), np.nan)
    y = grid.y.ravel()
    for s in (0, 1):
        half = np.where(mask & (side == s), np.abs(grid.x), 0.0)
        rows = half.max(2)
        known = rows > 0
        for k in np.flatnonzero(known.any(1)):
            back[k, s] = y[np.flatnonzero(known[k])[0]]
        if known.any():
            nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
            out[..., s] = rows[tuple(nearest)]
            heights = np.flatnonzero(np.isfinite(back[:, s]))
            back[:, s] = np.interp(np.arange(len(back)), heights, back[heights, s])
    return out, np.nan_to_num(back)
