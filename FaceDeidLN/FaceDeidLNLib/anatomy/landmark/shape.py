"""The mean face: which landmarks the network knows, where they lie in a head, and how a head frame is fitted to them.

Head frame: mm, x to the patient's left, y to the back, z up, the line from ear canal to eye rising by 11 degrees (near the Frankfurt
plane); the origin lies between the nine marked points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.affine import affine, similarity_back

#: The landmarks the network was trained on, in the order of its outputs. The gonia come from drawn mandibles, the rest from marks.
NET_LANDMARKS = (
    "pronasale",
    "sellion",
    "stomion",
    "pogonion",
    "menton",
    "eye_right",
    "eye_left",
    "tragion_right",
    "tragion_left",
    "gonion_right",
    "gonion_left",
)
#: Where each output goes when the head is mirrored.
MIRROR = (0, 1, 2, 3, 4, 6, 5, 8, 7, 10, 9)
#: Mean of 60 adult patients in the head frame, mm, made symmetric.
MEAN_SHAPE = np.array(
    [
        [0.0, -49.7, -1.1],
        [0.0, -34.5, 38.7],
        [0.0, -22.7, -34.5],
        [0.0, -14.4, -66.4],
        [0.0, 1.0, -76.3],
        [-32.7, -9.5, 42.6],
        [32.7, -9.5, 42.6],
        [-66.0, 69.6, 27.2],
        [66.0, 69.6, 27.2],
        [-44.9, 53.7, -30.8],
        [44.9, 53.7, -30.8],
    ]
)


#: Where a head lies on the couch of a scanner when nothing else is known: chin up by 20 degrees.
_CHIN_UP = np.radians(20.0)
PRIOR_AXES = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(_CHIN_UP), np.sin(_CHIN_UP)], [0.0, -np.sin(_CHIN_UP), np.cos(_CHIN_UP)]])
#: Strength of that knowledge; the landmarks of a whole face weigh about 2500 square mm.
PRIOR_MM2 = 6.0


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """A rigid frame: ``axes`` (3, 3) holds the head's x, y, z directions as columns in LPS, ``origin`` (3,) is in LPS mm."""

    axes: np.ndarray
    origin: np.ndarray

    def to_lps(self, points: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of points (N, 3) in head mm."""
        return affine(points, self.axes, self.origin)

    def to_head(self, lps: np.ndarray) -> np.ndarray:
        """Head mm (N, 3) of points (N, 3) in LPS mm."""
        return similarity_back(lps, self.axes, self.origin)

    def differs(self, other: HeadFrame, shift_mm: float, turn_deg: float) -> bool:
        """True where the two frames lie further apart than ``shift_mm`` or are turned by more than ``turn_deg``."""
        cosine = (np.trace(self.axes.T @ other.axes) - 1) / 2
        turn = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        return bool(np.linalg.norm(self.origin - other.origin) > shift_mm or turn > turn_deg)


def fit_frame(lps: np.ndarray, weights: np.ndarray, shape: np.ndarray = MEAN_SHAPE) -> HeadFrame:
    """The proper rotation and shift that bring ``shape`` (N, 3) nearest to ``lps`` (N, 3) (weighted least squares, Kabsch).

    Points with weight 0 may be NaN. A weak pull towards a supine head decides where the points lie on a line or are too few.
    """
    used = weights > 0
    weights = weights[used] / weights[used].sum()
    here, mean = lps[used], shape[used]
    centre, mean_centre = weights @ here, weights @ mean
    covariance = (here - centre).T @ ((mean - mean_centre) * weights[:, None]) + PRIOR_MM2 * PRIOR_AXES
    u, _, vt = np.linalg.svd(covariance)
    axes = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return HeadFrame(axes, centre - axes @ mean_centre)


def rotation(angles: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3) about x, then y, then z by ``angles`` in degrees."""
    result = np.eye(3)
    for axis, angle in enumerate(np.radians(angles)):
        a, b = [i for i in range(3) if i != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


def robust_frame(lps: np.ndarray, weights: np.ndarray, scale_mm: float) -> HeadFrame:
    """``fit_frame`` with points far from the fit (against ``scale_mm``) counting less and less, in five rounds."""
    current = weights.astype(float)
    frame = fit_frame(lps, current)
    for _ in range(5):
        distance = np.linalg.norm(frame.to_lps(MEAN_SHAPE) - lps, axis=1)
        current = np.where(weights > 0, weights / (1 + (distance / scale_mm) ** 2), 0.0)
        frame = fit_frame(lps, current)
    return frame


def shape_residuals(lps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Distance in mm (N,) of each point from where the mean face, fitted to all the others with its size, would put it.

    ``weights`` (N,) 0..1 say how much each point counts; where fewer than three others count, a typical 8 mm is given.
    """
    result = np.full(len(lps), 8.0)
    for n in range(len(lps)):
        others = np.where(weights > 0.3, weights, 0.0)
        others[n] = 0.0
        if np.count_nonzero(others) < 3:
            continue
        frame = robust_frame(lps, others, 10.0)
        head, used = frame.to_head(lps), others > 0
        centre, mean = head[used].mean(0), MEAN_SHAPE[used].mean(0)
        size = ((head - centre)[used] * (MEAN_SHAPE - mean)[used]).sum() / ((MEAN_SHAPE - mean)[used] ** 2).sum()
        result[n] = np.linalg.norm(head[n] - centre - np.clip(size, 0.6, 1.3) * (MEAN_SHAPE[n] - mean))
    return result
