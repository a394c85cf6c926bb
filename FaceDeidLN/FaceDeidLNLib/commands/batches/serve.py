"""The process that does cases, one after the other, so that what they all need is loaded once.

Started by ``child.py``. Each line on standard input is a JSON list, the words of one command line; each line on standard output is
one JSON object: what the command printed with ``--json`` as ``report``, its exit code, the most memory that it had at once, and the
processor's seconds, those of loading the libraries with the first case. Whatever a library prints goes to standard error. The process
ends with its standard input, with the process that started it, and after a signal.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import queue
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from ... import __version__
from ..signals import killed_with_parent

Command = Callable[[Sequence[str]], int]
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
#: Linux, proc(5): this in ``clear_refs`` begins the measure of the peak anew.
_RESET_PEAK = "5"
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_KB_PER_MB, _MB = 1024, 2**20
#: An exit code above this is 128 plus the number of a signal, as shells tell it.
_ENDED_BY_SIGNAL = 128


def serve(command: Command, parent: int, memory_mb: int | None = None) -> None:
    """Do cases until there are no more; see the module's description.

    :param parent: process id of the starter. :param memory_mb: a case that wants more fails.
    """
    asked, answers = _own_channels()
    killed_with_parent(parent)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(asked, lines), daemon=True).start()
    limit_memory(memory_mb)
    before = 0.0
    while True:
        line = lines.get()
        begin_peak()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = command(json.loads(line))
        so_far = sum(os.times()[:4])  # with the programs that it ran
        took, before = {"cpu_seconds": so_far - before}, so_far
        answers.write(json.dumps({"code": code, "report": _report(printed.getvalue(), code), **took, **circumstances()}) + "\n")
        answers.flush()
        if code > _ENDED_BY_SIGNAL:
            return


def _own_channels() -> tuple[IO[str], IO[str]]:
    """Standard input and output for ourselves alone: nothing that a case starts or prints gets at them."""
    asked, answers = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return asked, answers


def _listen(asked: IO[str], lines: queue.Queue[str]) -> None:
    """The end of what is asked is the end of who asks: whatever is at work then has nobody to report to."""
    for line in asked:
        lines.put(line)
    os._exit(0)


def _report(printed: str, code: int) -> dict[str, Any]:
    """What the command printed, where it is a report that fits its exit code."""
    try:
        report = json.loads(printed)
    except ValueError:
        return {}
    return report if isinstance(report, dict) and report.get("exit_code") == code else {}


def limit_memory(memory_mb: int | None) -> None:
    """From now on this process gets no more memory than this (RLIMIT_DATA; without effect on Windows)."""
    if memory_mb is None or sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * _MB, memory_mb * _MB))


def begin_peak() -> None:
    """Forget the peak of earlier cases; only Linux can."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK)


def circumstances() -> dict[str, Any]:
    """The most memory since ``begin_peak``, where the system tells, and the versions."""
    return {"peak_memory_mb": _peak_mb(), "versions": f"FaceDeidLN {__version__}, Python {platform.python_version()}"}


def _peak_mb() -> int | None:
    try:
        found = _PEAK.search(_STATUS.read_text())
    except OSError:
        return None
    return None if found is None else round(int(found[1]) / _KB_PER_MB)


def main() -> None:
    """The program."""
    from ..main import main as command

    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--memory-mb", type=int)
    options = parser.parse_args()
    serve(command, options.parent, options.memory_mb)


if __name__ == "__main__":
    main()
