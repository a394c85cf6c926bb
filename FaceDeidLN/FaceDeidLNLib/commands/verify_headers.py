"""Check that the DICOM headers of a folder are clean, by reading it and nothing else.

With --originals the identifiers of the originals (names, numbers, dates, UIDs, institutions) are searched in every value and in the
bytes of every file. It shares no code with what cleaned the headers, so another tool's output can be checked too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InputError
from .console import FAIL, PASS, Console, Outcome

SUMMARY = "check the headers of what is to be released"
EXAMPLES = "example:\n  facedeidln verify-headers out/ --originals in/"
#: How many findings the text lists.
_LISTED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OUT and the originals."""
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder with what is to be released")
    parser.add_argument("--originals", type=Path, metavar="IN", help="folder with the originals, whose identifiers are searched in OUT")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Look, and list what was found."""
    from ..header.proof import known_in, verify_headers

    for folder in (options.folder, options.originals):
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder} is no folder: name one that is there.")
    console.progress(0.0, "looking")
    found = verify_headers(options.folder, None if options.originals is None else known_in(options.originals))
    facts = {"verdict": "FAIL" if found else "PASS", "findings": [str(finding) for finding in found]}
    if not found:
        unsearched = "" if options.originals is not None else " The originals were not given, so their names and dates were not searched."
        return Outcome(PASS, facts, f"PASS: no finding.{unsearched}")
    more = f"\n  and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return Outcome(FAIL, facts, f"FAIL: {len(found)} findings\n  " + "\n  ".join(map(str, found[:_LISTED])) + more)
