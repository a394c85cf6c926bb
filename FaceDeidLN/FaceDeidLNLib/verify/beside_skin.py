"""How far points lie from the old skin, and whether at one distance: a surface beside it all over the face gives the face back."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..face.polar import unit_vectors
from ..face.segment import Face


def from_skin(points: np.ndarray, face: Face) -> np.ndarray:
    """Distance (N,) in mm of points (N, 3; LPS mm) from the nearest place of the old skin, inside the face's curve or not."""
    if not len(points):
        return np.zeros(0)
    known = np.isfinite(face.skin)
    skin = face.frame.origin + unit_vectors(face.frame, face.raster.directions()[known]) * face.skin[known][:, None]
    return cKDTree(skin).query(points)[0]


def densest(depth: np.ndarray, width_mm: float) -> tuple[int, float]:
    """How many of the depths (N,; mm) lie in the range of so many mm that holds most of them, and where it begins; 0 and 0 of none."""
    known = np.sort(depth)
    if not len(known):
        return 0, 0.0
    within = np.searchsorted(known, known + width_mm, side="right") - np.arange(len(known))
    most = int(np.argmax(within))
    return int(within[most]), float(known[most])


def share_at_one(distance: np.ndarray, within_mm: float) -> float:
    """Share of distances (N,) that lie within so many mm of their middle; 0 of none."""
    return float((np.abs(distance - np.median(distance)) <= within_mm).mean()) if len(distance) else 0.0
