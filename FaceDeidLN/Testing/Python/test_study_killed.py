"""A study that is killed at any moment leaves nothing, and what its guard could not take away goes with the next start."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import Series, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.signals import Interrupted
from FaceDeidLNLib.core import guard
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.core.scratch import scratch_root
from FaceDeidLNLib.header.base import HeaderPolicy
from FaceDeidLNLib.output import atomic
from FaceDeidLNLib.output.certificate import certificate_path, is_certified
from FaceDeidLNLib.output.header_mappings import read_mapping
from FaceDeidLNLib.study import run as study_run
from FaceDeidLNLib.study.family import Options, StudyRun
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.plan import Plan, StudyPlan, plan
from FaceDeidLNLib.study.proof import Proof
from FaceDeidLNLib.study.report import Report, StudyResult
from FaceDeidLNLib.study.staging import staged
from FaceDeidLNLib.study.writer import StudyWriter

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are POSIX's")
#: Where the process kills itself, and at which call of it.
MOMENTS = [
    (StudyWriter, "put", 1),
    (StudyWriter, "put", 5),
    (study_run, "_closed", 1),
    (study_run, "prove", 1),
    (study_run, "certificate_text", 1),
    (atomic, "_rename_all", 1),
]


@pytest.fixture
def planned(tmp_path, monkeypatch) -> Plan:
    """A study whose CT counts as de-identified, so that only its writing and its release are at stake."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    write_series(tmp_path / "in", Series(np.zeros((6, 8, 8), dtype=np.int32)))
    monkeypatch.setattr(study_run, "_carried_out", _written)
    monkeypatch.setattr(study_run, "prove", lambda *_: Proof((), ()))
    return plan(tmp_path / "in")


def _written(planned: StudyPlan, work: StudyRun, progress: object) -> list[Report]:
    for entry in planned.entries:
        work.writer.policy.learn(entry.instance.header)
    with staged([entry.instance for entry in planned.entries]):
        for entry in planned.entries:
            work.writer.put(entry.instance, pydicom.dcmread(entry.instance.path))
    return [Report(entry, Decision(Outcome.DEFACE, "test")) for entry in planned.entries]


