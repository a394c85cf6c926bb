"""Linear interpolation on a grid whose axes run along the source's: one axis after the other, a plane at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.ahead import shared_out
from .solid import Solid

#: Planes that are made one after the other: neighbours lie between the same planes of the source.
_TOGETHER = 16


@dataclass(frozen=True, eq=False)
class _Axis:
    """Where the target's places (N,) along one axis lie: between ``low`` and ``high``, ``share`` of the way, next to ``nearest``.

    ``beyond``: those that lie outside the source, half a voxel of edge included; ``goes_on``: some do.
    """

    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    nearest: np.ndarray
    beyond: np.ndarray
    goes_on: bool

    @classmethod
    def of(cls, step: float, start: float, count: int, size: int) -> _Axis:
        """For ``count`` places from ``start`` on, ``step`` apart, along an axis of ``size`` voxels."""
        at = start + step * np.arange(count)
        within = np.clip(at, 0, size - 1)
        low = np.floor(within).astype(np.intp)
        nearest = np.clip(np.floor(at + 0.5), 0, size - 1).astype(np.intp)
        beyond = (at < -0.5) | (at >= size - 0.5)
        return cls(low, np.minimum(low + 1, size - 1), within - low, nearest, beyond, bool(beyond.any()))

    def repeated(self, count: int, size: int) -> _Axis:
        """The same places in so many axes of ``size`` voxels, one after the other."""
        low, high, nearest = (np.concatenate([at + n * size for n in range(count)]) for at in (self.low, self.high, self.nearest))
        return _Axis(low, high, np.tile(self.share, count), nearest, np.tile(self.beyond, count), self.goes_on)


def each_plane(
    array: np.ndarray, matrix: np.ndarray, offset: np.ndarray, shape: tuple[int, int, int], take: Callable[[int, np.ndarray], None]
) -> None:
    """``take(k, plane)`` for each plane (j, i; float64) of a target of ``shape``, in threads; ``matrix`` is aligned.

    The values are those of SimpleITK's linear interpolator, which computes x, then y, then z in doubles, too; beyond the source, along
    any axis, its nearest voxel goes on.
    """
    each_of_planes([array], matrix, offset, shape, lambda k, planes: take(k, planes[:, 0]))


def each_of_planes(
    arrays: Sequence[np.ndarray],
    matrix: np.ndarray,
    offset: np.ndarray,
    shape: tuple[int, int, int],
    take: Callable[[int, np.ndarray], None],
) -> None:
    """As ``each_plane`` of several arrays of one shape: ``take(k, planes)`` with their planes (j, array, i), one beside the other."""
    if 0 in shape:
        return
    size, count = arrays[0].shape, len(arrays)
    planes, rows, columns = (_Axis.of(float(matrix[a, a]), float(offset[a]), shape[a], size[a]) for a in range(3))
    array, columns = (arrays[0], columns) if count == 1 else (np.concatenate(arrays, axis=2), columns.repeated(count, size[2]))

    def some(start: int) -> None:
        held: dict[int, np.ndarray] = {}
        for k in range(start, min(start + _TOGETHER, shape[0])):
            low, high = int(planes.low[k]), int(planes.high[k])
            held = {at: held[at] if at in held else _plane(array[at], rows, columns) for at in (low, high)}
            plane = _between(held[low], held[high], planes.share[k]) if planes.share[k] > 0 else held[low].copy()
            _go_on(plane, array[planes.nearest[k]], rows, columns, planes.beyond[k])
            take(k, plane.reshape(shape[1], count, shape[2]))

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
    corners = (solid.all.view(np.uint8) + solid.any.view(np.uint8)).reshape(array.shape)  # 2: all are, 1: some, 0: none

    def fill(start: int) -> None:
        layer, seen = None, -1
        for k in range(start, min(start + _TOGETHER, len(out))):
            if planes.low[k] != seen:
                seen = int(planes.low[k])
                layer = _Layer.of(corners[seen], array[seen], array[int(planes.high[k])], rows, columns)
            out[k] = layer.inside
            out[k].ravel()[layer.differ] = _between(layer.low, layer.high, planes.share[k]).astype(np.float32) > level
            _go_on(out[k], above[planes.nearest[k]], rows, columns, planes.beyond[k])

    shared_out(fill, range(0, len(out), _TOGETHER))


@dataclass(frozen=True, eq=False)
class _Layer:
    """What all of the target's planes between two planes of the source have in common.

    ``inside`` (j, i; bool): all eight voxels around are above the level; ``differ`` (N,): only some are, counted row by row; there
    ``low`` and ``high`` (N,; float64) are the values of the two planes.
    """

    inside: np.ndarray
    differ: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, corners: np.ndarray, low: np.ndarray, high: np.ndarray, rows: _Axis, columns: _Axis) -> _Layer:
        """``corners`` of a plane's cells: 2 where all are above the level, 1 where some, 0 where none is."""
        here = corners.take(columns.low, 1)[rows.low]
        differ = np.flatnonzero(here == 1)
        j, i = np.divmod(differ, len(columns.low))
        return cls(here == 2, differ, *_at((low, high), rows, columns, j, i))


def _go_on(plane: np.ndarray, nearest: np.ndarray, rows: _Axis, columns: _Axis, beyond: bool) -> None:
    """Let the source's ``nearest`` plane go on in a target's plane beyond it; ``beyond``: all of the target's plane lies there."""
    if beyond:
        plane[:] = nearest[np.ix_(rows.nearest, columns.nearest)]
    if rows.goes_on:
        plane[rows.beyond] = nearest[np.ix_(rows.nearest[rows.beyond], columns.nearest)]
    if columns.goes_on:
        plane[:, columns.beyond] = nearest[np.ix_(rows.nearest, columns.nearest[columns.beyond])]


def _at(planes: tuple[np.ndarray, ...], rows: _Axis, columns: _Axis, j: np.ndarray, i: np.ndarray) -> list[np.ndarray]:
    """The values (N,; float64) of planes of the source at the target's rows ``j`` and columns ``i`` (N,)."""
    left, right, share, across = columns.low.take(i), columns.high.take(i), columns.share.take(i), rows.share.take(j)
    lines = [at.take(j) * planes[0].shape[1] for at in (rows.low, rows.high)]
    corners = [(line + left, line + right) for line in lines]
    out = []
    for plane in planes:
        flat = plane.astype(np.float64).ravel()
        out.append(_between(*(_between(*(flat.take(at) for at in pair), share) for pair in corners), across))
    return out


def _plane(source: np.ndarray, rows: _Axis, columns: _Axis) -> np.ndarray:
    """One plane (j, i) of the source at the target's rows and columns."""
    first, last = int(rows.low.min()), int(rows.high.max()) + 1
    part = source[first:last].astype(np.float64)
    part = _between(part.take(columns.low, 1), part.take(columns.high, 1), columns.share)
    return _between(part[rows.low - first], part[rows.high - first], rows.share[:, None])


def _between(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    out = high - low
    out *= share
    out += low
    return out
