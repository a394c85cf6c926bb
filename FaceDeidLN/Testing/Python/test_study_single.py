"""Slices of one stack that have a series UID each, as some consoles and anonymisers export it, are worked on as one series."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from FaceDeidLNLib.input.plausible import MIN_SLICES
from FaceDeidLNLib.study.family import Options
from FaceDeidLNLib.study.no_volume import FRAMES
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.run import run
from pydicom.uid import generate_uid
from synthetic_study import StudyFolder, study_phantom

pytestmark = pytest.mark.usefixtures("heads_remembered")


def give_each(paths: list[Path], keyword: str = "SeriesInstanceUID") -> list[Path]:
    """A UID of its own to each slice."""
    for path in paths:
        dataset = pydicom.dcmread(path)
        setattr(dataset, keyword, generate_uid(prefix=None))
        dataset.save_as(path)
    return paths


def test_they_are_released_as_one_and_keep_a_series_each(tmp_path):
    study = StudyFolder(tmp_path / "in", study_phantom())
    paths = give_each(study.series(study.phantom.ct, "a", "Head"))
    (result,) = run(plan(tmp_path / "in"), tmp_path / "out", Options())
    assert result.output is not None
    assert [surface.name for surface in result.proof.surfaces] == ["01-CT"]
    files = sorted((result.output / "01-CT").iterdir())
    assert len(files) == len(paths)
    assert len({str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID) for path in files}) == len(paths)


def test_of_two_names_they_are_a_review_that_tells_them_once(tmp_path):
    study = StudyFolder(tmp_path / "in", study_phantom())
    for number, path in enumerate(give_each(study.series(study.phantom.ct, "a", "Head"))):
        dataset = pydicom.dcmread(path)
        dataset.PatientName = "Doe^Jane" if number % 2 else "Smith^Anna"
        dataset.save_as(path)
    (result,) = run(plan(tmp_path / "in"), tmp_path / "out", Options())
    assert result.output is None
    (reason,) = result.reasons
    assert "one PatientID under two names" in reason


def series_of(folder: Path, slices: int) -> list[int]:
    """How many instances the series have that are planned for the first so many slices of a CT of single ones."""
    study = StudyFolder(folder, study_phantom())
    for path in give_each(study.series(study.phantom.ct, "a", "Head"))[slices:]:
        path.unlink()
    return [len(series.instances) for series in plan(folder).studies[0].study.series]


def test_fewer_than_a_volume_has_stay_apart(tmp_path):
    assert series_of(tmp_path / "a", MIN_SLICES) == [MIN_SLICES]
    assert series_of(tmp_path / "b", MIN_SLICES - 1) == [1] * (MIN_SLICES - 1)


def test_those_of_two_stacks_at_the_same_places_stay_apart(tmp_path):
    study = StudyFolder(tmp_path, study_phantom())
    for name in ("a", "b"):
        give_each(study.series(study.phantom.ct, name, "Head"))
    assert {len(series.instances) for series in plan(tmp_path).studies[0].study.series} == {1}


def test_slices_with_a_frame_of_reference_each_are_withheld_and_the_reason_says_what_to_do(tmp_path):
    study = StudyFolder(tmp_path, study_phantom())
    give_each(study.series(study.phantom.ct, "a", "Head"), "FrameOfReferenceUID")
    assert {entry.decision.reason for entry in plan(tmp_path).studies[0].entries} == {FRAMES}
    assert "deface" in FRAMES
