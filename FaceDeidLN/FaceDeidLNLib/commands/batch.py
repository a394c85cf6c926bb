"""De-identify many CTs or whole studies: one that fails or crashes never stops or spoils another.

INPUTS is a folder (each image file but .seg.nrrd and each subfolder with DICOM is a case) or a CSV with the columns input, nodes,
output and, where wanted, protect, landmarks, curve, face_segment, node_segments, series (paths relative to the CSV,
";" between several; output relative to OUT_DIR). With --studies each subfolder is one study, with all of its objects;
an image file beside them is one CT.

OUT_DIR/results.csv gets one row per case and OUT_DIR/report.html shows them; both hold no path of an input and no face, and may travel.
Beside OUT_DIR, for its owner alone: OUT_DIR-inputs.csv (which input each case had), OUT_DIR-ledger.sqlite (what the batch knows),
OUT_DIR-worklist.csv (what waits for a person; Slicer's panel opens it), OUT_DIR-quarantine (what was refused, with the reason) and
OUT_DIR-superseded (releases that --overwrite was to replace, where the new run was not released).
With --qa DIR, DIR/review.html shows before and after of what waits, and saves decisions; the same command carries them out.
Stopped or killed, the same command goes on where it was. The exit code is that of the worst case.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.processors import processors
from . import options as shared
from .batches.engine import ENGINES, LOCAL
from .batches.shards import Shard, shard
from .console import Console, Outcome

if TYPE_CHECKING:
    from .batches.cases import Case
    from .batches.engine import Engine
    from .batches.ledger import Ledger
    from .batches.loop import Setting
    from .batches.places import Places
    from .batches.planned import Planned

SUMMARY = "many CTs or studies; goes on where it was stopped"
EXAMPLES = """\
examples:
  facedeidln batch cases.csv results/ --jobs 2
  facedeidln batch studies/ results/ --studies --header basic --key project.key
  facedeidln batch cases.csv results/ --qa review/ --decisions decisions.csv
