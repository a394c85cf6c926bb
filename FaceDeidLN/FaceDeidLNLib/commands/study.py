"""De-identify whole DICOM studies: one face, every object, and nothing of a study that is not wholly right.

INPUT is any folder tree (or its DICOMDIR) with one or more studies, files in any order and of any name. OUT gets each study in a
folder of its own, with a *.certificate.json beside it. Every instance has exactly one outcome: deface, follow, clip, keep or
withhold. An object that should have been hidden and could not be verified stops its study.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from . import options as shared
from .console import PASS, REVIEW, Console, Outcome

if TYPE_CHECKING:
    from ..header.base import HeaderPolicy
    from ..input.dicom_damaged import Damaged
    from ..study.belonging import CtFrames
    from ..study.family import Options
    from ..study.plan import Plan, StudyPlan
    from ..study.report import StudyResult

SUMMARY = "de-identify whole DICOM studies"
EXAMPLES = """\
examples:
  facedeidln study dicom-in/ released/ --dry-run
  facedeidln study dicom-in/ released/ --nodes nodes.seg.nrrd
  facedeidln study dicom-in/ released/ --withhold-doubtful --qa review/ --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """INPUT, OUT and what can be chosen for all studies."""
    parser.add_argument("input", type=Path, metavar="INPUT", help="folder of one or more DICOM studies")
    parser.add_argument("output", type=Path, metavar="OUT", help="new folder for the released studies")
    shared.add_protection(parser)
    shared.add_work(parser)
    shared.add_header(parser)
    group = parser.add_argument_group("release")
    group.add_argument("--dry-run", action="store_true", help="say what would happen to every instance, and stop")
    group.add_argument(
        "--accept-recognisable",
        action="store_true",
        help="release what did not pass the attack benchmark too: persons may still be recognised",
    )
    group.add_argument(
        "--withhold-doubtful",
        action="store_true",
        help="withhold an object that could not be verified, and release the rest of its study without it",
    )
    group.add_argument("--one", action="store_true", help="INPUT is one study, and OUT its own folder")
    shared.add_overwrite(group, "with --one: ")
    group.add_argument("--qa", type=Path, metavar="DIR", help="write pictures of every series here; THEY SHOW THE FACE")
    shared.add_signing(group)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Plan, and unless --dry-run carry it out."""
    from ..study.plan import plan

    if not options.input.exists():
        raise InputError(f"There is no folder {options.input}.")
    if options.overwrite and not options.one:
        raise InputError("--overwrite replaces one study: give --one too, or name a new folder.")
    _require_choices(options)
    _require_review(options)
    console.progress(0.0, "reading headers")
    planned = plan(options.input)
    if options.dry_run:
        return Outcome(PASS, {"studies": [plan_facts(study) for study in planned.studies], **_left(planned)}, plan_text(planned))
    from ..header.policy import policy_named
    from ..output.header_mappings import keep_mappings
    from ..release import Watch
    from ..study.belonging import CtFrames
    from ..study.run import places_of
    from ..study.run import run as carry_out

    outputs = tuple(filter(None, (options.output, options.qa)))
    policy = policy_named(options.header, options.key, options.patients, outputs, (options.input,))
    options.releases = [Watch(place) for place in ([options.output] if options.one else places_of(planned, options.output))]
    frames = CtFrames.of(planned.studies)
    if options.one:
        return run_single(planned, frames, options, policy, console)
    keep = partial(keep_mappings, policy, options.key)
    results = carry_out(planned, options.output, _asked(options, frames), policy, console.progress, options.qa, keep)
    code = PASS if results and all(result.output is not None for result in results) else REVIEW
    facts = {"studies": [result_facts(result) for result in results], **_left(planned)}
    lines = [line for result in results for line in result_lines(result)]
    lines += [] if results else ["REVIEW: no file could be read", *_damaged_lines(planned.damaged)]
    lines += [*_file_lines(options, frames), *_other_lines(planned)]
    lines += [f"  review material (shows the face): {options.qa}"] if options.qa is not None else []
    return Outcome(code, facts, "\n".join(lines))


def run_single(planned: Plan, frames: CtFrames, options: argparse.Namespace, policy: HeaderPolicy, console: Console) -> Outcome:
    """The only study of INPUT becomes the folder OUT. Raises InputError where there are several."""
    from ..input.dicom_damaged import reasons_of
    from ..output.header_mappings import keep_mappings
    from ..study.run import run_one
    from .describe import earlier_lines

    if not planned.studies:
        raise InputError(f"{options.input} holds no study that can be read: {'; '.join(reasons_of(planned.damaged))}")
    if len(planned.studies) != 1:
        raise InputError(f"{options.input} holds {len(planned.studies)} studies, and one is wanted: give each a folder of its own.")
    result = run_one(
        planned.studies[0],
        planned.folder,
        options.output,
        _asked(options, frames),
        policy,
        console.progress,
        options.qa,
        options.overwrite,
    )
    if result.output is not None:
        keep_mappings(policy, options.key)
    facts = {**result_facts(result), **_left(planned), "reasons": plain_reasons(result)}
    lines = [
        *result_lines(result),
        *_file_lines(options, frames),
        *_other_lines(planned),
        *([] if result.output is not None else earlier_lines(options.output)),
    ]
    return Outcome(PASS if result.output is not None else REVIEW, facts, "\n".join(lines))


def plain_reasons(result: StudyResult) -> list[str]:
    """Why a study was not released, without the names of series and files, which may hold the patient's."""
    doubts = [
        f"{report.entry.instance.text('Modality')}: {report.decision.reason}" for report in result.reports if report.decision.doubtful
    ]
    if result.planned.damaged:
        doubts.append(f"{len(result.planned.damaged)} files that may belong to it cannot be read")
    doubts = list(result.proof.doubts) if result.proof is not None and result.proof.doubts else doubts  # it came last, and stopped it
    return list(dict.fromkeys(doubts)) if doubts and result.output is None else list(result.reasons)


