"""Why no face was found: there is none in view, or its head is smaller than any that the landmark network knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..anatomy.landmark.detect import detect_landmarks
from ..core.progress import Alive, idle
from ..core.volume import Volume
from .plausible import shows_face
from .verdict import NO_FACE_SENTENCE

#: A head of an infant (0.5 to 0.7 of an adult's) that is looked at so many times as large has the size of a child's or an adult's.
INFANT = 1.5
INFANT_SENTENCE = (
    "the head is an infant's, smaller than those that the landmarks were learned from: a face is seen only where the CT is looked at "
    f"{INFANT:g} times as large; place the landmarks in Slicer and give them with --landmarks, and if it is no infant mend the voxel size"
)


def no_face_reason(ct: Volume, alive: Alive = idle) -> str:
    """The sentence for a CT (HU) in which the landmark network saw no face; it looks once more at the CT made larger."""
    matrix = ct.geometry.ijk_to_lps @ np.diag([INFANT, INFANT, INFANT, 1.0])
    larger = Volume(ct.array, replace(ct.geometry, ijk_to_lps=matrix))
    return INFANT_SENTENCE if shows_face(detect_landmarks(larger, alive)) else NO_FACE_SENTENCE
