"""Batches in parts, and cases that are tried again."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from batches import batch, fill, ledger_of, rows_of, started
from FaceDeidLNLib.commands.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
def test_a_crash_is_tried_again_and_not_without_end(retries, attempts, stand_in, tmp_path):
    fill(stand_in, "crash")
    assert batch(stand_in, tmp_path / "out", "--retries", str(retries)) == 1
    row = rows_of(tmp_path / "out")["crash"]
    assert (row["attempts"], started(stand_in)) == (str(attempts), attempts)
    assert row["reasons"].count("SIGSEGV") == attempts


def test_a_case_that_crashed_once_is_released_and_says_why_it_took_two_attempts(stand_in, tmp_path):
    fill(stand_in, "pass")
    script = tmp_path / "stand_in"
    first = 'how == "pass" and sum(1 for _ in open(os.path.join(os.path.dirname(source), "started.log"))) == 1'
    crash = f'if {first}:\n        how = "crash"\n    '
    script.write_text(script.read_text().replace('if how == "pass":', crash + 'if how == "pass":', 1))
    assert batch(stand_in, tmp_path / "out") == 0
    row = rows_of(tmp_path / "out")["pass"]
    assert row["attempts"] == "2"
    assert "tried again after: the process ended by SIGSEGV" in row["reasons"]


def test_a_crash_counts_after_the_program_was_killed_and_beside_somebody_elses_output_too(stand_in, tmp_path):
    fill(stand_in, "pass", "crash")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "crash.nrrd").write_text("somebody's")
    assert batch(stand_in, tmp_path / "out") == 1
    assert rows_of(tmp_path / "out")["crash"]["attempts"] == "2"
    for name in ("pass.nrrd", "pass.certificate.json"):
        (tmp_path / "out" / name).unlink()
    with closing(ledger_of(tmp_path / "out")) as ledger:
        ledger.keep([row for row in ledger.rows.values() if row.case != "pass"])
        ledger.begin("pass")
        ledger.crashed("pass", "the process ended by SIGKILL")
    assert batch(stand_in, tmp_path / "out") == 1
    row = rows_of(tmp_path / "out")["pass"]
    assert (row["attempts"], row["reasons"]) == ("2", "tried again after: the process ended by SIGKILL")


@pytest.mark.parametrize(("names", "longest_min"), [(("fail", "review", "bad"), "5"), (("hang",), "0.05")])
def test_a_result_and_a_timeout_are_not_tried_again(names, longest_min, stand_in, tmp_path):
    fill(stand_in, *names)
    batch(stand_in, tmp_path / "out", "--retries", "3", "--timeout-min", longest_min)
    assert started(stand_in) == len(names)


def test_parts_in_any_order_joined_are_one_batch(stand_in, tmp_path):
    fill(stand_in, *(f"{how}-{number}" for how in ("pass", "review") for number in range(6)))
    assert batch(stand_in, tmp_path / "one") == 3
    for part in (2, 0, 3, 1):
        assert batch(stand_in, tmp_path / "parts", "--shard", f"{part}/4") in (0, 3)
    assert main(["batch-merge", str(tmp_path / "parts"), "--quiet"]) == 3
    said = [
        [tuple(row[column] for column in ("case", "output", "verdict", "output_sha256")) for row in rows_of(tmp_path / name).values()]
        for name in ("one", "parts")
    ]
    assert sorted(said[0]) == sorted(said[1])
    assert started(stand_in) == 24


def test_a_part_that_is_missing_or_was_stopped_is_told_at_the_join(stand_in, tmp_path, capsys):
    fill(stand_in, "pass", "pass-2", "pass-3")
    batch(stand_in, tmp_path / "out", "--shard", "0/2")
    assert main(["batch-merge", str(tmp_path / "out")]) == 2
    assert "lacks the results of part 1/2" in capsys.readouterr().err
    batch(stand_in, tmp_path / "out", "--shard", "1/2")
    next((tmp_path / "out").glob("*.nrrd")).write_text("another")
    assert main(["batch-merge", str(tmp_path / "out")]) == 2
    assert "is not what was released there" in capsys.readouterr().err


def test_parts_that_overlap_or_had_other_lists_of_cases_are_told_at_the_join(stand_in, tmp_path, capsys):
    fill(stand_in, "pass", "pass-2", "pass-3", "pass-4")
    for part in (0, 1):
        batch(stand_in, tmp_path / "out", "--shard", f"{part}/2")
    assert main(["batch-merge", str(tmp_path / "out"), "--quiet"]) == 0
    ledgers = [tmp_path / f"out-ledger-{part}-of-2.sqlite" for part in (0, 1)]
    other = ledgers[1].read_bytes()
    ledgers[1].write_bytes(ledgers[0].read_bytes())
    capsys.readouterr()
    assert main(["batch-merge", str(tmp_path / "out")]) == 2
    assert "which is of another part" in capsys.readouterr().err
    ledgers[1].write_bytes(other)
    fill(stand_in, *(f"pass-{number}" for number in range(5, 25)))
    batch(stand_in, tmp_path / "out", "--shard", "0/2")
    assert main(["batch-merge", str(tmp_path / "out")]) == 2
    assert "cases were not done" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["3/3", "0/0", "-1/4", "1", "a/b"])
def test_a_part_that_there_is_not_is_refused(text, tmp_path, capsys):
    assert main(["batch", str(tmp_path), str(tmp_path / "out"), f"--shard={text}"]) == 2
    assert "is no part of a batch" in capsys.readouterr().err


@pytest.mark.parametrize(("ended", "code"), [(0, 0), (3, 0), (1, 1), (2, 2)])
def test_the_slurm_script_runs_its_part_and_a_review_is_no_failure(ended, code, tmp_path):
    program = tmp_path / "facedeidln"
    program.write_text(f'#!/bin/sh\necho "$@"\nexit {ended}\n')
    program.chmod(0o755)
    script = Path(__file__).resolve().parents[3] / "examples" / "slurm_array.sh"
    told = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "64", "SLURM_CPUS_PER_TASK": "2"}
    environment = {**os.environ, **told, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", str(script), "in.csv", "out"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (code, ["batch", "in.csv", "out", "--quiet", "--jobs", "2", "--shard", "7/64"])
