"""Batches: every case has one row, whatever happens to it, to another, or to the batch."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from contextlib import closing

import numpy as np
import pytest
from batches import batch, fill, ledger_of, rows_of, started
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.signals import Interrupted
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.phantom import make_phantom
from processes import children_of, lives, run_process, start_process
from written import write_volume

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")


def test_every_case_has_its_row_whatever_happens_to_it(stand_in, tmp_path):
    names = ("pass", "review", "fail", "bad", "crash", "lie", "garbage", "pass-2")
    fill(stand_in, *names)
    assert batch(stand_in, tmp_path / "out") == 1
    rows = rows_of(tmp_path / "out")
    verdicts = {name: (rows[name]["verdict"], rows[name]["exit_code"]) for name in names}
    assert verdicts["pass"] == verdicts["pass-2"] == ("PASS", "0")
    assert verdicts["review"] == ("REVIEW", "3")
    assert verdicts["bad"] == ("BAD INPUT", "2")
    assert {verdicts[name] for name in ("fail", "crash", "lie", "garbage")} == {("FAIL", "1")}
    assert "SIGSEGV" in rows["crash"]["reasons"]
    assert rows["review"]["reasons"] == "look, at this"


def test_an_output_is_there_only_where_its_row_says_released(stand_in, tmp_path):
    fill(stand_in, "pass", "crash", "review")
    batch(stand_in, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("*.nrrd")] == ["pass.nrrd"]
    assert [path.name for path in (tmp_path / "out").glob("*.certificate.json")] == ["pass.certificate.json"]


@pytest.mark.parametrize(
    ("names", "code"), [(("pass",), 0), (("pass", "review"), 3), (("review", "bad", "pass"), 2), (("bad", "fail", "review"), 1)]
)
def test_the_exit_code_is_that_of_the_worst_case(names, code, stand_in, tmp_path):
    fill(stand_in, *names)
    assert batch(stand_in, tmp_path / "out") == code


def test_a_pass_that_nobody_accepted_as_recognisable_is_called_withheld(stand_in, tmp_path, capsys):
    fill(stand_in, "pass", "withheld")
    assert batch(stand_in, tmp_path / "out") == 3
    row = rows_of(tmp_path / "out")["withheld"]
    assert (row["verdict"], row["exit_code"], row["output"]) == ("WITHHELD", "3", "")
    report = (tmp_path / "out" / "report.html").read_text()
    assert "1 PASS (50%)" in report
    assert "1 WITHHELD (50%)" in report


def test_a_case_that_hangs_is_ended(stand_in, tmp_path):
    fill(stand_in, "hang", "pass")
    assert batch(stand_in, tmp_path / "out", "--timeout-min", "0.02") == 1
    reasons = rows_of(tmp_path / "out")["hang"]["reasons"]
    assert "longer than 0.02 min (--timeout-min)" in reasons
    assert "SIGTERM" in reasons


def test_what_crashed_or_took_too_long_is_no_result_and_is_done_again_by_the_same_command(stand_in, tmp_path):
    fill(stand_in, "pass", "crash", "once", "fail")
    words = ("--timeout-min", "0.02", "--retries", "0")
    assert batch(stand_in, tmp_path / "out", *words) == 1
    assert rows_of(tmp_path / "out")["once"]["verdict"] == "FAIL"
    assert started(stand_in) == 4
    assert batch(stand_in, tmp_path / "out", *words) == 1
    assert started(stand_in) == 6, "the other two have their results"
    verdicts = {name: row["verdict"] for name, row in rows_of(tmp_path / "out").items()}
    assert verdicts == {"pass": "PASS", "crash": "FAIL", "once": "PASS", "fail": "FAIL"}
    (tmp_path / "out-decisions.csv").write_text("case,decision,remark,reviewer,result\ncrash,reject,ends every program,me,\n")
    assert batch(stand_in, tmp_path / "out", *words) == batch(stand_in, tmp_path / "out", *words) == 1
    assert started(stand_in) == 6, "a person has decided on it"


def test_what_is_done_is_not_done_again(stand_in, tmp_path):
    fill(stand_in, "pass", "review", "fail")
    assert batch(stand_in, tmp_path / "out") == batch(stand_in, tmp_path / "out") == 1
    assert started(stand_in) == 3


def test_what_was_refused_is_tried_again(stand_in, tmp_path):
    fill(stand_in, "pass")
    (tmp_path / "out").mkdir()
    foreign = tmp_path / "out" / "pass.nrrd"
    foreign.write_text("somebody's")
    assert batch(stand_in, tmp_path / "out") == 2
    foreign.unlink()
    assert batch(stand_in, tmp_path / "out") == 0


def test_the_table_is_written_anew_whatever_became_of_it(stand_in, tmp_path):
    fill(stand_in, "pass", "pass-2", "review")
    batch(stand_in, tmp_path / "out")
    results = tmp_path / "out" / "results.csv"
    before = sorted(results.read_text().splitlines())
    results.write_text(results.read_text()[:-15] + "pass,pa")
    assert batch(stand_in, tmp_path / "out") == 3
    assert sorted(results.read_text().splitlines()) == before
    assert started(stand_in) == 3


def test_other_options_need_another_folder_or_overwrite(stand_in, tmp_path, capsys):
    fill(stand_in, "pass", "review")
    batch(stand_in, tmp_path / "out")
    before = (tmp_path / "out" / "results.csv").read_bytes()
    assert batch(stand_in, tmp_path / "out", "--depth-mm", "9") == 2
    assert "other options" in capsys.readouterr().err
    assert (tmp_path / "out" / "results.csv").read_bytes() == before
    assert batch(stand_in, tmp_path / "out", "--depth-mm", "9", "--overwrite") == 3
    assert started(stand_in) == 4


def test_a_changed_input_is_not_taken_for_done(stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    batch(stand_in, tmp_path / "out")
    (stand_in / "pass.nrrd").write_text("another CT under the same name")
    assert batch(stand_in, tmp_path / "out") == 2
    assert "other inputs" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bad", "fail", "review"])
def test_an_input_that_was_mended_before_anything_of_it_was_released_is_done_again(name, stand_in, tmp_path):
    fill(stand_in, name, "pass")
    batch(stand_in, tmp_path / "out")
    (stand_in / f"{name}.nrrd").write_text("copied again, whole")
    batch(stand_in, tmp_path / "out")
    assert started(stand_in) == 3
    assert len(rows_of(tmp_path / "out")) == 2


def test_a_results_file_of_somebody_else_is_left_alone(stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("name,weight\nplum,30\n")
    assert batch(stand_in, tmp_path / "out") == 2
    assert (tmp_path / "out" / "results.csv").read_text() == "name,weight\nplum,30\n"


@pytest.mark.skipif(sys.platform != "linux", reason="names are text everywhere else")
def test_a_case_whose_name_is_no_text_has_its_row_and_stops_no_other(stand_in, tmp_path):
    fill(stand_in, "pass")
    (stand_in / os.fsdecode(b"bad-\xff.nrrd")).touch()
    assert batch(stand_in, tmp_path / "out") == 2
    assert {name: row["exit_code"] for name, row in rows_of(tmp_path / "out").items()} == {"pass": "0", "bad-\\udcff": "2"}


def test_what_was_read_stands_in_no_file_that_travels(stand_in, tmp_path):
    fill(stand_in, "pass", "bad")
    (stand_in / "pass.nrrd").rename(stand_in / "pass-DOE_JOHN.nrrd")
    (stand_in / "bad.nrrd").rename(stand_in / "bad-DOE_JANE.nrrd")
    script = tmp_path / "stand_in"
    script.write_text(script.read_text().replace('error="no CT"', "error=source + ' is no CT: ' + os.path.basename(source)"))
    (tmp_path / "cases.csv").write_text("input,output\nin/pass-DOE_JOHN.nrrd,a.nrrd\nin/bad-DOE_JANE.nrrd,b.nrrd\n")
    assert batch(tmp_path / "cases.csv", tmp_path / "out") == 2
    assert rows_of(tmp_path / "out")["b"]["reasons"] == "[input] is no CT: [input]"
    travelling = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [text for text in travelling if b"DOE" in text or bytes(stand_in) in text]


def test_the_paths_of_what_was_read_are_their_owners_alone(stand_in, tmp_path):
    fill(stand_in, "pass")
    before = os.umask(0)
    try:
        batch(stand_in, tmp_path / "out")
    finally:
        os.umask(before)
    inputs = tmp_path / "out-inputs.csv"
    assert str(stand_in / "pass.nrrd") in inputs.read_text()
    assert stat.S_IMODE(inputs.stat().st_mode) == 0o600


@pytest.mark.parametrize("words", [("--qa", "out/qa"), ("--qa", "out"), ("--signing-key", "out/key.pem")])
def test_nothing_that_must_stay_lies_in_the_folder_that_travels(words, stand_in, tmp_path, capsys, monkeypatch):
    fill(stand_in, "pass")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("FaceDeidLNLib.output.signing.require_key", lambda key: None)
    assert batch(stand_in, tmp_path / "out", *words) == 2
    assert "whose content travels" in capsys.readouterr().err
    assert not (stand_in / "started.log").exists()


@pytest.mark.parametrize("name", ["pass-" + "x" * 245, "pass-\n", "pass-;,\"'", "pass-%2e", "pass-ä"])
def test_odd_names_are_cases_like_others(name, stand_in, tmp_path):
    fill(stand_in, name, "review")
    for part in (0, 1):
        batch(stand_in, tmp_path / "out", "--shard", f"{part}/2")
    main(["batch-merge", str(tmp_path / "out"), "--quiet"])
    with closing(ledger_of(tmp_path / "out")) as ledger:
        assert set(ledger.rows) == {name, "review"}
        assert ledger.rows["review"].exit_code == 3


@pytest.mark.parametrize("more", [(), ("--watch", "60")])
@pytest.mark.parametrize(("error", "code"), [(OSError(28, "No space left on device"), 2), (Interrupted(15), 143), (ValueError("x"), 1)])
def test_a_batch_that_is_stopped_says_that_what_it_released_stays(error, code, more, stand_in, tmp_path, monkeypatch, capsys):
    def stopped(*_):
        raise error

    fill(stand_in, "pass")
    monkeypatch.setattr("FaceDeidLNLib.commands.batches.planned.plan", stopped)
    assert main(["batch", str(stand_in), str(tmp_path / "out"), *more]) == code
    assert "what this batch had released stays, and the same command goes on" in capsys.readouterr().err


def test_segmentations_beside_the_cts_are_left_out_and_named(stand_in, tmp_path, capsys):
    fill(stand_in, "pass", "pass.seg")
    assert main(["batch", str(stand_in), str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["pass.seg.nrrd", "started.log"]
    assert main(["batch", str(stand_in), str(tmp_path / "out")]) == 0
    assert "not read: 1 segmentations (pass.seg.nrrd" in capsys.readouterr().out
    assert started(stand_in) == 1


def test_what_is_no_case_beside_the_cases_is_named(stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    (stand_in / "empty").mkdir()
    (stand_in / "notes.txt").touch()
    assert main(["batch", str(stand_in), str(tmp_path / "out")]) == 0
    assert "not read, for want of an image or DICOM file: empty, notes.txt, started.log\n" in capsys.readouterr().out


def test_killed_and_resumed_the_outputs_are_those_of_single_runs(phantom_nodes_file, tmp_path):
    table, out = tmp_path / "cases.csv", tmp_path / "out"
    names = ("a", "b", "c")
    phantom = make_phantom((6.0, 6.0, 6.0), seed=1)
    for name in names:
        write_volume(phantom.ct, tmp_path / f"{name}.nrrd")
    table.write_text("input,nodes\n" + "".join(f"{name}.nrrd,{phantom_nodes_file}\n" for name in names))
    choices = ("--effect", "mask", "--levels", "none", "--accept-recognisable")
    words = ("batch", table, out, "--jobs", "2", *choices)
    process = start_process(*words)
    while process.poll() is None and not (out / "a.nrrd").exists() and not (out / "b.nrrd").exists():
        time.sleep(0.01)
    working = children_of(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 300
    while any(map(lives, working)):
        assert time.monotonic() < deadline, "a process of the killed batch goes on"
        time.sleep(0.05)
    ended = run_process(*words, "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["released"] == len(names)
    assert sorted(rows_of(out)) == list(names)
    visible = {path.name for path in out.iterdir()} - {".batch.lock", "results.csv", "report.html"}
    assert visible == {f"{name}{end}" for name in names for end in (".nrrd", ".certificate.json")}
    assert run_process("deface", tmp_path / "a.nrrd", tmp_path / "one.nrrd", "--nodes", phantom_nodes_file, *choices).returncode == 0
    single = read_ct(tmp_path / "one.nrrd").volume.array
    assert all(np.array_equal(read_ct(out / f"{name}.nrrd").volume.array, single) for name in names)
