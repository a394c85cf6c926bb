"""A result in HU as the storage of its DICOM source can hold it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.volume import Volume
from ..input.case import CtInput


def representable(ct: CtInput, result: Volume) -> Volume:
    """``result`` (HU) as the source's DICOM storage can hold it: the nearest stored values, clipped to its range.

    What equals the CT stays as it is, and so does padding; an image file holds everything else. ``result`` itself where all of it can
    be held.
    """
    array = result.array
    if ct.kind != "dicom" and ct.padding is not None:
        kept = np.where(ct.padding.mask, ct.volume.array, array)
        return result if np.array_equal(kept, array) else result.with_array(kept)
    for k, how in enumerate(ct.stored):
        plane, source = array[k], ct.slices.array[k]
        if ct.padding is None and how.holds(plane):
            continue
        new = plane != source  # reading made sure that the CT's own values come back
        if not new.any():
            continue
        values = how.to_hu(how.to_stored(plane[new])).astype(array.dtype)
        if ct.padding is not None:
            values = np.where(ct.padding.mask[k][new], source[new], values)
        if not np.array_equal(values, plane[new]):
            array = array.copy() if array is result.array else array
            array[k][new] = values
    return result if array is result.array else result.with_array(array)


def stored_values(ct: CtInput, result: Volume, numbers: Sequence[int]) -> np.ndarray:
    """The stored values (n, j, i), whole numbers, of some slices of a result; padding keeps the source's."""
    planes = [ct.stored[k].to_stored(result.array[k]) for k in numbers]
    values = np.stack(planes) if len(planes) > 1 else planes[0][None]
    if ct.padding is not None:
        values = values.astype(np.int32, copy=False)
        for plane, k in zip(values, numbers, strict=True):
            plane[ct.padding.mask[k]] = ct.padding.of_slice(k)
    return values
