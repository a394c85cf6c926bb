"""Images in the class of CT whose values are no HU, as a dual-energy CT or a perfusion study has them, follow as PET and MR do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study.ct import CtFamily
from FaceDeidLNLib.study.family import DoubtError, Series, StudyRun
from FaceDeidLNLib.study.measures import of_ct
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.pet_mr import FOLLOWS
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.review import SHOWERS
from study_bench import Bench
from synthetic_study import StudyFolder

pytestmark = pytest.mark.usefixtures("heads_remembered")

HERE = (0.0, 0.0, 0.0)
EYE = np.eye(4)


@pytest.fixture
def work(bench, tmp_path) -> StudyRun:
    return bench.again(tmp_path / "out")


def atomic_numbers(hu: np.ndarray) -> np.ndarray:
    """Hundredths of the effective atomic number: air 0, tissue 7.3, bone 10.5."""
    noise = np.random.default_rng(5).normal(0, 15, hu.shape)
    return np.where(hu < -500, 0, np.where(hu > 300, 1050, 730)) + np.abs(noise)


def map_of(bench: Bench, folder: Path, shift_mm: tuple[float, float, float] = HERE, unit: str = "US") -> Series:
    """A map in the CT's frame of reference, as a series of the CT class."""
    head = bench.source.phantom.ct
    matrix = head.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += shift_mm
    source = StudyFolder(folder, bench.source.phantom, bench.source.study, bench.source.frame)
    volume = Volume(atomic_numbers(head.array), Geometry(head.geometry.shape, matrix))
    source.series(volume, "map", "Z effective", 0.0, ImageType=["DERIVED", "PRIMARY", "AXIAL", "Z_EFF"], RescaleType=unit)
    return plan(folder).studies[0].study.series[0]


def released(root: Path) -> Path:
    """The folder of what was written, beside the CT that the bench has written."""
    return next(path.parent for path in root.rglob("*.dcm") if not path.is_symlink())


def stored(folder: Path) -> np.ndarray:
    slices = sorted((pydicom.dcmread(path) for path in folder.iterdir()), key=lambda one: float(one.ImagePositionPatient[2]))
    return np.stack([one.pixel_array for one in slices])


def test_a_map_follows_the_ct(bench, work, tmp_path):
    (done,) = CtFamily().release(map_of(bench, tmp_path / "in"), work)
    assert done.decision.outcome is Outcome.FOLLOW
    assert done.figures["share_of_step_left"] < 0.3


def test_a_map_keeps_what_is_protected(bench, work, tmp_path):
    CtFamily().release(map_of(bench, tmp_path / "in"), work)
    spared = work.hidden[bench.source.frame].spared_on(bench.source.phantom.ct.geometry)
    before, after = stored(tmp_path / "in" / "map"), stored(released(tmp_path / "out"))
    upwards = spared[:: int(np.sign(bench.source.phantom.ct.geometry.ijk_to_lps[2, 2]))]
    assert upwards.any()
    assert (before != after).any()
    assert np.array_equal(before[upwards], after[upwards])


def test_a_map_of_a_head_elsewhere_is_doubtful(bench, work, tmp_path):
    with pytest.raises(DoubtError):
        CtFamily().release(map_of(bench, tmp_path / "in", (25.0, 0.0, 0.0)), work)


def test_a_map_alone_decides_nothing(bench, work, tmp_path):
    alone = map_of(bench, tmp_path / "in")
    work = replace(work, study=plan(tmp_path / "in").studies[0].study)
    with pytest.raises(DoubtError, match="Hounsfield"):
        CtFamily().release(alone, work)


def test_values_that_could_be_hu_follow_as_the_unit_says_that_their_header_names(bench, work, tmp_path):
    series = map_of(bench, tmp_path / "in", unit="EDW")
    for path in (tmp_path / "in" / "map").iterdir():  # air -1000, tissue and bone 0 and more
        dataset = pydicom.dcmread(path)
        dataset.RescaleIntercept = "-1000"
        dataset.save_as(path)
    (done,) = CtFamily().release(series, work)
    assert done.decision.reason == FOLLOWS


def test_a_map_and_the_ct_in_one_series_are_two_stacks(bench, tmp_path):
    map_of(bench, tmp_path / "in", unit="MGML")
    head = bench.source.phantom.ct
    uid = pydicom.dcmread(next((tmp_path / "in" / "map").iterdir())).SeriesInstanceUID
    kind = ["DERIVED", "PRIMARY", "AXIAL", "Z_EFF"]
    source = StudyFolder(tmp_path / "in", bench.source.phantom, bench.source.study, bench.source.frame)
    source.series(head, "ct", "Z effective", ImageType=kind, SeriesInstanceUID=uid, RescaleType="HU")
    series = plan(tmp_path / "in").studies[0].study.series
    assert [{str(one.header.RescaleType) for one in stack.instances} for stack in series] == [{"HU"}, {"MGML"}]


@pytest.mark.parametrize("unit", ["MGML", " mgml"])
def test_the_message_names_the_unit_of_a_map_that_is_given_as_the_ct(bench, tmp_path, unit):
    map_of(bench, tmp_path / "in", unit=unit)
    with pytest.raises(InputError, match="holds concentrations and no HU .RescaleType MGML."):
        read_ct(tmp_path / "in")


def test_the_edge_of_a_released_map_lies_off_the_old_skin(bench, work, tmp_path):
    CtFamily().release(map_of(bench, tmp_path / "in"), work)
    hidden = work.hidden[bench.source.frame]
    (before,) = (depth for _, depth in of_ct(tmp_path / "in" / "map", hidden, EYE))
    (after,) = (depth for _, depth in of_ct(released(tmp_path / "out"), hidden, EYE))
    shown = [np.abs(depth[np.isfinite(depth)]) for depth in (before, after)]
    assert np.median(shown[0]) < 2.0 < 4.0 < np.median(shown[1])


def test_a_map_has_a_picture(bench, work, tmp_path):
    series = map_of(bench, tmp_path / "in")
    (look,) = SHOWERS["ct"](series.instances, work.hidden[bench.source.frame], EYE)
    assert 0.0 <= look.air < look.level < 730.0
