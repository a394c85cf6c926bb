"""CT: the deciding series goes the whole road; every other one of its frame of reference follows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..anatomy.landmark.detect import detect_landmarks
from ..case.find import Finder
from ..case.judge import verify
from ..case.records import CaseResult
from ..clearance import clear
from ..core.errors import FaceDeidError, NotHounsfieldError
from ..core.landmarks import Landmarks
from ..core.progress import Alive, idle
from ..core.volume import Volume
from ..effect.base import apply_effect
from ..effect.registry import effect_named
from ..face.follow import follow_face
from ..face.styles import chosen_region
from ..input.case import CtInput
from ..input.ct import read_ct
from ..input.plausible import MIN_SLICES
from ..output.dicom_plain import PlainHeaders
from ..pipeline import deface
from ..release import as_stored, case_content, cleared_slices, judged, refusal_sentence
from ..stacks import released_volume
from ..verify.compare import different_bits
from ..verify.coverage import SKIN_HU
from ..verify.overruled import overruled_doubts
from ..verify.plausible import shows_face
from .decide_ct import deciding_series, landmarks_of
from .elsewhere import is_confirmed, remembered
from .family import NO_FACE_THERE, NO_VOXEL_THERE, Done, DoubtError, Series, Study, StudyRun
from .hidden import HiddenFace
from .images import plain_image
from .no_volume import by_header
from .outcome import Decision, Outcome
from .pet_mr import follow_series
from .rays import beyond_doubt, placed_doubt, same_place_mm, same_surface_doubt
from .staging import staged, staged_instance, told_of_originals
from .whole import whole_of

DECIDES = "shows the face best of its frame of reference: it decides the region and the new surface"
FOLLOWS = "same frame of reference as the CT that decides: same region, same new surface, on its own grid"
NO_FACE = "no face was found in this CT, though its field of view may hold one"
UNCONFIRMED = "it shows none of the face region, and shares no part of the body with a CT of its frame of reference that would confirm that"


class CtFamily:
    """CT Image, Enhanced CT Image."""

    name, shows_nothing = "ct", False

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Scouts, projections, renderings and colour are withheld; one series per frame of reference decides."""
        alone = tuple(by_header(instance, series, MIN_SLICES) for instance in series.instances)
        deciding = deciding_series(series.frame, study)
        rest = Decision(Outcome.DEFACE, DECIDES) if series is deciding else Decision(Outcome.FOLLOW, FOLLOWS)
        return tuple(rest if decision is None else decision for decision in alone)

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Deface or follow, verify, write. What holds no HU, as maps of iodine or of atomic numbers, follows as PET and MR do."""
        deciding = deciding_series(series.frame, run.study)
        decides = deciding is not None and deciding.is_part_of(series)
        with staged(series.instances) as folder:
            try:
                ct = read_ct(folder)
            except FaceDeidError as error:
                if decides or not isinstance(error, NotHounsfieldError):
                    raise DoubtError(f"it cannot be read as one CT volume: {told_of_originals(str(error), folder)}") from error
                ct = None
            if decides:
                return (self._deface(series, ct, run, _finder(series, deciding, run.study)),)
            if series.frame not in run.hidden:
                return (Done(series.instances, Decision.withhold(NO_FACE_THERE)),)
            return (follow_series(series, run) if ct is None else self._follow(series, ct, run),)

    def _deface(self, series: Series, ct: CtInput, run: StudyRun, finder: Finder) -> Done:
        request = replace(run.options.request(ct, series.frame), parameters=run.options.parameters)
        result = as_stored(ct, deface(request, lambda fraction, message: run.alive(), finder))
        if result.face is None and not shows_face(result.automatic):
            return Done(series.instances, Decision.withhold(NO_FACE))
        written = write_ct(series, ct, result, run)
        run.deciding.append(series.instances[0].uid)
        run.hidden[series.frame] = HiddenFace.of(result, request.protected, run.random)
        run.seen.setdefault(series.frame, []).append(remembered(ct.volume))
        return Done(series.instances, Decision(Outcome.DEFACE, DECIDES), written)

    def _follow(self, series: Series, ct: CtInput, run: StudyRun) -> Done:
        hidden = run.hidden[series.frame]
        followed = follow_ct(hidden, ct)
        if followed is None:
            if shows_face(detect_landmarks(ct.volume, run.alive)):
                raise DoubtError("a face was found in it where the CT that decides shows none")
            if doubt := beyond_doubt(hidden, ct.volume, SKIN_HU):
                raise DoubtError(doubt)
            if not is_confirmed(ct.volume, run.seen_in(series.frame)):
                return Done(series.instances, Decision.withhold(UNCONFIRMED))
            keep(series, run)
            run.seen.setdefault(series.frame, []).append(remembered(ct.volume))
            return Done(series.instances, Decision(Outcome.KEEP, NO_VOXEL_THERE))
        doubts = second_opinion(hidden, ct, followed, run.alive)
        if doubts:
            raise DoubtError("; ".join(doubts))
        written = write_ct(series, ct, followed, run)
        run.seen.setdefault(series.frame, []).append(remembered(ct.volume))
        return Done(series.instances, Decision(Outcome.FOLLOW, FOLLOWS), written)


class _Choice(Finder):
    """Knows the landmarks that a CT was chosen by."""

    def __init__(self, found: Landmarks) -> None:
        self._found = found

    def automatic(self, ct: Volume, alive: Alive = idle) -> Landmarks:
        """Those of the choice."""
        return self._found


def _finder(series: Series, deciding: Series, study: Study) -> Finder:
    """One that knows the landmarks of the CT that decides, where they were looked for in these very instances."""
    chosen = len([one for one in study.series if one.family == "ct" and one.frame == series.frame]) > 1
    found = landmarks_of(deciding) if chosen and len(deciding.instances) == len(series.instances) else None
    return Finder() if found is None else _Choice(found)


def follow_ct(hidden: HiddenFace, ct: CtInput) -> CaseResult | None:
    """The case of another CT of the same frame of reference, verified by itself; None where it holds nothing of the region.

    The effect is applied anew on this grid with the study's seed: the surface is drawn from the face alone, so it is the
    same; noise and density are this CT's.
    """
    grid, parameters = ct.volume.geometry, hidden.parameters
    protected = hidden.protected_on(grid)
    levels = hidden.levels_on(grid)
    face = follow_face(hidden.face, hidden.grid, grid, protected, parameters.protect_margin_mm, levels)
    if face is None:
        return None
    result = apply_effect(effect_named(parameters.effect), ct.volume, face, parameters)
    named = {mask.name: mask for mask in levels}
    own_levels = tuple(replace(level, mask=named[level.mask.name]) for level in hidden.state.levels if level.mask.name in named)
    state = replace(hidden.state, face=face, result=result, protected=protected, levels=own_levels)
    return as_stored(ct, verify(ct.volume, state))


def second_opinion(hidden: HiddenFace, ct: CtInput, followed: CaseResult, alive: Alive = idle) -> tuple[str, ...]:
    """What the CT's own landmarks and its own new skin say against what was carried over."""
    found = detect_landmarks(ct.volume, alive)
    placed = placed_doubt(hidden, ct.volume, SKIN_HU, same_place_mm(ct.volume.geometry))
    changed = different_bits(ct.volume.array, followed.result.array)
    face = replace(followed.face, depth=hidden.before)
    doubts = overruled_doubts(ct.volume, changed, face, hidden.state.landmarks, found, chosen_region(hidden.parameters))
    doubts = tuple(doubt.replace("was placed by hand", "lies elsewhere in the CT that decides") for doubt in doubts)
    other = same_surface_doubt(hidden, followed.result)
    beyond = beyond_doubt(hidden, ct.volume, SKIN_HU)
    return (*doubts, *filter(None, (beyond, placed, other)))


def write_ct(series: Series, ct: CtInput, result: CaseResult, run: StudyRun) -> dict[str, Any]:
    """Through the gate into the study's folder; returns the figures of the certificate.

    :raises DoubtError: the gate refuses it.
    """
    refusal = refusal_sentence(result, run.options.accept_recognisable)
    if refusal is not None:
        raise DoubtError(refusal)
    cleared = clear(judged(result, run.options.accept_recognisable), released_volume(result), case_content(result))
    for source, dataset in cleared_slices(ct, cleared):
        run.writer.put(staged_instance(source, series.instances), dataset, series.stack)
    keys = ("verdict", "privacy", "checks", "protected")
    return {key: cleared.case[key] for key in keys if key in cleared.case}


def keep(series: Series, run: StudyRun) -> None:
    """Write the instances of a series with the voxels that they have, without icons and overlays."""
    headers = PlainHeaders()
    for instance in series.instances:
        dataset, pixels = plain_image(instance, headers), whole_of(instance.path)["PixelData"]
        dataset.add(pixels)
        run.writer.put(instance, dataset, series.stack)
