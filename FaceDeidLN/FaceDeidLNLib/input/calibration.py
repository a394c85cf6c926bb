"""A CT whose values are no HU (a cone beam has no calibration): worked on as HU, and written with its own values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.volume import AIR_HU, Volume
from .case import Calibration, CtInput
from .padding import without_padding
from .plausible import calibration_of


def calibrated(ct: CtInput, series: str | None = None) -> CtInput:
    """A CT in HU (float32), made of one whose values lie in two heaps (air, soft tissue) and are no HU; ``ct`` itself otherwise.

    :raises InputError: a DICOM series cannot be read.
    """
    found = calibration_of(ct.volume, ct.outside)
    if found is None:
        return ct
    again = _series(ct, series, found) if ct.kind == "dicom" else _image(ct, found)
    return replace(again, notes=(*again.notes, _note(found)))


def _series(ct: CtInput, series: str | None, found: Calibration) -> CtInput:
    from .dicom import read_dicom_series

    return read_dicom_series(ct.path, series, calibration=found)


def _image(ct: CtInput, found: Calibration) -> CtInput:
    own = ct.volume.array if ct.padding is None else _padded(ct, ct.volume.array.copy())
    volume, padding = without_padding(ct.volume.with_array(_in_hu(own, found)))
    return replace(ct, volume=volume, padding=padding, calibration=found, own_values=own)


def in_own_values(ct: CtInput, result: Volume) -> Volume:
    """A result in HU in the values of its CT's source, no DICOM: the very ones where it equals the CT, else the nearest of their type."""
    if result.array.shape != ct.volume.array.shape:
        return result
    if ct.own_values is None:
        return result if ct.padding is None else result.with_array(_padded(ct, result.array.copy()))
    own, changed = ct.own_values.copy(), result.array != ct.volume.array
    if ct.padding is not None:
        changed &= ~ct.padding.mask
    values = (result.array[changed].astype(np.float64) - ct.calibration.offset) / ct.calibration.slope
    if own.dtype.kind in "iu":
        limits = np.iinfo(own.dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    own[changed] = values.astype(own.dtype)
    return result.with_array(own)


def as_worked_on(ct: CtInput, own: Volume) -> Volume:
    """A volume in the values of a CT's source as ``ct`` was made of that source: the opposite of ``in_own_values``."""
    array = own.array if ct.calibration is None else _in_hu(own.array, ct.calibration)
    if ct.padding is None or array.shape != ct.padding.mask.shape:
        return own.with_array(array)
    array = array.copy()
    same = ct.padding.mask.copy()
    same[same] = array[same] == ct.padding.values
    array[ct.padding.mask & ~same & (array == AIR_HU)] = AIR_HU - 1  # air in place of padding is a change
    array[same] = AIR_HU
    return own.with_array(array)


def for_a_node(ct: CtInput) -> Volume:
    """What a scene's node of a CT (of ``read_values``) holds: a file's own values; of a cone beam's DICOM, padding is its own air.

    In DICOM the reader has put the air of HU in place of padding. Among values that are no HU it would be a third heap.
    """
    if ct.kind != "dicom":
        return in_own_values(ct, ct.volume)
    found = None if ct.outside is None else calibration_of(ct.volume, ct.outside)
    if found is None:
        return ct.volume
    array = ct.volume.array.copy()
    array[ct.outside] = np.rint((AIR_HU - found.offset) / found.slope)
    return ct.volume.with_array(array)


def _in_hu(own: np.ndarray, calibration: Calibration) -> np.ndarray:
    return (own * calibration.slope + calibration.offset).astype(np.float32)


def _padded(ct: CtInput, array: np.ndarray) -> np.ndarray:
    array[ct.padding.mask] = ct.padding.values
    return array


def _note(found: Calibration) -> str:
    return (
        f"the values are no HU, as those of a cone-beam CT: worked on as {found.slope:.3g} x value {found.offset:+.0f}, and written "
        "with the source's own values"
    )
