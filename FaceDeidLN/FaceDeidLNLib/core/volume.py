"""Voxels with their place, and their resampling onto another grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .ahead import shared_out
from .geometry import Box, Geometry

#: What lies outside a CT: air.
AIR_HU = -1000.0
#: What lies below is no tissue and no noise of air: padding, or numbers that are not HU.
BELOW_AIR_HU = -1400.0
#: From so many numbers on numpy sums in pairs.
PAIRWISE = 8
#: So many voxels are averaged at a time.
_PART = 1 << 19
#: Off the diagonal, where axes run along each other's, there are roundings only.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3-D array in the order (k, j, i) with its geometry; HU where it is a CT, bool where it is a mask."""

    array: np.ndarray
    geometry: Geometry

    def crop(self, box: Box) -> Volume:
        """The part inside ``box``; a view of the same voxels."""
        return Volume(self.array[box.slices], self.geometry.crop(box))

    def at(self, lps: np.ndarray, beyond: float | None = None) -> np.ndarray:
        """Values (N,), float32, linear between the voxels, at points (N, 3) in LPS mm; outside as ``linear``."""
        return linear(self.array, self.geometry.to_kji(lps), beyond)

    def with_array(self, array: np.ndarray) -> Volume:
        """Other voxels on the same grid."""
        return replace(self, array=array)


def linear(array: np.ndarray, at: np.ndarray, beyond: float | None = None) -> np.ndarray:
    """Values (...), float32, of an array (of D axes) at positions (..., D) in the order of its axes, linear between its cells.

    Outside, the array's edge goes on, or all is ``beyond``.
    """
    from scipy import ndimage  # whoever only asks for a file's place starts without it

    mode, fill = ("nearest", 0.0) if beyond is None else ("constant", beyond)
    return ndimage.map_coordinates(array, np.moveaxis(at, -1, 0), order=1, mode=mode, cval=fill, output=np.float32)


def canonical_grid(lps: np.ndarray, spacing_mm: float) -> Geometry:
    """An isotropic grid along the patient axes (i to Left, j to Posterior, k to Superior) around points (N, 3) in LPS mm."""
    low, high = np.asarray(lps).min(0), np.asarray(lps).max(0)
    size = np.maximum(np.ceil((high - low) / spacing_mm), 0).astype(int) + 1
    matrix = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    matrix[:3, 3] = low
    return Geometry(tuple(int(n) for n in size[::-1]), matrix)


def index_affine(source: Geometry, target: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (3, 3) and offset (3,) that take a target (k, j, i) position to the source's (k, j, i) position."""
    ijk = np.linalg.inv(source.ijk_to_lps) @ target.ijk_to_lps
    return ijk[:3, :3][::-1, ::-1], ijk[:3, 3][::-1]


def block_factors(geometry: Geometry, spacing_mm: float) -> tuple[int, ...]:
    """How many voxels along (k, j, i) ``block_mean`` makes one of."""
    return tuple(max(1, int(spacing_mm / s + 1e-6)) for s in geometry.sampling)


def block_mean(volume: Volume, spacing_mm: float) -> Volume:
    """Average whole blocks of voxels wherever a block still fits into ``spacing_mm``: the anti-aliasing before sub-sampling."""
    factors = block_factors(volume.geometry, spacing_mm)
    if factors == (1, 1, 1):
        return volume
    shape = [max(1, n // f) for n, f in zip(volume.array.shape, factors, strict=True)]
    factors = [min(f, n) for f, n in zip(factors, volume.array.shape, strict=True)]
    array = volume.array[tuple(slice(0, s * f) for s, f in zip(shape, factors, strict=True))]
    out = np.empty(shape, dtype=np.float32)

    def fill(start: int) -> None:
        part = array[start * factors[0] : (start + step) * factors[0]]
        for axis, factor in enumerate(factors):
            part = _mean_of(factor, part, axis) if factor > 1 else part
        out[start : start + step] = part

    step = max(1, _PART // (factors[0] * array[0].size))
    shared_out(fill, range(0, shape[0], step))  # a few slices at a time, which a processor's cache holds
    matrix = volume.geometry.ijk_to_lps.copy()
    matrix[:3, 3] = volume.geometry.to_lps(np.array([[(f - 1) / 2 for f in factors]]))[0]
    matrix[:3, :3] = matrix[:3, :3] * np.asarray(factors[::-1], dtype=float)
    return Volume(out, Geometry(tuple(shape), matrix))


def _mean_of(factor: int, array: np.ndarray, axis: int) -> np.ndarray:
    """The means (float32) of so many neighbours along an axis each, as numpy's ``mean`` rounds them and several times faster."""
    if factor >= PAIRWISE:
        split = (*array.shape[:axis], -1, factor, *array.shape[axis + 1 :])
        return array.reshape(split).mean(axis=axis + 1, dtype=np.float32)
    neighbours = [array[(slice(None),) * axis + (slice(n, None, factor),)] for n in range(factor)]
    total = neighbours[0].astype(np.float32)
    for one in neighbours[1:]:
        np.add(total, one, out=total, dtype=np.float32, casting="unsafe")
    total /= np.float32(factor)
    return total


def is_aligned(matrix: np.ndarray) -> bool:
    """Whether each axis of the target runs along that of the source; ``matrix`` (3, 3) is that of ``index_affine``."""
    return bool(np.allclose(matrix, np.diag(np.diag(matrix)), rtol=0.0, atol=_ROUNDING))


def resample(volume: Volume, target: Geometry, order: int = 1, fill: float = AIR_HU) -> Volume:
    """The volume at the voxel centres of ``target`` (spline ``order`` 0 or 1; ``fill`` outside), as float32."""
    from scipy import ndimage

    matrix, offset = index_affine(volume.geometry, target)
    source = np.asarray(volume.array, dtype=np.float32)
    if is_aligned(matrix):
        matrix = np.diag(matrix)  # the separable case, which scipy does several times faster
    array = ndimage.affine_transform(
        source, matrix, offset=offset, output_shape=target.shape, order=order, mode="constant", cval=fill, output=np.float32
    )
    return Volume(array, target)


def nearest(volume: Volume, target: Geometry, fill: float) -> np.ndarray:
    """The volume's values at the voxels nearest to the voxel centres of ``target``; ``fill`` beyond its own first and last centres."""
    matrix, offset = index_affine(volume.geometry, target)
    if not is_aligned(matrix):
        return resample(volume, target, 0, fill).array.astype(volume.array.dtype)
    out = volume.array
    for axis, (step, start, count) in enumerate(zip(np.diag(matrix), offset, target.shape, strict=True)):
        at = (np.arange(count) + start / step) * step
        out = out.take(np.floor(at + 0.5).astype(np.intp), axis, mode="clip")
        out[(slice(None),) * axis + ((at < 0) | (at > volume.array.shape[axis] - 1),)] = fill
    return out
