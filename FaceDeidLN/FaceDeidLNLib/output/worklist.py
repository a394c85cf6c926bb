"""The work list of a batch: what waits for a person, in a file that the batch writes and the panel opens.

A CSV in UTF-8 with the columns of ``COLUMNS``; paths are absolute, several in one cell have ";" between them, an empty cell is none.
It stands beside the folder of the results, for its owner alone, because paths often hold patients' names.

=================== ===============================================================================================
``case``            the case's name in the batch
``ct``, ``series``  image file or DICOM folder, and the UID of its series where the folder holds several
``output``          where the mended release goes
``verdict``         REVIEW, WITHHELD, FAIL or BAD INPUT, and ``reasons`` why
``review``          the case's ``--qa`` folder (scene, landmarks, curve)
``nodes`` ...       the files that the case was given: ``nodes``, ``protect``, ``landmarks``, ``curve``, ``face_segment``;
                    ``node_segments`` names with "," between them
``remark``          what the reviewer said of it
``header`` ...      how the release is to be made, so that the batch takes it over: what is done to DICOM headers (``--header``, empty in
                    lists of older versions: not known), ``key`` and ``patients`` of that, and in ``signed`` the public key of the
                    signature of its certificate
``left``            a hash of the certificate that lay beside the output when the case ended: what has it is no release of a person
=================== ===============================================================================================
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ..core.cells import as_cell, from_cell
from ..core.errors import InputError
from ..core.plain_files import read_plain_text, unread
from ..core.private import write_private

_SEVERAL, _NAMES = ";", ","


@dataclass(frozen=True)
class WorkItem:
    """One case that waits for a person."""

    case: str
    ct: Path
    output: Path
    verdict: str = ""
    reasons: str = ""
    review: Path | None = None
    nodes: tuple[Path, ...] = ()
    protect: tuple[Path, ...] = ()
    landmarks: Path | None = None
    curve: Path | None = None
    face_segment: Path | None = None
    node_segments: tuple[str, ...] = ()
    series: str = ""
    remark: str = ""
    header: str = ""
    key: Path | None = None
    patients: Path | None = None
    signed: str = ""
    left: str = ""


#: What a batch's work list and the decisions on it are called, after the folder of the results.
LIST_ENDING, DECISIONS_ENDING = "-worklist.csv", "-decisions.csv"
COLUMNS = tuple(item.name for item in fields(WorkItem))
_OPTIONAL_PATHS = ("review", "landmarks", "curve", "face_segment", "key", "patients")
#: What lists of older versions lack.
_LATER = {"header", "key", "patients", "signed", "left"}


def write_worklist(items: Iterable[WorkItem], path: Path) -> None:
    """Write the list, in the place of an older one.

    :raises OSError: it cannot be written.
    """
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([as_cell(_cell(name, getattr(item, name))) for name in COLUMNS] for item in items)
    write_private(path, lines.getvalue())


def read_worklist(path: Path) -> tuple[WorkItem, ...]:
    """The items of a list.

    :raises InputError: it is none.
    """
    try:
        table = csv.DictReader(io.StringIO(read_plain_text(path, encoding="utf-8-sig"), newline=""))
        rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read as a work list ({unread(problem)}): name the file that batch wrote.") from problem
    columns = f"its columns are {', '.join(COLUMNS)}"
    if not _LATER.issuperset(set(COLUMNS) ^ set(table.fieldnames or ())):
        raise InputError(f"{path} is no work list: {columns}.")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values() or not row["ct"] or not row["output"]:
            raise InputError(f"{path} is no work list (line {number}): {columns}.")
    return tuple(_item({name: from_cell(row.get(name, "")) for name in COLUMNS}) for row in rows)


def _cell(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return (_NAMES if name == "node_segments" else _SEVERAL).join(str(one) for one in value)
    text = "" if value is None else str(value)
    return text if name in ("ct", "output", *_OPTIONAL_PATHS) else " ".join(text.split())


def _item(row: Mapping[str, str]) -> WorkItem:
    several = {name: tuple(Path(part) for part in row[name].split(_SEVERAL) if part) for name in ("nodes", "protect")}
    optional = {name: Path(row[name]) if row[name] else None for name in _OPTIONAL_PATHS}
    names = tuple(name for name in row["node_segments"].split(_NAMES) if name)
    texts = {name: row[name] for name in ("case", "verdict", "reasons", "series", "remark", "header", "signed", "left")}
    return WorkItem(ct=Path(row["ct"]), output=Path(row["output"]), node_segments=names, **several, **optional, **texts)
