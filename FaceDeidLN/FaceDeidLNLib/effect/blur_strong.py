"""``blur-strong``: the face segment is smoothed again and again."""

from __future__ import annotations

import numpy as np

from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.segment import Face
from .records import SIGMA_MM
from .tools.smoothing import smooth

#: Standard deviation of one pass over ``sigma_mm``, and the number of passes; together 3 x sqrt(3) times the plain blur.
WIDER = 3.0
PASSES = 3


class BlurStrong:
    """Gaussian of three times ``sigma_mm``, three times over (the "extra blur" of the NA-MIC Project Week 44 mock-up).

    Passes are applied to the whole neighbourhood, so they equal one Gaussian of sqrt(3) times the width.

    Privacy: recognisable. Wide blurs hide more (of 28 skins smoothed with sigma 20 mm one in nine was still found), but what
    is left is still a function of the face, and a known Gaussian can be undone in part.
    """

    name = "blur-strong"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """The smoothed CT, float32 (k, j, i) of the segment's box."""
        return smooth(ct, face.segment.box, WIDER * parameters.own_number(SIGMA_MM) * float(np.sqrt(PASSES)))
