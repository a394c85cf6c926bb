"""A whole study from the scene: the plan of a folder or of what Slicer's DICOM database holds, and its release."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pydicom
import slicer

from ..case.records import Request
from ..core.ahead import told_beside
from ..core.errors import FaceDeidError, InputError
from ..core.progress import Progress, alive_in, silent
from ..core.scratch import scratch_folder
from ..core.volume import Volume
from ..header.policy import policy_named
from ..input.case import CtInput
from ..input.ct import read_ct
from ..input.dicom_damaged import Damaged
from ..mrml.nodes import volume_from_node
from ..output.header_mappings import keep_mappings
from ..output.signing import require_key
from ..study.belonging import CtFrames
from ..study.family import Options, Series
from ..study.outcome import Outcome
from ..study.plan import Plan, StudyPlan, plan
from ..study.report import Report, StudyResult
from ..study.run import places_of, run
from ..study.staging import staged
from .export import HeaderChoice, dicom_files, holds, in_order_of, source_folder
from .follow import frame_of
from .process import NodeRequest, request_from_nodes
from .released import telling_releases

_KEEP = HeaderChoice()
#: A line of the table: object, outcome, how many instances, why.
Line = tuple[str, str, int, str]


class PlannedStudy:
    """A plan, and where its files lie meanwhile; ``close`` it when it is not needed any more."""

    def __init__(self) -> None:
        self._kept = contextlib.ExitStack()
        self.plan: Plan | None = None

    def close(self) -> None:
        """Forget the plan and the links to its files."""
        self._kept.close()
        self.plan = None

    def of_folder(self, folder: Path, progress: Progress = silent) -> Plan:
        """The plan of a folder. Raises InputError: it holds no DICOM."""
        self.close()
        self.plan = _planned(folder, progress)
        return self.plan

    def of_ct(self, ct: slicer.vtkMRMLScalarVolumeNode, progress: Progress = silent) -> Plan:
        """The plan of the study that a CT belongs to: all its files in the DICOM database, or the folder that it was read from.

        :raises InputError: the CT was not loaded from DICOM.
        """
        files, folder = study_files(ct), source_folder(ct)
        if not files and folder is not None:
            return self.of_folder(folder[0], progress)
        if not files:
            raise InputError(f'"{ct.GetName()}" was not loaded from DICOM: choose the folder of its study.')
        self.close()
        staged = self._kept.enter_context(scratch_folder())
        for number, file in enumerate(files):
            _lend(file, staged / f"{number:06d}.dcm")
        self.plan = _planned(staged, progress)
        return self.plan


def _planned(folder: Path, progress: Progress) -> Plan:
    return told_beside(lambda tell: plan(folder, alive_in(tell, 0.3, "reading headers")), progress)


def study_files(ct: slicer.vtkMRMLScalarVolumeNode) -> tuple[Path, ...]:
    """The files of all series of a CT's study in Slicer's DICOM database; empty where it was not loaded from there."""
    own = dicom_files(ct)
    if not own:
        return ()
    database = slicer.dicomDatabase
    study = str(pydicom.dcmread(own[0], stop_before_pixels=True, specific_tags=["StudyInstanceUID"]).StudyInstanceUID)
    names = [name for series in database.seriesForStudy(study) for name in database.filesForSeries(series)]
    return tuple(Path(name) for name in dict.fromkeys(names) if name)


def plan_lines(planned: Plan) -> list[Line]:
    """What would happen to the objects of all studies."""
    said = Counter(
        (entry.instance.label, entry.decision.outcome.value, entry.decision.reason) for study in planned.studies for entry in study.entries
    )
    return _lines(said, planned.damaged, planned.studies)


def result_lines(results: tuple[StudyResult, ...]) -> list[Line]:
    """What happened to them: of a study that was not released nothing left, whatever was made of it on the way."""
    said = Counter((report.entry.instance.label, *_end_of(report, result)) for result in results for report in result.reports)
    damaged = {one.path: one for result in results for one in result.planned.damaged}  # one may be of several studies
    return _lines(said, damaged.values(), [result.planned for result in results])


def _lines(said: Mapping[tuple[str, str, str], int], damaged: Iterable[Damaged], studies: Iterable[StudyPlan]) -> list[Line]:
    """A line for all objects of which the same is ``said``, for each file that cannot be read, and for what is odd and stops nothing."""
    lines = [(label, outcome, count, why) for (label, outcome, why), count in said.items()]
    lines += [(one.path.name, Outcome.WITHHOLD.value, 1, str(one.error)) for one in damaged]
    return lines + [("study", "note", len(study.entries), note) for study in studies for note in study.notes]


def withheld_series(result: StudyResult) -> int:
    """Of how many series of a study all or some instances were withheld."""
    withheld = [report.entry.instance for report in result.reports if report.decision.outcome is Outcome.WITHHOLD]
    return len({instance.series for instance in withheld})


def _end_of(report: Report, result: StudyResult) -> tuple[str, str]:
    """What became of an instance, and why."""
    outcome, why = report.decision.outcome, report.decision.reason
    if result.output is None and outcome is not Outcome.WITHHOLD:
        return "not released", f"its study is a {result.verdict}; planned: {outcome.value} ({why})"
    return outcome.value, why


def release_study(
    planned: Plan,
    out: Path,
    asked: NodeRequest | None,
    withhold_doubtful: bool = False,
    header: HeaderChoice = _KEEP,
    progress: Progress = silent,
    signing_key: Path | None = None,
) -> tuple[StudyResult, ...]:
    """Carry out a plan into ``out``; ``asked`` is what the panel has chosen, whose segments count for the CTs where its CT lies.

    ``signing_key`` (PEM file) signs the certificates.

    :raises InputError: ``out`` or a node cannot be used, or there are segments and their CT is none of the plan's.
    :raises OutputError: it could not be written, or was stopped after studies had been released, which are told.
    """
    policy = policy_named(header.name, header.key, header.patients, (out,), (planned.folder,))
    require_key(signing_key)
    options = Options(withhold_doubtful=withhold_doubtful, signing_key=signing_key)
    if asked is not None:
        request = _request_for(asked, CtFrames.of(planned.studies), progress)
        options = replace(options, parameters=asked.parameters, request=request, accept_recognisable=asked.accept_recognisable)
    keep = partial(keep_mappings, policy, header.key)
    with telling_releases(*places_of(planned, out)):
        return told_beside(lambda tell: run(planned, out, options, policy, tell, released=keep), progress)


def _request_for(asked: NodeRequest, frames: CtFrames, progress: Progress) -> Callable[[CtInput, str], Request]:
    """Gives what is protected where the panel's CT lies, whichever CT decides there; elsewhere nothing in the scene belongs.

    Raises InputError where there is something to protect, and the panel's CT lies nowhere among the plan's.
    """
    given = request_from_nodes(replace(asked, landmarks=None, curve=None, face=None, output=None), progress)
    own = _frames_of(asked.ct, frames, progress)
    if given.protected and not own:
        raise InputError(
            f'"{asked.ct.GetName()}", whose segments are chosen, is none of the CTs of this study, or was moved or resampled since it was '
            "loaded: choose the CT of this study and its segments, or no segments."
        )
    return lambda ct, frame: replace(given, ct=ct.volume, calibrated=ct.calibration is not None) if frame in own else Request(ct.volume)


def _frames_of(ct: slicer.vtkMRMLScalarVolumeNode, frames: CtFrames, progress: Progress) -> frozenset[str]:
    """The frames of reference of a plan in which a CT of the scene lies, by its headers; without them by its voxels."""
    values, known = volume_from_node(ct), frame_of(ct)

    def look(tell: Progress) -> frozenset[str]:
        tell(0.0, "the CT among those of the study")
        near = frames.at(values.geometry)
        if known:
            return near & {known}
        return frozenset(frame for frame in near if any(_shows(series, values) for series in frames.on(frame, values.geometry)))

    return told_beside(look, progress)


def _shows(series: Series, values: Volume) -> bool:
    """Are these the voxels of a series?"""
    with staged(series.instances) as folder:
        try:
            ct = read_ct(folder)
            return holds(ct, in_order_of(ct, values))
        except FaceDeidError:
            return False


def _lend(file: Path, place: Path) -> None:
    """The file under another name: a link where the system has them."""
    try:
        place.symlink_to(file)
    except OSError:
        shutil.copyfile(file, place)
