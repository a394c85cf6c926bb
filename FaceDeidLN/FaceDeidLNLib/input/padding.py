"""Padding that reads as more than air: what a file fills the picture with outside the round field of view is no measurement."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.volume import AIR_HU, Volume
from .case import Padding, StoredSlice

#: Air reads no higher, whatever the noise and the calibration.
MOST_AIR_HU = -850.0
#: A range of values that names padding and begins below this holds tissue, teeth or bone.
MOST_TISSUE_HU = 4000.0


def bright_padding(how: StoredSlice, values: np.ndarray) -> np.ndarray | None:
    """Where a slice (j, i) of stored values holds padding that reads as more than air; None where there is none.

    The values are those that the header names (PS3.3 C.7.5.1.1.2) or, where it names none, the one that fills all corners.
    Padding lies outside the round field of view: a padded region counts where it reaches the edge of the picture, so that
    a value within the body that happens to be the same stays a measurement.
    """
    if how.padding is not None and how.to_hu(np.array(how.padding)).max() > AIR_HU:
        return _at_the_edge(values, *how.padding)
    corner = corner_value(values)
    if corner is None or how.to_hu(np.array([corner]))[0] <= MOST_AIR_HU:
        return None
    return _at_the_edge(values, corner, corner)


def without_padding(volume: Volume) -> tuple[Volume, Padding | None]:
    """A CT (HU) with air in place of the one value that fills all eight corners and reads as more than air, and what was there."""
    array = volume.array
    can_hold_air = array.dtype.kind == "f" or (array.dtype.kind == "i" and array.dtype.itemsize > 1)
    outside = bright_corners(array) if can_hold_air else None
    if outside is None:
        return volume, None
    air = array.copy()
    air[outside] = AIR_HU
    return volume.with_array(air), Padding(outside, array[outside])


def bright_corners(array: np.ndarray) -> np.ndarray | None:
    """Where the one value that fills all corners of a volume, and reads as more than air, reaches its edge; None where there is none."""
    corner = corner_value(array)
    return None if corner is None or not corner > MOST_AIR_HU else _at_the_edge(array, corner, corner)


def corner_value(values: np.ndarray) -> float | int | None:
    """The value that all corners of a picture or volume share, where there is another value too; else None."""
    corners = values[np.ix_(*((0, -1),) * values.ndim)].ravel()
    if not (corners == corners[0]).all() or _is_all(values, corners[0]):
        return None
    return corners[0].item()


def _is_all(values: np.ndarray, one: float | int) -> bool:
    """Is there no other value? A few tell that there is, in nearly all pictures."""
    some = values[(slice(None, None, 8),) * values.ndim]
    return bool((some == one).all() and (values == one).all())


def _at_the_edge(values: np.ndarray, low: float, high: float) -> np.ndarray | None:
    """The regions (bool) of values from ``low`` to ``high`` that reach the edge of the picture or volume; None where none does."""
    regions, _ = ndimage.label((values >= low) & (values <= high))
    faces = [regions.take(end, axis).ravel() for axis in range(regions.ndim) for end in (0, -1)]
    edge = np.unique(np.concatenate(faces))
    edge = edge[edge > 0]
    return np.isin(regions, edge) if edge.size else None
