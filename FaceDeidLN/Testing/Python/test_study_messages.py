"""What a study says of a series that cannot be read leads to that series, not to the place of its temporary copy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.study import result_lines
from FaceDeidLNLib.core.errors import in_words
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.study.ct import CtFamily
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.plan import Entry, plan
from FaceDeidLNLib.study.report import Report, StudyResult
from synthetic_study import StudyFolder


def write_no_ct(folder, hu=2500.0, slices=10):
    """A series of one value."""
    shape = (slices, 40, 40)
    volume = Volume(np.full(shape, hu), Geometry(shape, np.diag([3.0, 3.0, 3.0, 1.0])))
    StudyFolder(folder, SimpleNamespace()).series(volume, "a", "No CT")


@pytest.mark.parametrize("out", [".", "in", "in/out"])
def test_studies_are_not_released_around_or_into_their_originals(out, tmp_path, capsys):
    write_no_ct(tmp_path / "in")
    before = sorted(tmp_path.rglob("*"))
    assert main(["study", str(tmp_path / "in"), str(tmp_path / out), "--quiet"]) == 2
    assert "is, holds or lies inside the input" in "".join(capsys.readouterr())
    assert sorted(tmp_path.rglob("*")) == before


def test_studies_are_not_released_beside_the_files_that_a_dicomdir_lists(tmp_path):
    write_no_ct(tmp_path / "in")
    (tmp_path / "in" / "DICOMDIR").write_bytes(b"")
    assert plan(tmp_path / "in" / "DICOMDIR").folder == tmp_path / "in"


@pytest.mark.parametrize(("hu", "slices", "said"), [(2500.0, 10, "does not look like a CT"), (0.0, 3, "has only 3 slices")])
def test_a_series_that_is_no_ct_is_told_without_the_temporary_folder(tmp_path, hu, slices, said):
    write_no_ct(tmp_path / "in", hu, slices)
    study = plan(tmp_path / "in").studies[0].study
    with pytest.raises(DoubtError, match=f"the series {said}") as doubt:
        CtFamily().release(study.series[0], SimpleNamespace(study=study))
    assert tempfile.gettempdir() not in str(doubt.value)
    assert "facedeidln-" not in str(doubt.value)


def test_a_slice_is_told_under_its_own_name(tmp_path):
    write_no_ct(tmp_path / "in", 0.0)
    middle = sorted((tmp_path / "in").rglob("*.dcm"))[5]
    middle.write_bytes(middle.read_bytes()[:-200])
    study = plan(tmp_path / "in").studies[0].study
    with pytest.raises(DoubtError, match=f" {middle.name} ends before its data do"):
        CtFamily().release(study.series[0], SimpleNamespace(study=study))


def test_a_study_says_which_protected_segments_are_empty():
    instance = SimpleNamespace(label="CT 'Head'", uid="1.2.3")
    protected = [{"name": name, "voxels": amount} for name, amount in (("LN", "some"), ("LN II", "none"), ("node level Ia", "none"))]
    decision = Decision(Outcome.DEFACE, "shows the face best")
    reports = [Report(Entry(instance, decision), decision, {"protected": protected})] * 2
    lines = result_lines(StudyResult(SimpleNamespace(damaged=(), notes=()), tuple(reports), (), Path("out")))
    assert [line for line in lines if "empty" in line] == ["  protected 'LN II': it is empty, and protects nothing"]


def test_an_error_of_others_is_told_in_its_first_line():
    assert in_words(TypeError("no text here\nTraceback (most recent call last):\n  File ...")) == "TypeError: no text here"
