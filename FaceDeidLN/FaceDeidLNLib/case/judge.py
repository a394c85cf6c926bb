"""The proof of a case: result and input compared, the face's change measured, and the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..core.ahead import made_beside
from ..core.volume import Volume
from ..effect.base import to_scalar_type
from ..effect.records import FILL_HU, record_of
from ..face.styles import Region, Style, chosen_region
from ..verify.compare import Comparison, compare
from ..verify.coverage import measure_coverage, share_of_body
from ..verify.deep import deep_doubts
from ..verify.ears import ear_doubts, ear_features
from ..verify.overruled import overruled_doubts
from ..verify.plausible import confirmed, implausible, out_of_view
from ..verify.slice_order import slice_doubts
from ..verify.verdict import Evidence, Verdict, judge
from .privacy import all_causes, privacy_as_run
from .records import CaseResult


def verify(ct: Volume, state: CaseResult) -> CaseResult:
    """Compare result and input, measure the face's change, and give the verdict."""
    comparison = compare(ct, state.result, state.face.segment, (*state.protected, *(level.mask for level in state.levels)))
    evidence = None
    if comparison.changed is not None:
        evidence = find_evidence(ct, state, comparison.changed)
    return judged_case(state, comparison, evidence)


def judged_case(state: CaseResult, comparison: Comparison, evidence: Evidence | None) -> CaseResult:
    """The case with its verdict: what the comparison and the evidence say, and whatever failed before."""
    judgement = judge(comparison, evidence)
    doubtful = state.failures and judgement.verdict is Verdict.PASS
    return replace(
        state,
        privacy=privacy_as_run(state.privacy, state.parameters, state.automatic, state.anatomy, state.face),
        causes=all_causes(state),
        verdict=Verdict.REVIEW if doubtful else judgement.verdict,
        reasons=(*judgement.reasons, *state.failures),
        comparison=comparison,
        coverage=None if evidence is None else evidence.coverage,
        out_of_view=() if evidence is None else evidence.out_of_view,
        body_share=None if evidence is None else evidence.body_share,
    )


def find_evidence(ct: Volume, state: CaseResult, changed: np.ndarray) -> Evidence:
    """What the two CTs and the landmarks say of the face that was to be hidden; ``changed`` (bool) on the CT's grid."""
    style, landmarks, face = chosen_region(state.parameters), state.landmarks, state.face
    hidden = _with_fill(state, changed)
    unseen = out_of_view(style, landmarks, face.frame, state.anatomy.body)
    # The same skin whatever is hidden with the face: a wider box may take another way where the field of view cuts it.
    alone = replace(face, depth=state.anatomy.depth)
    against = (
        *state.anatomy.doubts,
        *implausible(alone, landmarks, ct),
        *overruled_doubts(ct, hidden, alone, landmarks, state.automatic, style),
        *ear_doubts(ct, hidden, face, landmarks),
        *_too_deep(ct, state, changed, style),
        *slice_doubts(ct, face.frame),
    )
    with made_beside(lambda going: share_of_body(changed, ct, state.anatomy.body)) as share:
        coverage = measure_coverage(ct, state.result, hidden, alone, landmarks)
    return Evidence(
        coverage=replace(coverage, features={**coverage.features, **ear_features(ct, state.result, hidden, face, landmarks)}),
        landmarks=landmarks,
        hidden=tuple(name for name in style.covers if name not in unseen),
        out_of_view=unseen,
        implausible=against,
        confirmed=confirmed(landmarks),
        body_share=share.result(),
        most_of_body=style.most_of_body,
        drawn=state.own,
    )


def _with_fill(state: CaseResult, changed: np.ndarray) -> np.ndarray:
    """``changed``, and where one value takes the place of the face, what of it had that value before: it is lost in the fill."""
    if FILL_HU not in record_of(state.parameters.effect).numbers:
        return changed
    segment, result = state.face.without_apron().segment, state.result.array
    fill = to_scalar_type(np.array(state.parameters.own_number(FILL_HU)), result.dtype)
    hidden, there = changed.copy(), segment.box.slices
    hidden[there] |= segment.array & (result[there] == fill) & ndimage.binary_dilation(changed[there])
    return hidden


def _too_deep(ct: Volume, state: CaseResult, changed: np.ndarray, style: Region) -> tuple[str, ...]:
    """As ``deep_doubts`` of a region with a curve: the boxes and planes of other tools go as deep as they do."""
    if not isinstance(style, Style):
        return ()
    return deep_doubts(changed, ct, state.anatomy.body, state.face.frame, state.parameters.depth_mm)
