"""A second opinion on landmarks that a person placed: what was found with certainty must be hidden all the same."""

from __future__ import annotations

import numpy as np

from ..core.landmarks import Landmarks
from ..core.volume import Volume
from ..face.segment import Face
from ..face.styles import Region
from .coverage import feature_share

#: An automatic landmark this certain is right in 95 of 100 cases or more, so the skin there is that feature or near it.
CERTAIN = 0.8
#: A point moved less than this (mm) stays on the same feature.
SAME_PLACE_MM = 10.0
#: Share of the skin around the automatic landmark that must have changed.
MIN_SHARE = 0.9


def overruled_doubts(ct: Volume, changed: np.ndarray, face: Face, used: Landmarks, automatic: Landmarks, style: Region) -> tuple[str, ...]:
    """Features of the style that were found with certainty, overruled by a person, and are still seen where they were found.

    ``changed`` (bool) is on the CT's grid; ``used`` are the landmarks of this run, ``automatic`` those found without help.
    """
    reasons = []
    for name in style.covers:
        found, placed = automatic.points.get(name), used.position(name)
        if found is None or found.position is None or found.confidence < CERTAIN:
            continue
        if placed is not None and np.linalg.norm(placed - found.position) <= SAME_PLACE_MM:
            continue
        share = feature_share(ct, changed, face, found)
        if share is not None and share < MIN_SHARE:
            reasons.append(
                f"{name} was placed by hand, and {1 - share:.0%} of the skin where it was found automatically "
                f"({found.confidence:.0%} certain) did not change: compare both places"
            )
    return tuple(reasons)
