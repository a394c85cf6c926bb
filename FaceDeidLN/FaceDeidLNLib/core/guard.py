"""What must not outlive this process: files with a face in them, and the programs that work on them.

Clean-up code does not run in a process that is killed. So a small process of its own (``guard_process.py``) listens to a pipe from
this one; when the pipe ends, it ends the programs and removes the files that were noted. That works alike on Linux, macOS and
Windows, and for everything that the noted programs have started. On Linux the kernel ends the programs themselves as well.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from .errors import FaceDeidError
from .interpreter import interpreter

_PROGRAM = Path(__file__).with_name("guard_process.py")
#: So long (s) the end of this process waits for the guard to remove what was left.
_PATIENCE_S = 5.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Guard:
    """The guard of this process, started when the first thing is noted. Where none can be started, the next start sweeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = _start()
        if self._process is not None:
            atexit.register(self.close)

    @property
    def process_id(self) -> int | None:
        """Of the guard; None where there is none."""
        return None if self._process is None else self._process.pid

    def tell(self, what: str, kind: str, value: str | int) -> None:
        """Note ("add") or forget ("drop") a "path", "renames" (the file that lists them) or a "program" (its process id)."""
        if self._process is not None:
            with self._lock, contextlib.suppress(OSError, ValueError):
                self._process.stdin.write((json.dumps([what, kind, value]) + "\n").encode())
                self._process.stdin.flush()

    def close(self) -> None:
        """End the guard; what is still noted goes."""
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(_PATIENCE_S)


def removed_with_us(path: Path) -> AbstractContextManager[None]:
    """While this lasts, ``path`` is removed if this process ends, however it does. Nobody else may come to use that name."""
    return _noted("path", str(path))


def taken_back_with_us(renames: Path) -> AbstractContextManager[None]:
    """While this lasts, what ``renames`` lists (see ``guard_process.take_back``) is undone if this process ends, however it does."""
    return _noted("renames", str(renames))


def ended_with_us(identifier: int) -> AbstractContextManager[None]:
    """While this lasts, a program (its process id) is ended, with its children, if this process ends."""
    return _noted("program", identifier)


@contextlib.contextmanager
def _noted(kind: str, value: str | int) -> Iterator[None]:
    guard = _guard(os.getpid())
    guard.tell("add", kind, value)
    try:
        yield
    finally:
        guard.tell("drop", kind, value)


def death_signal() -> Callable[[], None] | None:
    """For ``Popen(preexec_fn=...)``: Linux ends the program (SIGKILL) when the thread that started it ends; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    return functools.partial(_prctl(), _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@functools.cache
def _prctl() -> Callable[..., int]:
    return ctypes.CDLL(None, use_errno=True).prctl


@functools.cache
def _guard(process: int) -> Guard:
    """One per process; a forked child gets its own."""
    return Guard()


def _start() -> subprocess.Popen | None:
    quiet = subprocess.DEVNULL
    try:
        command = [interpreter(), "-I", "-S", str(_PROGRAM)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    except (OSError, FaceDeidError):
        return None
