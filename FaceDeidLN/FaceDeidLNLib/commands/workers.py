"""The processes of a batch: started, watched, timed out, and never left behind."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import IO, Any

from ..core.interpreter import interpreter
from ..output.signing import is_own_release
from ..release import Watch, remove_released
from .cases import Case
from .console import BAD_INPUT, FAIL, PASS, REVIEW, Console
from .ledger import Ledger, Row

_POLL_S = 0.05
_GRACE_S = 10.0
_VERDICT_WITHOUT_REPORT = {FAIL: "FAIL", BAD_INPUT: "BAD INPUT", REVIEW: "REVIEW"}
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Worker:
    """A case at work. What it prints goes to files, so that no full pipe can stop it.

    ``watch`` tells whether it released something, ``asked`` whether it was asked to end.
    """

    case: Case
    process: subprocess.Popen[bytes]
    started: float
    watch: Watch
    stdout: IO[bytes]
    stderr: IO[bytes]
    asked: Event = field(default_factory=Event)

    @property
    def seconds(self) -> float:
        """Since when it works."""
        return time.monotonic() - self.started


def run_cases(cases: Iterable[Case], ledger: Ledger, options: argparse.Namespace, words: list[str], console: Console) -> None:
    """Run each case in its own process, ``options.jobs`` at a time; each gets its row as soon as it ends.

    One whose process crashed goes to the end of the queue, ``options.retries`` times at most; its row says why.
    """
    waiting, working, crashes = deque(cases), list[Worker](), defaultdict[str, list[str]](list)
    total = len(waiting)
    try:
        while waiting or working:
            while waiting and len(working) < options.jobs:
                working.append(begin(waiting.popleft(), ledger, options, words))
            time.sleep(_POLL_S)
            for worker in [worker for worker in working if _has_ended(worker, options.timeout_min * 60)]:
                working.remove(worker)
                row = result(worker, options, words)
                before = crashes[row.case]
                if has_crashed(worker) and len(before) < options.retries:
                    before.append(row.reasons)
                    waiting.append(worker.case)
                    continue
                told = [row.reasons, *(f"tried again after: {reason}" for reason in before)]
                row = replace(row, attempts=len(before) + 1, reasons="; ".join(filter(None, told)))
                ledger.append(row)
                console.say(f"{row.case}: {row.verdict}" + (f" ({row.reasons})" if row.exit_code else ""))
            done = total - len(waiting) - len(working)
            console.progress(done / total, f"{done} of {total} cases")
        ledger.forget_begun()
    finally:
        _stop(working)


def begin(case: Case, ledger: Ledger, options: argparse.Namespace, words: list[str]) -> Worker:
    """Start a case. The output that a killed batch had begun and released without noting it is replaced; nobody else's is."""
    output = options.out_dir / case.output
    overwrite = options.overwrite or (case.name in ledger.begun and is_own_release(output, options.signing_key))
    if overwrite or not output.exists():
        ledger.begin(case.name)
    return start(case, options, words, overwrite)


def start(case: Case, options: argparse.Namespace, words: list[str], overwrite: bool) -> Worker:
    """Start the process of one case."""
    output = options.out_dir / case.output
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [interpreter(), "-m", "FaceDeidLNLib.commands.main", "deface", str(case.input), str(output.absolute())]
    command += [*case.arguments(), *words, "--json", "--quiet", f"--parent={os.getpid()}"]
    if options.qa is not None:
        command += ["--qa", str((options.qa / case.name).absolute())]
    if options.signing_key is not None:
        command += ["--signing-key", str(options.signing_key.absolute())]
    if overwrite:
        command += ["--overwrite"]
    stdout, stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process lives
    watch = Watch(output)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=_environment(options.jobs))
    return Worker(case, process, time.monotonic(), watch, stdout, stderr)


