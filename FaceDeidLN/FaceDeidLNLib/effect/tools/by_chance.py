"""What is drawn may be what was there already: such a voxel is told as unchanged, and where it is skin, it is."""

from __future__ import annotations

import numpy as np

#: Tissue that happens to get its own value back changes by so much (HU): nothing of the skin is left, not even by chance.
LEAST_CHANGE_HU = 2.0


def unlike(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """``new`` HU, but ``old`` ones and LEAST_CHANGE_HU where both would be stored as the same whole number."""
    return np.where(np.abs(new - old) < 1.0, old + LEAST_CHANGE_HU, new)
