"""The skin of a CT on an even grid, ready for rays: where it is, and how far around there is air alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from ..anatomy import packed
from ..anatomy.aligned import each_plane
from ..anatomy.grids import depth_in
from ..core.blur import blur_along
from ..core.geometry import Box, Geometry
from ..core.volume import AIR_HU, Volume, block_factors, block_mean, canonical_grid, index_affine, is_aligned, resample

#: The skin, as everywhere in the field: half way between air and soft tissue, moved towards air so that thin parts stay.
SKIN_HU = -300.0
_FINEST_MM = 1.0
#: A whole-body CT is drawn coarser, so that a picture never needs more than this many voxels (48 MB).
_MOST_VOXELS = 12_000_000
#: Voxels along a side of the blocks over which rays leap: smaller ones let them come nearer to the skin in one leap.
BLOCK = 2
#: So many voxels around a cell are looked at for tissue: about as many as a leap over blocks stays away from it.
_CLEAR = 4
#: How many standard deviations the smoothing reaches.
_TRUNCATE = 3.0


@dataclass(frozen=True, eq=False)
class Skin:
    """A CT made ready for pictures: HU on an isotropic grid along the patient axes, and where rays may leap.

    ``leap_mm`` says, for blocks of voxels, how far the nearest block that touches the patient is at least; ``clear``, where it was made
    (see ``cleared``), is 0 for cells between voxels that touch him, else one more than how many voxels a ray may go on from there.
    """

    volume: Volume
    leap_mm: np.ndarray
    threshold_hu: float
    clear: np.ndarray | None = None


def prepare_skin(volume: Volume, threshold_hu: float = SKIN_HU, finest_mm: float = _FINEST_MM) -> Skin:
    """Make a CT ready for any number of pictures, whose pixels are not much finer than ``finest_mm`` (1 s for 512x512x200 at 1 mm)."""
    corners = volume.geometry.corners()
    extent = np.maximum(corners.max(0) - corners.min(0), 1.0)
    spacing = max(finest_mm, float(np.prod(extent) / _MOST_VOXELS) ** (1 / 3))
    grid = canonical_grid(np.vstack([corners - 2 * spacing, corners + 2 * spacing]), spacing)
    array = _smooth(volume, grid)
    return Skin(Volume(array, grid), _leaps(array, threshold_hu, spacing), threshold_hu)


def cleared(skin: Skin) -> Skin:
    """The skin for many rays: they come nearer to it at once, and meet it within a small part of a voxel of where they met it else."""
    return replace(skin, clear=_clear(skin.volume.array > skin.threshold_hu))


def _clear(tissue: np.ndarray) -> np.ndarray:
    """For the cell between each voxel and the next ones: 0 with tissue at a corner, else 1 + how many (to _CLEAR) around have none."""
    touched = tissue.copy()
    for axis in range(3):
        lower, upper = _neighbours(axis)
        touched[lower] |= touched[upper].copy()
    bits, clear = packed.pack(touched), np.full(tissue.shape, _CLEAR + 1, dtype=np.uint8)
    for number in range(_CLEAR + 1):
        bits = packed.spread_cube(bits) if number else bits
        clear -= packed.unpack(bits, tissue.shape[2]).view(np.uint8)
    return clear


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    ahead = (slice(None),) * axis
    return (*ahead, slice(None, -1)), (*ahead, slice(1, None))


def _smooth(volume: Volume, grid: Geometry) -> np.ndarray:
    """HU on an isotropic grid, without the noise of single voxels."""
    spacing = grid.spacing[0]
    fine = _between_voxels(block_mean(volume, spacing), grid)
    for axis in range(3):
        blur_along(fine, _sigma(volume, spacing), axis, "nearest", _TRUNCATE)
    if not np.isfinite(fine.sum(dtype=float)):  # so is the sum of all where one is not
        np.nan_to_num(fine, copy=False, nan=AIR_HU)
    return fine


def _between_voxels(volume: Volume, grid: Geometry) -> np.ndarray:
    """HU (float32) at the centres of a grid's voxels, air outside the scan."""
    matrix, offset = index_affine(volume.geometry, grid)
    if not is_aligned(matrix):
        return resample(volume, grid, order=1, fill=AIR_HU).array
    out = np.empty(grid.shape, dtype=np.float32)
    each_plane(volume.array, matrix, offset, grid.shape, out.__setitem__)
    for axis, size in enumerate(volume.array.shape):
        at = offset[axis] + matrix[axis, axis] * np.arange(grid.shape[axis])
        out[(slice(None),) * axis + ((at < 0) | (at > size - 1),)] = AIR_HU
    return out


def _sigma(volume: Volume, spacing: float) -> float:
    # Half the coarsest voxel: what a slice gap cannot show must not show as steps either.
    return float(np.clip(0.5 * max(volume.geometry.spacing) / spacing, 0.5, 3.0))


