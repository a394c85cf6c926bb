"""The whole road, step by step: input -> anatomy -> face -> effect -> verify. Output is release.py's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from .anatomy.body import find_body
from .anatomy.bone import bone_mask
from .anatomy.face_frame import FaceFrame, fit_frame
from .anatomy.jaw.hyoid import hyoid_doubts
from .anatomy.jaw.mandible import drawn_mandible
from .anatomy.jaw.points import jaw_doubts, jaw_landmarks
from .anatomy.landmark.detect import detect_landmarks
from .anatomy.level.find import Level, check_level_names, find_levels
from .anatomy.outline import within_outline
from .anatomy.second_face import second_face
from .anatomy.skin import skin_depth
from .core.errors import FaceNotFoundError
from .core.landmarks import Landmarks
from .core.parameters import Parameters, require_watermark
from .core.progress import Alive, Progress, alive_in, idle, silent
from .core.segment import BoxMask, Segment, tight
from .core.volume import Volume
from .effect.base import apply_effect
from .effect.registry import effect_named, require_fit
from .face.build import ears_in, strategy_face, with_ears
from .face.curve import FaceCurve, draw_curve, follow_curve, with_islands
from .face.jaw import below_jaw, bone_that_stays
from .face.segment import Face, solid_layer, spare, without_islands
from .face.styles import Region, Style, chosen_region, drawn_style
from .input.names import is_guide, is_outline
from .input.place import place_segments
from .providers.base import Provider, ask_providers
from .verify.compare import Comparison, compare
from .verify.coverage import Coverage, measure_coverage, share_of_body
from .verify.ears import ear_doubts, ear_features
from .verify.layer import layer_doubts
from .verify.left_out import left_out_doubts
from .verify.overruled import overruled_doubts
from .verify.plausible import confirmed, implausible, out_of_view, shows_face
from .verify.privacy import RECOGNISABLE, is_tested, privacy_class
from .verify.privacy_causes import UNKNOWN_ORIGIN, causes_of_choice, causes_of_run
from .verify.verdict import NO_FACE_SENTENCE, Evidence, Verdict, judge

#: The box, in mm of the mean face (left, anterior, superior), in which the skin is looked at closely.
FACE_BOX_MM = np.array([(-105.0, -15.0, -125.0), (105.0, 165.0, 120.0)])


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
    seconds: dict[str, float] = field(default_factory=dict)


class Stopwatch:
    """Seconds per step, and the steps' announcement."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def step(self, name: str, fraction: float) -> Iterator[Alive]:
        """Announce a step and time it; gives what the step is to call while it is at work."""
        self._progress(fraction, name)
        begin = time.perf_counter()
        try:
            yield alive_in(self._progress, fraction, name)
        finally:
            self.seconds[name] = round(time.perf_counter() - begin, 3)


class Finder:
    """Who looks for the anatomy in a CT: each time anew. Another one may remember, and must find the very same."""

    def automatic(self, ct: Volume, alive: Alive = idle) -> Landmarks:
        """The landmarks found without help."""
        return detect_landmarks(ct, alive)

    def anatomy(self, ct: Volume, landmarks: Landmarks, alive: Alive = idle, guides: Sequence[Segment] = ()) -> Anatomy:
        """As ``find_anatomy``."""
        return find_anatomy(ct, landmarks, alive, guides)

    def levels(self, request: Request, anatomy: Anatomy, alive: Alive = idle) -> tuple[Level, ...]:
        """As ``node_levels``."""
        return node_levels(request, anatomy, alive)


def deface(request: Request, progress: Progress = silent, finder: Finder | None = None) -> CaseResult:
    """Hide the face of a CT and prove it.

    Returns PASS, REVIEW or FAIL with reasons; where no face is found the verdict is REVIEW. Raises InputError for
    arguments that cannot be used, and whatever ``progress`` raises.
    """
    effect = effect_named(request.parameters.effect)
    make = lambda face: apply_effect(effect, request.ct, face, request.parameters)  # noqa: E731
    return _prove(request, make, privacy_of(request), progress, finder or Finder())


