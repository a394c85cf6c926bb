"""Which UID and which patient became which: two tables beside the key, for whoever must find the way back. Never in an output.

The form is that of the public MIDI validation script: the columns ``id_old`` and ``id_new``.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import InputError, OutputError
from ..core.plain_files import open_plain
from ..header.base import HeaderPolicy
from .lock import sole_writer

COLUMNS = ("id_old", "id_new")
#: How often, and how long apart, another case's turn is waited for.
_TRIES, _WAIT_S = 300, 0.1
UIDS, PATIENTS = "uid_mapping.csv", "patid_mapping.csv"


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
            return {row[COLUMNS[0]]: row[COLUMNS[1]] for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, csv.Error) as problem:
        raise InputError(f"{path} is no table of old and new names ({problem}): move it away, or name another key.") from problem


def _add(path: Path, found: Mapping[str, str]) -> Path:
    """Several cases of a batch may end at once: one after the other reads, adds and replaces."""
    for tries_left in range(_TRIES, -1, -1):
        try:
            with sole_writer(path.with_name(f".{path.name}.lock"), path):
                _replace(path, {**read_mapping(path), **found})
                return path
        except OutputError:
            if not tries_left:
                raise
            time.sleep(_WAIT_S)
    return path


def _replace(path: Path, rows: Mapping[str, str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows.items()))
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
