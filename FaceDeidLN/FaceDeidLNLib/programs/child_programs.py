"""Programs that other extensions start: watched while they run, and ended with all they left where the user cancels.

TotalSegmentator, CADS and MONAIAuto3DSeg start theirs with ``slicer.util.launchConsoleProcess``, read its output line by
line until it ends, and keep the CT in a folder of ``slicer.util.tempDirectory`` meanwhile. None of them lets events through
between two lines, and none removes that folder when it is interrupted.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import slicer

from ..core.guard import ended_with_us, removed_with_us
from ..core.guard_process import end_program
from ..core.private import OWNER_FOLDER
from ..core.progress import Alive

#: So often (s) a reader asks whether to go on while the program is silent, and so long it waits for a program that was ended.
_ASK_S, _END_S = 0.1, 5.0


@contextmanager
def watched_programs(alive: Alive) -> Iterator[None]:
    """While this lasts, reading the output of a program that ``slicer.util`` started calls ``alive`` ten times a second.

    Where anything is raised inside (``Cancelled`` by ``alive``), programs that still run are ended with their children, and
    temporary folders that were made are removed; so they are where this process ends. The folders are for their owner alone.
    """
    launch, make_folder = slicer.util.launchConsoleProcess, slicer.util.tempDirectory
    programs: list[subprocess.Popen[str]] = []
    folders: list[str] = []
    left = contextlib.ExitStack()

    def launch_watched(*words: Any, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        programs.append(launch(*words, **options))
        left.enter_context(ended_with_us(programs[-1].pid))
        if options.get("blocking", True):  # else Slicer itself reads, and lets events through
            programs[-1].stdout.reconfigure(errors="backslashreplace")  # one byte that is no text would cost all that was read with it
            programs[-1].stdout = WatchedOutput(programs[-1].stdout, alive)
        return programs[-1]

    def make_remembered(*words: Any, **options: Any) -> str:  # noqa: ANN401
        folders.append(make_folder(*words, **options))
        left.enter_context(removed_with_us(Path(folders[-1])))
        Path(folders[-1]).chmod(OWNER_FOLDER)
        return folders[-1]

    slicer.util.launchConsoleProcess, slicer.util.tempDirectory = launch_watched, make_remembered
    try:
        with left:
            yield
    except BaseException:
        for program in programs:
            end(program)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        slicer.util.launchConsoleProcess, slicer.util.tempDirectory = launch, make_folder


class WatchedOutput:
    """A program's output whose ``readline`` calls ``alive`` while it waits; a thread of its own does nothing but read."""

    def __init__(self, output: TextIO, alive: Alive) -> None:
        self._output, self._alive, self._ended = output, alive, False
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        line = None
        while line != "":
            try:
                line = self._output.readline()
            except (OSError, ValueError):  # closed
                line = ""
            self._lines.put(line)

    def readline(self) -> str:
        """The next line; empty at the end, as a file's."""
        while not self._ended:
            try:
                line = self._lines.get(timeout=_ASK_S)
            except queue.Empty:
                self._alive()
                continue
            self._ended = line == ""
            return line
        return ""

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")

    def close(self) -> None:
        """Read no more."""
        self._output.close()


def end(program: subprocess.Popen[str]) -> None:
    """End a program and its children at once: Slicer's interpreter runs behind a launcher, which does not pass on that it was ended."""
    if program.poll() is not None:
        return
    end_program(program.pid)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(_END_S)
