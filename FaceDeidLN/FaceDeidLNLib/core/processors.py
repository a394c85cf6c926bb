"""How many processors this process may keep busy."""

from __future__ import annotations

import os
import sys

#: What a thread works on is held until it is done, so that without a limit memory would grow with the machine.
MOST = 8
#: What OpenMP programs are told, by clusters' job scripts and by ``batch`` for its processes (OpenMP API 5.2, section 21.1.2).
LIMIT = "OMP_NUM_THREADS"


def processors(processes: int = 1) -> int:
    """Threads that work at once in each of so many processes, 1 to MOST.

    They share the processors that a scheduler left this process, and no more than LIMIT says.
    """
    return max(1, min(min(_allowed(), _limit()) // processes, MOST))


def _allowed() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows do not tell


def _limit() -> int:
    said = os.environ.get(LIMIT, "").split(",")[0].strip()
    return int(said) if said.isascii() and said.isdigit() and int(said) else sys.maxsize
