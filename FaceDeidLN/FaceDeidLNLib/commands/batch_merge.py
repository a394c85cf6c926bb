"""Join the results of all parts (batch --shard I/N) of a batch into one results.csv, as one batch would have written it.

OUT_DIR is the folder that all parts wrote to. Every part must have ended; what it released must still be there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InputError
from .console import Console, Outcome

SUMMARY = "join the results of the parts of a batch (batch --shard)"
EXAMPLES = "example:\n  facedeidln batch-merge results/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OUT_DIR."""
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="folder that the parts wrote to")
    parser.add_argument("--signing-key", type=Path, metavar="FILE", help="count only releases whose certificate is signed with this key")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read the parts' rows, check that what they released is there, and write all of them."""
    from contextlib import ExitStack

    from ..output.signing import is_own_release
    from .batch import summary
    from .console import PASS
    from .ledger import Ledger, sole_batch
    from .shards import RESULTS, shard_results

    if not options.out_dir.is_dir():
        raise InputError(f"There is no folder {options.out_dir}.")
    with ExitStack() as held:
        parts = shard_results(options.out_dir)
        for path in [*parts, options.out_dir / RESULTS]:
            held.enter_context(sole_batch(path))
        ledgers = [Ledger(path) for path in parts]
        rows = sorted((row for ledger in ledgers for row in ledger.rows.values()), key=lambda row: row.case)
        unfinished = [ledger.path.name for ledger in ledgers if ledger.begun]
        if unfinished:
            raise InputError(f"{unfinished[0]}: that part was stopped; run it again with the same command first.")
        for row in rows:
            if row.exit_code == PASS and not is_own_release(options.out_dir / row.output, options.signing_key):
                raise InputError(f"{options.out_dir / row.output} is not what was released there: run that part again.")
        joined = Ledger(options.out_dir / RESULTS)
        joined.keep(rows)
    return summary(rows, joined.path, None, [])
