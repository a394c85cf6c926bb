"""Attack 2: rendered re-identification. Pictures of a result go to a face recogniser that was trained on photographs.

What it shows: whether such a recogniser finds a face and takes it for the same person. What it cannot show: that nobody is
recognised where it finds nothing; attack 1 does not need to find a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..core.volume import Volume
from .portraits import Sitting, portraits
from .window import Window

#: Largest embedding distance that counts as the same person: the strict one of a published study of defacing tools for CT, and the
#: default of the package ``face_recognition``.
TOLERANCES = {"strict": 0.3, "default": 0.6}


class Recogniser(Protocol):
    """Something that finds faces in a picture and describes each so that pictures of one person lie close together."""

    def faces(self, picture: np.ndarray) -> Sequence[np.ndarray]:
        """An embedding (D,) for every face found in ``picture`` (height, width, 3) uint8."""
        ...


@dataclass(frozen=True, eq=False)
class Sightings:
    """The faces found in the pictures of one head: how many ``shots`` there were, and (shot, embedding (D,)) of every face."""

    shots: int
    faces: tuple[tuple[str, np.ndarray], ...]

    @property
    def detected(self) -> int:
        """Number of pictures in which a face was found."""
        return len({shot for shot, _ in self.faces})


@dataclass(frozen=True)
class Likeness:
    """The two most alike faces of two heads: embedding distance, and the pictures; infinite where a head shows no face."""

    distance: float
    shot: str = ""
    known_shot: str = ""

    def margin(self, tolerance: float) -> float:
        """How far beyond the tolerance the distance lies; negative where it counts as the same person."""
        return self.distance - tolerance


@dataclass(frozen=True)
class RenderedAttack:
    """A result seen by the recogniser.

    ``detected_before`` and ``detected_after`` of so many pictures show a face; ``own`` is the likeness to the original,
    ``others`` that to the nearest of the other heads: without it the distance to the original means nothing.
    """

    shots_before: int
    detected_before: int
    shots_after: int
    detected_after: int
    own: Likeness
    others: Likeness

    def matched(self, tolerance: float) -> bool:
        """Whether the result is taken for the original."""
        return self.own.distance <= tolerance


def look(ct: Volume, window: Window, recogniser: Recogniser, sitting: Sitting) -> Sightings:
    """Draw a CT in HU as ``sitting`` says and collect the faces that are found; ``window`` comes from the original's marks."""
    found = [(shot, face) for shot, picture in portraits(ct, window, sitting) for face in recogniser.faces(picture)]
    return Sightings(sitting.shots, tuple(found))


def likeness(seen: Sightings, known: Sightings) -> Likeness:
    """The closest pair of faces of two heads."""
    if not seen.faces or not known.faces:
        return Likeness(float("inf"))
    a, b = (np.array([face for _, face in s.faces]) for s in (seen, known))
    distance = np.linalg.norm(a[:, None] - b[None], axis=2)
    row, column = np.unravel_index(int(distance.argmin()), distance.shape)
    return Likeness(float(distance[row, column]), seen.faces[row][0], known.faces[column][0])


def same_view_distances(seen: Sightings, known: Sightings) -> np.ndarray:
    """Embedding distances (M,) of all pairs of faces of two heads that were seen from the same side."""
    pairs = [np.linalg.norm(a - b) for shot, a in seen.faces for other, b in known.faces if _view(shot) == _view(other)]
    return np.array(pairs)


def _view(shot: str) -> str:
    """The view in the name of a shot, as ``portraits`` gives it."""
    return shot.split(", ")[1]


def attack_rendered(after: Sequence[Sightings], before: Sightings, others: Sequence[Sightings] = ()) -> RenderedAttack:
    """Compare a result with its original and with other heads' originals.

    ``after`` are the sightings of the result and of what was recovered from it (see reversal.py); all count alike.
    """
    faces = ((f"{shot}, recovered {n}" if n else shot, face) for n, s in enumerate(after) for shot, face in s.faces)
    seen = Sightings(sum(s.shots for s in after), tuple(faces))
    nearest = min((likeness(seen, other) for other in others), key=lambda found: found.distance, default=Likeness(float("inf")))
    return RenderedAttack(before.shots, before.detected, seen.shots, seen.detected, likeness(seen, before), nearest)
