"""Which UID and which patient became which: two tables beside the key, for whoever must find the way back. Never in an output.

The form is that of the public MIDI validation script: the columns ``id_old`` and ``id_new``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import OutputError

COLUMNS = ("id_old", "id_new")
UIDS, PATIENTS = "uid_mapping.csv", "patid_mapping.csv"


def write_mappings(key: Path, uids: Mapping[str, str], patients: Mapping[str, str]) -> tuple[Path, Path]:
    """Add to the tables beside the key, readable for their owner only; what stands there already stays.

    :raises OutputError: they cannot be written.
    """
    folder = Path(key).absolute().parent
    return _add(folder / UIDS, uids), _add(folder / PATIENTS, patients)


def read_mapping(path: Path) -> dict[str, str]:
    """New names by old ones; empty where there is no table yet."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row[COLUMNS[0]]: row[COLUMNS[1]] for row in csv.DictReader(file)}


def _add(path: Path, found: Mapping[str, str]) -> Path:
    from ..output.atomic import released_file

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted({**read_mapping(path), **found}.items()))
    try:
        with released_file(path, overwrite=True) as partial:
            partial.touch(mode=0o600)
            partial.write_text(text.getvalue(), encoding="utf-8")
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
    return path
