"""What happens to an instance of a study: one small closed type for plan, run, report and Slicer alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """Exactly one per instance."""

    #: The CT that decides where the face is and how the new one looks.
    DEFACE = "deface"
    #: The same region and the same new surface on its own grid.
    FOLLOW = "follow"
    #: What follows the old skin is taken out, everything else stays to the bit.
    CLIP = "clip"
    #: As it is, with references to the new instances.
    KEEP = "keep"
    #: Does not leave.
    WITHHOLD = "withhold"


@dataclass(frozen=True)
class Decision:
    """An outcome and why, in words."""

    outcome: Outcome
    reason: str
    #: It should be hidden and nobody can say how: its study stops.
    doubtful: bool = False

    @classmethod
    def withhold(cls, reason: str) -> Decision:
        """Not released, for this reason."""
        return cls(Outcome.WITHHOLD, reason)

    @classmethod
    def doubt(cls, reason: str) -> Decision:
        """Should be hidden and cannot be, for this reason."""
        return cls(Outcome.WITHHOLD, reason, True)

    @classmethod
    def broken(cls, told: str) -> Decision:
        """A doubt about what broke a reader, which ``told`` why: nobody has judged it."""
        return cls.doubt(f"it cannot be judged ({told}): it is damaged or not as the standard has it, export it again or take it out")
