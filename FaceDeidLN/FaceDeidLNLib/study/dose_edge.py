"""Does a dose end where the body does? One that was computed on the body and lies elsewhere, or is shrunk, holds the face unhidden."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..core.volume import Volume
from ..verify.beside_skin import from_skin
from .elsewhere import MOST_OFF_MM, require_on_skin
from .family import DoubtError
from .hidden import HiddenFace
from .inward import LEAST_MET, outermost

#: A dose ends sharply where more than this share of its largest value lies beside none at all: at the body's edge, and at no beam's.
LEAST_STEP = 0.3
#: Fewer such places say nothing.
FEWEST_PLACES = 500


def require_end_on_skin(dose: Volume, shown: Sequence[Volume], hidden: HiddenFace) -> None:
    """A dose (as it came, in the face's LPS mm) that ends sharply inside its grid does so on the skin, of the body and of the face.

    ``shown`` is what CTs show (``remembered``). :raises DoubtError: it does elsewhere: it was computed on a body that lies elsewhere.
    """
    ends = np.argwhere((dose.array > LEAST_STEP * dose.array.max()) & ndimage.binary_dilation(dose.array <= 0))
    if len(ends) < FEWEST_PLACES:
        return
    points = dose.geometry.to_lps(ends)
    require_on_skin("the end of the dose", points, shown)
    outer, fields = outermost(points, hidden)
    off = float(np.median(np.abs(from_skin(outer, hidden.face)))) if len(outer) else 0.0
    if len(outer) >= LEAST_MET * fields and off > MOST_OFF_MM:
        raise DoubtError(f"the end of the dose lies {off:.0f} mm (median) from the skin of the face: it was computed elsewhere")
