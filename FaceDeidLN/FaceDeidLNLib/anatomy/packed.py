"""Masks with eight voxels of a line in a byte: they grow by many steps several times faster than as arrays of bool."""

from __future__ import annotations

import numpy as np

#: The axis along which voxels are packed, eight to a byte.
_LINE = 2


def pack(mask: np.ndarray) -> np.ndarray:
    """The bits (k, j, bytes) of a bool array (k, j, i)."""
    return np.packbits(mask, axis=_LINE)


def unpack(bits: np.ndarray, count: int) -> np.ndarray:
    """The bool array whose lines of ``count`` voxels were packed."""
    return np.unpackbits(bits, axis=_LINE, count=count).view(bool)


def spread(bits: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Each voxel and its next neighbours along ``axes``. What goes beyond a line's end comes back no sooner than it went within it."""
    out = bits.copy()
    for axis in axes:
        if axis == _LINE:
            _spread_lines(bits, out)
            continue
        join_next(out, bits, axis)
    return out


def spread_cube(bits: np.ndarray, axes: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
    """Each voxel and all that touch it along ``axes``, over edges and corners too."""
    for axis in axes:
        bits = spread(bits, (axis,))
    return bits


def join_next(out: np.ndarray, of: np.ndarray, axis: int) -> None:
    """Add to each place of ``out`` what its next ones along an axis hold in ``of``; bool, or bits along another axis."""
    line = (slice(None),) * axis
    low, high = (*line, slice(None, -1)), (*line, slice(1, None))
    out[high] |= of[low]
    out[low] |= of[high]


def _spread_lines(bits: np.ndarray, out: np.ndarray) -> None:
    moved, flat = np.right_shift(bits, 1), out.reshape(-1)
    out |= moved
    np.add(bits, bits, out=moved)
    out |= moved
    np.left_shift(bits, 7, out=moved)  # the last voxel of a byte, for the next byte of its line
    moved[..., -1] = 0
    flat[1:] |= moved.reshape(-1)[:-1]
    np.right_shift(bits, 7, out=moved)
    moved[..., 0] = 0
    flat[:-1] |= moved.reshape(-1)[1:]


def grow_line(bits: np.ndarray, steps: int, axis: int) -> np.ndarray:
    """Each voxel and its neighbours up to ``steps`` to both sides along one axis; what has grown by one step grows by two more next.

    The voxels beyond a line's end, which its last byte may hold, are not set.
    """
    for forward in (True, False):
        done = 0
        while done < steps:
            by = min(done + 1, steps - done)
            bits = bits | _moved(bits, by if forward else -by, axis)
            done += by
    return bits


def _moved(bits: np.ndarray, by: int, axis: int) -> np.ndarray:
    """The voxels ``by`` places further along an axis; what leaves the array is lost."""
    if axis != _LINE:
        return _shifted(bits, by, axis)
    (whole, rest), way = divmod(abs(by), 8), 1 if by > 0 else -1
    near = _shifted(bits, way * whole, axis)
    if not rest:
        return near
    far = _shifted(bits, way * (whole + 1), axis)  # a byte holds voxels of two
    return (near >> rest) | (far << (8 - rest)) if by > 0 else (near << rest) | (far >> (8 - rest))


def _shifted(array: np.ndarray, by: int, axis: int) -> np.ndarray:
    out, line, kept = np.zeros_like(array), (slice(None),) * axis, max(0, array.shape[axis] - abs(by))
    low, high = (*line, slice(kept)), (*line, slice(array.shape[axis] - kept, None))
    to, of = (high, low) if by > 0 else (low, high)
    out[to] = array[of]
    return out
