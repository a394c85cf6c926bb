"""Segments onto the CT's grid, so that no protected voxel is lost to rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..core.errors import InputError
from ..core.geometry import Box, Geometry
from ..core.segment import BoxMask, Segment, tight
from ..core.volume import Volume, index_affine

#: Boxes that overlap by less than this share of a voxel only touch; it absorbs the rounding of written geometries.
TOUCH = 1e-3
#: Grids whose voxels coincide to this share of a voxel are the same grid, written with rounded direction cosines.
SAME_GRID = 0.02
#: A mask is laid on the CT in pieces of so many voxels, so that little memory is needed.
SLAB = 1 << 24
#: Copies of fewer voxels have this part of them along an axis.
THINNED = (2, 3, 4)
#: A grid whose voxels lie this near (voxels) to another's was meant to be that one.
ROUNDED_GRID = 0.25


def place_segments(segments: Sequence[Segment], ct_geometry: Geometry) -> list[BoxMask]:
    """The segments on the CT's grid.

    A CT voxel counts as soon as its box overlaps the box of a segment voxel: on an equal grid that is the very same
    mask, on another one the smallest mask that misses nothing (where the grids are turned against each other the
    boxes are taken along the segment's axes, which errs to the side of protection). One without a voxel stays so.

    :raises InputError: all segments are empty, or one lies outside the CT.
    """
    empty = [segment for segment in segments if not segment.mask.array.any()]
    if empty and len(empty) == len(segments):
        raise InputError(f"{_told(empty)} empty, or outside the CT: leave out what is empty, or draw it.")
    return [_place(segment, ct_geometry) for segment in segments]


def _told(empty: Sequence[Segment]) -> str:
    """The first of the segments and how many more there are, as the start of a sentence."""
    first = f"'{empty[0].name}' ({empty[0].origin or 'no file'})"
    return f"The segment {first} is" if len(empty) == 1 else f"The segment {first} and {len(empty) - 1} more, all that there are, are"


def same_grid(one: Geometry, other: Geometry) -> bool:
    """True where both grids have their voxels in the same places but for rounding, in whatever order of the axes."""
    matrix, offset = _same_grid(*index_affine(one, other), one.shape, ROUNDED_GRID)
    if not np.array_equal(matrix, np.rint(matrix)) or not np.array_equal(offset, np.rint(offset)):
        return False
    ends = np.array([(0, 0, 0), np.array(other.shape) - 1]) @ matrix.T + offset
    return bool(np.array_equal(ends.min(0), (0, 0, 0)) and np.array_equal(ends.max(0), np.array(one.shape) - 1))


def thinned_elsewhere(one: Geometry, other: Geometry) -> bool:
    """True where a grid has a half, third or quarter of another one's voxels along two axes or all, but not its field of view.

    A copy of fewer voxels must reach over the same place. Who cuts out a part may choose such a shape too: it lies on the other's voxels.
    """
    for factor in THINNED:
        fewer = [n in (m // factor, -(-m // factor)) for n, m in zip(one.shape, other.shape, strict=True)]
        if sum(fewer) >= 2 and all(is_fewer or n == m for is_fewer, n, m in zip(fewer, one.shape, other.shape, strict=True)):
            ends = [np.stack([at.min(0), at.max(0)]) for at in (one.corners(), other.corners())]
            return bool(np.abs(ends[0] - ends[1]).max() > (factor + 1) * max(other.spacing)) and not _cut_out(one, other)
    return False


def lies_on(one: Geometry, other: Geometry) -> bool:
    """True where the voxels of a grid are some or all of another one's, but for rounding, in whatever order of the axes."""
    ends = _ends_on(one, other)
    return ends is not None and _are_in(ends, other)


def _ends_on(one: Geometry, other: Geometry) -> np.ndarray | None:
    """Where on another grid (2, 3; k, j, i) the first and the last voxel of a grid lie; None where they lie between its voxels."""
    matrix, offset = _same_grid(*index_affine(one, other), one.shape, ROUNDED_GRID)
    if not np.array_equal(matrix, np.rint(matrix)) or not np.array_equal(offset, np.rint(offset)):
        return None
    return (np.array([(0, 0, 0), np.array(one.shape) - 1]) - offset) @ matrix  # the inverse of such a matrix is its transpose


def _are_in(ends: np.ndarray, grid: Geometry) -> bool:
    """True where both ends (2, 3; k, j, i) lie on a grid."""
    return bool(np.all((ends >= 0) & (ends <= np.array(grid.shape) - 1)))


def _cut_out(one: Geometry, other: Geometry) -> bool:
    """True where a grid holds some of another one's voxels, and its place is none that a lost one falls to.

    Those are the origin of the coordinates, and the other grid's own corner, where the header of the whole was given to a part.
    """
    ends = _ends_on(one, other)
    if ends is None or not _are_in(ends, other):
        return False
    return bool(np.any((ends[0] > 0) & (ends[0] < np.array(other.shape) - 1)) and np.any(one.ijk_to_lps[:3, 3]))


def _place(segment: Segment, ct: Geometry) -> BoxMask:
    if not segment.mask.array.any():
        return tight(segment.name, np.zeros((0, 0, 0), dtype=bool))
    own = tight(segment.name, np.asarray(segment.mask.array, dtype=bool))
    mask = Volume(own.array, segment.mask.geometry.crop(own.box))
    matrix, offset = _same_grid(*index_affine(mask.geometry, ct), mask.geometry.shape)
    start, stop = _reach(mask.geometry, ct)
    if np.all(stop > start):
        covered = _covered_turned if _aligned_axes(matrix) is None else _covered_aligned
        found = np.zeros(stop - start, dtype=bool)
        for first, slab in _slabs(mask):
            low, high = _reach(slab.geometry, ct)
            low, high = np.maximum(low - 1, start), np.minimum(high + 1, stop)
            if np.all(high > low):
                here = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
                found[here] |= covered(slab.array, matrix, offset - (first, 0, 0), low, high)
        if found.any():
            return tight(segment.name, found, tuple(int(v) for v in start))
    raise InputError(
        f"The segment '{segment.name}' ({segment.origin or 'no file'}) does not overlap the CT: it lies at {_extent(mask.geometry)}, "
        f"the CT at {_extent(ct)} (LPS mm). Give the segmentation of this CT, or leave this segment out."
    )


def _slabs(mask: Volume) -> Iterator[tuple[int, Volume]]:
    """Pieces of a mask along its k axis that are small enough for tables of sums, each with its first k; those that are empty left out."""
    shape = mask.geometry.shape
    step = max(1, SLAB // (shape[1] * shape[2]))
    for first in range(0, shape[0], step):
        box = Box((first, 0, 0), (min(first + step, shape[0]), *shape[1:]))
        array = mask.array[box.slices]
        if array.any():
            yield first, Volume(array, mask.geometry.crop(box))


def _same_grid(
    matrix: np.ndarray, offset: np.ndarray, shape: tuple[int, int, int], most: float = SAME_GRID
) -> tuple[np.ndarray, np.ndarray]:
    """The index affine from CT to mask in whole numbers, where that moves no voxel of the mask by more than ``most`` voxels."""
    whole = np.rint(matrix)
    if not np.array_equal(np.abs(whole).sum(0), np.ones(3)) or abs(np.linalg.det(whole)) != 1.0:
        return matrix, offset
    corners = np.array([(k, j, i) for k in (0, shape[0] - 1) for j in (0, shape[1] - 1) for i in (0, shape[2] - 1)])
    in_ct = np.linalg.solve(matrix, (corners - offset).T).T
    whole_offset = np.rint(np.mean(corners - in_ct @ whole.T, axis=0))
    moved = np.abs(in_ct @ whole.T + whole_offset - corners).max()
    return (whole, whole_offset) if moved <= most else (matrix, offset)


def _reach(mask: Geometry, ct: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Start and stop (k, j, i) on the CT's grid of the box that holds every voxel that the mask's grid can touch."""
    ends = [(-0.5, n - 0.5) for n in mask.shape]
    corners = ct.to_kji(mask.to_lps(np.array([(k, j, i) for k in ends[0] for j in ends[1] for i in ends[2]])))
    shape = np.asarray(ct.shape)
    start = np.clip(np.floor(corners.min(0) + 0.5 - TOUCH), 0, shape).astype(int)
    stop = np.clip(np.ceil(corners.max(0) + 0.5 + TOUCH), 0, shape).astype(int)
    return start, stop


def _aligned_axes(matrix: np.ndarray) -> list[int] | None:
    """For each axis of the mask the only CT axis along it; None where the grids are turned against each other.

    The entries that are not along it may move a position by less than ``TOUCH`` over 2000 voxels.
    """
    axes = [int(np.argmax(np.abs(row))) for row in matrix]
    rest = np.abs(matrix).copy()
    rest[np.arange(3), axes] = 0.0
    return axes if sorted(axes) == [0, 1, 2] and rest.max() < TOUCH / 2000 else None


def _covered_aligned(mask: np.ndarray, matrix: np.ndarray, offset: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The CT voxels (of the box from ``start`` to ``stop``) that overlap a set voxel, axis by axis; exact."""
    axes = _aligned_axes(matrix)
    out = mask
    for axis, ct_axis in enumerate(axes):
        scale = matrix[axis, ct_axis]
        centre = scale * np.arange(start[ct_axis], stop[ct_axis]) + offset[axis]
        out = _any_between(out, axis, *_span(centre, 0.5 * abs(scale), mask.shape[axis]))
    return out.transpose([axes.index(n) for n in range(3)])


def _covered_turned(mask: np.ndarray, matrix: np.ndarray, offset: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The CT voxels whose bounding box along the mask's axes overlaps a set voxel, by sums over boxes."""
    sums = np.zeros([n + 1 for n in mask.shape], dtype=np.int32)
    sums[1:, 1:, 1:] = mask.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32).cumsum(2, dtype=np.int32)
    reach = 0.5 * np.abs(matrix).sum(1)
    plane = np.stack(np.meshgrid(np.arange(start[1], stop[1]), np.arange(start[2], stop[2]), indexing="ij"), axis=-1)
    in_plane = plane @ matrix[:, 1:].T + offset
    out = np.zeros(stop - start, dtype=bool)
    for n, k in enumerate(range(start[0], stop[0])):
        centre = in_plane + k * matrix[:, 0]
        low, high = zip(*(_span(centre[..., a], reach[a], mask.shape[a]) for a in range(3)), strict=True)
        out[n] = _box_sum(sums, low, high) > 0
    return out


def _span(centre: np.ndarray, half: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last mask index whose voxel overlaps [centre - half, centre + half]."""
    low = np.floor(centre - half + 0.5 + TOUCH)
    high = np.ceil(centre + half + 0.5 - TOUCH)
    return np.clip(low, 0, size).astype(int), np.clip(high, 0, size).astype(int)


def _any_between(mask: np.ndarray, axis: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """For each pair (low, high): is any voxel of ``mask`` set from low to high (exclusive) along the axis?"""
    if np.all(high - low == 1):
        return np.take(mask, low, axis=axis)
    shape = list(mask.shape)
    shape[axis] += 1
    sums = np.zeros(shape, dtype=np.int16 if shape[axis] < 2**15 else np.int32)
    rest = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
    np.cumsum(mask, axis=axis, dtype=sums.dtype, out=sums[rest])
    return np.take(sums, np.maximum(high, low), axis=axis) > np.take(sums, low, axis=axis)


def _box_sum(sums: np.ndarray, low: Sequence[np.ndarray], high: Sequence[np.ndarray]) -> np.ndarray:
    """Number of set voxels in each box [low, high), from the table of sums (Crow, SIGGRAPH 1984)."""
    high = [np.maximum(a, b) for a, b in zip(low, high, strict=True)]
    total = np.zeros(low[0].shape, dtype=np.int64)
    for k, sign_k in ((high[0], 1), (low[0], -1)):
        for j, sign_j in ((high[1], 1), (low[1], -1)):
            for i, sign_i in ((high[2], 1), (low[2], -1)):
                total += sign_k * sign_j * sign_i * sums[k, j, i]
    return total


def _extent(geometry: Geometry) -> str:
    """The box of a grid in LPS mm, for a message."""
    corners = geometry.corners()
    return " x ".join(f"{a:.0f}..{b:.0f}" for a, b in zip(corners.min(0), corners.max(0), strict=True))
