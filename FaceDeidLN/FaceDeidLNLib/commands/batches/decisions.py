"""What a person decided on the cases of a batch: a CSV of the review page, or of the panel.

The columns are ``case``, ``decision`` and ``remark``; the review page adds ``reviewer`` and ``result``, the hash of the result that was
looked at. ``accept`` counts for that very result alone, and needs a remark; ``reject`` counts for the case; ``mend`` keeps it in the
work list.
The last line of a case counts.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...core.cells import from_cell
from ...core.errors import InputError
from ...core.plain_files import read_plain

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
        for number, row in enumerate(_rows(path), start=2):
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


def _rows(path: Path) -> list[dict[str | None, str]]:
    try:
        text = _text(read_plain(path))
        head = text.split("\n", 1)[0]
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=head.count))
        lines.fieldnames = [name.strip().lower() for name in lines.fieldnames or ()]
        rows = list(lines)
    except UnicodeDecodeError as problem:
        raise InputError(f"{path} is not in UTF-8: save it as CSV in UTF-8, and look whether its remarks are still right.") from problem
    except (OSError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read as decisions ({problem}): name the file that the review page saved.") from problem
    names = [name for name in lines.fieldnames if name]  # a spreadsheet may have saved empty columns behind the last one
    if not set(COLUMNS[:_NEEDED]) <= set(names) or len(set(names)) < len(names):
        raise InputError(f"{path} holds no decisions: its columns are {', '.join(COLUMNS)}, each once.")
    return rows


def _text(content: bytes) -> str:
    """UTF-8, or the UTF-16 that spreadsheets call Unicode text. Raises UnicodeDecodeError where it is neither."""
    return content.decode("utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
