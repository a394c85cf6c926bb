"""Output against input, voxel by voxel."""

from __future__ import annotations

import contextlib
import mmap
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.ahead import shared_out
from ..core.segment import BoxMask
from ..core.volume import Volume

#: Axes of a volume.
_AXES = 3


@dataclass(frozen=True)
class SegmentCheck:
    """A protected segment: how many voxels it has on the CT's grid and how many of them changed."""

    name: str
    voxels: int
    changed: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """What differs between two CTs. ``changed`` marks the voxels whose bits differ; None where the grids differ."""

    same_geometry: bool
    same_type: bool
    changed: np.ndarray | None
    changed_voxels: int
    changed_outside_face: int | None
    protected: tuple[SegmentCheck, ...]


def compare(original: Volume, result: Volume, face: BoxMask | None, protected: Sequence[BoxMask]) -> Comparison:
    """Compare two CTs bit by bit; ``face`` None where nobody says which voxels may have changed."""
    same_geometry = original.geometry.same_as(result.geometry)
    same_type = original.array.dtype == result.array.dtype
    if original.array.shape != result.array.shape:
        return Comparison(same_geometry, same_type, None, 0, None, tuple(SegmentCheck(s.name, s.voxels, s.voxels) for s in protected))
    changed = different_bits(original.array, result.array)
    total = int(np.count_nonzero(changed))
    outside = None
    if face is not None:
        outside = total - int(np.count_nonzero(changed[face.box.slices] & face.array))
    checks = tuple(SegmentCheck(s.name, s.voxels, int(np.count_nonzero(changed[s.box.slices] & s.array))) for s in protected)
    return Comparison(same_geometry, same_type, changed, total, outside, checks)


def different_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """True where two arrays of the same shape differ: by bits in the same type (so -0.0 is not 0.0), else by value.

    Slice by slice, and only rows with a difference are written to: the system gives memory to no others.
    """
    if a.ndim < _AXES:
        return _different(a, b)
    out = _mostly_empty(a.shape)

    def fill(here: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
        found = _different(one, other)
        rows = np.flatnonzero(found.any(axis=tuple(range(1, found.ndim))))
        if rows.size:
            here[rows[0] : rows[-1] + 1] = found[rows[0] : rows[-1] + 1]

    shared_out(fill, out, a, b)
    return out


def _different(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype == b.dtype and np.issubdtype(a.dtype, np.floating):
        bits = np.dtype(f"u{a.dtype.itemsize}")
        return np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
    return a != b


def _mostly_empty(shape: tuple[int, ...]) -> np.ndarray:
    """An array (bool) of False, of which only pages that are written to take memory; numpy's own would take two megabytes for each voxel.

    numpy asks Linux for large pages (madvise(2)), which save time where all of an array is used.
    """
    size = int(np.prod(shape))
    if not size:
        return np.zeros(shape, dtype=bool)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if sys.platform != "win32" else {}  # of shared ones reading makes pages
    pages = mmap.mmap(-1, size, **private)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without large pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype=bool).reshape(shape)
