"""The engines of a batch: one case function, whoever runs it; what is lost is tried again and never half there."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from batches import batch, fill, rows_of, started
from FaceDeidLNLib.commands.batches import child
from FaceDeidLNLib.commands.batches.case_run import CaseRunner
from FaceDeidLNLib.commands.batches.engine import LocalEngine
from FaceDeidLNLib.commands.batches.serve import begin_peak, circumstances
from FaceDeidLNLib.commands.batches.task import Limits, Task
from processes import children_of, start_process, words_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")


def task(inputs: Path, name: str, seconds: float = 60.0) -> Task:
    output = inputs.parent / f"{name}.nrrd"
    return Task(name, ("deface", str(inputs / f"{name}.nrrd"), str(output), "--json"), output, Limits(seconds), is_begun=True)


def test_one_process_does_many_cases_and_a_crash_costs_one(stand_in, monkeypatch):
    fill(stand_in, "pass", "pass-2", "crash", "review")
    runner, processes = CaseRunner(), []
    ends = {}
    for name in ("pass", "pass-2", "crash", "review"):
        ends[name] = runner.run(task(stand_in, name))
        processes.append(runner.child.process_id)
    runner.stop()
    assert {name: end.code for name, end in ends.items()} == {"pass": 0, "pass-2": 0, "crash": 1, "review": 3}
    assert processes[0] == processes[1] == processes[2] != processes[3]
    assert ends["crash"].is_crash
    assert not (stand_in.parent / "crash.nrrd").exists()


def test_a_process_that_was_killed_while_it_waited_is_replaced(stand_in):
    fill(stand_in, "pass", "review")
    runner = CaseRunner()
    assert runner.run(task(stand_in, "pass")).code == 0
    os.kill(runner.child.process_id, signal.SIGKILL)
    while runner.child.is_fit:
        time.sleep(0.02)
    assert runner.run(task(stand_in, "review")).code == 3
    runner.stop()


def test_matrix_products_are_those_of_the_command_line_whatever_number_of_cases_runs_at_once(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    shared = [child._environment(threads) for threads in (1, 4)]
    assert [one["OMP_NUM_THREADS"] for one in shared] == ["1", "4"]
    assert [one["OPENBLAS_NUM_THREADS"] for one in shared] == ["1", "1"]


def test_a_remainder_of_an_attempt_that_was_lost_is_replaced(stand_in):
    fill(stand_in, "pass")
    runner = CaseRunner()
    codes = [runner.run(task(stand_in, "pass")).code for _ in range(2)]
    runner.stop()
    assert codes == [0, 0]


def test_stopping_ends_what_is_at_work_and_leaves_no_process(stand_in):
    fill(stand_in, "hang", "hang-2")
    engine = LocalEngine(2)
    for name in ("hang", "hang-2"):
        engine.start(task(stand_in, name, 600.0))
    while not (stand_in / "started.log").exists() or started(stand_in) < 2:
        time.sleep(0.05)
    processes = [runner.child.process_id for runner in engine.runners]
    engine.close()
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_a_case_that_a_thread_takes_up_while_the_engine_is_closed_is_not_begun(stand_in):
    fill(stand_in, "pass")
    engine = LocalEngine(1)
    engine.close()
    engine._run(task(stand_in, "pass"))
    assert engine.runners == []
    assert not (stand_in / "started.log").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a part of a process's life")
def test_the_peak_is_that_of_the_case_and_not_of_the_one_before():
    begin_peak()
    block = bytearray(200 << 20)
    high = circumstances()["peak_memory_mb"]
    del block
    begin_peak()
    assert circumstances()["peak_memory_mb"] < high - 150


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")
def test_a_case_that_wants_more_memory_than_it_may_have_fails_alone(stand_in, tmp_path):
    fill(stand_in, "fail", "pass")
    script = tmp_path / "stand_in"
    lines = ['if how == "fail":', "    try:", "        bytearray(900 << 20)"]
    lines += ["    except MemoryError:", '        return report(1, error="memory")', ""]
    greedy = "\n    ".join(lines)
    serving = "serve(do, int(sys.argv[3].split('=')[1]), int(sys.argv[4].split('=')[1]))"
    text = script.read_text().replace('if how == "fail":', greedy + 'if how == "fail":')
    script.write_text(text[: text.rindex("serve(do")] + serving + "\n")
    assert batch(stand_in, tmp_path / "out", "--memory-mb", "512") == 1
    rows = rows_of(tmp_path / "out")
    assert {name: row["exit_code"] for name, row in rows.items()} == {"fail": "1", "pass": "0"}
    assert rows["fail"]["reasons"] == "memory"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of one worker whose cases are done by the stand-in that a file names."""
    distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    import dask

    folder = tmp_path_factory.mktemp("cluster")
    patch = "from pathlib import Path\nfrom FaceDeidLNLib.commands.batches import child\n"
    (folder / "preload.py").write_text(f"{patch}child.interpreter = lambda: Path({str(folder / 'stand_in')!r}).read_text()\n")
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.preload": [str(folder / "preload.py")]}
    with dask.config.set(settings):
        one = distributed.LocalCluster(n_workers=1, threads_per_worker=1, memory_limit=None, dashboard_address=None, silence_logs=50)
    with one:
        yield one, folder / "stand_in"


