"""A disk that is full, or memory that is short, says nothing of an object: the study stops, and nothing is withheld for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from dicom_series import Series, write_series
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.output import dicom_encoder
from FaceDeidLNLib.study import plan as study_plan
from FaceDeidLNLib.study import run as study_run
from FaceDeidLNLib.study import writer
from FaceDeidLNLib.study.family import Options
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.plan import Plan, plan
from FaceDeidLNLib.study.writer import StudyWriter

FULL = Path("/dev/full")


@pytest.fixture
def source(tmp_path) -> Path:
    write_series(tmp_path / "in", Series(np.zeros((6, 8, 8), dtype=np.int32)))
    return tmp_path / "in"


def raising(problem: BaseException) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise problem

    return raise_it


def with_family(monkeypatch: pytest.MonkeyPatch, **does: Callable[..., object]) -> None:
    """In place of all families one that decides and releases as given."""
    follow = Decision(Outcome.FOLLOW, "test")
    family = SimpleNamespace(decide=lambda series, _: (follow,) * len(series.instances), release=lambda *_: (), shows_nothing=False)
    family.__dict__.update(does)
    monkeypatch.setitem(study_run.FAMILIES, "ct", family)


def planned(source: Path, monkeypatch: pytest.MonkeyPatch, problem: BaseException) -> Plan:
    with_family(monkeypatch, release=raising(problem))
    return plan(source)


def test_a_full_disk_stops_a_study_whose_doubtful_objects_may_be_withheld(source, tmp_path, monkeypatch):
    there = planned(source, monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(OutputError, match="No space left"):
        study_run.run(there, tmp_path / "out", Options(withhold_doubtful=True))
    assert not (tmp_path / "out").exists()


def test_so_does_short_memory(source, tmp_path, monkeypatch):
    with pytest.raises(MemoryError):
        study_run.run(planned(source, monkeypatch, MemoryError()), tmp_path / "out", Options(withhold_doubtful=True))


def test_an_object_that_breaks_a_reader_is_withheld_all_the_same(source, tmp_path, monkeypatch):
    there = planned(source, monkeypatch, OSError("not an image"))
    result = study_run.run(there, tmp_path / "out", Options(withhold_doubtful=True))[0]
    assert {report.decision.doubtful for report in result.reports} == {True}


def test_short_memory_decides_nothing_of_an_object(source, monkeypatch):
    with_family(monkeypatch, decide=raising(MemoryError()))
    with pytest.raises(MemoryError):
        study_plan.plan(source)


def test_half_a_file_of_an_instance_is_taken_away(source, tmp_path, monkeypatch):
    def half(_: object, path: Path, __: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writer, "save", half)
    instance = plan(source).studies[0].entries[0].instance
    policy = KeepHeader()
    policy.learn(instance.header)
    with pytest.raises(OSError, match="No space left"):
        StudyWriter(tmp_path / "out", policy).put(instance, pydicom.dcmread(instance.path))
    assert not list((tmp_path / "out").rglob("*"))


@pytest.mark.skipif(not FULL.exists(), reason="there is no disk that is always full here")
def test_the_error_of_a_full_disk_keeps_its_number(source):
    with pytest.raises(OSError, match="No space left") as caught:
        dicom_encoder.save(pydicom.dcmread(next(iter(source.iterdir()))), FULL)
    assert caught.value.errno == errno.ENOSPC
