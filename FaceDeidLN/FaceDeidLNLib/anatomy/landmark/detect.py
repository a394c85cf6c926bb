"""Facial landmarks without help: the network's predictions as named points."""

from __future__ import annotations

from ...core.landmarks import Landmark, Landmarks
from ...core.progress import Alive, idle
from ...core.volume import Volume
from .net import predict_landmarks


def detect_landmarks(ct: Volume, alive: Alive = idle) -> Landmarks:
    """All landmarks of LANDMARK_NAMES that the network knows, in LPS mm, each with its confidence or why it is missing."""
    points = {}
    for name, found in predict_landmarks(ct, alive=alive).items():
        points[name] = Landmark(name, found.position_lps, found.confidence if found.position_lps is not None else 0.0, reason=found.reason)
    return Landmarks(points)