def examine(request: Request, result: Volume, privacy: str, progress: Progress = silent, finder: Finder | None = None) -> CaseResult:
    """As ``deface``, for a ``result`` that somebody made of ``request`` already, and whose class is at best ``privacy``."""
    return _prove(request, lambda face: result, privacy, progress, finder or Finder())


def _prove(request: Request, make: Callable[[Face], Volume], privacy: str, progress: Progress, finder: Finder) -> CaseResult:
    """The one road: what is there, the face in it, what is ``made`` of it, and whether that holds."""
    watch = Stopwatch(progress)
    parameters = request.parameters
    require_fit(parameters.style, parameters.effect)
    require_watermark(parameters.watermark)
    parameters.require_in_range()
    check_level_names(parameters.levels)
    with watch.step("segmentation programs", 0.0) as alive:
        findings = ask_providers(request.providers, request.ct, alive)
    request = replace(request, protected=(*request.protected, *findings.nodes), guides=(*request.guides, *findings.guides))
    with watch.step("protected segments", 0.02):
        protected = tuple(place_segments(request.protected, request.ct.geometry))
    state = CaseResult(Verdict.REVIEW, (), privacy, parameters, protected, failures=findings.failures, provided=findings.lines)
    state = replace(state, seconds=watch.seconds, causes=privacy_causes(request))
    try:
        with watch.step("landmarks", 0.05) as alive:
            automatic = finder.automatic(request.ct, alive)
            landmarks = combined(request.ct, automatic, request.landmarks, request.guides)
            state = replace(state, automatic=automatic, landmarks=landmarks)
            if not shows_face(state.landmarks):
                raise FaceNotFoundError(NO_FACE_SENTENCE)
        with watch.step("skin", 0.2) as alive:
            state = replace(state, anatomy=finder.anatomy(request.ct, state.landmarks, alive, request.guides))
        with watch.step("node levels", 0.3) as alive:
            state = replace(state, levels=finder.levels(request, state.anatomy, alive))
        with watch.step("face segment", 0.4) as alive:
            state = replace(state, face=find_face(request, state.anatomy, protected, state.levels, alive))
            lost = left_out_doubts(request.left_out, state.face.segment, request.ct)
            state = replace(state, levels=below_ears(state.levels, state.face), failures=(*state.failures, *lost))
        with watch.step("effect", 0.7):
            state = replace(state, result=make(state.face))
    except FaceNotFoundError as error:
        return replace(state, reasons=(str(error), *state.failures))
    with watch.step("verification", 0.9):
        return verify(request.ct, state)


def privacy_of(request: Request) -> str:
    """The privacy class of the region and effect: what the attack benchmark tested is the region's own voxels with the defaults.

    A region with ears or lips is one of its own. Never tested: a watermark, other node levels, a person's curve or segment, and
    levels and jaw after segments of others, protected or not. What only the run can tell comes later: see ``privacy_as_run``.
    """
    parameters, default = request.parameters, Parameters()
    chosen_region(parameters)
    own = {name: getattr(default, name) for name in ("style", "ears", "lips", "effect", "seed", "levels")}
    others = request.curve is not None or request.face_segment is not None or request.providers
    others = others or not all(is_outline(segment) for segment in request.guides) or any(is_guide(segment) for segment in request.protected)
    if others or set(parameters.levels) != set(default.levels) or replace(parameters, **own) != default:
        return RECOGNISABLE
    return privacy_class(parameters.region_name, parameters.effect)


def privacy_causes(request: Request) -> tuple[str, ...]:
    """Which of the conditions that ``privacy_of`` asks for are not met."""
    drawn = {"curve": request.curve, "face segment": request.face_segment}
    others = [program.describe() for program in request.providers]
    guides = [segment for segment in request.guides if not is_outline(segment)]
    others += [f"'{segment.name}'" for segment in (*guides, *filter(is_guide, request.protected))]
    by_hand = [what for what, given in drawn.items() if given is not None]
    return causes_of_choice(request.parameters, by_hand, tuple(dict.fromkeys(others)))


def _all_causes(state: CaseResult) -> tuple[str, ...]:
    """Those of the choice and of the run; a result that is recognisable without any of these is one of unknown origin."""
    anatomy = state.anatomy
    moved = not anatomy.landmarks.agree_with(state.automatic)
    causes = (*state.causes, *causes_of_run(moved, anatomy.outlined, state.face.kept, anatomy.unhidden))
    return causes if causes or is_tested(state.privacy) else (UNKNOWN_ORIGIN,)