@pytest.fixture
def on_dask(cluster, stand_in):
    """The words that run a batch on the cluster, and the folder of inputs."""
    cluster[1].write_text(str(stand_in.parent / "stand_in"))
    return ("--engine", "dask", "--scheduler", cluster[0].scheduler_address), stand_in


def test_a_dask_cluster_gives_the_rows_that_local_processes_give(on_dask, tmp_path):
    words, inputs = on_dask
    fill(inputs, "pass", "review", "fail", "bad", "crash", "pass-2")
    assert batch(inputs, tmp_path / "local") == 1
    assert batch(inputs, tmp_path / "dask", *words) == 1
    said = [
        {name: (row["verdict"], row["exit_code"], row["attempts"], row["output_sha256"]) for name, row in rows_of(tmp_path / out).items()}
        for out in ("local", "dask")
    ]
    assert said[0] == said[1]
    assert said[1]["crash"][2] == "2"


def test_a_lost_worker_costs_its_case_an_attempt_with_the_reason(on_dask, tmp_path):
    words, inputs = on_dask
    fill(inputs, "once", "pass")
    victim = threading.Thread(target=_kill_worker_of, args=(inputs,))
    victim.start()
    assert batch(inputs, tmp_path / "out", *words) == 0
    victim.join()
    row = rows_of(tmp_path / "out")["once"]
    assert row["attempts"] == "2"
    assert "the worker of the cluster was lost" in row["reasons"]


def _kill_worker_of(inputs: Path) -> None:
    """Kill the Dask worker that has a case at work: the parent of the case's process."""
    note = inputs / "hanging.pid"
    while not note.exists() or not note.read_text():
        time.sleep(0.05)
    os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_case_ends_on_the_cluster_when_nobody_waits_for_it_any_more(on_dask, tmp_path):
    words, inputs = on_dask
    fill(inputs, "hang")
    asking = start_process("batch", inputs, tmp_path / "out", *words)
    note = inputs / "hanging.pid"
    while not note.exists() or not note.read_text():
        time.sleep(0.05)
    asking.kill()
    asking.wait()
    worker = Path(f"/proc/{note.read_text()}/task/{note.read_text()}/children")
    if not worker.exists():
        pytest.skip("the system does not tell a process's children")
    deadline = time.monotonic() + 300
    while any("stand_in" in words_of(child) for child in children_of(note.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_what_dask_needs_is_said_in_a_sentence(stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    assert batch(stand_in, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1") == 2
    assert "--engine dask too" in capsys.readouterr().err
