"""A process that does cases (``serve.py``), seen from the side that starts it: asked, watched, timed out, and never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.interpreter import interpreter
from .task import Limits

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
#: How long (s) a process that was asked to end may clean up.
GRACE_S = 10.0
_POLL_S = 0.2
#: After so many cases a process makes room for a new one, because libraries may grow.
_MOST_CASES = 100
_THREADS = ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "VTK_SMP_MAX_THREADS")
#: As of the command line (``main.run``), whatever else is shared: the last bits of a matrix product depend on its threads.
_MATRIX_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
#: What a command ends with after a case that went as cases do.
_ORDERLY = (0, 2, 3)


class ChildEnded(Exception):
    """The process ended without an answer; the message says how."""


class Child:
    """One process, which lives as long as its cases end orderly. What it prints goes to a file, so that no full pipe can stop it."""

    def __init__(self, limits: Limits) -> None:
        words = [interpreter(), "-m", "FaceDeidLNLib.commands.batches.serve", f"--parent={os.getpid()}"]
        words += [] if limits.memory_mb is None else [f"--memory-mb={limits.memory_mb}"]
        self.limits = limits
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process lives
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=_environment(limits.threads), text=True
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._cases, self._is_spent, self.is_stopped = 0, False, threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def process_id(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_fit(self) -> bool:
        """It lives, and another case may go to it."""
        return not self._is_spent and self._process.poll() is None and self._cases < _MOST_CASES

    def ask(self, words: Sequence[str]) -> tuple[dict[str, Any], bool]:
        """Run one command line; the answer of ``serve.py``, and whether the process was asked to end because it took too long.

        :raises ChildEnded: it ended without an answer.
        """
        self._cases += 1
        begin, asked = time.monotonic(), False
        said = os.fstat(self._said.fileno()).st_size
        with contextlib.suppress(OSError):  # a process that is gone: the answer tells
            self._process.stdin.write(json.dumps(list(words)) + "\n")
            self._process.stdin.flush()
        while True:
            try:
                line = self._answers.get(timeout=_POLL_S)
                break
            except queue.Empty:
                asked = self._hurry(time.monotonic() - begin, asked)
        if not line:
            self.is_stopped.set()
            took = time.monotonic() - begin
            raise ChildEnded(f"{self._overdue(took)}the process {self._how_it_ended()} after {took:.0f} s{self._last_words(said)}")
        answer = json.loads(line)
        self._is_spent = asked or answer["code"] not in _ORDERLY
        return answer, asked

    def stop(self) -> None:
        """Ask the process to clean up and end, and end it where it does not in time."""
        self.is_stopped.set()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # one behind a launcher, which the signal did not reach, ends by that
        self._process.wait()

    def _hurry(self, took: float, asked: bool) -> bool:
        """An overdue process is asked to clean up and end (SIGTERM), and ended where it does not in time."""
        if took > self.limits.seconds + GRACE_S:
            self._process.kill()
        elif took > self.limits.seconds and not asked:
            self._process.terminate()
            return True
        return asked

    def _listen(self) -> None:
        for line in self._process.stdout:
            self._answers.put(line)
        self._process.wait()
        self._answers.put("")

    def _overdue(self, took: float) -> str:
        return overdue(self.limits) + "; " if took > self.limits.seconds else ""

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        if code >= 0:
            return f"ended with code {code} without a report"
        try:
            return f"ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"ended by signal {-code}"

    def _last_words(self, since: int) -> str:
        self._said.seek(since)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""


def overdue(limits: Limits) -> str:
    """Why a case was ended that took too long."""
    return f"it took longer than {limits.seconds / 60:g} min (--timeout-min)"


def _environment(threads: int) -> dict[str, str]:
    """The processes share the cores instead of each wanting all of them, and find the package wherever it lies."""
    path = os.pathsep.join(filter(None, (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
    return {**_MATRIX_THREADS, **os.environ, **dict.fromkeys(_THREADS, str(threads)), "PYTHONPATH": path}