def _require_choices(options: argparse.Namespace) -> None:
    """Raises InputError for a name, a file of segments or a signing key that is not there, before a header is read."""
    from ..output.signing import require_key
    from .deface import check_names
    from .given import given_files

    check_names(options)
    given_files(options)
    require_key(options.signing_key)


def _require_review(options: argparse.Namespace) -> None:
    """Raises InputError where the review material cannot go where it is wanted."""
    if options.qa is None:
        return
    from ..output.certificate import certificate_path
    from ..output.destination import require_destination
    from ..output.review_folder import require_no_file
    from ..study.review import require_review

    require_no_file(options.qa)
    require_destination(options.qa, True, (options.output, certificate_path(options.output), options.input))
    if options.one:
        require_review(options.qa)
    for folder in options.qa.glob("study-*"):
        require_review(folder)


def _asked(options: argparse.Namespace, frames: CtFrames) -> Options:
    """What is asked of every study.

    :raises InputError: segments that belong to none of the CTs.
    """
    from ..study.family import Options
    from .inputs import request_per_frame

    options.landmarks = options.curve = options.face_segment = None
    return Options(
        parameters=shared.parameters_of_options(options),
        request=request_per_frame(options, frames),
        accept_recognisable=options.accept_recognisable,
        withhold_doubtful=options.withhold_doubtful,
        signing_key=options.signing_key,
    )


def _left(planned: Plan) -> dict[str, Any]:
    return {"damaged": [str(one.error) for one in planned.damaged], "other_files": [str(path) for path in planned.others]}


def plan_facts(planned: StudyPlan) -> dict[str, Any]:
    """Every instance with its outcome."""
    return {
        "study": planned.study.uid,
        "notes": list(planned.notes),
        "instances": [
            {
                "path": str(entry.instance.path),
                "sop_class": entry.instance.sop_class,
                "outcome": entry.decision.outcome.value,
                "reason": entry.decision.reason,
            }
            for entry in planned.entries
        ],
    }


def plan_text(planned: Plan) -> str:
    """One line per series and outcome."""
    lines = []
    for study in planned.studies:
        lines.append(f"study {study.study.uid}: {len(study.entries)} instances")
        groups = Counter((entry.instance.label, entry.decision.outcome.value, entry.decision.reason) for entry in study.entries)
        lines += [f"  {outcome:8} {count:4} x {label}: {reason}" for (label, outcome, reason), count in groups.items()]
        lines += _note_lines(study)
    lines += [*_damaged_lines(planned.damaged), *_other_lines(planned)]
    return "\n".join(lines)


def _note_lines(planned: StudyPlan) -> list[str]:
    return [f"  note: {note}" for note in planned.notes]


def _damaged_lines(files: Sequence[Damaged]) -> list[str]:
    from ..input.dicom_damaged import reasons_of

    return [f"  {'withhold':8} {count:4} x {reason}" for reason, count in reasons_of(files).items()]


def _file_lines(options: argparse.Namespace, frames: CtFrames) -> list[str]:
    """For which CTs each file of segments counted, where there is a choice, and which have a frame of reference of their own."""
    files = (*options.nodes, *options.protect) if len(frames.series) > 1 else ()
    return [*(f"  note: {note}" for note in frames.notes), *(f"  {frames.told(path)}" for path in files)]


def _other_lines(planned: Plan) -> list[str]:
    from ..input.dicom_files import told
    from ..input.packed import packed_apart

    packed, others = packed_apart(planned.others)
    lines = [f"  {told(packed)} packed: left behind, and instances in there were not looked at"] if packed else []
    return [*lines, *([f"  {told(others)} no DICOM instance: left behind"] if others else [])]


def result_facts(result: StudyResult) -> dict[str, Any]:
    """What came of a study."""
    return {
        "verdict": result.verdict,
        "released": str(result.output) if result.output else None,
        "reasons": list(result.reasons),
        "notes": list(result.planned.notes),
        "seconds": round(result.seconds, 1),
        "surfaces": [] if result.proof is None else [surface.facts() for surface in result.proof.surfaces],
        "instances": [
            {
                "path": str(report.entry.instance.path),
                "outcome": report.decision.outcome.value,
                "reason": report.decision.reason,
                "file": report.file,
            }
            for report in result.reports
        ],
    }


def result_lines(result: StudyResult) -> list[str]:
    """The verdict, one line per series and outcome, what was to be protected and is empty, and the surfaces."""
    from .describe import EMPTY

    head = f"PASS: released as {result.output}" if result.output else f"REVIEW: nothing of study {result.planned.study.uid} was released"
    lines = [head, *(f"  - {reason}" for reason in result.reasons)]
    groups = Counter((r.entry.instance.label, r.decision.outcome.value, r.decision.reason) for r in result.reports)
    lines += [f"  {outcome:8} {count:4} x {label}: {reason}" for (label, outcome, reason), count in groups.items()]
    lines += [*_damaged_lines(result.planned.damaged), *_note_lines(result.planned)]
    protected = [one for report in result.reports for one in report.figures.get("protected", ()) if one["voxels"] == "none"]
    empty = dict.fromkeys(one["name"] for one in protected if not one["name"].startswith("node level "))
    lines += [f"  protected '{name}': {EMPTY}" for name in empty]
    for surface in result.proof.surfaces if result.proof else ():
        lines.append(f"  {surface.name}: {surface.words}")
    return lines