@dataclass(frozen=True, eq=False)
class Changed:
    """The skin of a result, and the LPS ``corners`` (8, 3) of the box outside of which it is the skin before."""

    skin: Skin
    corners: np.ndarray


def changed_skin(skin: Skin, before: Volume, after: Volume) -> Changed:
    """The skin of ``after``, made anew only where its voxels are not those of ``before``, whose skin is ``skin``; same grids."""
    box = _different(before.array, after.array)
    if 0 in box.shape:
        return Changed(skin, np.zeros((0, 3)))
    grid, spacing = skin.volume.geometry, skin.volume.geometry.spacing[0]
    reach = _TRUNCATE * _sigma(after, spacing) * spacing + 2 * max(*after.geometry.spacing, spacing)
    inner = grid.box_around(after.geometry.crop(box).corners(), reach)  # all that the changed voxels can reach
    outer = grid.box_around(grid.crop(inner).corners(), reach)
    source = after.geometry.box_around(grid.crop(outer).corners(), reach)
    part = _smooth(after.crop(_on_blocks(source, block_factors(after.geometry, spacing))), grid.crop(outer))
    array = skin.volume.array.copy()
    array[inner.slices] = part[tuple(slice(a - o, b - o) for a, b, o in zip(inner.start, inner.stop, outer.start, strict=True))]
    whole = replace(skin, volume=Volume(array, grid), leap_mm=_leaps_changed(skin, array, inner))
    whole = whole if skin.clear is None else cleared(whole)
    return Changed(whole, grid.crop(inner).padded(1).corners())


def _different(one: np.ndarray, other: np.ndarray) -> Box:
    """The smallest box that holds where two arrays (k, j, i) differ; a slice at a time, which a processor's cache holds."""
    along = [np.zeros(n, dtype=bool) for n in one.shape]
    differ = np.empty(one.shape[1:], dtype=bool)
    for k, (a, b) in enumerate(zip(one, other, strict=True)):
        np.not_equal(a, b, out=differ)
        along[0][k] = differ.any()
        if along[0][k]:
            along[1] |= differ.any(axis=1)
            along[2] |= differ.any(axis=0)
    ends = [np.flatnonzero(line)[[0, -1]] if line.any() else (0, -1) for line in along]
    return Box(tuple(int(first) for first, _ in ends), tuple(int(last) + 1 for _, last in ends))


def _on_blocks(box: Box, factors: tuple[int, ...]) -> Box:
    """The box from where blocks of voxels begin, so that their means are those of the whole volume."""
    return Box(tuple(start - start % factor for start, factor in zip(box.start, factors, strict=True)), box.stop)


def _leaps_changed(skin: Skin, array: np.ndarray, box: Box) -> np.ndarray:
    """As ``_leaps``, or less, where voxels outside the box are those of ``skin``; in it, what was there counts with what is there."""
    spacing = skin.volume.geometry.spacing[0]
    blocks = Box(tuple(n // BLOCK for n in box.start), tuple(-(-n // BLOCK) for n in box.stop))
    away = [_away(np.arange(n), a, b) for a, b, n in zip(blocks.start, blocks.stop, skin.leap_mm.shape, strict=True)]
    distance = np.sqrt(away[0][:, None, None] ** 2.0 + away[1][:, None] ** 2.0 + away[2] ** 2.0, dtype=np.float32)
    distance = np.maximum(distance * BLOCK * spacing - _slack(spacing), 0.0)
    part = array[tuple(slice(a * BLOCK, b * BLOCK) for a, b in zip(blocks.start, blocks.stop, strict=True))]
    distance[blocks.slices] = _leaps(part, skin.threshold_hu, spacing)
    return np.minimum(skin.leap_mm, distance)


def _away(at: np.ndarray, start: int, stop: int) -> np.ndarray:
    """How far whole numbers are from those in ``range(start, stop)``."""
    return np.maximum(np.maximum(start - at, at - (stop - 1)), 0)


def _slack(spacing: float) -> float:
    """A leap starts anywhere in its block, and the crossing may lie one voxel before the first voxel above the threshold."""
    return float((BLOCK * np.sqrt(3.0) + 1.0) * spacing)


def _leaps(array: np.ndarray, threshold_hu: float, spacing: float) -> np.ndarray:
    pad = [(0, -n % BLOCK) for n in array.shape]
    tissue = np.pad(array > threshold_hu, pad)
    taken = tissue
    for axis in range(3):
        first, *rest = (taken[(slice(None),) * axis + (slice(n, None, BLOCK),)] for n in range(BLOCK))
        taken = reduce(np.logical_or, rest, first)
    if not taken.any():
        return np.full(taken.shape, float(sum(array.shape)) * spacing, dtype=np.float32)
    return np.maximum(depth_in(~taken) * BLOCK * spacing - _slack(spacing), 0.0).astype(np.float32)
