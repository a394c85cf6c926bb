"""The project's key: what ties new UIDs, pseudonyms and date shifts to the old ones, for whoever has it and for nobody else.

All three are keyed functions (HMAC-SHA-256) of the originals, as PS3.15 E.1.1 asks: a hash without a key can be guessed by trying.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
import time
from pathlib import Path

from ..core.errors import InputError, OutputError
from ..core.plain_files import MOST_KEY, open_plain, read_plain_text, read_table_text, unread
from .spelling import same_number

_KEY_BYTES = 32
_PATIENCE_S, _PAUSE_S = 5.0, 0.05
#: The tables of old and new names that are kept beside the key, and their columns.
TABLES = UIDS, PATIENTS = "uid_mapping.csv", "patid_mapping.csv"
TABLE_COLUMNS = ("id_old", "id_new")
#: What spreadsheets write between the cells of a table.
_SEPARATORS = ",;\t"


def project_key(path: Path, outputs: tuple[Path, ...] = (), inputs: tuple[Path, ...] = ()) -> bytes:
    """The key of a file; a file that is not there is made, readable for its owner only.

    :param outputs: what is given away; the key must not lie in it. :param inputs: what is read, and nothing is written into.
    :raises InputError: the file is no key, others can read it, or it lies there. :raises OutputError: it cannot be made.
    """
    path = Path(path).absolute()
    if (output := _around(path, outputs)) is not None:
        raise InputError(f"The key {path} lies in the output {output}, which is to be given away: name another place for it.")
    if (source := _around(path, inputs)) is not None:
        told = "into which neither it nor the two tables beside it are written"
        raise InputError(f"The key {path} lies in the input {source}, {told}: name another place, and move there what exists of them.")
    if path.exists():
        return _read(path)
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as problem:
        raise OutputError(f"The key {path} cannot be made ({problem.strerror}).") from problem
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def _around(path: Path, places: tuple[Path, ...]) -> Path | None:
    """The first of several files and folders that a path is, or lies in; None where there is none."""
    real = path.resolve()
    return next((place for place in places if Path(place).resolve() in (real, *real.parents)), None)


def _read(path: Path) -> bytes:
    """The key that is there, or that another process makes at this moment, as parts of a batch do that start together."""
    for _ in range(int(_PATIENCE_S / _PAUSE_S)):
        state = path.stat()
        if state.st_size >= 2 * _KEY_BYTES or time.time() - state.st_mtime > _PATIENCE_S:
            break
        time.sleep(_PAUSE_S)
    key = b""
    with contextlib.suppress(OSError, ValueError):
        key = bytes.fromhex(read_plain_text(path, MOST_KEY, "ascii").strip())
    if len(key) != _KEY_BYTES:
        raise InputError(
            f"{path} is no key of this program ({_KEY_BYTES} bytes in hexadecimal): name another file, or one that is not there yet."
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise InputError(f"The key {path} can be read by others than its owner: chmod 600 it, or make a new one.")
    return key


def require_tables(key: Path) -> None:
    """What lies beside the key under the names of its tables are such tables: after the work there would be no place for them.

    :raises InputError: one is something else, a table of pseudonyms of that name perhaps.
    """
    for path in (Path(key).absolute().parent / name for name in TABLES):
        try:
            if not path.exists():
                continue
            with open_plain(path) as file:
                first = file.readline(MOST_KEY).decode()
        except (OSError, ValueError) as problem:
            raise InputError(
                f"{path}, a table beside the key, cannot be read ({unread(problem)}): move it away, or name another key."
            ) from problem
        if first and not set(TABLE_COLUMNS) <= set(next(csv.reader([first]), ())):
            raise InputError(
                f"{path} is not the table of old and new names that is kept there (columns {', '.join(TABLE_COLUMNS)}): "
                "move it away, or name another key."
            )


def read_pseudonyms(path: Path) -> dict[str, str]:
    """Pseudonyms by PatientID from a CSV with the columns ``patient_id`` and ``pseudonym``.

    :raises InputError: it cannot be read, lacks a column, or gives two patients one pseudonym or one patient two.
    """
    try:
        text = read_table_text(path)
        separator = max(_SEPARATORS, key=text.split("\n", 1)[0].count)
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
        rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read as a CSV of pseudonyms ({unread(problem)}): save it as CSV in UTF-8.") from problem
    pairs = {tuple((row.get(name) or "").strip() for name in ("patient_id", "pseudonym")) for row in rows} - {("", "")}
    if not {"patient_id", "pseudonym"} <= set(table.fieldnames) or not all(patient and pseudonym for patient, pseudonym in pairs):
        raise InputError(f"{path}: its columns are patient_id and pseudonym, and each row needs both.")
    found = dict(pairs)
    if len({same_number(patient) for patient in found}) < len(pairs):
        raise InputError(f"{path} gives one patient two pseudonyms: keep one of them.")
    if len(set(found.values())) < len(found):
        raise InputError(f"{path} gives two patients the same pseudonym: give each one of his own.")
    return found
