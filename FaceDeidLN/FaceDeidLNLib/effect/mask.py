"""``mask``: the face segment becomes one value."""

from __future__ import annotations

import numpy as np

from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.segment import Face
from .records import FILL_HU


class Mask:
    """Fill with ``fill_hu`` (after the Segment Editor's *Mask volume*).

    Privacy: the cut surface is seen by any threshold. Where the segment ends at a constant depth it is an offset copy
    of the face (6 mm shells were matched in 32-45 %: Ding et al., IJCARS 2025), and bone that stays shows the skull.
    """

    name = "mask"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """``fill_hu`` everywhere."""
        return np.full(face.segment.box.shape, parameters.own_number(FILL_HU), dtype=np.float32)