def privacy_as_run(privacy: str, automatic: Landmarks, anatomy: Anatomy, face: Face) -> str:
    """The class ``privacy`` of a request, where the run was one of those that were attacked: with the ``automatic`` landmarks and skin.

    A face in which protected segments keep something is another one too: over muscles or a large tumour that stay, the old
    skin could be put back.
    """
    own = anatomy.landmarks.agree_with(automatic) and not anatomy.outlined and not face.kept and not anatomy.unhidden
    return privacy if own else RECOGNISABLE


def find_landmarks(ct: Volume, user: Landmarks | None, alive: Alive = idle, guides: Sequence[Segment] = ()) -> Landmarks:
    """The automatic landmarks, overruled by the user's and those of a mandible among the ``guides``: see ``combined``."""
    return combined(ct, detect_landmarks(ct, alive), user, guides)


def combined(ct: Volume, automatic: Landmarks, given: Landmarks | None, guides: Sequence[Segment] = ()) -> Landmarks:
    """The automatic landmarks, overruled by the given ones; of those that no person placed, the jaw's by a mandible among the ``guides``.

    Given ones that came from a mandible are made anew, and count themselves only where that mandible is not there any more.
    """
    given = Landmarks() if given is None else given
    derived = {point.name: point for point in given if point.source == "derived"}
    others = Landmarks({name: point for name, point in given.points.items() if name not in derived})
    found = jaw_landmarks(ct, automatic.overruled_by(others), guides)
    gone = {name: p for name, p in derived.items() if name not in found.points or found.points[name].source != "derived"}
    return found.overruled_by(Landmarks(gone))


def find_anatomy(ct: Volume, landmarks: Landmarks, alive: Alive = idle, guides: Sequence[Segment] = ()) -> Anatomy:
    """Body, head frame and skin around the face, the body within the outlines among the ``guides``.

    Raises FaceNotFoundError where the landmarks fix no head.
    """
    frame = fit_frame(landmarks)
    outlined = within_outline(ct, find_body(ct, alive=alive), guides, frame)
    unhidden = second_face(ct, frame, alive)
    body, doubts = outlined.body, (*jaw_doubts(ct, landmarks, guides), *hyoid_doubts(frame, guides), *outlined.doubts)
    alive()
    corners = np.array([[x, y, z] for x in FACE_BOX_MM[:, 0] for y in FACE_BOX_MM[:, 1] for z in FACE_BOX_MM[:, 2]])
    box = frame.to_lps(corners)
    depth = skin_depth(ct, body, np.array([box.min(0), box.max(0)]), alive=alive)
    unhidden = (*unhidden, *layer_doubts(ct, frame, depth))
    return Anatomy(body, landmarks, frame, depth, (*unhidden, *doubts), outlined.dropped_mm3 > 0, unhidden)


def node_levels(request: Request, anatomy: Anatomy, alive: Alive = idle) -> tuple[Level, ...]:
    """The node levels that are to stay as they are."""
    segments = (*request.guides, *request.protected)
    parameters = request.parameters
    return find_levels(
        request.ct, anatomy.body, anatomy.frame, parameters.levels, segments, parameters.superficial_mm, alive, anatomy.landmarks
    )


def find_curve(ct: Volume, anatomy: Anatomy, parameters: Parameters, control_lps: np.ndarray | None = None) -> FaceCurve:
    """The closed curve on the skin: through the user's control points (N, 3) in LPS mm, or the style's own; and the style's islands.

    Raises InputError where the region is not drawn by a curve.
    """
    style = drawn_style(parameters)
    if control_lps is not None:
        curve = follow_curve(control_lps, anatomy.frame, anatomy.depth, ct.geometry)
    else:
        curve = draw_curve(style, anatomy.frame, anatomy.depth, ct.geometry)
    return with_islands(curve, style, anatomy.frame)


