"""Carry out a plan: each study is released whole, by one rename, or not at all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pydicom

from ..core.apart import first_that_reaches
from ..core.errors import FaceDeidError, FaceNotFoundError, InputError, in_words
from ..core.progress import Progress, alive_in, silent
from ..core.shortage import shortage
from ..effect.base import drawing, seeded
from ..header.base import HeaderError, HeaderPolicy, KeepHeader
from ..header.called import require_called
from ..header.known import known_of
from ..header.proof import Finding, verify_headers
from ..input.dicom_damaged import reasons_of
from ..output.atomic import Companion, released_folder
from ..output.certificate import require_own_certificate
from ..output.dicom_encoder import save
from ..output.dicom_header import naming
from ..output.signing import signed_text
from .certificate import certificate_path_of, certificate_text
from .family import OTHERS, DoubtError, Options, Series, StudyRun
from .instances import Instance
from .outcome import Decision, Outcome
from .plan import Entry, Plan, StudyPlan, to_do
from .proof import Proof, prove
from .references import close_references, references_of
from .registry import FAMILIES
from .report import Report, StudyResult
from .review import StudyReview
from .writer import StudyWriter

#: Said of a file that may belong to the study and that nobody can read.
UNREADABLE = "an instance of it may be missing"
#: Classes whose objects are nothing without what they refer to: presentation states and key object selections.
_NOTHING_ALONE = {"1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.88.59"}


class _Stop(FaceDeidError):
    """The study is not released."""


def run(
    plan: Plan,
    out: Path,
    options: Options,
    policy: HeaderPolicy | None = None,
    progress: Progress = silent,
    review: Path | None = None,
    released: Callable[[], None] = lambda: None,
) -> tuple[StudyResult, ...]:
    """Carry out a plan into ``out``, one sub-folder per study; ``policy`` is what is done to headers (None keeps them).

    ``review`` gets pictures of every series before and after, in sub-folders of the same names; they show the face. ``released`` is
    called after each study that was released.

    :raises InputError: ``out`` is, holds or lies in the input, or a study's place is taken. :raises OutputError: it could not be written.
    """
    if first_that_reaches((plan.folder,), Path(out)) is not None:
        raise InputError(f"The output {out} is, holds or lies inside the input {plan.folder}: choose another place.")
    places = places_of(plan, out)
    _require_free(places)
    if policy is not None:
        require_called(Path(out), [study.entries[0].instance.path for study in plan.studies], policy)
    results = []
    with _gone_if_empty(Path(out)):
        for place, planned in zip(places, plan.studies, strict=True):
            pictures = None if review is None else review / place.name
            results.append(run_one(planned, plan.folder, place, options, policy, progress, pictures))
            if results[-1].output is not None:
                released()
    return tuple(results)


@contextlib.contextmanager
def _gone_if_empty(folder: Path) -> Iterator[None]:
    """A folder that is not there yet is not there at the end either, unless something was released into it."""
    was_there = folder.exists()
    try:
        yield
    finally:
        if not was_there:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()


def places_of(plan: Plan, out: Path) -> list[Path]:
    """Where each study of a plan is released."""
    return [Path(out) / f"study-{number:02d}" for number in range(1, len(plan.studies) + 1)]


def _require_free(folders: Sequence[Path]) -> None:
    """Raises InputError, before any work, where an earlier run released one of the studies."""
    for folder in folders:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                f"{folder} is there already, of an earlier run or one that was stopped: name a new folder, or move it away; "
                "batch --studies, with a folder for each study, goes on where it was stopped."
            )


def run_one(
    planned: StudyPlan,
    source: Path,
    folder: Path,
    options: Options,
    policy: HeaderPolicy | None = None,
    progress: Progress = silent,
    review: Path | None = None,
    overwrite: bool = False,
) -> StudyResult:
    """Carry out the plan of one study: all of it appears as ``folder``, its certificate beside it, or nothing does.

    ``source`` is the folder that the study came from, which nothing is written into; ``policy`` as in ``run``; ``review`` is the
    folder of this study's own review material. ``overwrite`` replaces an earlier release, known by its certificate, by one rename at
    the end; it stays as it is where this study is not released.

    :raises InputError: ``folder`` lies in the input, is taken by what no certificate beside it vouches for, or called after the patient.
    :raises OutputError: it could not be written.
    """
    policy = KeepHeader() if policy is None else policy
    begin = time.perf_counter()
    reports: list[Report] = []
    proofs: list[Proof] = []
    require_own_certificate(folder, overwrite)
    require_called(folder, [entry.instance.path for entry in planned.entries[:1]], policy)

    def certify(partial: Path, certificate: Path) -> None:
        require_own_certificate(folder, overwrite)
        seconds = time.perf_counter() - begin
        text = certificate_text(partial, planned, reports, options, policy, proofs[-1], seconds)
        certificate.write_text(signed_text(text, options.signing_key), encoding="utf-8")

    companion = Companion(certificate_path_of(folder).absolute(), certify)
    try:
        with released_folder(folder, overwrite, (source,), companion) as partial:
            writer = StudyWriter(partial, policy)
            _learn(planned, policy)
            options = replace(options, parameters=seeded(options.parameters, _surface_of(planned, policy)))
            work = StudyRun(planned.study, options, writer, drawing(options.parameters.seed, OTHERS))
            reports += _carried_out(planned, work, progress)
            if review is not None:
                progress(0.93, "review material")
                StudyReview(review).write(planned, reports, work)
            _stop_at_doubts(planned, reports, options)
            while not proofs or proofs[-1].doubts:
                reports[:] = _closed(reports, writer)
                left = _left_in_headers(partial, planned, policy)
                proofs.append(Proof((), left) if left else prove(partial, work, progress))
                _withhold_doubted(proofs[-1], reports, work)
            reports[:] = [replace(report, file=_place(report, writer)) for report in reports]
    except _Stop as stop:
        seconds = time.perf_counter() - begin
        return StudyResult(planned, tuple(reports), tuple(str(stop).split("\n")), None, proofs[-1] if proofs else None, seconds)
    return StudyResult(planned, tuple(reports), (), folder, proofs[-1], time.perf_counter() - begin)


def _withhold_doubted(proof: Proof, reports: list[Report], work: StudyRun) -> None:
    """Take back the series that a proof doubts, in place, where doubtful ones are to be withheld.

    Raises _Stop where they are not, or one of them holds a CT that decides: what followed it is no better.
    """
    written: dict[Path, list[Instance]] = {}
    for instance in (report.entry.instance for report in reports):
        if instance.uid in work.writer.written:
            written.setdefault(work.writer.written[instance.uid].parent, []).append(instance)
    doubted = dict(reversed(proof.found))  # of several reasons the first
    gone = {instance.uid: why for folder, why in doubted.items() for instance in written.get(folder, ())}
    is_whole = doubted.keys() <= written.keys() and not any(uid in gone for uid in work.deciding)
    if doubted and not (is_whole and work.options.withhold_doubtful):
        told = (f"{_named(written[folder][0])}: {why}" if folder in written else why for folder, why in proof.found)
        raise _Stop("\n".join(told))
    for number, report in enumerate(reports):
        if (why := gone.get(report.entry.instance.uid)) is not None:
            work.writer.take_back((report.entry.instance,))
            reports[number] = Report(report.entry, Decision.doubt(f"the proof of what was written: {why}"))


def _named(instance: Instance) -> str:
    """How a series is told, by its first instance."""
    return f"{instance.text('Modality')} series '{instance.text('SeriesDescription')}', first {instance.path.name}"


def _left_in_headers(partial: Path, planned: StudyPlan, policy: HeaderPolicy) -> tuple[tuple[Path, str], ...]:
    """The folder of each series in whose cleaned headers a proof finds something of the originals, and what it finds first."""
    if policy.options is None:
        return ()
    findings = verify_headers(partial, known_of((entry.instance.path for entry in planned.entries), policy.is_own), policy.options)
    policy.proved(len(findings))
    by_folder: dict[Path, list[Finding]] = {}
    for finding in findings:
        by_folder.setdefault((partial / finding.file).parent, []).append(finding)
    return tuple((place, f"{len(found)} findings in its cleaned headers (first: {found[0]})") for place, found in by_folder.items())


def _learn(planned: StudyPlan, policy: HeaderPolicy) -> None:
    """All headers are learned first, so that references can be replaced whatever comes first."""
    for entry in planned.entries:
        with naming(entry.instance.path):
            policy.learn(pydicom.dcmread(entry.instance.path, stop_before_pixels=True, force=True))


def _surface_of(planned: StudyPlan, policy: HeaderPolicy) -> int | None:
    """The seed of the patient of a study, as a CT that decides tells him; None where there is none, or nothing to tell him by."""
    deciding = next((entry.instance for entry in planned.entries if entry.decision.outcome is Outcome.DEFACE), None)
    return None if deciding is None else policy.surface_seed(deciding.header)


def _carried_out(planned: StudyPlan, work: StudyRun, progress: Progress) -> list[Report]:
    """Every instance with what became of it."""
    entries = {id(entry.instance): entry for entry in planned.entries}
    reports: dict[int, Report] = {
        key: Report(entry, entry.decision) for key, entry in entries.items() if entry.decision.outcome is Outcome.WITHHOLD
    }
    todo = [(name, series) for name in FAMILIES for series in to_do(planned, name)]
    for number, (name, series) in enumerate(todo):
        message = f"{name}: {series.label}"
        progress(number / len(todo), message)
        work = replace(work, alive=alive_in(progress, number / len(todo), message))
        for report in _one_series(series, name, work, entries):
            reports[id(report.entry.instance)] = report
    return [reports[id(entry.instance)] for entry in planned.entries]


def _one_series(series: Series, family: str, work: StudyRun, entries: Mapping[int, Entry]) -> list[Report]:
    try:
        done = FAMILIES[family].release(series, work)
    except (DoubtError, FaceNotFoundError, HeaderError) as doubt:
        return _doubtful(series, work, entries, str(doubt))
    except FaceDeidError:
        raise
    except Exception as error:  # an object that breaks a reader is one that nobody has judged
        if shortage(error):
            raise
        return _doubtful(series, work, entries, Decision.broken(in_words(error)).reason)
    said = {id(instance): one for one in done for instance in one.instances}
    if {id(instance) for instance in series.instances} - said.keys():
        return _doubtful(series, work, entries, "not every instance of it was judged")
    unwritten = [i for i in series.instances if said[id(i)].released and i.uid not in work.writer.written]
    if unwritten:
        return _doubtful(series, work, entries, "not every instance of it was written")
    return [Report(entries[id(i)], said[id(i)].decision, said[id(i)].figures) for i in series.instances]


def _doubtful(series: Series, work: StudyRun, entries: Mapping[int, Entry], why: str) -> list[Report]:
    work.writer.take_back(series.instances)
    return [Report(entries[id(instance)], Decision.doubt(why)) for instance in series.instances]


def _place(report: Report, writer: StudyWriter) -> str | None:
    path = writer.written.get(report.entry.instance.uid)
    withheld = report.decision.outcome is Outcome.WITHHOLD
    return None if path is None or withheld else path.relative_to(writer.root).as_posix()


def _stop_at_doubts(planned: StudyPlan, reports: list[Report], options: Options) -> None:
    """Raises _Stop, with each doubtful series and damaged file named once, and where nothing that shows anything is left."""
    lines: dict[tuple[str, str], str] = {("", why): f"{UNREADABLE}: {why}" for why in reasons_of(planned.damaged)}
    for report in reports:
        if report.decision.doubtful:
            instance = report.entry.instance
            told = f"{_named(instance)}: {report.decision.reason}"
            lines.setdefault((instance.series, report.decision.reason), told)
    if lines and not options.withhold_doubtful:
        raise _Stop("\n".join(lines.values()))
    if not any(report.decision.outcome is Outcome.DEFACE for report in reports):
        raise _Stop("\n".join(["no CT of it was de-identified, so that nothing of it is released", *lines.values()]))


def _closed(reports: list[Report], writer: StudyWriter) -> list[Report]:
    """References closed; presentation states and key objects that lead to nothing any more are withheld, until nothing changes.

    What the standard requires to stay though it leads nowhere is said with its object.
    """
    while True:
        released = frozenset(writer.policy.uid(uid) for uid in writer.written)
        empty, kept = set(), {}
        for uid, path in writer.written.items():
            before = writer.references[uid]
            if all(one in released for one in before):
                continue
            dataset = pydicom.dcmread(path)
            left = close_references(dataset, released)
            writer.references[uid] = tuple(references_of(dataset))
            if left:
                kept[uid] = sorted(set(left))
            if before and not any(one in released for one in before) and str(dataset.SOPClassUID) in _NOTHING_ALONE:
                empty.add(uid)
            save(dataset, path, dataset.file_meta.TransferSyntaxUID)
        if not empty:
            return [_with_kept(report, kept.get(report.entry.instance.uid)) for report in reports]
        gone = [report for report in reports if report.entry.instance.uid in empty]
        writer.take_back(tuple(report.entry.instance for report in gone))
        why = Decision.withhold("all that it refers to is withheld")
        reports = [replace(report, decision=why) if report in gone else report for report in reports]


def _with_kept(report: Report, kept: list[str] | None) -> Report:
    if kept is None or report.decision.outcome is Outcome.WITHHOLD:
        return report
    return replace(report, figures={**report.figures, "required_references_to_what_is_withheld": kept})
