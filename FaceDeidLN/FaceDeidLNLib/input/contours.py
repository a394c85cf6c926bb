"""Closed contours on parallel planes to a mask, the planes between them included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

#: A pixel whose centre lies this near (pixels) to the contour belongs to it.
EDGE_PIXELS = 0.05
#: Contours closer together than this share of a slice lie on one plane.
_DIGITS = 1
#: A contour of which so much lies in the others is a hole in them.
NESTED = 0.9
#: Edges that are drawn at once: bounds the memory.
_EDGES = 2000


@dataclass(frozen=True, eq=False)
class Contour:
    """A closed contour: position along the stacking axis (voxels) and points (N, 2) in the plane, array order."""

    plane: float
    points: np.ndarray


def fill_contours(contours: Sequence[Contour], shape: tuple[int, int, int], steps_mm: tuple[float, float, float]) -> np.ndarray:
    """The mask (bool, ``shape``: the stacking axis first) of one structure; ``steps_mm`` is the voxels' size along these axes.

    Contours on one plane are combined as ``combined`` says (holes; keyholes too). A slice holds what the contours within it
    hold; one between two contours what the shape between theirs holds (Raya and Udupa, IEEE Trans Med Imaging 1990;9:32); where
    there is none a contour reaches half the usual distance, as beyond the first and the last one.
    """
    planes = np.array(sorted({round(contour.plane, _DIGITS) for contour in contours}))
    reach = max(0.5, 0.5 * float(np.median(np.diff(planes))) if len(planes) > 1 else 0.5) + 1e-3
    on_plane: dict[float, list[np.ndarray]] = {}
    for contour in contours:
        on_plane.setdefault(round(contour.plane, _DIGITS), []).append(contour.points)

    @lru_cache(maxsize=4)
    def drawn(plane: float) -> np.ndarray:
        return combined(on_plane[plane], shape[1:])

    mask = np.zeros(shape, dtype=bool)
    for index in range(max(0, int(np.floor(planes[0] - reach))), min(shape[0], int(np.ceil(planes[-1] + reach)) + 1)):
        for plane in planes[np.abs(planes - index) < 0.5]:
            mask[index] |= drawn(float(plane))
        after = int(np.searchsorted(planes, index))
        if 0 < after < len(planes) and planes[after] != index:
            low, high = float(planes[after - 1]), float(planes[after])
            mask[index] |= between(drawn(low), drawn(high), (index - low) / (high - low), steps_mm[1:], (high - low) * steps_mm[0])
        nearest = float(planes[np.argmin(np.abs(planes - index))])
        if abs(nearest - index) <= reach and not mask[index].any():
            mask[index] |= drawn(nearest)
    return mask


def between(low: np.ndarray, high: np.ndarray, share: float, steps_mm: Sequence[float], gap_mm: float) -> np.ndarray:
    """The shape (bool) at ``share`` of the way from one plane's shape to the next one's, by their distances from the outline.

    Shapes that do not overlap are one that runs aslant where they lie no further apart than their planes (``gap_mm``), and else two.
    """
    out = np.zeros(low.shape, dtype=bool)
    if not low.any() or not high.any():
        return out
    box = ndimage.find_objects((low | high).astype(np.uint8))[0]
    box = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in box)
    one, other = low[box], high[box]
    if not (one & other).any():
        if ndimage.distance_transform_edt(~one, sampling=steps_mm)[other].min() > gap_mm:
            return out
        way = np.array(ndimage.center_of_mass(other)) - ndimage.center_of_mass(one)
        one, other = _moved(one, share * way), _moved(other, (share - 1.0) * way)
    out[box] = (1.0 - share) * _depth(one, steps_mm) + share * _depth(other, steps_mm) >= 0.0
    return out


def _moved(mask: np.ndarray, way: np.ndarray) -> np.ndarray:
    return ndimage.shift(mask.astype(np.uint8), np.rint(way), order=0).astype(bool)


def _depth(mask: np.ndarray, steps_mm: Sequence[float]) -> np.ndarray:
    """Distance in mm below the outline, negative outside."""
    if not mask.any():
        return np.full(mask.shape, -np.inf)
    padded = np.pad(mask, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=steps_mm) - ndimage.distance_transform_edt(~padded, sampling=steps_mm)
    return depth[1:-1, 1:-1]


def combined(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a plane that several contours (N, 2) hold together, the largest first.

    One that lies within the others is a hole, one that crosses them adds to them. One drawn a second time, or next to it, changes
    nothing: by exclusive or alone the structure would vanish.
    """
    if len(polygons) == 1:
        return fill_plane(polygons, shape)
    filled = sorted((inside_and_edge([polygon], shape) for polygon in polygons), key=lambda one: -np.count_nonzero(one[0]))
    out = np.zeros(shape, dtype=bool)
    for inside, edge in filled:
        inner = inside & ~edge
        within = np.count_nonzero(inner & out)
        if within and within >= NESTED * np.count_nonzero(inner):
            if _is_beyond(out, inside | edge):
                out &= ~inner
        else:
            out |= inside
        out |= edge
    return out


