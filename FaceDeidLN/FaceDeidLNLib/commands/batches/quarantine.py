"""The inputs that were refused, each with the reason beside it: a folder for its owner alone, because links lead to the originals.

Nothing is moved: ``<case>/input`` is a link to what was read (a text file with its path where the system has no links), and
``<case>/reason.txt`` says why. What is mended or released later leaves with the next run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ...core.errors import OutputError
from ...core.private import OWNER_FOLDER, write_private
from .cases import Case
from .row import Row

REASON, INPUT = "reason.txt", "input"
#: By which an entry is known as ours.
_FIRST_LINE = "Refused by the batch:"


def quarantine(folder: Path, done: Iterable[tuple[Case, Row]]) -> int:
    """Bring the entries of these cases up to date; how many of them are refused.

    :raises OutputError: the folder cannot be written.
    """
    refused = 0
    try:
        for case, row in done:
            if row.is_refused:
                refused += 1
                _put(folder, case, row)
            else:
                _remove(folder, case.name)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as problem:
        raise OutputError(f"The quarantine {folder} cannot be written ({problem.strerror}).") from problem
    return refused


def _put(folder: Path, case: Case, row: Row) -> None:
    place = folder / case.name
    folder.mkdir(mode=OWNER_FOLDER, parents=True, exist_ok=True)
    place.mkdir(mode=OWNER_FOLDER, parents=True, exist_ok=True)
    write_private(place / REASON, f"{_FIRST_LINE} {row.verdict}\n{row.reasons}\n")
    link = place / INPUT
    if link.is_symlink() or link.exists():
        link.unlink()
    try:
        link.symlink_to(case.input.absolute())
    except OSError:  # Windows asks for a privilege
        write_private(link, f"{case.input.absolute()}\n")


def _remove(folder: Path, name: str) -> None:
    """The entry of a case goes, and with it the folders around it that hold nothing else: an output may lie in subfolders."""
    reason = folder / name / REASON
    if reason.is_file() and reason.read_text(encoding="utf-8", errors="replace").startswith(_FIRST_LINE):
        shutil.rmtree(folder / name)
    for around in list(Path(name).parents)[:-1]:
        if (folder / around).is_dir() and not any((folder / around).iterdir()):
            (folder / around).rmdir()