def find_face(request: Request, anatomy: Anatomy, protected: Sequence[BoxMask], levels: Sequence[Level] = (), alive: Alive = idle) -> Face:
    """The face segment: the region, or the user's own segment, without bone, protected segments and node levels.

    The margin is kept around the protected segments only: a level already ends below the skin. Raises InputError where
    region and curve do not fit; whether the effect fits is asked where one is applied.
    """
    ct, parameters = request.ct, request.parameters
    chosen = chosen_region(parameters)
    main, bone = region_of(request, anatomy, chosen, alive)
    alive()
    face = with_ears(main, chosen.ears, ct, anatomy.body, FACE_BOX_MM, parameters)
    region = face.region
    if request.face_segment is not None:
        region = place_segments([request.face_segment], ct.geometry)[0]
        bone = replace(bone, array=np.zeros_like(bone.array))
    stays = bone.inside(region.box)
    for level in below_ears(levels, face):
        stays |= level.mask.inside(region.box)
    segment = spare(region, stays, protected, ct.geometry, parameters.protect_margin_mm)
    kept = int(np.count_nonzero(region.array & ~stays)) - segment.voxels
    segment = tight(segment.name, segment.array, segment.box.start)
    if not segment.voxels:
        raise FaceNotFoundError("nothing of the face segment is left once bone and protected segments are taken out")
    return replace(face, segment=segment, region=region, ears=ears_in(face, segment, main.region), kept=kept)


def below_ears(levels: Sequence[Level], face: Face) -> tuple[Level, ...]:
    """The node levels without the auricles that are to be hidden: an ear is no part of the level below it."""
    return tuple(_without(level, face) for level in levels)


def _without(level: Level, face: Face) -> Level:
    array = level.mask.array.copy()
    for ear in face.ears:
        array &= ~ear.auricle.inside(level.mask.box)
    rest = int(np.count_nonzero(array))
    if rest == level.mask.voxels:
        return level
    return replace(level, mask=replace(level.mask, array=array), volume_ml=level.volume_ml * rest / level.mask.voxels)


def region_of(request: Request, anatomy: Anatomy, chosen: Region, alive: Alive = idle) -> tuple[Face, BoxMask]:
    """The face before anything is taken out, without ears, and the bone in it that stays: none for a strategy."""
    ct, parameters = request.ct, request.parameters
    if not isinstance(chosen, Style) and request.curve is None:
        face = strategy_face(chosen, ct, anatomy.body, anatomy.frame, anatomy.depth, parameters)
        return face, replace(face.region, array=np.zeros_like(face.region.array))
    curve = find_curve(ct, anatomy, parameters, request.curve)
    face = solid_layer(anatomy.frame, curve, anatomy.depth, ct.geometry, parameters, alive)
    alive()
    found = bone_mask(ct, face.region.box, parameters.bone_hu, anatomy.body)
    bone = without_islands(face, ct.geometry, bone_that_stays(face, ct, found, anatomy.landmarks))
    if request.curve is None:
        bone |= below_jaw(face, ct.geometry, found | drawn_mandible(request.guides, ct.geometry, face.region.box), anatomy.landmarks)
    return face, replace(face.region, array=bone)


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
        privacy=privacy_as_run(state.privacy, state.automatic, state.anatomy, state.face),
        causes=_all_causes(state),
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
    unseen = out_of_view(style, landmarks, face.frame, state.anatomy.body)
    # The same skin whatever is hidden with the face: a wider box may take another way where the field of view cuts it.
    alone = replace(face, depth=state.anatomy.depth)
    against = (
        *state.anatomy.doubts,
        *implausible(alone, landmarks, ct),
        *overruled_doubts(ct, changed, alone, landmarks, state.automatic, style),
        *ear_doubts(ct, changed, face, landmarks),
    )
    coverage = measure_coverage(ct, state.result, changed, alone, landmarks)
    return Evidence(
        coverage=replace(coverage, features={**coverage.features, **ear_features(ct, changed, face, landmarks)}),
        landmarks=landmarks,
        hidden=tuple(name for name in style.covers if name not in unseen),
        out_of_view=unseen,
        implausible=against,
        confirmed=confirmed(landmarks),
        body_share=share_of_body(changed, ct, state.anatomy.body),
        most_of_body=style.most_of_body,
    )
