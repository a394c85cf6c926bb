"""Landmarks for which no marks exist: carried over from the mean face by the landmarks found, then put onto the skin.

The mean positions follow adult soft-tissue distances (Farkas, Anthropometry of the Head and Face, 1994: nose height 52 mm, nose width
35 mm, mouth width 52 mm, intercanthal widths 33 and 90 mm) placed into the mean shape of ``shape.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from ...core.volume import AIR_HU, Volume
from .shape import MEAN_SHAPE, HeadFrame, robust_frame

#: Mean position in the head frame, mm.
DERIVED = {
    "subnasale": (0.0, -31.0, -13.0),
    "alare_right": (-17.5, -27.0, -6.5),
    "alare_left": (17.5, -27.0, -6.5),
    "cheilion_right": (-26.0, -14.0, -35.0),
    "cheilion_left": (26.0, -14.0, -35.0),
    "endocanthion_right": (-16.5, -18.0, 36.5),
    "endocanthion_left": (16.5, -18.0, 36.5),
    "exocanthion_right": (-46.0, -8.5, 38.5),
    "exocanthion_left": (46.0, -8.5, 38.5),
}
#: How individual faces differ from the mean face: size of the difference and the distance over which it is alike, mm.
DIFFERENCE_MM, ALIKE_MM = 5.0, 35.0
#: Uncertainty of a found landmark, and of the mean position of a derived one on an individual face, mm (1 sigma per axis).
FOUND_MM, DERIVED_MM = 2.5, 3.5
#: Skin is where HU rise through this, searched this far before and behind the carried-over position.
SKIN_HU, SEARCH_MM = -350.0, 12.0


@dataclass(frozen=True, eq=False)
class Derived:
    """Positions (D, 3) LPS mm in the order of DERIVED, P(error <= 10 mm) (D,), and whether there is any tissue there (D,)."""

    positions: np.ndarray
    confidence: np.ndarray
    tissue: np.ndarray


def derive(ct: Volume, found: np.ndarray, weights: np.ndarray) -> Derived | None:
    """DERIVED on a patient whose landmarks (11, 3) LPS mm are ``found`` with ``weights`` (11,) >= 0; None below three of them."""
    used = weights > 0
    if np.count_nonzero(used) < 3:
        return None
    frame = robust_frame(found, weights, 10.0)
    size = _size(frame.to_head(found)[used], MEAN_SHAPE[used])
    mean = np.array(list(DERIVED.values()))
    shift, sigma = _carried(mean, MEAN_SHAPE[used], frame.to_head(found)[used] - size * MEAN_SHAPE[used])
    positions, on_skin, tissue = _on_skin(ct, frame, size * mean + shift)
    confidence = gammainc(1.5, 0.5 * (10.0 / np.hypot(sigma, DERIVED_MM)) ** 2) * np.where(on_skin, 1.0, 0.5)
    return Derived(positions, confidence, tissue)


def _size(head: np.ndarray, mean: np.ndarray) -> float:
    """Size of the face relative to the mean face."""
    a, b = head - head.mean(0), mean - mean.mean(0)
    return float(np.clip((a * b).sum() / (b * b).sum(), 0.6, 1.3))


def _carried(points: np.ndarray, anchors: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothly interpolated shifts (D, 3) of ``points`` and their uncertainty (D,) in mm: a Gaussian process with the constants above."""

    def alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return DIFFERENCE_MM**2 * np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * ALIKE_MM**2))

    gain = np.linalg.solve(alike(anchors, anchors) + FOUND_MM**2 * np.eye(len(anchors)), alike(anchors, points)).T
    variance = DIFFERENCE_MM**2 - (gain * alike(points, anchors)).sum(1)
    return gain @ shifts, np.sqrt(np.maximum(variance, 0))


def _on_skin(ct: Volume, frame: HeadFrame, head: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """LPS positions of ``head`` (D, 3) moved on the way out of the face to the nearest skin; where there was skin; where any tissue."""
    out = head * [1.0, 0.0, 0.0] / 60.0 + [0.0, -1.0, 0.0]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    steps = np.arange(-SEARCH_MM, SEARCH_MM + 0.5, 1.0)
    ways = frame.to_lps((head[:, None] + steps[None, :, None] * out[:, None]).reshape(-1, 3))
    hu = ct.at(ways, AIR_HU).reshape(len(head), -1)
    crossing = (hu[:, :-1] > SKIN_HU) & (hu[:, 1:] <= SKIN_HU)
    distance = np.where(crossing, np.abs(steps[:-1] + 0.5), np.inf)
    nearest, found = distance.argmin(1), crossing.any(1)
    moved = head + np.where(found, steps[nearest] + 0.5, 0.0)[:, None] * out
    return frame.to_lps(moved), found, (hu > SKIN_HU).any(1)
