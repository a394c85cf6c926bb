"""Running another program: with a time limit, and with its last words where it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.progress import Alive, idle
from .base import ProviderError

#: Characters of the program's output that are quoted.
LAST_WORDS = 300
#: So often (s) is asked whether to go on.
_ASK_S = 0.2


def run_command(command: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None, alive: Alive = idle) -> None:
    """Run a program to its end; ``alive`` is called while it works, and where that raises it is stopped with its children.

    :raises ProviderError: it is not there, takes longer than ``timeout_s`` seconds (then it and its children are
        stopped), or ends with an error (its last words are quoted).
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ProviderError(f"{name} cannot be started ({error})") from error
    try:
        said = _last_words(process, time.monotonic() + timeout_s, alive)
    except subprocess.TimeoutExpired as error:
        raise ProviderError(f"{name} took longer than {timeout_s:g} s and was stopped") from error
    finally:
        if process.poll() is None:
            _stop(process)
    if process.returncode:
        raise ProviderError(f"{name} ended with code {process.returncode}: ...{said.strip()[-LAST_WORDS:]}")


def _last_words(process: subprocess.Popen, end: float, alive: Alive) -> str:
    """What it printed until it ended; raises TimeoutExpired where the clock passes ``end`` (monotonic s)."""
    while True:
        alive()
        try:
            return process.communicate(timeout=max(0.0, min(_ASK_S, end - time.monotonic())))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise


def _stop(process: subprocess.Popen) -> None:
    """Stop the program and all that it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
