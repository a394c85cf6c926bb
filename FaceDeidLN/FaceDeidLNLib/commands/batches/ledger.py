"""What a batch knows of its cases: an SQLite file with one writer, from which ``results.csv`` is exported.

The ledger stands beside the folder of the results, for its owner alone: it holds figures that describe faces, and ``results.csv``
travels. What begins or ends together is one transaction that is on the disk before the next step (write-ahead log, one
synchronisation each), so that a batch that is killed, or loses its power, knows what it had begun. The file is locked for one process,
without the shared memory that network file systems lack.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Set
from contextlib import closing, contextmanager
from operator import attrgetter
from pathlib import Path

from ...core.cells import as_cell
from ...core.errors import InputError, OutputError
from ...core.locks import HELD, lock
from ...core.private import OWNER_FILE
from ...output.atomic import released_file
from .row import COLUMNS, FIELDS, Row, as_told, row_of

#: SQLite's place for the number that tells a file's owner ("FdLn") and the version of its tables.
_APPLICATION, _VERSION = 0x46644C6E, 3
_TABLES = f"""
create table rows (case_name text primary key, {", ".join(f"{name} blob" for name in FIELDS[1:])}) without rowid;
create table begun (case_name text primary key, crashes text not null default '[]') without rowid;
pragma application_id = {_APPLICATION};
pragma user_version = {_VERSION};
"""
_PUT = f"insert or replace into rows values ({', '.join('?' * len(FIELDS))})"
#: A row's values in the ledger, and in the exported table.
_STORED, _EXPORTED = attrgetter(*FIELDS), attrgetter(*COLUMNS)
#: What is written of a file name whose bytes are no text; such a case is refused, but has its row.
_NO_TEXT = "backslashreplace"
_DAMAGED = "{path} is damaged ({problem}): bring it back from a copy, or name another output folder; what was released stays."


class Ledger:
    """The rows of a batch's cases by their names; which cases were begun and have no row yet, and why each crashed so far.

    :raises InputError: the file is no ledger, or there is a results file without one. :raises OutputError: it cannot be written.
    """

    def __init__(self, path: Path, results: Path) -> None:
        self.path, self.results = path, results
        if results.exists() and not path.exists():
            raise InputError(f"{results} is not of this batch, whose ledger would be {path}: name another output folder.")
        self._file = _opened(path)
        try:
            self.rows = {row.case: row for row in self._stored()}
            self.crashes = dict(self._begun())
        except BaseException:
            self._file.close()
            raise

    def keep(self, rows: Iterable[Row]) -> None:
        """Leave only these rows, here and in the exported table; cases that have one are not begun any more."""
        self.rows = {row.case: row for row in rows}
        with self._writing() as file:
            file.execute("delete from rows")
            file.executemany(_PUT, map(_stored_values, self.rows.values()))
            file.executemany("delete from begun where case_name = ?", [(name,) for name in self.rows])
        for name in self.rows:
            self.crashes.pop(name, None)
        self.export()

    def begin(self, *cases: str) -> None:
        """Note that cases are being worked on: without a row, what lies under an output's name is then our own remainder."""
        if cases:
            with self._writing() as file:
                file.executemany("insert or ignore into begun (case_name) values (?)", [(_text(case),) for case in cases])
            for case in cases:
                self.crashes.setdefault(case, [])

    @property
    def begun(self) -> Set[str]:
        """The cases that were begun and have no row yet."""
        return self.crashes.keys()

    def crashed(self, case: str, why: str) -> None:
        """A case that was begun has crashed and is tried again; whoever goes on after this program knows it too."""
        if case in self.crashes:
            self.crashes[case].append(why)
            with self._writing() as file:
                file.execute("update begun set crashes = ? where case_name = ?", (json.dumps(self.crashes[case]), _text(case)))

    def put(self, *rows: Row) -> None:
        """Cases have ended: their rows take the place of older ones."""
        if not rows:
            return
        new = [row for row in rows if row.case not in self.rows]
        self.rows.update((row.case, row) for row in rows)
        with self._writing() as file:
            file.executemany(_PUT, map(_stored_values, rows))
            file.executemany("delete from begun where case_name = ?", [(_text(row.case),) for row in rows])
        for row in rows:
            self.crashes.pop(row.case, None)
        if self.results.exists():
            _append(self.results, "".join(_line(_EXPORTED(as_told(row))) for row in new))

    def export(self) -> None:
        """Write the table anew, one line per case."""
        text = _line(COLUMNS) + "".join(_line(_EXPORTED(as_told(row))) for row in self.rows.values())
        with released_file(self.results, overwrite=True) as partial:
            partial.write_bytes(text.encode(errors=_NO_TEXT))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _stored(self) -> Iterator[Row]:
        try:
            for values in self._file.execute("select * from rows order by case_name"):
                yield row_of(dict(zip(FIELDS, values, strict=True)))
        except (sqlite3.Error, ValueError) as problem:
            raise InputError(_DAMAGED.format(path=self.path, problem=problem)) from problem

    def _begun(self) -> Iterator[tuple[str, list[str]]]:
        try:
            for name, crashes in self._file.execute("select case_name, crashes from begun"):
                yield str(name), [str(why) for why in json.loads(crashes)]
        except (sqlite3.Error, ValueError, TypeError) as problem:
            raise InputError(_DAMAGED.format(path=self.path, problem=problem)) from problem

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        try:
            with self._file:
                yield self._file
        except sqlite3.Error as problem:
            raise OutputError(f"{self.path} cannot be written ({problem}): make room, or name another output folder.") from problem


