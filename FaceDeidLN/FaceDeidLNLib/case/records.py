"""What is asked, what was found, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..anatomy.face_frame import FaceFrame
from ..anatomy.level.find import Level
from ..core.landmarks import Landmarks
from ..core.parameters import Parameters
from ..core.segment import BoxMask, Segment
from ..core.volume import Volume
from ..face.segment import Face
from ..providers.base import Provider
from ..verify.compare import Comparison
from ..verify.coverage import Coverage
from ..verify.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked: a CT in HU, what to protect, what the user has placed himself, and the parameters.

    ``guides`` are segments (mandible, hyoid, glands, the patient's outline) that help to find the node levels, the jaw's lower
    border, its landmarks and the skin; they are not protected themselves.
    """

    ct: Volume
    protected: tuple[Segment, ...] = ()
    landmarks: Landmarks | None = None
    curve: np.ndarray | None = None
    face_segment: Segment | None = None
    parameters: Parameters = field(default_factory=Parameters)
    guides: tuple[Segment, ...] = ()
    #: Programs that are asked for nodes (then protected) and guides; one that fails makes the case a REVIEW.
    providers: tuple[Provider, ...] = ()
    #: Segments that came with the protected ones and are not kept: one that reaches into the face segment makes the case a REVIEW.
    left_out: tuple[Segment, ...] = ()
    #: The HU were made of values that are none (a cone beam).
    calibrated: bool = False

    @property
    def own(self) -> frozenset[str]:
        """Which of "curve" and "face" the user has placed himself."""
        given = {"curve": self.curve, "face": self.face_segment}
        return frozenset(role for role, what in given.items() if what is not None)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The patient: ``body`` (bool), signed ``depth`` below the skin (mm) around the face, landmarks, the head's frame.

    ``doubts``: where segments of others disagree with what was found. ``outlined``: an outline took something off the body.
    """

    body: Volume
    landmarks: Landmarks
    frame: FaceFrame
    depth: Volume
    doubts: tuple[str, ...] = ()
    outlined: bool = False
    #: What recognisable is in view and no part of the face that is hidden; each is among the doubts too.
    unhidden: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What came of a request. ``result`` is there for every verdict that got that far; only PASS may be released."""

    verdict: Verdict
    reasons: tuple[str, ...]
    privacy: str
    parameters: Parameters
    protected: tuple[BoxMask, ...] = ()
    levels: tuple[Level, ...] = ()
    anatomy: Anatomy | None = None
    #: Those of this run, and those found without help.
    landmarks: Landmarks | None = None
    automatic: Landmarks = field(default_factory=Landmarks)
    face: Face | None = None
    result: Volume | None = None
    #: What is written where the CT's slices lie at uneven places: they, at their own (see ``core.stack``).
    slices: Volume | None = None
    comparison: Comparison | None = None
    coverage: Coverage | None = None
    #: Landmarks of the style beyond the field of view: not empty for a partial face.
    out_of_view: tuple[str, ...] = ()
    body_share: float | None = None
    #: Segmentation programs that failed, and segments left out of the protected ones that lie in the face: each makes a PASS a REVIEW.
    failures: tuple[str, ...] = ()
    #: What became of each segment that they gave.
    provided: tuple[str, ...] = ()
    #: Which conditions of the class ``tested`` are not met.
    causes: tuple[str, ...] = ()
    #: As that of the request.
    own: frozenset[str] = frozenset()
    seconds: dict[str, float] = field(default_factory=dict)

    def masks_shown(self) -> tuple[BoxMask | None, tuple[BoxMask, ...]]:
        """The face segment, if there is one, and all that is protected: what is drawn of a case over its CT."""
        return None if self.face is None else self.face.segment, (*self.protected, *(level.mask for level in self.levels))
