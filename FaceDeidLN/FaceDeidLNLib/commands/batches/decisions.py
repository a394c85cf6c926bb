"""What a person decided on the cases of a batch: a CSV of the review page, or of the panel.

The columns are ``case``, ``decision`` and ``remark``; the review page adds ``reviewer`` and ``result``, the hash of the result that was
looked at. ``accept`` counts for that very result alone, and needs a remark; ``reject`` counts for the case; ``mend`` keeps it in the
work list.
The last line of a case counts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...core.cells import from_cell
from ...core.errors import InputError
from ...core.plain_files import read_plain_text

ACCEPT, REJECT, MEND = "accept", "reject", "mend"
DECISIONS = (ACCEPT, REJECT, MEND)
#: With the first three of them the panel is content.
COLUMNS = ("case", "decision", "remark", "reviewer", "result")
_NEEDED = 3


@dataclass(frozen=True)
class Decision:
    """A line."""

    case: str
    decision: str
    remark: str = ""
    reviewer: str = ""
    result: str = ""


def read_decisions(paths: Iterable[Path]) -> dict[str, Decision]:
    """The last decision on each case that has one.

    :raises InputError: a file is none of decisions, or an acceptance lacks its remark.
    """
    found: dict[str, Decision] = {}
    for path in paths:
        for number, row in enumerate(_rows(path), start=2):
            values = {name: from_cell(row.get(name) or "").strip() for name in COLUMNS}
            if None in row or not values["case"] or values["decision"] not in ("", *DECISIONS):
                raise InputError(f"{path}, line {number}: a decision is one of {', '.join(DECISIONS)}, behind the name of a case.")
            if values["decision"] == ACCEPT and not (values["remark"] and values["result"]):
                raise InputError(f"{path}, line {number}: an acceptance needs a remark, and the result that the review page notes with it.")
            if values["decision"]:
                found[values["case"]] = Decision(**values)
    return found


def _rows(path: Path) -> list[dict[str | None, str]]:
    try:
        lines = csv.DictReader(read_plain_text(path, encoding="utf-8-sig").splitlines())
        rows = list(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read as decisions ({problem}): name the file that the review page saved.") from problem
    if list(lines.fieldnames or ())[:_NEEDED] != list(COLUMNS[:_NEEDED]):
        raise InputError(f"{path} holds no decisions: its columns are {', '.join(COLUMNS)}.")
    return rows