"""
#: A default that leaves memory for each process (some 0.5 to 1 GB for a CT of 512 x 512 x 234).
_MOST_JOBS = 4
#: What is said of a batch that was stopped once it had begun.
GOES_ON = "what this batch had released stays, and the same command goes on"
_DAY_MIN = 24 * 60
_LEAST_MB, _MOST_MB = 256, 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """INPUTS, OUT_DIR and the options of deface that all cases share."""
    parser.add_argument("inputs", type=Path, metavar="INPUTS", help="folder of CTs, or CSV with input, nodes and output per row")
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="folder for the outputs and results.csv")
    group = parser.add_argument_group("cases")
    group.add_argument("--studies", action="store_true", help="each folder is a whole study, each image file one CT")
    group.add_argument(
        "--withhold-doubtful", action="store_true", help="with --studies: withhold an object that could not be verified, release the rest"
    )
    group.add_argument(
        "--shard",
        type=shard,
        default=Shard(),
        metavar="I/N",
        help="only part I (from 0) of N, for N batches that know nothing of each other; join their results with batch-merge",
    )
    group.add_argument(
        "--watch",
        type=shared.number(0.1, _DAY_MIN * 60, "s"),
        metavar="SECONDS",
        help="stay, and take what arrives in the folder INPUTS once nothing in it has changed for so long; ends with SIGINT or SIGTERM",
    )
    group.add_argument(
        "--decisions",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="decisions saved by the review page (repeatable); those beside OUT_DIR are read without being named",
    )
    group.add_argument("--report", type=Path, metavar="FILE", help="where the report goes (default: OUT_DIR/report.html)")
    add_engine(parser)
    shared.add_node_segments(parser, "the column nodes")
    shared.add_work(parser)
    shared.add_header(parser)
    shared.add_release(parser)


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Who runs the cases, and what each may take."""
    group = parser.add_argument_group("engine")
    jobs = min(processors(), _MOST_JOBS)
    group.add_argument("--engine", choices=ENGINES, default=LOCAL, help="processes of this machine, or Dask (default: %(default)s)")
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="with --engine dask: a cluster that runs already (default: one of this machine)"
    )
    group.add_argument("--jobs", type=shared.whole(1, 256), default=jobs, metavar="N", help="cases at once (default: %(default)s)")
    group.add_argument(
        "--timeout-min",
        type=shared.number(0.01, _DAY_MIN, "min"),
        default=30.0,
        metavar="MIN",
        help="longest time for a case (default: 30)",
    )
    group.add_argument(
        "--memory-mb", type=shared.whole(_LEAST_MB, _MOST_MB), metavar="MB", help="most memory for a case; one that wants more fails"
    )
    group.add_argument(
        "--retries",
        type=shared.whole(0, 10),
        default=1,
        metavar="N",
        help="how often a case is tried again whose process crashed (default: %(default)s)",
    )


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Do what is not done yet, carry out what people decided, and sum up."""
    from contextlib import closing

    from ..output.destination import make_folder, require_destination
    from .batches.cases import find_cases, left_out_of
    from .batches.ledger import Ledger, sole_batch
    from .batches.loop import Listed, Loop
    from .batches.own_files import require_own_files
    from .batches.places import Places
    from .batches.planned import plan

    check(options)
    if options.watch is not None:
        return watch(options, console)
    cases = find_cases(options.inputs, options.out_dir, options.studies)
    if options.report is not None:  # nothing is added to what is read
        require_destination(options.report, True, [case.input for case in cases])
    make_folder(options.out_dir)
    places = Places(options.out_dir, options.shard)
    require_own_files(places, options.report)
    with sole_batch(places.results), closing(Ledger(places.ledger, places.results)) as ledger:
        options.goes_on = GOES_ON
        note_inputs(cases, places.inputs)
        whole, cases = cases, options.shard.cases(cases)
        setting = setting_of(options)
        planned = plan(cases, ledger, options, setting, places, {case.name for case in whole})
        waiting = planned.waiting
        if len(waiting) < len(cases):
            console.say(f"{len(cases) - len(waiting)} of {len(cases)} cases are done already.")
        if waiting:
            Loop(ledger, engine_of(options, console), setting, console, lambda: None).run(Listed(waiting))
        return finish(cases, ledger, setting, places, options, left_out_of(options.inputs, whole, options.out_dir), planned)


def watch(options: argparse.Namespace, console: Console) -> Outcome:
    """Take what arrives until a signal ends it; what people look at is brought up to date whenever all that came is done."""
    from contextlib import closing

    from ..output.destination import make_folder
    from .batches.arrivals import Arrivals
    from .batches.cases import cases_now
    from .batches.ledger import Ledger, sole_batch
    from .batches.loop import Loop
    from .batches.own_files import require_own_files
    from .batches.places import Places
    from .batches.planned import plan
    from .batches.watched import Watched, patient
    from .signals import Interrupted

    make_folder(options.out_dir)
    places, setting = Places(options.out_dir, options.shard), setting_of(options)
    require_own_files(places, options.report)
    with sole_batch(places.results), closing(Ledger(places.ledger, places.results)) as ledger:
        options.goes_on = GOES_ON
        arrivals = Arrivals(
            lambda: options.shard.cases(cases_now(options.inputs, options.out_dir, options.studies)),
            ledger,
            lambda cases: note_inputs(cases, places.inputs),
            console.say,
        )
        arrivals.begin(setting)
        left = ledger.rows.keys() - {case.name for case in arrivals.taken}
        planned = plan(arrivals.taken, ledger, options, setting, places, left, left)
        arrivals.await_again(planned.waiting)

        def settled() -> Outcome:
            return finish(arrivals.taken, ledger, setting, places, options, [], planned)

        supply = Watched(patient(arrivals.find, console.say), arrivals.known, options.watch, arrivals.take, arrivals.grew)
        try:
            Loop(ledger, engine_of(options, console), setting, console, lambda: settled() and None).run(supply)
        except Interrupted:
            console.say("Ended by a signal; what was at work is done again at the next start.")
        return settled()


def check(options: argparse.Namespace) -> None:
    """What can be refused before anything is begun; the project's key is made here, before several cases want to.

    :raises InputError: a name, key or combination that there is not. :raises FaceDeidError: local processes cannot be started.
    """
    from ..core.interpreter import interpreter
    from ..header.policy import policy_named
    from ..output.review_folder import require_no_file
    from ..output.signing import require_key
    from .deface import check_names

    check_names(options)
    if options.qa is not None:
        require_no_file(options.qa)
    for path in options.decisions:
        if not path.exists():
            raise InputError(f"There is no file {path}: name the decisions that the review page saved.")
    require_key(options.signing_key)
    policy_named(options.header, options.key, options.patients, (options.out_dir,))
    for what, path in (("The review material, which shows faces,", options.qa), ("The private key", options.signing_key)):
        if path is not None and options.out_dir.resolve() in (path.resolve(), *path.resolve().parents):
            raise InputError(f"{what} cannot lie in {options.out_dir}, whose content travels: name another place.")
    if options.scheduler is not None and options.engine == LOCAL:
        raise InputError("--scheduler is for a Dask cluster: give --engine dask too, or leave it out.")
    if options.engine == LOCAL:
        interpreter()  # else every case would fail for the lack of it
    if options.watch is not None and not options.inputs.is_dir():
        raise InputError(f"--watch looks into a folder, and {options.inputs} is none.")
    if options.withhold_doubtful and not options.studies:
        raise InputError("--withhold-doubtful is for whole studies: give --studies too, or leave it out.")


def engine_of(options: argparse.Namespace, console: Console) -> Engine:
    """The engine that was asked for."""
    from .batches.engine import LocalEngine

    if options.engine == LOCAL:
        return LocalEngine(options.jobs)
    from .batches.dask_engine import DaskEngine

    engine = DaskEngine(options.jobs, options.scheduler)
    console.say(f"Dask's dashboard: {engine.dashboard}")
    return engine


def setting_of(options: argparse.Namespace) -> Setting:
    """What all cases share."""
    from .batches.loop import Setting
    from .batches.task import Limits

    limits = Limits(options.timeout_min * 60, options.memory_mb, processors(options.jobs))
    words, names = tuple(shared_words(options)), ",".join(options.node_segments)
    how = (options.retries, options.overwrite, options.qa, options.signing_key)
    return Setting(options.out_dir, words, limits, *how, names, options.header, options.key, options.patients)


def note_inputs(cases: list[Case], path: Path) -> None:
    """Write which input each case had beside OUT_DIR, not in it. Raises OutputError where nothing can be written there."""
    from ..core.errors import OutputError
    from .batches.cases import write_inputs

    try:
        write_inputs(cases, path)
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}): name an output folder inside one of yours.") from problem


def shared_words(options: argparse.Namespace) -> list[str]:
    """The options that every case gets and that decide its output."""
    words = shared.work_words(options)
    if options.node_segments:
        words += ["--node-segments", ",".join(options.node_segments)]
    words += shared.header_words(options) + ["--accept-recognisable"] * options.accept_recognisable
    return words + ["--one"] * options.studies + ["--withhold-doubtful"] * options.withhold_doubtful


def finish(
    cases: list[Case],
    ledger: Ledger,
    setting: Setting,
    places: Places,
    options: argparse.Namespace,
    left_out: list[str],
    planned: Planned,
) -> Outcome:
    """Write what is looked at, and sum up."""
    from .batches.quarantine import quarantine
    from .batches.report import write_report
    from .batches.review_page import write_review_page
    from .batches.review_work import write_work
    from .batches.summary import summary

    done = [(case, ledger.rows[case.name]) for case in cases if case.name in ledger.rows]
    rows = [row for _, row in done]
    ledger.export()
    quarantine(places.quarantine, done)
    write_work(done, setting, places.worklist)
    write_report(rows, options.report or places.report, options.out_dir)
    if options.qa is not None:
        write_review_page(done, options.qa, places.decisions.name, options.shard.ending)
    return summary(rows, places, left_out, planned.unheard, planned.gone)
