"""Cases on a Dask cluster: the workers run the very ``CaseRunner`` that the local engine runs.

A local cluster of ``jobs`` workers, or any that runs already (SSH, Slurm by dask-jobqueue, Kubernetes) by its scheduler's address. Its
workers need this package and the same paths. A worker that is lost costs its case an attempt; what it had begun goes with it, because
the case's process ends with its worker. A task that nobody waits for any more, because this program ended, is stopped by its worker.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import threading
from typing import TYPE_CHECKING, Any

from ...core.errors import InputError
from ..console import FAIL
from .case_run import CaseRunner
from .engine import drained
from .task import Ended, Task

if TYPE_CHECKING:
    from distributed import Client, Future

#: How often (s) a case looks whether it is still wanted, and how long (s) a scheduler may take to answer.
_POLL_S, _CONNECT_S = 1.0, 20
#: Tasks beyond those at work, so that no worker waits for this program.
_AHEAD = 1
_THREAD = threading.local()


class DaskEngine:
    """The workers of a cluster.

    :raises InputError: ``distributed`` is not installed, or there is no scheduler.
    """

    def __init__(self, jobs: int, scheduler: str | None) -> None:
        self._cluster, self._client = _connected(jobs, scheduler)
        self._ended: queue.Queue[tuple[str, Future]] = queue.Queue()
        self._running: dict[str, Future] = {}
        self._numbers = itertools.count()

    @property
    def dashboard(self) -> str:
        """Where the cluster can be watched."""
        return str(self._client.dashboard_link)

    @property
    def room(self) -> int:
        """Workers that have nothing to do, and a little ahead; one as long as none has come yet."""
        return max(1, sum(self._client.nthreads().values()) + _AHEAD) - len(self._running)

    def start(self, task: Task) -> None:
        """Give a task to the cluster."""
        key = f"facedeidln-{next(self._numbers)}-{self._client.id}"
        future = self._client.submit(run_task, task, key, key=key, pure=False, retries=0)
        self._running[task.case] = future
        future.add_done_callback(lambda done: self._ended.put((task.case, done)))

    def wait(self, seconds: float) -> list[Ended]:
        """What has ended."""
        return [self._result(case, future) for case, future in drained(self._ended, seconds)]

    def close(self) -> None:
        """Cancel what runs; a cluster of our own ends."""
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._client.cancel(list(self._running.values()))
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _result(self, case: str, future: Future) -> Ended:
        del self._running[case]
        if future.status == "finished":
            return future.result()
        problem = future.exception() if future.status == "error" else None
        why = "was lost" if problem is None else f"was lost ({type(problem).__name__})"
        return Ended(case, FAIL, (f"the worker of the cluster {why}",), is_crash=True)


def run_task(task: Task, key: str) -> Ended:
    """Run a case on a worker of the cluster, in a process that this thread of it keeps for its cases."""
    runner: CaseRunner | None = getattr(_THREAD, "runner", None)
    if runner is None or runner.is_over:
        runner = _THREAD.runner = CaseRunner()
    has_ended = threading.Event()
    threading.Thread(target=_stop_when_unwanted, args=(runner, key, has_ended, _worker()), daemon=True).start()
    try:
        return runner.run(task)
    finally:
        has_ended.set()


def _worker() -> Any:  # noqa: ANN401
    from distributed import get_worker

    return get_worker()


def _stop_when_unwanted(runner: CaseRunner, key: str, has_ended: threading.Event, worker: Any) -> None:  # noqa: ANN401
    """End the case's process when the scheduler has taken its task back: then nobody would note how it ends."""
    while not has_ended.wait(_POLL_S):
        state = worker.state.tasks.get(key)
        if state is None or state.state != "executing":
            runner.stop()
            return


def _connected(jobs: int, scheduler: str | None) -> tuple[Any, Client]:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as problem:
        raise InputError("--engine dask needs the package distributed: pip install distributed.") from problem
    if scheduler is not None:
        try:
            return None, Client(scheduler, timeout=_CONNECT_S)
        except (OSError, ValueError) as problem:
            raise InputError(f"There is no Dask scheduler at {scheduler}: start one, or leave --scheduler out.") from problem
    with dask.config.set({"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}):
        cluster = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
    return cluster, Client(cluster)
