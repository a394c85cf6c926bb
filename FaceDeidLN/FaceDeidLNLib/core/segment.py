"""Segments: named masks, kept as the box that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .geometry import Box
from .volume import Volume


@dataclass(frozen=True, eq=False)
class Segment:
    """A named mask (bool, (k, j, i)) on its own grid, as it was read or made."""

    name: str
    mask: Volume
    #: "file:NAME", a provider's name, or "level" for a node region made from anatomy.
    origin: str = ""
    #: Terminology entry where the file has one: scheme, value and meaning, "SCT:59441001 Lymph node".
    code: str = ""
    #: A sentence for the user about where its file lies; empty where nothing is odd.
    note: str = ""


@dataclass(frozen=True, eq=False)
class BoxMask:
    """A named mask on the CT's grid, stored inside its bounding box: ``array`` (bool) has the box's shape."""

    name: str
    box: Box
    array: np.ndarray

    @property
    def voxels(self) -> int:
        """Number of voxels set."""
        return int(np.count_nonzero(self.array))

    def inside(self, box: Box) -> np.ndarray:
        """The mask seen through another box of the same grid: bool of that box's shape."""
        out = np.zeros(box.shape, dtype=bool)
        here, there = self._common(box)
        out[there] = self.array[here]
        return out

    def add_to(self, array: np.ndarray, box: Box) -> None:
        """Set the mask's voxels in a bool array of another box, too: as ``array |= inside(box)``, without that copy."""
        here, there = self._common(box)
        array[there] |= self.array[here]

    def take_from(self, array: np.ndarray, box: Box) -> None:
        """Clear the mask's voxels in a bool array of another box: as ``array &= ~inside(box)``, without that copy."""
        here, there = self._common(box)
        np.greater(array[there], self.array[here], out=array[there])

    def _common(self, box: Box) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """What another box has in common with this one: its place in this array, and in one of the other box."""
        low = np.maximum(self.box.start, box.start)
        high = np.maximum(np.minimum(self.box.stop, box.stop), low)
        if np.any(high == low):
            return ((slice(0, 0),) * 3,) * 2
        return tuple(tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True)) for start in (self.box.start, box.start))

    def full(self, shape: tuple[int, int, int]) -> np.ndarray:
        """The mask on the whole grid."""
        return self.inside(Box((0, 0, 0), shape))


class PackedMask(BoxMask):
    """A mask in an eighth of its memory, for one that is seldom looked at: its ``array`` is made anew each time."""

    def __init__(self, name: str, box: Box, array: np.ndarray) -> None:
        for attribute, value in (("name", name), ("box", box), ("_bits", np.packbits(array))):
            object.__setattr__(self, attribute, value)

    @property
    def array(self) -> np.ndarray:
        """Bool of the box's shape."""
        return np.unpackbits(self._bits, count=int(np.prod(self.box.shape))).view(bool).reshape(self.box.shape)

    @classmethod
    def of(cls, mask: BoxMask) -> PackedMask:
        """The same mask, packed."""
        return cls(mask.name, mask.box, mask.array)

    def unpacked(self) -> BoxMask:
        """The same mask, to be looked at often."""
        return BoxMask(self.name, self.box, self.array)


#: A mask of no voxel.
NOTHING = BoxMask("", Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=bool))


def places(mask: np.ndarray) -> np.ndarray:
    """The (k, j, i) places (N, 3) of the voxels set in a mask, in C order: ``np.argwhere``, some three times faster."""
    return unflat(np.flatnonzero(mask), mask.shape)


def flat(mask: np.ndarray) -> np.ndarray:
    """The voxels (N,) set in a mask, counted in C order, in the narrowest type that counts all."""
    counts = np.array([np.count_nonzero(plane) for plane in mask], dtype=np.intp)
    out = np.empty(counts.sum(), dtype=np.min_scalar_type(mask.size))
    for number, (plane, stop) in enumerate(zip(mask, np.cumsum(counts), strict=True)):  # a wide number for each voxel takes room
        np.add(np.flatnonzero(plane), number * plane.size, out=out[stop - counts[number] : stop], casting="unsafe")
    return out


def unflat(voxels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The (k, j, i) places (N, 3) of voxels that are counted in C order: ``np.unravel_index``, some four times faster.

    All k lie together in memory, then all j, then all i: see ``taken``.
    """
    kind = np.int32 if np.prod(shape, dtype=np.int64) <= np.iinfo(np.int32).max else np.int64
    voxels, plane, row = voxels.astype(kind), kind(max(1, shape[1] * shape[2])), kind(max(1, shape[2]))
    k = voxels // plane
    voxels -= k * plane
    j = voxels // row
    voxels -= j * row
    return np.stack((k, j, voxels)).T


def tight(name: str, mask: np.ndarray, offset: tuple[int, int, int] = (0, 0, 0)) -> BoxMask:
    """A BoxMask of a (k, j, i) bool array whose first voxel lies at ``offset`` of the CT's grid."""
    inner = box_of(mask)
    box = Box(tuple(a + o for a, o in zip(inner.start, offset, strict=True)), tuple(b + o for b, o in zip(inner.stop, offset, strict=True)))
    return BoxMask(name, box, np.ascontiguousarray(mask[inner.slices]))


def box_of(mask: np.ndarray) -> Box:
    """The smallest box that holds the voxels set in a (k, j, i) bool array; an empty one at its first voxel where none is."""
    if not mask.any():
        return Box((0, 0, 0), (0, 0, 0))
    plane = mask.any(axis=0)
    lines = [np.flatnonzero(line) for line in (mask.any(axis=(1, 2)), plane.any(axis=1), plane.any(axis=0))]
    return Box(tuple(int(line[0]) for line in lines), tuple(int(line[-1]) + 1 for line in lines))


def united(name: str, masks: Sequence[BoxMask]) -> BoxMask:
    """One mask of several on the same grid, in the box that holds them all; empty ones do not count."""
    filled = [mask for mask in masks if mask.array.size]
    if not filled:
        return tight(name, np.zeros((0, 0, 0), dtype=bool))
    start = np.min([mask.box.start for mask in filled], axis=0)
    stop = np.max([mask.box.stop for mask in filled], axis=0)
    box = Box(tuple(int(v) for v in start), tuple(int(v) for v in stop))
    out = filled[0].inside(box)
    for mask in filled[1:]:
        mask.add_to(out, box)
    return BoxMask(name, box, out)