def killed_at(where: object, name: str, when: int, work: Callable[[], object], alone: bool) -> None:
    """``work`` in a process that kills itself at a call of a function; before that, where ``alone``, the guard that would clean up."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGKILL
        return
    original, calls = getattr(where, name), []

    def kill(*words: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == when:
            if alone:
                os.kill(guard._guard(os.getpid()).process_id, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # it may take another instruction to die
        return original(*words, **options)

    setattr(where, name, kill)
    try:
        work()
    finally:
        os._exit(0)  # it should have been killed


def left_in(folder: Path) -> list[Path]:
    """What lies in it and in the temporary folder; ``os.walk`` passes over what somebody is just taking away."""
    walked = [(parent, name) for root in (folder, scratch_root()) for parent, *names in os.walk(root) for name in (*names[0], *names[1])]
    return [Path(parent, name) for parent, name in walked if not name.endswith(".lock")]


@pytest.mark.parametrize(("where", "name", "when"), MOMENTS)
def test_a_study_killed_at_any_moment_leaves_nothing(planned, tmp_path, where, name, when):
    killed_at(where, name, when, lambda: study_run.run(planned, tmp_path / "out", Options()), alone=False)
    deadline = time.monotonic() + 300
    while left_in(tmp_path / "out"):
        assert time.monotonic() < deadline, left_in(tmp_path / "out")
        time.sleep(0.05)


def test_what_a_killed_guard_left_goes_with_the_next_start(planned, tmp_path):
    killed_at(study_run, "certificate_text", 1, lambda: study_run.run(planned, tmp_path / "out", Options()), alone=True)
    assert left_in(tmp_path / "out")
    assert study_run.run(planned, tmp_path / "out", Options())[0].verdict == "PASS"
    there = {path.name for path in (tmp_path / "out").iterdir() if not path.name.endswith(".lock")}
    assert there == {"study-01", "study-01.certificate.json"}
    assert not left_in(scratch_root())


def test_between_certificate_and_study_no_study_is_there(planned, tmp_path):
    killed_at(atomic, "_rename_to_free", 2, lambda: study_run.run(planned, tmp_path / "out", Options()), alone=False)
    assert not (tmp_path / "out" / "study-01").exists()


def test_a_folder_that_nothing_was_released_into_is_gone_unless_it_was_there(planned, tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise study_run._Stop("a doubt")

    monkeypatch.setattr(study_run, "_stop_at_doubts", stop)
    (tmp_path / "there").mkdir()
    for name in ("new", "there"):
        assert study_run.run(planned, tmp_path / name, Options())[0].output is None
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "there").is_dir()


def test_places_of_all_studies_are_looked_at_before_any_work(planned, tmp_path):
    """What was stopped after one of them is told what to do at once."""
    both = replace(planned, studies=planned.studies * 2)
    (tmp_path / "out" / "study-02" / "01-CT").mkdir(parents=True)
    with pytest.raises(InputError, match=r"study-02 is there already, of an earlier run or one that was stopped: name a new folder"):
        study_run.run(both, tmp_path / "out", Options())
    assert not (tmp_path / "out" / "study-01").exists()


def test_mappings_of_a_released_study_are_kept_where_the_next_one_stops_the_run(tmp_path, monkeypatch, capsys):
    def one(planned: StudyPlan, source: Path, folder: Path, options: Options, policy: HeaderPolicy, *rest: object) -> StudyResult:
        if folder.name == "study-02":
            raise OutputError("the disk is full.")
        policy.uid("1.2.3")
        return StudyResult(planned, (), (), folder, None, 0.0)

    monkeypatch.setattr(study_run, "run_one", one)
    for name in "ab":
        write_series(tmp_path / "in" / name, Series(np.zeros((3, 8, 8)), study=f"1.2.{ord(name)}"))
    words = ("study", tmp_path / "in", tmp_path / "out", "--header", "basic", "--key", tmp_path / "project.key", "--quiet")
    assert main(list(map(str, words))) == 2
    assert "the disk is full" in "".join(capsys.readouterr())
    assert read_mapping(tmp_path / "uid_mapping.csv").keys() == {"1.2.3"}


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OutputError("The disk is full."), 2, "The disk is full; {} had been released"),
        (Interrupted(15), 143, "Interrupted; {} had been released with its certificate."),
        (RuntimeError("x"), 1, "Unexpected RuntimeError: x (--debug shows where); {} had been released"),
    ],
)
def test_what_stops_a_later_study_tells_which_ones_had_been_released(error, code, said, planned, tmp_path, monkeypatch, capsys):
    write_series(tmp_path / "in" / "other", Series(np.zeros((3, 8, 8), dtype=np.int32), study="1.2.3"))
    one = study_run.run_one

    def second_stops(planned: StudyPlan, source: Path, folder: Path, *rest: object) -> StudyResult:
        if folder.name == "study-02":
            raise error
        return one(planned, source, folder, *rest)

    monkeypatch.setattr(study_run, "run_one", second_stops)
    assert main(["study", str(tmp_path / "in"), str(tmp_path / "out"), "--quiet"]) == code
    told = "".join(capsys.readouterr())
    assert said.format(tmp_path / "out" / "study-01") in told
    assert "nothing was released" not in told


def again(planned: Plan, folder: Path) -> study_run.StudyResult:
    """The study once more, over an earlier release."""
    return study_run.run_one(planned.studies[0], planned.folder, folder, Options(), overwrite=True)


@pytest.fixture
def earlier(planned, tmp_path) -> tuple[Path, bytes]:
    """A released study, and its certificate."""
    folder = tmp_path / "out" / "study"
    assert study_run.run_one(planned.studies[0], planned.folder, folder, Options()).output == folder
    return folder, certificate_path(folder).read_bytes()


def test_a_study_is_replaced_as_a_whole(planned, earlier):
    folder, before = earlier
    assert again(planned, folder).output == folder
    assert is_certified(folder)
    assert certificate_path(folder).read_bytes() != before


def test_an_earlier_release_stays_where_the_new_one_is_refused(planned, earlier, monkeypatch):
    folder, before = earlier
    monkeypatch.setattr(study_run, "prove", lambda *_: Proof((), ((Path("01-CT"), "the face shows"),)))
    assert again(planned, folder).output is None
    assert is_certified(folder)
    assert certificate_path(folder).read_bytes() == before


@pytest.mark.parametrize(("where", "name", "when"), [*MOMENTS[3:], (atomic, "_rename_to_free", 1), (atomic, "_rename_to_free", 2)])
def test_an_earlier_release_outlives_a_kill_at_any_moment(planned, earlier, monkeypatch, where, name, when):
    folder, before = earlier
    killed_at(where, name, when, lambda: again(planned, folder), alone=False)
    monkeypatch.setattr(study_run, "prove", lambda *_: Proof((), ((Path("01-CT"), "the face shows"),)))
    assert again(planned, folder).output is None  # brings back what was being replaced
    assert is_certified(folder)
    assert certificate_path(folder).read_bytes() == before


@pytest.mark.parametrize("what", ["an edited file", "a file more", "no certificate"])
def test_a_folder_that_no_certificate_vouches_for_is_not_replaced(planned, earlier, what):
    folder, _ = earlier
    file = next(folder.rglob("*.dcm"))
    if what == "an edited file":
        file.write_bytes(file.read_bytes() + b"x")
    elif what == "a file more":
        (folder / "mine.dcm").write_text("mine")
    else:
        certificate_path(folder).unlink()
    there = sorted(folder.rglob("*"))
    with pytest.raises(InputError, match="is not replaced"):
        again(planned, folder)
    assert sorted(folder.rglob("*")) == there
