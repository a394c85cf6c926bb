"""A CT whose values are no HU (a cone beam has no calibration): worked on as HU, and written with its own values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

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
    own = ct.volume.array
    if ct.padding is not None:
        own = own.copy()
        own[ct.padding.mask] = ct.padding.values
    hu = (own * found.slope + found.offset).astype(np.float32)
    volume, padding = without_padding(ct.volume.with_array(hu))
    return replace(ct, volume=volume, padding=padding, calibration=found, own_values=own)


def in_own_values(ct: CtInput, hu: np.ndarray) -> np.ndarray:
    """HU (k, j, i) of a calibrated image as its own values: the very ones where they equal the CT, else the nearest of their type."""
    own, changed = ct.own_values.copy(), hu != ct.volume.array
    if ct.padding is not None:
        changed &= ~ct.padding.mask
    values = (hu[changed].astype(np.float64) - ct.calibration.offset) / ct.calibration.slope
    if own.dtype.kind in "iu":
        limits = np.iinfo(own.dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    own[changed] = values.astype(own.dtype)
    return own


def _note(found: Calibration) -> str:
    return (
        f"the values are no HU, as those of a cone-beam CT: worked on as {found.slope:.3g} x value {found.offset:+.0f}, and written "
        "with the source's own values"
    )
