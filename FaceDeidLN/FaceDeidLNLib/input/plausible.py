"""Is it a CT in HU? Image files carry no modality, so their values have to answer."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..core.volume import Volume

#: Fewer slices than this are a scout or a fragment; a 40 mm chin in 5 mm slices has as many.
MIN_SLICES = 8
#: Air and soft tissue in HU, wide enough for noise, streaks and the calibration of any scanner.
AIR_HU_RANGE = (-1150.0, -850.0)
TISSUE_HU_RANGE = (-250.0, 250.0)
#: Least share of the voxels that is air, and that is soft tissue, in a CT that holds skin.
MIN_SHARE = 0.005
#: What lies below is no tissue: padding (one single value) or numbers that are not HU.
BELOW_AIR_HU = -1400.0
MAX_BELOW_AIR_SHARE = 0.02
#: The statistics look at about this many voxels.
_SAMPLE = 1_000_000


def require_ct(volume: Volume, name: str) -> None:
    """Refuse a volume that cannot be a head CT in HU.

    :raises InputError: fewer than 8 slices, NaN or infinite values, values that cannot be HU (an MR, stored values
        without the rescale, normalised intensities).
    """
    array = volume.array
    if min(array.shape) < MIN_SLICES:
        raise InputError(f"{name} has only {min(array.shape)} slices: a scout or fragment has no face to work on, give the axial series.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinite values: replace them by -1000 HU (air) and try again.")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} has {array.dtype} voxels, which cannot hold HU: give the CT itself.")
    reason = _why_no_ct(_sample(array))
    if reason:
        raise InputError(f"{name} does not look like a CT in Hounsfield units ({reason}): give a CT in HU.")


def _sample(array: np.ndarray) -> np.ndarray:
    """About a million voxels, spread evenly."""
    step = max(1, int((array.size / _SAMPLE) ** (1 / 3)))
    return np.asarray(array[::step, ::step, ::step], dtype=np.float32).ravel()


def _why_no_ct(values: np.ndarray) -> str:
    """Why these values cannot be HU; empty where they can."""
    share = {what: np.mean((values >= low) & (values <= high)) for what, (low, high) in _RANGES.items()}
    if share["air"] < MIN_SHARE:
        return f"hardly any voxel is near -1000, as air is; the values run from {values.min():.5g} to {values.max():.5g}"
    if share["tissue"] < MIN_SHARE:
        return f"hardly any voxel is near 0, as soft tissue is; the values run from {values.min():.5g} to {values.max():.5g}"
    below = values[values < BELOW_AIR_HU]
    other = below[below != _commonest(below)] if below.size else below
    if other.size > MAX_BELOW_AIR_SHARE * values.size:
        return f"{100 * other.size / values.size:.0f} % of the voxels are below air; the values run down to {values.min():.5g}"
    return ""


def _commonest(values: np.ndarray) -> float:
    """The value that occurs most often: the padding."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])


_RANGES = {"air": AIR_HU_RANGE, "tissue": TISSUE_HU_RANGE}