def _opened(path: Path) -> sqlite3.Connection:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), OWNER_FILE)
        is_plain = stat.S_ISREG(os.fstat(handle).st_mode)
        os.close(handle)
    except OSError as problem:
        raise OutputError(f"The batch's ledger {path} cannot be written ({problem.strerror}): name another output folder.") from problem
    if not is_plain:
        raise InputError(f"{path} is no ledger of a batch but a pipe or device: name another output folder.")
    file = sqlite3.connect(path)
    try:
        file.execute("pragma locking_mode = exclusive")
        is_new = path.stat().st_size == 0
        if not is_new and file.execute("pragma application_id").fetchone() != (_APPLICATION,):
            raise InputError(f"{path} is no ledger of a batch: name another output folder.")
        if not is_new and file.execute("pragma user_version").fetchone() != (_VERSION,):
            raise InputError(f"{path} was written by another version of the program: use that one, or name another output folder.")
        file.execute("pragma journal_mode = wal")
        file.execute("pragma synchronous = full")
        if is_new:
            file.executescript(f"begin; {_TABLES} commit;")
        if (found := file.execute("pragma quick_check(1)").fetchone()) != ("ok",):
            raise InputError(_DAMAGED.format(path=path, problem=str(found[0]).splitlines()[-1]))
    except sqlite3.OperationalError as problem:
        file.close()
        raise OutputError(
            f"{path} cannot be worked with ({problem}): end whatever else has it open, make room, or name an output folder on a disk "
            "with locks."
        ) from problem
    except sqlite3.Error as problem:
        file.close()
        raise InputError(f"{path} is no ledger of a batch that can be read ({problem}): name another output folder.") from problem
    except InputError:
        file.close()
        raise
    return file


def read_rows(path: Path, results: Path) -> tuple[dict[str, Row], set[str]]:
    """The rows of a ledger, and the names of the cases that were begun and did not end. Raises InputError as ``Ledger``."""
    if not path.exists():
        raise InputError(f"There is no ledger {path}: run that part again.")
    with closing(Ledger(path, results)) as ledger:
        return ledger.rows, ledger.begun


def _stored_values(row: Row) -> tuple[object, ...]:
    return tuple(_text(value) if isinstance(value, str) else value for value in _STORED(row))


def _text(value: str) -> str:
    return value.encode(errors=_NO_TEXT).decode()


def _line(values: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([as_cell(" ".join(str(value).split())) for value in values])
    return buffer.getvalue()


def _append(path: Path, text: str) -> None:
    """Add a line to the exported table, for whoever looks while the batch runs; it is written anew at the end."""
    try:
        with path.open("ab") as file:
            file.write(text.encode(errors=_NO_TEXT))
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem


@contextmanager
def sole_batch(results: Path) -> Iterator[None]:
    """Nobody else works on these results while this lasts; the lock goes with the process, however that ends.

    :raises OutputError: somebody does, or nothing can be written or locked there.
    """
    path = results.with_name(f".{results.stem.replace('results', 'batch', 1)}.lock")
    try:
        file = path.open("a+b")
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}): name an output folder of yours.") from problem
    with file:
        try:
            lock(file.fileno())
        except OSError as problem:
            if problem.errno in HELD:
                raise OutputError(f"Another batch is writing to {results}.") from problem
            raise OutputError(
                f"{path} cannot be locked ({problem.strerror}), so that nobody knows who else writes to {results}: "
                "name an output folder on a disk with locks."
            ) from problem
        yield
