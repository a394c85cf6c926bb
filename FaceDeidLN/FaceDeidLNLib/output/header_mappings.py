"""Which UID and which patient became which: two tables beside the key, for whoever must find the way back. Never in an output.

The form is that of the public MIDI validation script: the columns ``id_old`` and ``id_new``.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..core.errors import InputError, OutputError
from ..core.plain_files import open_plain, unread
from ..header.base import HeaderPolicy
from ..header.keys import PATIENTS, UIDS
from ..header.keys import TABLE_COLUMNS as COLUMNS
from .lock import sole_writer

#: How often, and how long apart, another case's turn is waited for.
_TRIES, _WAIT_S = 300, 0.1
#: A table below this size (bytes) is written anew whenever something is added; a larger one whenever it has become twice as large.
SMALL = 1 << 20


def keep_mappings(policy: HeaderPolicy, key: Path | None) -> None:
    """Write which UID and patient became which, beside the key; nothing to do where headers are kept. Raises OutputError."""
    if policy.options is None:
        return
    from ..header.profile import Profile

    if isinstance(policy, Profile) and key is not None:
        write_mappings(key, policy.uids, policy.patients)


def write_mappings(key: Path, uids: Mapping[str, str], patients: Mapping[str, str]) -> tuple[Path, Path]:
    """Add to the tables beside the key, readable for their owner only; what stands there already stays.

    :raises OutputError: they cannot be written.
    """
    folder = Path(key).absolute().parent
    return _add(folder / UIDS, uids), _add(folder / PATIENTS, patients)


def read_mapping(path: Path) -> dict[str, str]:
    """New names by old ones; empty where there is no table yet.

    :raises InputError: what is there is none.
    """
    if not path.exists():
        return {}
    try:
        with io.TextIOWrapper(open_plain(path), encoding="utf-8", newline="") as file:
            rows = csv.DictReader(line for line in file if line.endswith("\n"))
            if rows.fieldnames and not set(COLUMNS) <= set(rows.fieldnames):
                raise KeyError(COLUMNS)
            return {row[COLUMNS[0]]: row[COLUMNS[1]] for row in rows if row[COLUMNS[1]] is not None}  # not one that a kill cut off
    except (OSError, ValueError, KeyError, csv.Error) as problem:
        raise InputError(f"{path} is no table of old and new names ({unread(problem)}): move it away, or name another key.") from problem


def _add(path: Path, found: Mapping[str, str]) -> Path:
    """Several cases of a batch may end at once: one after the other adds.

    The work for all cases of a batch grows as their number does: to a large table lines are added at its end, some perhaps for the second
    time (they say the same), until it is written anew.
    """
    for tries_left in range(_TRIES, -1, -1):
        try:
            with sole_writer(path.with_name(f".{path.name}.lock"), path):
                if not (_is_large(path) and _append(path, found)):
                    _replace(path, {**read_mapping(path), **found})
                return path
        except OutputError:
            if not tries_left:
                raise
            time.sleep(_WAIT_S)
    return path


def _is_large(path: Path) -> bool:
    return path.exists() and path.stat().st_size >= SMALL


def _append(path: Path, found: Mapping[str, str]) -> bool:
    """Add lines to a table; False where it is no plain file that ends with a whole line, or has become twice as large."""
    text = _lines(sorted(found.items())).encode()
    try:
        with open_plain(path) as file:
            size = file.seek(-1, os.SEEK_END) + 1
            ends_well = file.read(1) == b"\n"
        if not ends_well or (size + len(text)).bit_length() > size.bit_length():
            return False
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)), "ab") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
    return True


def _lines(rows: Iterable[tuple[str, str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _replace(path: Path, rows: Mapping[str, str]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as file:
            file.write(_lines([COLUMNS, *sorted(rows.items())]))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
