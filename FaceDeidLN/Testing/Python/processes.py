"""The command line as processes of their own."""

from __future__ import annotations

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
