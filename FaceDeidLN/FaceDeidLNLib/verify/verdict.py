"""PASS, REVIEW or FAIL, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..core.landmarks import Landmarks
from ..face.styles import MOST_OF_BODY
from .compare import Comparison
from .coverage import MIN_CONFIDENCE, Coverage

#: Share of the skin inside the curve that must change. What may stay are rims of voxels that bone or a protected
#: segment keeps; a tenth of a face is about one cheek's centre, which no feature of the face fits into.
MIN_CHANGED_SHARE = 0.9
#: Share of the skin within 8 mm of a landmark that must change: all but the rounding at the rim of coarse voxels.
MIN_FEATURE_SHARE = 0.95
#: The skin must move by this mean distance (mm): less is below the voxel size of any CT, so the same surface is seen.
MIN_MEAN_DISPLACEMENT_MM = 0.5
#: What a person can draw, in words.
LEFT_OUT_BY = {"curve": "curve", "face": "face segment"}
#: The outcome of its own for a CT that shows no face.
NO_FACE_SENTENCE = (
    "no part of the face that the style hides was found in the field of view: there is nothing to de-identify, or the landmarks are wrong; "
    "look at the CT before you share it as it is, and where it shows a face place the landmarks in Slicer and give them with --landmarks"
)


class Verdict(str, Enum):
    """What may happen with a result: only PASS is released."""

    PASS = "PASS"
    REVIEW = "REVIEW"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Judgement:
    """A verdict and why; ``reasons`` is empty only for PASS."""

    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of the face that was to be hidden.

    ``hidden`` are the style's landmarks in view, ``out_of_view`` those beyond the field of view; ``confirmed`` are
    those that lie where the other landmarks put them; ``implausible`` says what speaks against the landmarks.
    ``body_share`` is the changed share of the body's volume, ``most_of_body`` what the region may change at most. ``drawn``: what a
    person has drawn himself ("curve", "face").
    """

    coverage: Coverage
    landmarks: Landmarks
    hidden: tuple[str, ...]
    out_of_view: tuple[str, ...]
    implausible: tuple[str, ...]
    confirmed: frozenset[str] = frozenset()
    body_share: float = 0.0
    most_of_body: float = MOST_OF_BODY
    drawn: frozenset[str] = frozenset()


def judge(comparison: Comparison, evidence: Evidence | None) -> Judgement:
    """The verdict: FAIL where a promise is broken, REVIEW where a human must look, else PASS.

    Without ``evidence`` (no face segment known) only protection and geometry are judged.
    """
    broken = broken_promises(comparison, evidence is None or bool(evidence.hidden))
    if broken:
        return Judgement(Verdict.FAIL, broken)
    if evidence is None:
        return Judgement(Verdict.PASS, ())
    if not evidence.hidden:
        return Judgement(Verdict.REVIEW, (NO_FACE_SENTENCE,))
    doubts = (*evidence.implausible, *size_doubts(evidence), *coverage_doubts(evidence.coverage), *landmark_doubts(evidence))
    return Judgement(Verdict.REVIEW if doubts else Verdict.PASS, doubts)


def broken_promises(comparison: Comparison, to_hide: bool) -> tuple[str, ...]:
    """What must never happen and did; where there was nothing ``to_hide`` in view, nothing need have changed."""
    reasons = []
    if not comparison.same_geometry:
        reasons.append("the geometry of the result differs from the input's")
    if not comparison.same_type:
        reasons.append("the scalar type of the result differs from the input's")
    if comparison.changed is None:
        return (*reasons, "it has more or fewer voxels than the input, so that nothing else could be compared: give the result of this CT")
    if to_hide and not comparison.changed_voxels:
        reasons.append("the result equals the input: nothing was hidden; choose a stronger effect, or look at what the face segment holds")
    if comparison.changed_outside_face:
        reasons.append(f"{comparison.changed_outside_face} voxels changed outside the face segment")
    reasons += [f"{s.changed} of {s.voxels} voxels changed in the protected segment '{s.name}'" for s in comparison.protected if s.changed]
    return tuple(reasons)


def size_doubts(evidence: Evidence) -> tuple[str, ...]:
    """Why more than a face may have changed."""
    if evidence.body_share <= evidence.most_of_body:
        return ()
    return (f"{evidence.body_share:.0%} of the body changed, which is far more than a face: check the curve or the face segment",)


def coverage_doubts(coverage: Coverage) -> tuple[str, ...]:
    """Why the face as a whole may still be seen."""
    reasons = []
    if coverage.changed_share < MIN_CHANGED_SHARE:
        reasons.append(f"only {coverage.changed_share:.0%} of the skin inside the curve changed (at least {MIN_CHANGED_SHARE:.0%} must)")
    if coverage.mean_displacement_mm < MIN_MEAN_DISPLACEMENT_MM:
        reasons.append(f"the skin moved by {coverage.mean_displacement_mm:.1f} mm on average: choose a stronger effect")
    return tuple(reasons)


def landmark_doubts(evidence: Evidence) -> tuple[str, ...]:
    """Why a feature that the style is to hide may still be seen."""
    reasons = []
    for name in (*evidence.hidden, *evidence.out_of_view):
        point = evidence.landmarks.points.get(name)
        share = evidence.coverage.features.get(name, 1.0)
        in_view = name in evidence.hidden
        if point is None or point.position is None:
            why = point.reason if point is not None and point.reason else "it was not found"
            if in_view:
                reasons.append(
                    f"{name} is missing ({why}), though the head behind it is in view: where the field of view cuts it off, look at the "
                    "result and sign it off; else place it in Slicer and give it with --landmarks"
                )
        elif in_view and point.confidence < MIN_CONFIDENCE and name not in evidence.confirmed:
            reasons.append(f"{name} is uncertain ({point.confidence:.0%}): check it in Slicer and give it with --landmarks")
        elif share < MIN_FEATURE_SHARE:
            reasons.append(
                f"{1 - share:.0%} of the skin around {name} did not change: look whether a protected segment or bone lies in the face there"
                + "".join(f", or the {LEFT_OUT_BY[what]} that was drawn leaves it out" for what in sorted(evidence.drawn))
            )
    return tuple(reasons)
