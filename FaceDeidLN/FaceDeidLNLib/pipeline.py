"""The whole road, step by step: input -> anatomy -> face -> effect -> verify. Output is release.py's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from .case.find import Finder, below_ears, combined, spared_face, whole_face
from .case.judge import verify
from .case.privacy import privacy_causes, privacy_of
from .case.records import CaseResult, Request
from .core.ahead import awaited, made_beside
from .core.errors import FaceNotFoundError
from .core.memory import give_back
from .core.progress import Alive, Progress, alive_in, silent
from .core.volume import Volume
from .effect.base import apply_effect
from .effect.choices import require_sound
from .effect.registry import effect_named
from .face.segment import Face
from .input.place import place_segments
from .providers.base import ask_providers
from .verify.left_out import left_out_doubts
from .verify.plausible import shows_face
from .verify.verdict import NO_FACE_SENTENCE, Verdict


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
    require_sound(request.parameters)
    with watch.step("segmentation programs", 0.0) as alive:
        findings = ask_providers(request.providers, request.ct, alive)
    request = replace(request, protected=(*request.protected, *findings.nodes), guides=(*request.guides, *findings.guides))
    with watch.step("protected segments", 0.02):
        protected = tuple(place_segments(request.protected, request.ct.geometry))
    state = CaseResult(Verdict.REVIEW, (), privacy, request.parameters, protected, failures=findings.failures, provided=findings.lines)
    state = replace(state, seconds=watch.seconds, causes=privacy_causes(request), own=request.own)
    try:
        with ExitStack() as beside:  # what needs little of the step before it begins before that is done
            body = beside.enter_context(made_beside(lambda going: finder.body(request.ct, going)))
            with watch.step("landmarks", 0.05) as alive:
                automatic = finder.automatic(request.ct, alive)
                landmarks = combined(request.ct, automatic, request.landmarks, request.guides)
                state = replace(state, automatic=automatic, landmarks=landmarks)
                if not shows_face(landmarks):
                    raise FaceNotFoundError(NO_FACE_SENTENCE)
            jaw = beside.enter_context(made_beside(lambda going: finder.mandible(request, landmarks, going)))
            with watch.step("skin", 0.2) as alive:
                anatomy = finder.anatomy(request.ct, landmarks, alive, request.guides, lambda going: awaited(body, going))
                state = replace(state, anatomy=anatomy)
            whole = beside.enter_context(made_beside(lambda going: whole_face(request, anatomy, going, finder)))
            with watch.step("node levels", 0.3) as alive:
                state = replace(state, levels=finder.levels(request, anatomy, alive, lambda going: awaited(jaw, going)))
            with watch.step("face segment", 0.4) as alive:
                state = replace(state, face=spared_face(request, awaited(whole, alive), protected, state.levels))
                lost = left_out_doubts(request.left_out, state.face.without_apron().segment, request.ct)
                state = replace(state, levels=below_ears(state.levels, state.face), failures=(*state.failures, *lost))
        whole = body = jaw = None  # masks that the effect's own take the place of
        with watch.step("effect", 0.7):
            state = replace(state, result=make(state.face))
    except FaceNotFoundError as error:
        return replace(state, reasons=(str(error), *state.failures))
    with watch.step("verification", 0.9):
        return verify(request.ct, state)


class Stopwatch:
    """Seconds per step, and the steps' announcement. What a step has freed is given back before the next one."""

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
            give_back()
            self.seconds[name] = round(time.perf_counter() - begin, 3)
