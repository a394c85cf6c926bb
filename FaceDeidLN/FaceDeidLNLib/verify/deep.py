"""Did tissue change that no face reaches down to? Then a side that the field of view cuts was taken for skin."""

from __future__ import annotations

import numpy as np

from ..anatomy.distance import squares_to
from ..anatomy.face_frame import FaceFrame
from ..core.geometry import Geometry
from ..core.parameters import Parameters
from ..core.volume import Volume, index_affine
from .coverage import SKIN_HU

#: Tissue this much (mm) deeper below the face's open front than the face segment's own depth is none of a face's: in 63 whole heads
#: nothing that changed lay so deep, and 0.3 ml at most lay 5 mm less deep.
BEYOND_MM = 18.0
#: More than that (ml) is deep tissue and no rounding: heads whose cut sides were taken for skin lose 4 ml and more.
MOST_ML = 1.0
#: Step (mm) of the grid on which depth is looked at, and its low and high corner around the frame's origin (mm of the mean face: left,
#: anterior, superior): it holds every face, and the air before it.
STEP_MM = 3.0
LOW_MM, HIGH_MM = (-110.0, -80.0, -150.0), (110.0, 165.0, 120.0)


def deep_doubts(changed: np.ndarray, ct: Volume, body: Volume, frame: FaceFrame, depth_mm: float) -> tuple[str, ...]:
    """What there is to say of tissue that ``changed`` (bool, the CT's grid) far deeper than ``depth_mm`` below the skin.

    A face segment of less depth than the usual one reaches hardly less deep: nose, lips and chin go down to what the curve spans.
    """
    limit = max(depth_mm, Parameters.depth_mm) + BEYOND_MM
    volume = changed_below(limit, changed, ct, body, frame)
    if volume <= MOST_ML:
        return ()
    return (
        f"{volume:.0f} ml of tissue changed more than {limit:.0f} mm below the face's skin, where no face reaches: the field of view ends "
        "so close behind or beside the face that its cut side was taken for skin, a cushion or holder as dense as tissue lies against the "
        "head, or a curve or face segment was drawn behind the face; look where it changed, give the CT as it was scanned, with more of "
        "the head, or draw again",
    )


def changed_below(limit_mm: float, changed: np.ndarray, ct: Volume, body: Volume, frame: FaceFrame) -> float:
    """Volume (ml) of the tissue that ``changed`` further than that from the air before the head.

    Nothing that made the change is asked: neither skin, curve nor membrane. ``body`` (bool) is the patient on a grid of its own. Air
    counts where it is in view and has nothing of the body in front of it: a cut side is no skin, nor is what a round field of view cuts
    from behind.
    """
    around = _around(frame)
    seen, hu, lost = _at(ct.geometry, around, ct.array, changed)
    known, solid = _at(body.geometry, around, body.array)
    shaded = np.maximum.accumulate((solid & known)[:, ::-1], axis=1)[:, ::-1]
    air = seen & known & ~shaded
    deep = squares_to(air) > (limit_mm / STEP_MM) ** 2 if air.any() else np.ones(around.shape, dtype=bool)
    return float(np.count_nonzero(deep & lost & seen & (hu > SKIN_HU)) * around.voxel_mm3 / 1000.0)


def _around(frame: FaceFrame) -> Geometry:
    """A grid around a face whose axes (k, j, i) run upwards, forwards and to the left."""
    low, high = frame.scale * np.array(LOW_MM), frame.scale * np.array(HIGH_MM)
    matrix = np.eye(4)
    matrix[:3, :3] = frame.axes * STEP_MM
    matrix[:3, 3] = frame.origin + frame.axes @ low
    return Geometry(tuple(int(n) for n in np.ceil((high - low) / STEP_MM)[::-1]), matrix)


def _at(grid: Geometry, around: Geometry, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Which voxels of ``around`` have their centres in a grid, and for each array on that the values of the voxels nearest to them."""
    held, flat = np.ones(around.shape, dtype=bool), np.zeros(around.shape, dtype=np.intp)
    for row, start, size in zip(*index_affine(grid, around), grid.shape, strict=True):
        lines = [
            row[axis] * np.arange(n).reshape([-1 if axis == other else 1 for other in range(3)]) for axis, n in enumerate(around.shape)
        ]
        nearest = np.rint(start + lines[0] + lines[1] + lines[2])
        held &= (nearest >= 0) & (nearest < size)
        flat *= size
        flat += np.clip(nearest, 0, size - 1).astype(np.intp)
    return (held, *(array.reshape(-1).take(flat) for array in arrays))
