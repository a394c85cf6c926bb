"""Named facial landmarks in LPS mm, with the confidence that they are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

#: Anthropometric names after Farkas, Anthropometry of the Head and Face (1994). Sides are the patient's.
#: ``eye`` is the centre of the eyeball; ``tragion`` stands at the opening of the ear canal.
MIDLINE = ("pronasale", "sellion", "subnasale", "stomion", "pogonion", "menton")
PAIRED = ("eye", "exocanthion", "endocanthion", "alare", "cheilion", "tragion", "gonion")
LANDMARK_NAMES = MIDLINE + tuple(f"{name}_{side}" for name in PAIRED for side in ("right", "left"))

#: A closed curve of fewer points encloses no face.
MIN_CONTROL_POINTS = 4

#: Written and read again, a position moves less than this (mm), and a confidence changes less.
SAME_MM, SAME_CONFIDENCE = 0.05, 0.001


@dataclass(frozen=True, eq=False)
class Landmark:
    """One landmark.

    ``position`` is LPS mm (3,) or None where it is missing, and then ``reason`` says why. ``confidence`` is the
    calibrated probability (0..1) that the position is within 10 mm of the truth; a user's point has 1.
    ``source`` is "automatic", "derived" (from other landmarks) or "user".
    """

    name: str
    position: np.ndarray | None
    confidence: float = 1.0
    source: str = "automatic"
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The landmarks of one head; a name that is not there was never looked for."""

    points: Mapping[str, Landmark] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Landmark]:
        return iter(self.points.values())

    def position(self, name: str) -> np.ndarray | None:
        """LPS mm (3,) of a landmark, None where it is missing."""
        point = self.points.get(name)
        return None if point is None else point.position

    def confidence(self, name: str) -> float:
        """Probability that the landmark is within 10 mm; 0 where it is missing."""
        point = self.points.get(name)
        return 0.0 if point is None or point.position is None else point.confidence

    def agree_with(self, other: Landmarks) -> bool:
        """True where both have the same landmarks in the same places, as certain: a point that counts more turns the head's frame."""
        return all(self._same(other, name) for name in {*self.points, *other.points})

    def overruled_by(self, given: Landmarks) -> Landmarks:
        """These landmarks with the given ones in place of those of the same name.

        One that says the same, and that no person placed, is these landmarks' own, come back through a file or a scene, which
        round: it stays what it was to the last bit, so that all that follows from it does.
        """
        return Landmarks({**self.points, **{p.name: p for p in given if _is_placed(p) or not self._same(given, p.name)}})

    def _same(self, other: Landmarks, name: str) -> bool:
        a, b = self.position(name), other.position(name)
        if abs(self.confidence(name) - other.confidence(name)) > SAME_CONFIDENCE:
            return False
        return a is b or (a is not None and b is not None and bool(np.linalg.norm(a - b) <= SAME_MM))


def _is_placed(point: Landmark) -> bool:
    return point.source == "user" and point.position is not None
