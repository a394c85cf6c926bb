"""The cells of a strategy laid onto a head: which voxels and points lie in them."""

from __future__ import annotations

import numpy as np

from ..anatomy.face_frame import FaceFrame
from ..core.geometry import Geometry
from .strategies import HalfSpace, Strategy


def cells_mask(strategy: Strategy, frame: FaceFrame, grid: Geometry) -> np.ndarray:
    """The voxels of ``grid`` in a cell, (k, j, i) bool; all of them where there are no cells."""
    out = np.full(grid.shape, not strategy.cells)
    rows = [np.arange(n, dtype=np.float32) for n in grid.shape]
    for cell in strategy.cells:
        planes = [_in_index(_coefficients(half, frame), grid) for half in cell]
        for k in range(grid.shape[0]):
            inside = np.ones(grid.shape[1:], dtype=bool)
            for steps, start in planes:
                inside &= (rows[1] * steps[1])[:, None] + (rows[2] * steps[2])[None] >= -(start + k * steps[0])
            out[k] |= inside
    return out


def in_cells(strategy: Strategy, frame: FaceFrame, lps: np.ndarray) -> np.ndarray:
    """True (N,) for points (N, 3) in LPS mm that lie in a cell, or where there are no cells."""
    out = np.full(len(lps), not strategy.cells)
    for cell in strategy.cells:
        sides = [lps @ normal >= offset for normal, offset in (_coefficients(half, frame) for half in cell)]
        out |= np.logical_and.reduce(sides)
    return out


def _coefficients(half: HalfSpace, frame: FaceFrame) -> tuple[np.ndarray, float]:
    """Normal (3,) in LPS and offset: points of a head are inside where normal @ point >= offset."""
    normal = frame.axes @ np.array(half.normal)
    return normal, float(normal @ frame.to_lps(frame.adapt(np.array(half.through)))[0])


def _in_index(plane: tuple[np.ndarray, float], grid: Geometry) -> tuple[np.ndarray, float]:
    """Steps (3,) along k, j and i, and the value at the first voxel, of the signed distance to a plane."""
    normal, offset = plane
    return (normal @ grid.ijk_to_lps[:3, :3])[::-1].astype(np.float32), float(normal @ grid.ijk_to_lps[:3, 3] - offset)
