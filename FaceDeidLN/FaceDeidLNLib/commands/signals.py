"""Endings that come from outside: signals, and a parent process that is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Interrupted(BaseException):
    """A signal asked the program to end; like KeyboardInterrupt not an Exception, so that only clean-up code sees it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def _raise_interrupted(signal_number: int, frame: FrameType | None) -> None:
    raise Interrupted(signal_number)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """While this lasts SIGINT and SIGTERM raise ``Interrupted`` in the main thread; elsewhere nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _raise_interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def die_with_parent(parent: int) -> None:
    """End this process at once (SIGKILL) when the process that started it, whose id is given, ends for whatever reason.

    Linux does it itself for a direct parent. Elsewhere, and where a launcher stands between the two (Slicer's
    PythonSlicer), standard input must be a pipe from that process: its end is that process's end.
    """
    if not killed_with_parent(parent):
        threading.Thread(target=_end_with_input, daemon=True).start()


def killed_with_parent(parent: int) -> bool:
    """Have the kernel kill this process with the thread that started it; False where it does not (no Linux, no direct parent)."""
    if not sys.platform.startswith("linux"):
        return False
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(128 + 9)
