"""De-identify many CTs, one process each: a case that fails or crashes never stops or spoils another.

INPUTS is a folder (each image file but .seg.nrrd and each subfolder with DICOM is a case) or a CSV with the columns input, nodes,
output and, where wanted, protect, landmarks, curve, face_segment, node_segments, series (paths relative to the CSV,
";" between several; output relative to OUT_DIR). OUT_DIR/results.csv gets one row per case, without the inputs' paths, which may
hold names: those go into OUT_DIR-inputs.csv beside it, for its owner alone. Stopped or killed,
the same command goes on where it was; what is released is known again by its certificate. The exit code is that of the worst case.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from . import options as shared
from .console import BAD_INPUT, PASS, WORST_FIRST, Console, Outcome
from .shards import Shard, shard

if TYPE_CHECKING:
    from .cases import Case
    from .ledger import Ledger, Row

SUMMARY = "many CTs, one process each; goes on where it was stopped"
EXAMPLES = "example:\n  facedeidln batch cases.csv results/ --jobs 2"
#: Beside OUT_DIR, because what stands in OUT_DIR travels.
INPUTS = "-inputs.csv"
#: A default that leaves memory for each process (some 0.5 to 1 GB for a CT of 512 x 512 x 234).
_MOST_JOBS = 4
_DAY_MIN = 24 * 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """INPUTS, OUT_DIR and the options of deface that all cases share."""
    parser.add_argument("inputs", type=Path, metavar="INPUTS", help="folder of CTs, or CSV with input, nodes and output per row")
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="folder for the outputs and results.csv")
    jobs = min(os.cpu_count() or 1, _MOST_JOBS)
    parser.add_argument("--jobs", type=shared.whole(1, 256), default=jobs, metavar="N", help="cases at once (default: %(default)s)")
    parser.add_argument(
        "--timeout-min",
        type=shared.number(0.01, _DAY_MIN, "min"),
        default=30.0,
        metavar="MIN",
        help="longest time for a case (default: 30)",
    )
    parser.add_argument(
        "--shard",
        type=shard,
        default=Shard(),
        metavar="I/N",
        help="only part I (from 0) of N, for N batches that know nothing of each other; join their results with batch-merge",
    )
    parser.add_argument(
        "--retries",
        type=shared.whole(0, 10),
        default=1,
        metavar="N",
        help="how often a case is tried again whose process crashed (default: %(default)s)",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the results as one HTML page that shows no face")
    shared.add_node_segments(parser)
    shared.add_work(parser)
    shared.add_header(parser)
    shared.add_release(parser)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Do what is not done yet and sum up."""
    from ..header.policy import policy_named
    from ..output.destination import make_folder
    from ..output.signing import require_key
    from .batch_report import write_report
    from .cases import find_cases, segmentations_in
    from .deface import check_names
    from .ledger import Ledger, sole_batch
    from .workers import run_cases

    check_names(options)
    require_key(options.signing_key)
    policy_named(options.header, options.key, options.patients, (options.out_dir,))  # makes the key before several cases want to
    cases = find_cases(options.inputs, options.out_dir)
    words = shared_words(options)
    make_folder(options.out_dir)
    results = options.shard.results(options.out_dir)
    with sole_batch(results):
        ledger = Ledger(results)
        inputs = note_inputs(cases, options.out_dir)
        cases = options.shard.cases(cases)
        waiting = plan(cases, ledger, options, words)
        if len(waiting) < len(cases):
            console.say(f"{len(cases) - len(waiting)} of {len(cases)} cases are done already.")
        run_cases(waiting, ledger, options, words, console)
        rows = [ledger.rows[case.name] for case in cases]
        if options.report is not None:
            write_report(rows, options.report)
        return summary(rows, ledger.path, inputs, segmentations_in(options.inputs))


def note_inputs(cases: list[Case], out_dir: Path) -> Path | None:
    """The file beside OUT_DIR, not in it, that tells which input each case had; None where none can be written there."""
    from .cases import write_inputs

    path = out_dir.resolve().with_name(f"{out_dir.resolve().name}{INPUTS}")
    try:
        write_inputs(cases, path)
    except OSError:
        return None
    return path


def shared_words(options: argparse.Namespace) -> list[str]:
    """The options that every case gets and that decide its output."""
    words = shared.work_words(options)
    if options.node_segments:
        words += ["--node-segments", ",".join(options.node_segments)]
    return words + shared.header_words(options) + ["--accept-recognisable"] * options.accept_recognisable


def plan(cases: list[Case], ledger: Ledger, options: argparse.Namespace, words: list[str]) -> list[Case]:
    """The cases that are still to be done; nothing of theirs is touched, because replacing an output is up to ``deface``.

    Raises InputError where OUT_DIR holds results of other inputs or options, or an output that is not the released one any
    more, and --overwrite was not given.
    """
    rows = {case.name: ledger.rows.get(case.name) for case in cases}
    other = [case.name for case in cases if rows[case.name] and rows[case.name].key != case.key(words)]
    if other and not options.overwrite:
        raise InputError(
            f"{options.out_dir} holds results made from other inputs or with other options ({other[0]}, ...): "
            "name another folder, or give --overwrite."
        )
    waiting = [
        case for case in cases if case.name in other or not _is_done(rows[case.name], options.out_dir / case.output, options.signing_key)
    ]
    changed = [case.output for case in waiting if case.name not in other and _is_changed(rows[case.name], options.out_dir / case.output)]
    or_unsigned = "" if options.signing_key is None else ", or that is not signed with the key"
    if changed and not options.overwrite:
        raise InputError(
            f"{options.out_dir / changed[0]} is not what was released there: its SHA-256 is not that of its certificate{or_unsigned}; "
            "move it away, or give --overwrite."
        )
    undone = {case.name for case in waiting}
    ledger.keep(row for name, row in ledger.rows.items() if name not in undone)
    return waiting


def _is_done(row: Row | None, output: Path, key: Path | None) -> bool:
    """What was released stays as it is, REVIEW and FAIL are results; what was refused may have been mended since.

    Where a signing key is given, only a certificate that is signed with it is believed.
    """
    from ..output.signing import is_own_release

    if row is None or row.exit_code == BAD_INPUT:
        return False
    return row.exit_code != PASS or is_own_release(output, key)


def _is_changed(row: Row | None, output: Path) -> bool:
    """Something else than the release lies where the row says that there is one (seen for cases that are not done)."""
    return row is not None and row.exit_code == PASS and output.exists()


def summary(rows: list[Row], results: Path, inputs: Path | None, left_out: list[str]) -> Outcome:
    """The outcome of the whole batch: counts, the exit code of the worst case, and which files of the folder are no cases."""
    codes = {row.exit_code for row in rows}
    worst = next((code for code in WORST_FIRST if code in codes), PASS)
    released = sum(row.exit_code == PASS for row in rows)
    verdicts = Counter(row.verdict for row in rows)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    facts = {"cases": len(rows), "released": released, "verdicts": dict(verdicts), "results": str(results), "left_out": left_out}
    facts["inputs"] = None if inputs is None else str(inputs)
    text = f"{len(rows)} cases: {counts}; {released} released. Results: {results}"
    where = f"in {inputs}: keep it to yourself" if inputs is not None else "nowhere: the folder beside the results is not writable"
    text += f"\n  which input each case had stands {where}"
    if left_out:
        text += f"\n  not read: {len(left_out)} segmentations ({left_out[0]}, ...); in a CSV each case can name its own, to protect it"
    return Outcome(worst, facts, text)
