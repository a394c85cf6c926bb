"""Batches of what arrives: taken when it is complete and at rest, once."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from batches import batch, fill, rows_of, started
from FaceDeidLNLib.commands.batches import loop
from FaceDeidLNLib.commands.batches import watched as watching
from FaceDeidLNLib.commands.batches.arrivals import Arrivals
from FaceDeidLNLib.commands.batches.cases import Case, cases_now
from FaceDeidLNLib.commands.batches.ledger import Ledger
from FaceDeidLNLib.commands.batches.loop import Loop, Setting
from FaceDeidLNLib.commands.batches.row import Row
from FaceDeidLNLib.commands.batches.task import Ended, Limits
from FaceDeidLNLib.commands.batches.watched import Watched, patient
from FaceDeidLNLib.commands.console import Console
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.signals import Interrupted
from FaceDeidLNLib.output.worklist import read_worklist
from processes import ENVIRONMENT, command


def watched(folder, known=(), stable_s=0.5, grown=lambda case: False):
    def find():
        return [Case(path.name, path, path.name) for path in sorted(folder.iterdir())]

    return Watched(find, set(known), stable_s, lambda cases: None, grown)


class Clock:
    """Time that goes on only where a test lets it; the files of a folder are dated by it, too."""

    def __init__(self, folder):
        self.now, self.folder, self.known = time.time(), folder, {}

    def monotonic(self):
        return self.now

    time = monotonic

    def go_on(self, seconds):
        for path in self.folder.rglob("*"):
            state = path.stat()
            if self.known.get(path) != state.st_size:
                os.utime(path, (self.now, self.now))
            self.known[path] = state.st_size
        self.now += seconds

    def taken_within(self, supply, seconds):
        taken = []
        for _ in range(round(seconds / 0.05)):
            taken += [case.name for case in supply.take()]
            self.go_on(0.05)
        return taken


@pytest.fixture
def clock(monkeypatch, tmp_path):
    one = Clock(tmp_path)
    for module in (watching, loop):
        monkeypatch.setattr(module, "time", one)
    return one


def test_a_case_is_taken_once_and_not_before_it_rests(tmp_path, clock):
    supply = watched(tmp_path)
    (tmp_path / "a").mkdir()
    for number in range(4):
        (tmp_path / "a" / f"{number}.dcm").write_bytes(b"x")
        assert clock.taken_within(supply, 0.3) == []
    assert clock.taken_within(supply, 1.2) == ["a"]
    assert clock.taken_within(supply, 0.8) == []


def test_what_a_receiver_still_writes_is_left_alone(tmp_path, clock):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm.part").write_bytes(b"x")
    supply = watched(tmp_path, stable_s=0.2)
    assert clock.taken_within(supply, 0.8) == []
    (tmp_path / "a" / "1.dcm.part").rename(tmp_path / "a" / "1.dcm")
    assert clock.taken_within(supply, 1.0) == ["a"]


@pytest.mark.parametrize(("wanted", "times"), [(True, 2), (False, 1)])
def test_what_grew_after_it_was_taken_is_taken_again_where_that_is_wanted(wanted, times, tmp_path, clock):
    (tmp_path / "a").write_bytes(b"x")
    said = iter([None, wanted])
    supply = watched(tmp_path, stable_s=0.2, grown=lambda case: next(said))
    assert clock.taken_within(supply, 0.6) == ["a"]
    (tmp_path / "a").write_bytes(b"xx")
    assert clock.taken_within(supply, 1.0) == ["a"] * (times - 1)
    assert next(said, "asked twice") == "asked twice"


def test_what_can_be_mended_while_a_batch_watches_is_said_once_and_does_not_end_it(tmp_path, clock):
    inputs, said = tmp_path / "in", []
    supply = Watched(patient(lambda: cases_now(inputs, tmp_path / "out"), said.append), set(), 0.1, lambda cases: None)
    assert clock.taken_within(supply, 0.5) == []  # a share that is not there yet
    inputs.mkdir()
    for name in ("a.nrrd", "a.nii.gz"):
        (inputs / name).write_text("x")
    assert clock.taken_within(supply, 0.8) == []
    assert [("No such file" in one, "2 cases would be written" in one) for one in said] == [(True, False), (False, True)]
    (inputs / "a.nii.gz").rename(inputs / "b.nii.gz")
    assert clock.taken_within(supply, 0.8) == ["a", "b"]


def test_what_comes_back_after_it_was_mended_is_said_again():
    said, looks = [], iter([OSError("gone"), OSError("gone"), [], OSError("gone")])

    def find():
        found = next(looks)
        if isinstance(found, OSError):
            raise found
        return found

    look = patient(find, said.append)
    assert [look() for _ in range(4)] == [[]] * 4
    assert len(said) == 2


def test_what_is_moved_while_it_is_looked_at_is_looked_at_again(tmp_path, monkeypatch, clock):
    (tmp_path / "a").write_text("x")
    supply = watched(tmp_path, stable_s=0.1)
    with monkeypatch.context() as patch:
        patch.setattr(Case, "input_key", lambda case: (tmp_path / "gone").stat())
        assert clock.taken_within(supply, 0.5) == []
    assert clock.taken_within(supply, 0.8) == ["a"]


def test_a_file_of_tomorrow_is_taken_once_it_rests(tmp_path, clock):
    (tmp_path / "a.nrrd").write_bytes(b"x")
    clock.go_on(0.0)
    os.utime(tmp_path / "a.nrrd", (clock.now + 86400, clock.now + 86400))
    supply = watched(tmp_path)
    assert clock.taken_within(supply, 0.4) == []
    assert clock.taken_within(supply, 0.6) == ["a.nrrd"]


def test_looks_at_many_cases_leave_most_of_the_time_to_the_cases(clock):
    looks = []

    def find():
        looks.append(clock.now)
        clock.go_on(2.0)
        return []

    supply = Watched(find, set(), 0.5, lambda cases: None)
    clock.taken_within(supply, 60.0)
    assert len(looks) == 3


def test_what_is_done_already_is_not_taken(tmp_path, clock):
    (tmp_path / "a").write_bytes(b"x")
    assert clock.taken_within(watched(tmp_path, known={"a"}, stable_s=0.2), 0.8) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")
def test_a_watching_batch_takes_what_comes_keeps_its_lists_and_goes_on_after_a_signal(stand_in, tmp_path):
    import subprocess

    folder = tmp_path / "site"
    folder.mkdir()
    patch = "import sys; sys.argv[0] = 'x'\nfrom FaceDeidLNLib.commands.batches import child\n"
    (folder / "start.py").write_text(
        f"{patch}child.interpreter = lambda: {str(tmp_path / 'stand_in')!r}\nfrom FaceDeidLNLib.commands.main import run\nrun()\n"
    )
    words = [sys.executable, str(folder / "start.py"), *command("batch", stand_in, tmp_path / "out", "--watch", "0.3", "--quiet")[3:]]

    def start():
        return subprocess.Popen(words, env=ENVIRONMENT)

    def until(done):
        deadline = time.monotonic() + 300
        while not done():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def rows():
        return rows_of(tmp_path / "out") if (tmp_path / "out" / "results.csv").exists() else {}

    process = start()
    time.sleep(1.0)
    fill(stand_in, "pass")
    until(lambda: "pass" in rows())
    fill(stand_in, "review")
    until(lambda: (tmp_path / "out-worklist.csv").exists() and read_worklist(tmp_path / "out-worklist.csv"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 3
    fill(stand_in, "pass-2")
    process = start()
    until(lambda: "pass-2" in rows())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert set(rows()) == {"pass", "review", "pass-2"}
    assert started(stand_in) == 3


class Trickle:
    """Cases that come one by one."""

    def __init__(self, folder, count):
        self.cases = [Case(f"case-{number}", folder / "none", f"case-{number}.nrrd") for number in range(count)]

    @property
    def is_over(self):
        return not self.cases

    def take(self):
        return [self.cases.pop()] if self.cases else []


class Instant:
    """An engine whose cases end at once."""

    room = 1
    ended = ()

    def start(self, task):
        self.ended = [Ended(task.case, 3, ("look",), {"exit_code": 3, "verdict": "REVIEW"})]

    def wait(self, seconds):
        ended, self.ended = self.ended, []
        return list(ended)

    def close(self):
        pass


def test_cases_that_come_one_by_one_do_not_have_all_lists_written_for_each(tmp_path, clock):
    written = []
    with closing(Ledger(tmp_path / "ledger.sqlite", tmp_path / "results.csv")) as ledger:
        setting = Setting(tmp_path / "out", (), Limits(1.0))
        Loop(ledger, Instant(), setting, Console(quiet=True), lambda: (written.append(len(ledger.rows)), clock.go_on(0.3))).run(
            Trickle(tmp_path, 12)
        )
        assert len(ledger.rows) == 12
    assert len(written) < 6


def test_a_folder_that_cannot_be_looked_at_costs_its_own_row_only(tmp_path, monkeypatch):
    stat = os.stat

    def refused(path, *words, **named):
        if "case-1" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, *words, **named)

    monkeypatch.setattr(os, "stat", refused)
    supply = Trickle(tmp_path, 3)
    supply.cases = [replace(case, input=tmp_path / case.name) for case in supply.cases]
    with closing(Ledger(tmp_path / "ledger.sqlite", tmp_path / "results.csv")) as ledger:
        Loop(ledger, Instant(), Setting(tmp_path / "out", (), Limits(1.0)), Console(quiet=True), lambda: None).run(supply)
        assert {name: row.exit_code for name, row in ledger.rows.items()} == {"case-0": 3, "case-1": 2, "case-2": 3}


def ended_after(monkeypatch, *acts):
    """A watching batch does the next of ``acts`` whenever all that came is done, and is ended by a signal when there is none."""
    left, begin = iter(acts), Loop.__init__

    def act():
        todo = next(left, None)
        if todo is None:
            raise Interrupted(15)
        todo()

    monkeypatch.setattr(Loop, "__init__", lambda self, *words: begin(self, *words[:-1], lambda: (words[-1](), act())))


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")
def test_a_file_that_grows_with_long_pauses_is_done_again_as_long_as_nothing_was_released_of_it(stand_in, tmp_path, monkeypatch):
    fill(stand_in, "bad")
    ended_after(monkeypatch, *(partial((stand_in / "bad.nrrd").write_text, text) for text in ("bad, and", "bad, and longer")))
    batch(stand_in, tmp_path / "out", "--watch", "0.2")
    assert started(stand_in) == 3
    assert len(rows_of(tmp_path / "out")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")
def test_what_changed_after_its_release_is_told_while_and_before_a_batch_watches_and_is_left(stand_in, tmp_path, monkeypatch, capsys):
    told = "pass-1 changed after it was done, and is left as it is; --overwrite does it again."
    fill(stand_in, "pass-1")
    ended_after(monkeypatch, partial(fill, stand_in, "bad"), partial((stand_in / "pass-1.nrrd").write_text, "more"))
    words = ["batch", str(stand_in), str(tmp_path / "out"), "--watch", "0.2"]
    monkeypatch.setattr(Arrivals, "_leave", lambda self, case, leave=Arrivals._leave: (leave(self, case), fill(stand_in, "bad-2")))
    main(words)
    assert capsys.readouterr().out.count(told) == 1
    ended_after(monkeypatch)
    fill(stand_in, "bad-3")
    main(words)
    assert capsys.readouterr().out.count(told) == 1
    assert rows_of(tmp_path / "out")["pass-1"]["exit_code"] == "0"
    assert (stand_in / "started.log").read_text().split().count("pass") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")
def test_a_watching_batch_carries_out_what_was_accepted(stand_in, tmp_path, monkeypatch):
    fill(stand_in, "review")
    words = (stand_in, tmp_path / "out", "--qa", str(tmp_path / "qa"))
    batch(*words)
    (tmp_path / "out-decisions.csv").write_text("case,decision,remark,reviewer,result\nreview,accept,no face left,Doe,r1\n")
    ended_after(monkeypatch)
    assert batch(*words, "--watch", "0.2") == 0
    assert rows_of(tmp_path / "out")["review"]["verdict"] == "SIGNED OFF"


def test_a_case_that_a_person_accepted_and_that_changes_before_that_is_carried_out_is_not_taken_twice(tmp_path):
    (tmp_path / "a").write_text("x")
    case, seen = Case("a", tmp_path / "a", "a"), Row("a", verdict="REVIEW", exit_code=3)
    signed = replace(case, sign_off=("--sign-off", "qa"))
    with closing(Ledger(tmp_path / "ledger.sqlite", tmp_path / "results.csv")) as ledger:
        ledger.put(seen)
        arrivals = Arrivals(lambda: [case], ledger, lambda cases: None, lambda text: None)
        arrivals.await_again([signed])
        assert arrivals.find() == [signed]
        assert arrivals.grew(signed) is None
        ledger.put(replace(seen, reasons="what was signed off was another result"))
        assert arrivals.grew(signed) is True
        assert (arrivals.find(), "a" in ledger.rows) == ([case], False)
