"""Does a dose tell how deep below the old skin its places lie? Then it tells the old skin, wherever it ends.

The dose of a beam falls off with the way through the patient. Whoever knows by how much finds, from the stored numbers, the depth of each
place below the skin, and so the skin. In a dose of many beams the ways of all of them are mixed.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from scipy import ndimage

from ..core.volume import Volume
from .family import DoubtError
from .hidden import HiddenFace
from .rays import rays_of

#: Depths (mm) below the old skin at which the dose is looked at, and the ways of the beams: degrees from anterior to the left.
DEPTHS_MM, BEAMS_DEGREES = np.arange(18.0, 50.0, 4.0), np.arange(-90.0, 91.0, 15.0)
#: So many voxels (steps) from where the dose ends it is not mixed with what was taken out; and less than this share of the largest is none.
FROM_END, LEAST_DOSE = 2, 0.02
#: What a place tells of its depth by itself: a polynomial of this degree, which knows the face's rough shape and none of its features.
DEGREE = 3
#: On so many lines of sight; of fewer places nothing is told.
MOST_LINES, FEWEST_PLACES = 900, 500
#: The share of what is left of the depths' variance that the dose may explain: an open anterior field 0.60, with 1 % noise 0.56; conformal
#: and intensity modulated doses of 1 to 9 beams on a target 0.06 at most (a patient of OpenKBP, simulated).
MOST_TOLD = 0.3


def require_depth_untold(dose: Volume, hidden: HiddenFace) -> None:
    """A dose (as it would be released, in the face's LPS mm) does not tell the depth below the old skin.

    :raises DoubtError: it does.
    """
    told = max((_told(dose, points, depths) for points, depths in _along_beams(dose, hidden)), default=0.0)
    if told > MOST_TOLD:
        raise DoubtError(f"the dose falls off with the depth below the old skin ({told:.0%} of it is told): it gives that skin back")


def _along_beams(dose: Volume, hidden: HiddenFace) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places (N, 3; LPS mm) where there is dose, and their depths (N,) in mm below the old skin, along each beam."""
    unit, before, _ = rays_of(hidden)
    known = ~np.isnan(before)
    skin = (hidden.face.frame.origin + unit[known] * before[known][:, None])[:: max(1, np.count_nonzero(known) // MOST_LINES)]
    part = dose.crop(dose.geometry.box_around(skin, DEPTHS_MM[-1] + FROM_END * max(dose.geometry.spacing)))
    whole = (
        ndimage.binary_erosion(part.array > LEAST_DOSE * dose.array.max(initial=0.0), iterations=FROM_END)
        if part.array.size
        else part.array
    )
    inner, found = part.with_array(whole.astype(np.float32)), []
    for angle in np.radians(BEAMS_DEGREES):
        way = np.array([np.sin(angle), -np.cos(angle), 0.0])
        points = (skin[:, None] - DEPTHS_MM[None, :, None] * way).reshape(-1, 3)
        kept = np.flatnonzero(inner.at(points, 0.0) > 0.99)
        if len(kept) >= FEWEST_PLACES:
            found.append((points[kept], np.tile(DEPTHS_MM, len(skin))[kept]))
    return found


def _told(dose: Volume, points: np.ndarray, depths: np.ndarray) -> float:
    """The share of the depths' variance that the dose explains beyond what the places do (the squared partial correlation)."""
    basis, _ = np.linalg.qr(_polynomial(points))
    pair = np.stack([depths, np.log(dose.at(points, 1.0))])
    pair = pair - (pair @ basis) @ basis.T
    size = (pair**2).sum(axis=1)
    return 0.0 if size.min() < 1e-9 else float((pair[0] @ pair[1]) ** 2 / size.prod())


def _polynomial(points: np.ndarray) -> np.ndarray:
    """The terms (N, M) of a polynomial of DEGREE in places (N, 3)."""
    at = (points - points.mean(axis=0)) / np.maximum(points.std(axis=0), 1e-6)
    terms = [np.ones(len(at))]
    for degree in range(1, DEGREE + 1):
        terms += [np.prod(at[:, axes], axis=1) for axes in combinations_with_replacement(range(3), degree)]
    return np.stack(terms, axis=1)
