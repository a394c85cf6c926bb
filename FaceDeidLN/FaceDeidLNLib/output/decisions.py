"""What a person decided on the cases of a batch: a CSV of the review page, or of the panel.

The columns are ``case``, ``decision`` and ``remark``; the review page adds ``reviewer`` and ``result``, the hash of the result that was
looked at. ``accept`` counts for that very result alone, and needs a remark; ``reject`` counts for the case; ``mend`` keeps it in the
work list, also one that was rejected before, which is done again.
The last line of a case counts.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.cells import as_cell, from_cell
from ..core.errors import InputError
from ..core.plain_files import encoding_of, read_plain, unread
from ..core.private import OWNER_FILE

ACCEPT, REJECT, MEND = "accept", "reject", "mend"
DECISIONS = (ACCEPT, REJECT, MEND)
#: With the first three of them the panel is content.
COLUMNS = ("case", "decision", "remark", "reviewer", "result")
_NEEDED = 3
#: What spreadsheets part cells with, by country and by the kind of file that they save.
_SEPARATORS = ",;\t"


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

    A file may come out of a spreadsheet: columns in any order and others beside them, cells parted by semicolons or tabs, UTF-16.

    :raises InputError: a file is none of decisions, or an acceptance lacks its remark.
    """
    found: dict[str, Decision] = {}
    for path in paths:
        for number, row in enumerate(_read(path).rows, start=2):
            values = {name: " ".join(from_cell(row.get(name) or "").split()) for name in COLUMNS}
            values["decision"] = _DECISION.get(values["decision"].lower(), values["decision"])
            if not any(values.values()):
                continue
            if None in row or not values["case"] or values["decision"] not in ("", *DECISIONS):
                raise InputError(f"{path}, line {number}: a decision is one of {', '.join(DECISIONS)}, behind the name of a case.")
            if values["decision"] == ACCEPT and not (values["remark"] and values["result"]):
                raise InputError(f"{path}, line {number}: an acceptance needs a remark, and the result that the review page notes with it.")
            if values["decision"]:
                found[values["case"]] = Decision(**values)
    return found


#: As the review page calls them, too.
_DECISION = {**{name: name for name in DECISIONS}, "mend in slicer": MEND}


def add_decision(path: Path, decision: Decision) -> None:
    """Add a line in the form that the file has, which may be a spreadsheet's; a new file is for its owner alone.

    :raises InputError: what is there holds no decisions. :raises OSError: it cannot be written.
    """
    is_new = not path.exists() or path.stat().st_size == 0
    there = _Table(COLUMNS[:_NEEDED], []) if is_new else _read(path)
    lines = io.StringIO("" if there.is_ended else "\n")
    lines.seek(0, io.SEEK_END)
    table = csv.writer(lines, delimiter=there.separator, lineterminator="\n")
    table.writerows([there.names] if is_new else [])
    table.writerow([as_cell(" ".join(getattr(decision, name).split())) if name in COLUMNS else "" for name in there.names])
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_FILE), "ab") as file:
        file.write(lines.getvalue().encode(there.encoding))


@dataclass(frozen=True)
class _Table:
    """The lines of a file, and its form."""

    names: Sequence[str]
    rows: list[dict[str | None, str]]
    encoding: str = "utf-8"
    separator: str = ","
    is_ended: bool = True


def _read(path: Path) -> _Table:
    try:
        content = read_plain(path)
        encoding = encoding_of(content)
        text = content.decode(encoding).removeprefix("\ufeff")
        separator = max(_SEPARATORS, key=text.split("\n", 1)[0].count)
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        lines.fieldnames = [name.strip().lower() for name in lines.fieldnames or ()]
        rows = list(lines)
    except UnicodeDecodeError as problem:
        raise InputError(f"{path} is not in UTF-8: save it as CSV in UTF-8, and look whether its remarks are still right.") from problem
    except (OSError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read as decisions ({unread(problem)}): name the file that the review page saved.") from problem
    names = [name for name in lines.fieldnames if name]  # a spreadsheet may have saved empty columns behind the last one
    if not set(COLUMNS[:_NEEDED]) <= set(names) or len(set(names)) < len(names):
        raise InputError(f"{path} holds no decisions: its columns are {', '.join(COLUMNS)}, each once.")
    return _Table(lines.fieldnames, rows, encoding, separator, text.endswith(("\n", "\r")))
