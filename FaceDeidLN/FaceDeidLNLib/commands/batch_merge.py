"""Join the results of all parts (batch --shard I/N) of a batch into one results.csv, as one batch would have written it.

OUT_DIR is the folder that all parts wrote to. Every part must have ended; what it released must still be there. Report and work list
are joined too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from .console import Console, Outcome

if TYPE_CHECKING:
    from .batches.places import Places
    from .batches.row import Row

SUMMARY = "join the results of the parts of a batch (batch --shard)"
EXAMPLES = "example:\n  facedeidln batch-merge results/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OUT_DIR."""
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="folder that the parts wrote to")
    parser.add_argument("--signing-key", type=Path, metavar="FILE", help="count only releases whose certificate is signed with this key")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read the parts' rows, check that what they released is there, and write all of them."""
    from contextlib import ExitStack, closing

    from .batches.ledger import Ledger, sole_batch
    from .batches.own_files import require_own_files
    from .batches.places import Places
    from .batches.report import write_report
    from .batches.shards import shards_in
    from .batches.summary import summary

    if not options.out_dir.is_dir():
        raise InputError(f"There is no folder {options.out_dir}.")
    with ExitStack() as held:
        parts = [Places(options.out_dir, one) for one in shards_in(options.out_dir)]
        whole = Places(options.out_dir)
        require_own_files(whole)
        for places in [*parts, whole]:
            held.enter_context(sole_batch(places.results))
        rows = sorted((row for places in parts for row in rows_of(places)), key=lambda row: row.case)
        require_whole(rows, parts, whole)
        require_there(rows, options)
        ledger = held.enter_context(closing(Ledger(whole.ledger, whole.results)))
        ledger.keep(rows)
        join_worklists(parts, whole)
        write_report(rows, whole.report, options.out_dir)
    return summary(rows, whole, [])


def rows_of(places: Places) -> list[Row]:
    """The rows of a part. Raises InputError where it was stopped."""
    from .batches.ledger import read_rows

    rows, begun = read_rows(places.ledger, places.results)
    if begun - rows.keys():
        raise InputError(f"{places.results.name}: that part was stopped; run it again with the same command first.")
    return list(rows.values())


def require_whole(rows: list[Row], parts: list[Places], whole: Places) -> None:
    """Raises InputError where a part has a case of another part, or a case that the parts were given has no row."""
    for places in parts:
        if foreign := next((row.case for row in rows_of(places) if not places.shard.has(row.case)), None):
            raise InputError(
                f"{places.results.name} holds the case {foreign}, which is of another part: run that part again, and look why."
            )
    lacking = sorted(given_cases(whole.inputs) - {row.case for row in rows})
    if lacking:
        raise InputError(f"{len(lacking)} cases were not done ({lacking[0]}, ...): run all parts again with the same list of cases.")


def given_cases(inputs: Path) -> set[str]:
    """The names of the cases that the parts were given, of which each notes all."""
    import csv
    import io

    from ..core.cells import from_cell
    from ..core.plain_files import read_plain_text, unread

    try:
        return {from_cell(row["case"]) for row in csv.DictReader(io.StringIO(read_plain_text(inputs), newline=""))}
    except (OSError, ValueError, KeyError, csv.Error) as problem:
        raise InputError(f"{inputs}, where the parts noted their cases, cannot be read ({unread(problem)}): run a part again.") from problem


def require_there(rows: list[Row], options: argparse.Namespace) -> None:
    """Raises InputError where an output is not the one that its row tells of."""
    from .batches.planned import is_done

    for row in rows:
        if row.is_released and not is_done(row, options.out_dir / row.output, options.signing_key):
            raise InputError(f"{options.out_dir / row.output} is not what was released there: run that part again.")


def join_worklists(parts: list[Places], whole: Places) -> None:
    """Write one work list. Raises OutputError where it cannot be written."""
    from ..core.errors import OutputError
    from ..output.worklist import read_worklist, write_worklist

    items = [item for places in parts if places.worklist.exists() for item in read_worklist(places.worklist)]
    try:
        write_worklist(sorted(items, key=lambda item: item.case), whole.worklist)
    except OSError as problem:
        raise OutputError(f"The work list {whole.worklist} cannot be written ({problem.strerror}).") from problem
