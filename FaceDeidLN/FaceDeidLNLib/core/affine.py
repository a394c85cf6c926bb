"""Points taken from one coordinate system to another."""

from __future__ import annotations

import numpy as np


def affine(points: np.ndarray, matrix: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray:
    """``matrix`` (M, D) times each of the points (..., D), plus ``offset`` (M,): float64 (..., M).

    Added term by term. A matrix product rounds as the processor at hand does, so that the same seed would draw another face elsewhere; and
    so few columns are worth no threads: those of the linear algebra library wait for each other at the cost of all that runs beside them.
    """
    columns = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    out = np.empty((len(matrix), *columns.shape[1:]))
    for number, (row, shift) in enumerate(zip(matrix, np.broadcast_to(offset, len(matrix)), strict=True)):
        to = out[number, ...]  # of a single point a place, too, and no number
        np.multiply(columns[0], row[0], out=to)
        for column, factor in zip(columns[1:], row[1:], strict=True):
            to += column * factor
        to += shift
    return np.moveaxis(out, 0, -1)


def taken(points: np.ndarray, some: np.ndarray) -> np.ndarray:
    """``points[some]`` of points (N, D), each of whose columns lies together in memory, as it then does here, too.

    What is done to one column after the other is done faster so.
    """
    return points.T.take(some, axis=1).T


def similarity_back(points: np.ndarray, axes: np.ndarray, origin: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """What ``scale`` times ``axes`` (3, 3; unit vectors as columns) and ``origin`` (3,) took to points (..., 3): float64 (..., 3)."""
    turn = axes.T / scale
    return affine(points, turn, -affine(origin, turn))
