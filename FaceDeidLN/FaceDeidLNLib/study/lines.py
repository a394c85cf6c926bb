"""Does a contour run along the old skin? One that does so from brow to chin is the face's profile, though it covers little of the face."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..verify.beside_skin import densest
from .family import DoubtError
from .hidden import HiddenFace

#: A contour runs along the old skin where its points lie no further (mm) from it, and within so many mm of one depth.
BESIDE_MM, ALIKE_MM = 4.0, 1.5
#: A stretch of it that is longer (mm) is no outline of a node or of an organ: 61 mm and less of bone, of what five patients' plans name and
#: of the organs of a voxel phantom (126 of bone with metal streaks); 150 to 480 mm of the body in a plane through the face.
LONGEST_MM = 120.0
#: Gaps (mm; steps between points), as at the nostrils and the lips, do not end a stretch.
GAP_MM, GAP_STEPS = 15.0, 2.5


def require_no_line(contours: Iterable[tuple[str, np.ndarray]], hidden: HiddenFace) -> None:
    """No contour runs along the old skin; ``contours`` are names and points (N, 3; the face's LPS mm) of what was not made anew.

    :raises DoubtError: one does.
    """
    for name, points in contours:
        length = longest_along(points, hidden)
        if length > LONGEST_MM:
            raise DoubtError(f"a contour of '{name}' runs along the old skin for {length:.0f} mm: it draws its profile")


def longest_along(points: np.ndarray, hidden: HiddenFace) -> float:
    """Length (mm) of the longest stretch of a closed contour (N, 3) that runs along the old skin."""
    if len(points) < 3:
        return 0.0
    depth = hidden.depth_before(points)
    along = hidden.in_region(points) & (np.abs(depth) < BESIDE_MM)
    if not along.any():
        return 0.0
    _, begins = densest(depth[along], 2 * ALIKE_MM)  # of a rind, which has two sides, it is one of them
    along &= np.abs(depth - (begins + ALIKE_MM)) <= ALIKE_MM
    steps = np.linalg.norm(np.diff(points, axis=0, append=points[:1]), axis=1)
    place = np.concatenate([[0.0], np.cumsum(np.concatenate([steps, steps]))])[:-1]
    at = place[np.flatnonzero(np.concatenate([along, along]))]
    gap = max(GAP_MM, GAP_STEPS * float(np.median(steps)))
    stretches = np.split(at, np.flatnonzero(np.diff(at) > gap) + 1)
    return min(max((float(one[-1] - one[0]) for one in stretches if len(one)), default=0.0), float(steps.sum()))
