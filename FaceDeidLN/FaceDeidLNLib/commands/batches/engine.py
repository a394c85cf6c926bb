"""Who runs the cases of a batch: local processes, or the workers of a Dask cluster; both run the same ``CaseRunner``."""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..console import FAIL
from .task import Ended, Task

if TYPE_CHECKING:
    from .case_run import CaseRunner

Item = TypeVar("Item")
LOCAL, DASK = "local", "dask"
ENGINES = (LOCAL, DASK)


class Engine(Protocol):
    """Takes tasks and gives back how each ended, in any order; one that got lost on the way has ended as a crash."""

    @property
    def room(self) -> int:
        """How many tasks more it can take now."""

    def start(self, task: Task) -> None:
        """Take a task."""

    def wait(self, seconds: float) -> list[Ended]:
        """What has ended, waiting so long for the first."""

    def close(self) -> None:
        """End what still runs; nothing half-written is left."""


def drained(ended: queue.Queue[Item], seconds: float) -> list[Item]:
    """All that a queue holds, waiting so long for the first."""
    found = []
    with contextlib.suppress(queue.Empty):
        found.append(ended.get(timeout=seconds))
        while True:
            found.append(ended.get_nowait())
    return found


class LocalEngine:
    """``jobs`` processes of this machine."""

    def __init__(self, jobs: int) -> None:
        from .case_run import CaseRunner  # heavy, and the help of the command line reads the names above

        self._make = CaseRunner
        self._jobs, self._running = jobs, 0
        self._ended: queue.Queue[Ended] = queue.Queue()
        self._threads = ThreadPoolExecutor(jobs, "case")
        self._own = threading.local()
        self._lock, self._is_closed = threading.Lock(), False
        self.runners: list[CaseRunner] = []

    @property
    def room(self) -> int:
        """Processes that have nothing to do."""
        return self._jobs - self._running

    def start(self, task: Task) -> None:
        """Give a task to a process that has nothing to do."""
        self._running += 1
        self._threads.submit(self._run, task)

    def wait(self, seconds: float) -> list[Ended]:
        """What has ended."""
        found = drained(self._ended, seconds)
        self._running -= len(found)
        return found

    def close(self) -> None:
        """Ask all processes to clean up and end, and wait for that."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:  # whoever makes a runner has made it, or makes none any more
            self._is_closed = True
        enders = [threading.Thread(target=runner.stop) for runner in self.runners]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        self._threads.shutdown(wait=True)

    def _run(self, task: Task) -> None:
        with self._lock:
            if self._is_closed:
                return
            if not hasattr(self._own, "runner"):
                self._own.runner = self._make()
                self.runners.append(self._own.runner)
        try:
            self._ended.put(self._own.runner.run(task))
        except Exception as problem:  # of a case, a full disk for instance: it is no other case's
            self._ended.put(Ended(task.case, FAIL, (f"{type(problem).__name__}: {problem}",), is_crash=True))
