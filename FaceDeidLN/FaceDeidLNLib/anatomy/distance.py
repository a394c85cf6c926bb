"""Distance maps, exact to the bit, in a third of the time that the general ones of scipy and SimpleITK take."""

from __future__ import annotations

import numpy as np

from ..core.ahead import shared_out

#: Bytes of a map that are worked on at once: what a processor's cache holds three times.
_PART_BYTES = 384 << 10
#: Distances are sought in 16 bits first and in 32 where those end; from so many voxels on a distance does not fit.
_NARROW, _WIDE = (np.uint16, 181), (np.int32, 16_000)
#: So many steps are made before it is asked whether more of them can bring anything.
_ASKED_EVERY = 8
#: Voxels along each side of the cells that tell beforehand how far sites can be, what a voxel and a site lie off the middles of theirs,
#: and the size of a map that is made without asking them.
_CELL, _OFF_MIDDLES, _SMALL = 4, 5.2, 1 << 17


def squares_to(sites: np.ndarray) -> np.ndarray:
    """Squared distance in voxels (k, j, i; uint16, or int32 where that does not hold it) of each voxel to the nearest of ``sites`` (bool).

    Some of the sites are set. One axis after the other: along the first by counting, along each other as the least of its line's values
    and squared ways to them (Saito and Toriwaki, Pattern Recognition 1994;27:1551).
    """
    furthest = _furthest(sites)
    return _squares(sites, furthest, *(_NARROW if furthest.max() < _NARROW[1] else _WIDE))


def _furthest(sites: np.ndarray) -> np.ndarray:
    """For each of the first axis' planes a distance (voxels) that none of its voxels exceeds."""
    if sites.size < _SMALL:
        return np.full(len(sites), int(np.linalg.norm(sites.shape)) + 1)
    most = _CELL * np.sqrt(squares_to(_cells(sites)).max(axis=(1, 2))) + _OFF_MIDDLES
    return np.repeat(np.ceil(most).astype(int), _CELL)[: len(sites)]


def _cells(sites: np.ndarray) -> np.ndarray:
    """Which cells of _CELL voxels a side hold a site."""
    whole = np.zeros([n + -n % _CELL for n in sites.shape], dtype=bool)
    whole[tuple(slice(n) for n in sites.shape)] = sites
    lines = whole.view(f"u{_CELL}") > 0
    rows = np.logical_or.reduce([lines[:, n::_CELL] for n in range(_CELL)])
    return np.logical_or.reduce([rows[n::_CELL] for n in range(_CELL)])


def _squares(sites: np.ndarray, furthest: np.ndarray, kind: type[np.integer], most: int) -> np.ndarray:
    out = np.where(sites, kind(0), kind(most))
    _count(out)
    np.multiply(out, out, out=out)
    planes = max(1, _PART_BYTES // max(1, out[0].nbytes))

    def fill(first: int) -> None:
        part, ways = out[first : first + planes], int(furthest[first : first + planes].max())
        across = np.ascontiguousarray(_least(part, ways).swapaxes(1, 2))
        part[...] = _least(across, ways).swapaxes(1, 2)

    shared_out(fill, range(0, len(out), planes))
    return out


def _count(steps: np.ndarray) -> None:
    """Voxels along the first axis to the nearest 0, no more than there are; in place."""
    one, ahead = steps.dtype.type(1), np.empty_like(steps[0])
    for line in (steps, steps[::-1]):
        for before, here in zip(line[:-1], line[1:], strict=True):
            np.add(before, one, out=ahead)
            np.minimum(here, ahead, out=here)


def _least(squares: np.ndarray, ways: int) -> np.ndarray:
    """For each voxel the least sum, along the second axis, of a value and the squared way to it, which is no longer than ``ways``."""
    least, further = squares.copy(), np.empty_like(squares)
    worst = int(least.max())
    for way in range(1, min(squares.shape[1], ways + 1)):
        if way * way >= worst:
            break
        np.add(squares, squares.dtype.type(way * way), out=further)
        np.minimum(least[:, way:], further[:, :-way], out=least[:, way:])
        np.minimum(least[:, :-way], further[:, way:], out=least[:, :-way])
        if way % _ASKED_EVERY == 0:
            worst = int(least.max())
    return least
