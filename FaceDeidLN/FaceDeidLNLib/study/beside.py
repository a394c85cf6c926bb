"""Does what is drawn run along the old skin? A sheet, a single slice or many small pieces draw the face, though each covers little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import pdist

from ..verify.beside_skin import densest
from .family import DoubtError
from .hidden import HiddenFace
from .lines import ALIKE_MM, BESIDE_MM, GAP_MM

#: What runs along the old skin at one depth is no longer (mm, in a straight line) than this, nor is all of a study together: 68 mm and less
#: of bone, target volumes and the organs of a voxel phantom, alone or together; 130 to 143 of a sagittal sheet of the head, 87 to 149 of
#: one of its slices. Of 30 patients' target volumes, grown by 5 and 10 mm and cropped 3 mm below the skin, one each runs further (121 and
#: 133), of those cropped 4 mm and more none (71).
LONGEST_MM, LONGEST_TOGETHER_MM = 110.0, 120.0
#: All that a study draws covers no larger share of the face at one depth beside the old skin: the organs of the phantom 6 %, a whole copy
#: of that skin 60 % and more.
MOST_TOGETHER = 0.16
#: Points are thinned to one in each such cube (mm).
CUBE_MM = 4.0
#: Corners of a contour are no further (mm) from each other, once it is filled up.
STEP_MM = 4.0


def require_apart(parts: Sequence[tuple[str, np.ndarray]], earlier: list[np.ndarray], hidden: HiddenFace) -> None:
    """Nothing runs along the old skin, nor does all of a study together; ``parts``: names and points of what was not made anew.

    Points are (N, 3) in the face's LPS mm, here and below. ``earlier`` holds such of objects before this one, and gets those of this one.

    :raises DoubtError: something does.
    """
    found = [(name, _beside(points, hidden)) for name, points in parts]
    for name, points in found:
        length = longest(at_one_depth(points, hidden))
        if length > LONGEST_MM:
            raise DoubtError(f"'{name}' runs along the old skin for {length:.0f} mm: it draws a part of the face")
    together = [*earlier, *(points for _, points in found)]
    if not together:
        return
    alike = at_one_depth(np.vstack(together), hidden)
    covered = len(np.unique(hidden.cells(alike), axis=0)) / np.count_nonzero(hidden.face.inside) if len(alike) else 0.0
    if covered > MOST_TOGETHER or longest(alike) > LONGEST_TOGETHER_MM:
        raise DoubtError("with the other drawn objects of its study it follows the old skin, each of them a part of it")
    earlier += [points for _, points in found]


def filled_up(ring: np.ndarray) -> np.ndarray:
    """The points (N, 3) of a closed contour, and more between those that lie far apart."""
    steps = np.roll(ring, -1, axis=0) - ring
    counts = np.clip(np.ceil(np.linalg.norm(steps, axis=1) / STEP_MM), 1, 100).astype(int) if len(ring) > 2 else np.ones(len(ring), int)
    begins = np.repeat(np.arange(len(ring)), counts)
    share = (np.arange(len(begins)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[begins]
    return ring[begins] + share[:, None] * steps[begins]


def _beside(points: np.ndarray, hidden: HiddenFace) -> np.ndarray:
    """Those of points (N, 3) that lie in the region beside the old skin, one in each cube and depth."""
    points = points[hidden.in_region(points)] if len(points) else points
    if not len(points):
        return points
    depth = hidden.depth_before(points)
    near = np.abs(depth) < BESIDE_MM
    keys = np.column_stack([np.floor(points[near] / CUBE_MM), np.rint(depth[near])])
    return points[near][np.unique(keys, axis=0, return_index=True)[1]]


def at_one_depth(points: np.ndarray, hidden: HiddenFace) -> np.ndarray:
    """Those of points (N, 3) beside the old skin that lie at the depth at which most of them do."""
    if not len(points):
        return points
    depth = hidden.depth_before(points)
    _, begins = densest(depth, 2 * ALIKE_MM)
    return points[np.abs(depth - (begins + ALIKE_MM)) <= ALIKE_MM]


def longest(points: np.ndarray) -> float:
    """The longest distance (mm) between two of points (N, 3) that are joined by others, over gaps of GAP_MM."""
    if len(points) < 2:
        return 0.0
    cubes = np.unique(np.floor((points - points.min(0)) / CUBE_MM).astype(int), axis=0)
    there = np.zeros(cubes.max(0) + 2 * int(GAP_MM / CUBE_MM) + 1, dtype=bool)
    at = tuple((cubes + int(GAP_MM / CUBE_MM)).T)
    there[at] = True
    joined, count = ndimage.label(ndimage.distance_transform_edt(~there, CUBE_MM) <= GAP_MM / 2, np.ones((3, 3, 3)))
    number = joined[at]
    groups = [cubes[number == one] * CUBE_MM for one in range(1, count + 1)]
    return max((float(pdist(group).max()) for group in groups if len(group) > 1), default=0.0)