def _environment(jobs: int) -> dict[str, str]:
    """The processes share the cores instead of each wanting all of them, and find the package wherever it lies."""
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    path = os.pathsep.join(filter(None, (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
    names = ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VTK_SMP_MAX_THREADS")
    return {**os.environ, **dict.fromkeys(names, threads), "PYTHONPATH": path}


def _has_ended(worker: Worker, longest_s: float) -> bool:
    """An overdue process is asked to clean up and end (SIGTERM), and ended where it does not in time."""
    if worker.process.poll() is None and worker.seconds > longest_s:
        if worker.seconds > longest_s + _GRACE_S:
            _end(worker)
        elif not worker.asked.is_set():
            worker.asked.set()
            worker.process.terminate()
    return worker.process.returncode is not None


def result(worker: Worker, options: argparse.Namespace, words: list[str]) -> Row:
    """The row of a process that has ended, however it did."""
    report = _report(worker)
    output = options.out_dir / worker.case.output
    code, reasons = _ending(worker, report, output, options)
    if code != PASS and worker.watch.has_new_certificate():
        remove_released(output)  # it ended between the release and its report
    return Row(
        case=worker.case.name,
        output=worker.case.output if code == PASS else "",
        verdict=str((code == worker.process.returncode and report.get("verdict")) or _VERDICT_WITHOUT_REPORT[code]),
        privacy=str(report.get("privacy", "")),
        reasons=worker.case.without_paths("; ".join(reasons), options.out_dir),
        seconds=f"{worker.seconds:.1f}",
        peak_memory_mb=str(report.get("peak_memory_mb", "")),
        attempts=1,
        exit_code=code,
        key=worker.case.key(words),
    )


def has_crashed(worker: Worker) -> bool:
    """It ended without a report of its own, and was not asked to."""
    return not _report(worker) and not worker.asked.is_set()


def _report(worker: Worker) -> dict[str, Any]:
    worker.stdout.seek(0)
    try:
        report = json.loads(worker.stdout.read())
    except ValueError:
        return {}
    return report if isinstance(report, dict) and report.get("exit_code") == worker.process.returncode else {}


def _ending(worker: Worker, report: dict[str, Any], output: Path, options: argparse.Namespace) -> tuple[int, list[str]]:
    """Exit code and reasons; anything but a report that fits what lies on the disk is a FAIL."""
    code, longest_min, key = worker.process.returncode, options.timeout_min, options.signing_key
    if not report or code not in (PASS, REVIEW, FAIL, BAD_INPUT):
        overdue = [f"it took longer than {longest_min:g} min (--timeout-min)"] if worker.seconds > 60 * longest_min else []
        return FAIL, [*overdue, _how_it_ended(worker)]
    if code == PASS and not is_own_release(output, key):
        return FAIL, ["the process reported a release, but there is no output with its certificate"]
    reasons = [*report.get("reasons", []), report.get("error", "")]
    return code, [str(reason) for reason in reasons if reason]


def _how_it_ended(worker: Worker) -> str:
    code = worker.process.returncode
    if code < 0:
        try:
            how = f"ended by {signal.Signals(-code).name}"
        except ValueError:
            how = f"ended by signal {-code}"
    else:
        how = f"ended with code {code} without a report"
    worker.stderr.seek(0)
    said = worker.stderr.read().decode(errors="replace").strip().splitlines()
    return f"the process {how} after {worker.seconds:.0f} s" + (f": {said[-1][:200]}" if said else "")


def _stop(workers: list[Worker]) -> None:
    """Ask the processes to clean up and end; end those that do not."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        try:
            worker.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            _end(worker)
        _hang_up(worker)


def _end(worker: Worker) -> None:
    worker.process.kill()
    worker.process.wait()
    _hang_up(worker)


def _hang_up(worker: Worker) -> None:
    """Close the pipe that a worker listens to: one behind a launcher, which the signal did not reach, ends by that."""
    if worker.process.stdin is not None:
        worker.process.stdin.close()
