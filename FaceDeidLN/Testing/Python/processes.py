"""The command line as processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

_PACKAGES = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))}


def command(*words: object) -> list[str]:
    """What starts the program with these words."""
    return [sys.executable, "-m", "FaceDeidLNLib.commands.main", *map(str, words)]


def run_process(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(command(*words), env=ENVIRONMENT, cwd=cwd, capture_output=True, text=True, check=False)


def start_process(*words: object) -> subprocess.Popen[bytes]:
    """Start the program in a process group of its own, silent."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command(*words), env=ENVIRONMENT, stdout=quiet, stderr=quiet, start_new_session=True)


def lives(identifier: int | str) -> bool:
    """Is there such a process, and not only what is left of it? Only Linux tells."""
    try:
        return Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(identifier: int | str) -> list[str]:
    """The ids of the processes that a process has started and that are there; none where the system does not tell."""
    found = []
    for thread in Path(f"/proc/{identifier}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended
            found += thread.read_text().split()
    return found


def words_of(identifier: int | str) -> str:
    """The command line of a process; empty where it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{identifier}/cmdline").read_text()
    return ""
