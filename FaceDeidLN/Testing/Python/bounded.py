"""Reading within bounds of time and memory that the operating system holds a process to."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from FaceDeidLNLib.core.errors import InputError

if sys.platform == "win32":
    pytest.skip("limits of memory and time are set by POSIX means", allow_module_level=True)

import resource

#: What a reader may take: CPU seconds (a tenth of them on a usual machine), and resident memory.
CPU_SECONDS, MOST_BYTES = 50, 500 << 20
#: Where a reader that takes more is ended: address space (the stacks of many idle threads count there, too), and seconds of waiting.
END_BYTES, END_SECONDS = 3 << 30, 900


def refused(read: Callable[[Path], object], path: Path) -> str:
    """The sentence with which a reader refuses a file, in a process of its own with little time and memory."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_read, args=(theirs, read, path))
    process.start()
    theirs.close()
    try:
        assert ours.poll(END_SECONDS), "still reading"
        said, grown = ours.recv()
    except EOFError:
        process.join()
        raise AssertionError(f"ended by {-process.exitcode}: it took too long") from None
    finally:
        process.kill()
    process.join()
    assert grown <= MOST_BYTES, f"{grown >> 20} MB"
    return said


def _read(connection: multiprocessing.connection.Connection, read: Callable[[Path], object], path: Path) -> None:
    size, before = _memory("VmSize"), _memory("VmRSS")
    if size:
        resource.setrlimit(resource.RLIMIT_AS, (size + END_BYTES,) * 2)
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + CPU_SECONDS + 1,) * 2)
    warnings.simplefilter("ignore")
    try:
        read(path)
        said = "it was read"
    except InputError as refusal:
        said = str(refusal)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    connection.send((said, _memory("VmHWM") - before))


def _memory(name: str) -> int:
    """Bytes that Linux counts of this process; 0 elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:")), 0)
