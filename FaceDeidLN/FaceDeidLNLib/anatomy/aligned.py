"""Linear interpolation on a grid whose axes run along the source's: one axis after the other, a plane at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.ahead import shared_out
from .solid import Solid

#: Planes that are made one after the other: neighbours lie between the same planes of the source.
_TOGETHER = 16


@dataclass(frozen=True, eq=False)
class _Axis:
    """Where the target's places (N,) along one axis lie: between ``low`` and ``high``, ``share`` of the way, next to ``nearest``.

    ``beyond``: those that lie outside the source, half a voxel of edge included.
    """

    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    nearest: np.ndarray
    beyond: np.ndarray

    @classmethod
    def of(cls, step: float, start: float, count: int, size: int) -> _Axis:
        """For ``count`` places from ``start`` on, ``step`` apart, along an axis of ``size`` voxels."""
        at = start + step * np.arange(count)
        within = np.clip(at, 0, size - 1)
        low = np.floor(within).astype(np.intp)
        nearest = np.clip(np.floor(at + 0.5), 0, size - 1).astype(np.intp)
        return cls(low, np.minimum(low + 1, size - 1), within - low, nearest, (at < -0.5) | (at >= size - 0.5))


def each_plane(
    array: np.ndarray, matrix: np.ndarray, offset: np.ndarray, shape: tuple[int, int, int], take: Callable[[int, np.ndarray], None]
) -> None:
    """``take(k, plane)`` for each plane (j, i; float64) of a target of ``shape``, in threads; ``matrix`` is aligned.

    The values are those of SimpleITK's linear interpolator, which computes x, then y, then z in doubles, too; beyond the source, along
    any axis, its nearest voxel goes on.
    """
    if 0 in shape:
        return
    planes, rows, columns = (_Axis.of(float(matrix[a, a]), float(offset[a]), shape[a], array.shape[a]) for a in range(3))

    def some(start: int) -> None:
        held: dict[int, np.ndarray] = {}
        for k in range(start, min(start + _TOGETHER, shape[0])):
            low, high = int(planes.low[k]), int(planes.high[k])
            held = {at: held[at] if at in held else _plane(array[at], rows, columns) for at in (low, high)}
            plane = _between(held[low], held[high], planes.share[k]) if planes.share[k] > 0 else held[low].copy()
            _go_on(plane, array[planes.nearest[k]], rows, columns, planes.beyond[k])
            take(k, plane)

    shared_out(some, range(0, shape[0], _TOGETHER))


def above_planes(array: np.ndarray, level: float, matrix: np.ndarray, offset: np.ndarray, out: np.ndarray) -> None:
    """Whether the values of ``each_plane`` are above a level, into ``out`` (bool, the target's shape).

    They are so where all eight voxels around are, and nowhere where none is: only between them a value has to be known. No value is NaN.
    """
    if not out.size:
        return
    planes, rows, columns = (_Axis.of(float(matrix[a, a]), float(offset[a]), out.shape[a], array.shape[a]) for a in range(3))
    above = array > level
    solid = Solid.of(above)
    every, some = (one.reshape(array.shape) for one in (solid.all, solid.any))

    def fill(start: int) -> None:
        seen, differ = -1, np.empty(0, dtype=np.intp)
        for k in range(start, min(start + _TOGETHER, len(out))):
            low, high = int(planes.low[k]), int(planes.high[k])
            if low != seen:
                seen, inside = low, every[low][rows.low].take(columns.low, 1)
                differ = np.flatnonzero(some[low][rows.low].take(columns.low, 1) & ~inside)
            plane, (j, i) = inside.flatten(), np.divmod(differ, len(columns.low))
            ends = [_at(array[at], rows, columns, j, i) for at in (low, high)]
            plane[differ] = _between(*ends, planes.share[k]).astype(np.float32) > level
            out[k] = plane.reshape(inside.shape)
            _go_on(out[k], above[planes.nearest[k]], rows, columns, planes.beyond[k])

    shared_out(fill, range(0, len(out), _TOGETHER))


def _go_on(plane: np.ndarray, nearest: np.ndarray, rows: _Axis, columns: _Axis, beyond: bool) -> None:
    """Let the source's ``nearest`` plane go on in a target's plane beyond it; ``beyond``: all of the target's plane lies there."""
    if beyond:
        plane[:] = nearest[np.ix_(rows.nearest, columns.nearest)]
    plane[rows.beyond] = nearest[np.ix_(rows.nearest[rows.beyond], columns.nearest)]
    plane[:, columns.beyond] = nearest[np.ix_(rows.nearest, columns.nearest[columns.beyond])]


def _at(plane: np.ndarray, rows: _Axis, columns: _Axis, j: np.ndarray, i: np.ndarray) -> np.ndarray:
    """The values (N,; float64) of one plane of the source at the target's rows ``j`` and columns ``i`` (N,)."""
    low, high, share = columns.low.take(i), columns.high.take(i), columns.share.take(i)
    lines = [at.take(j) * plane.shape[1] for at in (rows.low, rows.high)]
    flat = plane.ravel()
    ends = [_between(*(flat.take(line + at).astype(np.float64) for at in (low, high)), share) for line in lines]
    return _between(*ends, rows.share.take(j))


def _plane(source: np.ndarray, rows: _Axis, columns: _Axis) -> np.ndarray:
    """One plane (j, i) of the source at the target's rows and columns."""
    first, last = int(rows.low.min()), int(rows.high.max()) + 1
    part = source[first:last].astype(np.float64)
    part = _between(part[:, columns.low], part[:, columns.high], columns.share)
    return _between(part[rows.low - first], part[rows.high - first], rows.share[:, None])


def _between(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    out = high - low
    out *= share
    out += low
    return out
