"""The results of a batch as a CSV file that survives being killed: whole rows only, one per case."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..core.cells import as_cell, from_cell
from ..core.errors import InputError, OutputError
from ..core.locks import lock
from ..core.plain_files import read_plain
from ..output.atomic import released_file


@dataclass(frozen=True)
class Row:
    """One case's result. ``key`` is the hash of its inputs and options, by which a later run knows it again.

    It travels with the releases, so it holds no path of what was read.
    """

    case: str
    output: str
    verdict: str
    privacy: str
    reasons: str
    seconds: str
    peak_memory_mb: str
    attempts: int
    exit_code: int
    key: str


#: What is written of a file name whose bytes are no text; such a case is refused, but has its row.
_NO_TEXT = "backslashreplace"
COLUMNS = tuple(item.name for item in fields(Row))


class Ledger:
    """The results file. It is rewritten as a whole only by ``keep``; ``append`` adds one row and waits until it is on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = {row.case: row for row in _read(path)}
        self._journal = path.with_name(f".{path.name}.begun")
        self.begun = frozenset(_content(self._journal).splitlines())

    def keep(self, rows: Iterable[Row]) -> None:
        """Leave only these rows: double ones, outdated ones and a torn last line go."""
        self.rows = {row.case: row for row in rows}
        text = _line(COLUMNS) + "".join(_line(asdict(row).values()) for row in self.rows.values())
        with released_file(self.path, overwrite=True) as partial:
            partial.write_bytes(text.encode(errors=_NO_TEXT))
        self.forget_begun()

    def begin(self, case: str) -> None:
        """Note that a case is being worked on: without a row, what lies under its output's name is then our own remainder."""
        _append(self._journal, f"{case}\n")

    def forget_begun(self) -> None:
        """Every case that was begun has its row."""
        self._journal.unlink(missing_ok=True)

    def append(self, row: Row) -> None:
        """Add a row."""
        self.rows[row.case] = row
        _append(self.path, _line(asdict(row).values()))


def _line(values: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([as_cell(" ".join(str(value).split())) for value in values])
    return buffer.getvalue()


def _append(path: Path, text: str) -> None:
    """Add whole lines, and return when the disk has them."""
    try:
        with path.open("ab", buffering=0) as file:
            left = memoryview(text.encode(errors=_NO_TEXT))
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem


def _read(path: Path) -> Iterator[Row]:
    whole_lines = _content(path).rpartition("\n")[0].splitlines()
    if whole_lines and whole_lines[0].split(",") != list(COLUMNS):
        raise InputError(f"{path} is not the results file of a batch; name another output folder.")
    for line in whole_lines[1:]:
        values = [from_cell(cell) for cell in _cells(line)]
        if len(values) == len(COLUMNS) and all(value.isdigit() for value in values[-3:-1]):
            yield Row(**{**dict(zip(COLUMNS, values, strict=True)), "attempts": int(values[-3]), "exit_code": int(values[-2])})


def _cells(line: str) -> list[str]:
    """Those of one line, which no cell goes beyond; none where it is damaged."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _content(path: Path) -> str:
    """The text of one of a batch's own files; empty where it is not there.

    :raises InputError: something else is there.
    """
    if not path.exists():
        return ""
    try:
        return read_plain(path).decode(errors="replace")
    except OSError as problem:
        raise InputError(f"{path} is not a file of a batch ({problem.strerror}); name another output folder.") from problem


@contextmanager
def sole_batch(results: Path) -> Iterator[None]:
    """Nobody else works on these results while this lasts; the lock goes with the process, however that ends."""
    path = results.with_name(f".{results.stem.replace('results', 'batch', 1)}.lock")
    with path.open("a+b") as file:
        try:
            lock(file.fileno())
        except OSError as problem:
            raise OutputError(f"Another batch is writing to {results}.") from problem
        yield
