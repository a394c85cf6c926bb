"""``blur``: the face segment is smoothed."""

from __future__ import annotations

import numpy as np

from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.segment import Face
from .records import SIGMA_MM
from .tools.smoothing import smooth


class Blur:
    """Gaussian of standard deviation ``sigma_mm`` (the "facial blur" of the NA-MIC Project Week 44 mock-up).

    Privacy: recognisable. A Gaussian can be undone in part (Abramian & Eklund 2019, arXiv 1810.06455), and what it
    leaves is still the face's coarse shape.
    """

    name = "blur"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """The CT smoothed in mm; voxels around the box take part, the volume's edge is replicated."""
        return smooth(ct, face.segment.box, parameters.own_number(SIGMA_MM))