def _is_beyond(out: np.ndarray, own: np.ndarray) -> bool:
    """True where pixels of ``out`` lie around ``own`` more than one pixel away from it."""
    box = ndimage.find_objects(own.astype(np.uint8))[0]
    box = tuple(slice(max(0, part.start - 3), part.stop + 3) for part in box)
    return bool((out[box] & ~ndimage.binary_dilation(own[box], np.ones((3, 3)))).any())


def fill_plane(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels inside an odd number of the polygons (N, 2), and those on their edges."""
    inside, edge = inside_and_edge(polygons, shape)
    return inside | edge


def inside_and_edge(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The pixels inside an odd number of the polygons (N, 2), and those on their edges.

    A pixel lies inside by the even-odd rule: each edge flips the pixels to the right of it, row by row.
    """
    flips = np.zeros((shape[0], shape[1] + 1), dtype=np.int32)
    edge = np.zeros(shape, dtype=bool)
    starts = np.concatenate(polygons)
    ends = np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons])
    for first in range(0, len(starts), _EDGES):
        one, other = starts[first : first + _EDGES], ends[first : first + _EDGES]
        rows, columns, crossed = _crossings(one, other, shape[0])
        flipping = crossed & (rows < shape[0])
        np.add.at(flips, (rows[flipping], np.clip(np.ceil(columns[flipping]), 0, shape[1]).astype(int)), 1)
        _mark(edge, rows, columns)
        columns, rows, _ = _crossings(one[:, ::-1], other[:, ::-1], shape[1])
        _mark(edge, rows, columns)
        _mark(edge, one[:, 0], one[:, 1])
    return (np.cumsum(flips[:, :-1], axis=1) % 2).astype(bool), edge


def _crossings(starts: np.ndarray, ends: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where edges cross the whole rows from 0 to ``size``: row, column, and False where it is the edge's upper end that lies there."""
    low, high = np.minimum(starts[:, 0], ends[:, 0]), np.maximum(starts[:, 0], ends[:, 0])
    first = np.clip(np.ceil(low), 0, size).astype(int)
    last = np.clip(np.floor(high) + 1, 0, size).astype(int)
    counts = np.where(high > low, np.maximum(last - first, 0), 0)
    edge = np.repeat(np.arange(len(starts)), counts)
    rows = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin, end = starts[edge], ends[edge]
    columns = begin[:, 1] + (rows - begin[:, 0]) * (end[:, 1] - begin[:, 1]) / (end[:, 0] - begin[:, 0])
    return rows, columns, rows < high[edge]


def _mark(edge: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Set the pixels whose centre is nearly one of the points."""
    points = np.stack([rows, columns], axis=-1)
    whole = np.rint(points)
    on = (np.abs(points - whole).max(1) <= EDGE_PIXELS) & np.all((whole >= 0) & (whole < edge.shape), axis=1)
    edge[tuple(whole[on].astype(int).T)] = True
