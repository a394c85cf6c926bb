"""Running another program: with a time limit, and with its last words where it fails."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.guard import death_signal, ended_with_us
from ..core.guard_process import end_program
from ..core.progress import Alive, idle
from ..core.scratch import scratch_folder
from .base import ProviderError

#: Characters of the program's output that are quoted.
LAST_WORDS = 300
#: So often (s) is asked whether to go on.
_ASK_S = 0.2


def run_command(command: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None, alive: Alive = idle) -> None:
    """Run a program to its end; ``alive`` is called while it works, and where that raises it is stopped with its children.

    Its temporary files lie among ours; it and its children end with this process, whatever ends that.

    :raises ProviderError: it is not there, takes longer than ``timeout_s`` seconds (then it and its children are
        stopped), or ends with an error (its last words are quoted).
    """
    name = Path(command[0]).name
    with scratch_folder() as own:
        process = _start(command, {**os.environ, **(environment or {}), **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own))})
        with ended_with_us(process.pid):
            try:
                said = _last_words(process, time.monotonic() + timeout_s, alive)
            except subprocess.TimeoutExpired as error:
                raise ProviderError(f"{name} took longer than {timeout_s:g} s and was stopped") from error
            finally:
                _stop(process)
    if process.returncode:
        raise ProviderError(f"{name} ended with code {process.returncode}: ...{said.strip()[-LAST_WORDS:]}")


def _start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=death_signal(),
        )
    except OSError as error:
        raise ProviderError(f"{Path(command[0]).name} cannot be started ({error})") from error


def _last_words(process: subprocess.Popen, end: float, alive: Alive) -> str:
    """What it printed until it ended; raises TimeoutExpired where the clock passes ``end`` (monotonic s)."""
    while True:
        alive()
        try:
            return process.communicate(timeout=max(0.0, min(_ASK_S, end - time.monotonic())))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop the program and all that it started."""
    if process.poll() is None:
        end_program(process.pid)
        process.communicate()
