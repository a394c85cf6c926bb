"""Beyond the curve the new face runs out over the air before the old skin: no tissue of the patient is changed there."""

from __future__ import annotations

import numpy as np

#: From one elevation (degrees) to the other it grows from nothing to its usual length: below the jaw the neck falls back from every line
#: of sight, and new tissue would hang there as a bib. On the forehead, where no ear stands near, it is longer by a share.
APRON_ELEVATION = (-35.0, -10.0)
FOREHEAD_ELEVATION, LONGER = (15.0, 35.0), 0.4

#: Up to here (HU) it is air, or something as thin as hair, whose place new tissue takes; more than this is no noise of air.
THIN_HU, ANY_TISSUE_HU = -250.0, -850.0


def laid_over(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """HU beyond the curve: new tissue takes the place of air alone.

    Old skin shows in the voxels that touch it and is not eroded, and where a head has moved since it was found, its tissue stays.
    """
    return np.where((old < THIN_HU) & (new > np.maximum(old, ANY_TISSUE_HU)), new, old)


def beyond_curve(elevation: np.ndarray, run_out: float) -> np.ndarray:
    """How far (degrees) beyond the curve new tissue may stand at these elevations (degrees), where ``run_out`` is usual."""
    begins, is_longer = (smoothstep((elevation - low) / (high - low)) for low, high in (APRON_ELEVATION, FOREHEAD_ELEVATION))
    return run_out * (begins + LONGER * is_longer)


def share_of_height(degrees: np.ndarray, fade: float, beyond: np.ndarray | float = 0.0) -> np.ndarray:
    """The share of its height that a new face has ``degrees`` inwards from the curve: all from ``fade`` on, none ``beyond`` outside."""
    return smoothstep((degrees + beyond) / (fade + beyond))


def smoothstep(values: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1 without an edge at either end, and constant outside."""
    values = np.clip(values, 0.0, 1.0)
    return values**2 * (3 - 2 * values)
