"""Facial landmarks without help: the network's predictions as named points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.landmarks import Landmark, Landmarks
from ...core.progress import Alive, idle
from ...core.volume import Volume
from .net import predict_landmarks

#: The network knows heads down to three quarters of an adult's, as a child's; an infant's (0.55 to 0.75) it sees as large as this.
INFANT = 1.4
#: Where the landmarks are less certain than this in all (sum of confidences), a smaller head is looked for, and believed where it is as
#: certain as that and by so much more certain. On 88 adults the larger look is never above 13.7 where the first one is unsure; on heads
#: of 0.55 to 0.75 of an adult's it is 16 to 18.
UNSURE, GAIN = 15.0, 2.0
#: Less than the one is no face. Where the first look sees none, a larger one that is as certain as the other is believed too: of heads of
#: 0.7 to 0.78 cut at the mouth or below it sees 10 to 13, of heads of 0.55 to 0.7 that end above at the nose, or below it at the eyes, 5 to
#: 8 within 6 mm of the marks; where no face is in view 2.9 at most (88 adults, necks, crowns and backs of heads, abdomen and phantoms).
NO_FACE, A_PART = 3.0, 5.0


def detect_landmarks(ct: Volume, alive: Alive = idle) -> Landmarks:
    """All landmarks of LANDMARK_NAMES that the network knows, in LPS mm, each with its confidence or why it is missing."""
    found = _seen(ct, 1.0, alive)
    if _certainty(found) >= UNSURE:
        return found
    larger = _seen(ct, INFANT, alive)
    enough = A_PART if _certainty(found) < NO_FACE else max(UNSURE, _certainty(found) + GAIN)
    return larger if _certainty(larger) >= enough else found


def _seen(ct: Volume, size: float, alive: Alive) -> Landmarks:
    """The landmarks that the network sees where it is shown the CT ``size`` times as large."""
    shown = replace(ct, geometry=replace(ct.geometry, ijk_to_lps=np.diag([size, size, size, 1.0]) @ ct.geometry.ijk_to_lps))
    points = {}
    for name, found in predict_landmarks(shown, alive=alive).items():
        here = None if found.position_lps is None else found.position_lps / size
        points[name] = Landmark(name, here, found.confidence if here is not None else 0.0, reason=found.reason)
    return Landmarks(points)


def _certainty(found: Landmarks) -> float:
    return sum(point.confidence for point in found)
