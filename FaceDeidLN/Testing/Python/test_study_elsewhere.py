"""What shows the body elsewhere than the CTs of its frame of reference is never released, whatever its headers say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study import ct as ct_family
from FaceDeidLNLib.study import rays, rtstruct
from FaceDeidLNLib.study.ct import CtFamily
from FaceDeidLNLib.study.elsewhere import remembered, require_in_view, require_on_skin, require_same_body
from FaceDeidLNLib.study.family import DoubtError, Series, StudyRun
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.pet_mr import follow_image
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.rays import beyond_doubt, edge_level, placed_doubt
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.verify.coverage import SKIN_HU
from study_bench import Bench
from synthetic_objects import mr_of, pet_of
from synthetic_study import MR, PET, StudyFolder, coarse

pytestmark = pytest.mark.usefixtures("heads_remembered")

FAR_MM = (0.0, 0.0, -300.0)
KINDS = {"PT": (pet_of, PET), "MR": (mr_of, MR)}


def cylinder(start: float = 0.0, shift: float = 0.0, length: int = 40) -> Volume:
    """A CT (HU) of 6 mm of a body that stands along z, from ``start`` mm on, ``shift`` mm to the left."""
    matrix = np.diag([6.0, 6.0, 6.0, 1.0])
    matrix[:3, 3] = (-120.0, -120.0, start)
    j, i = np.mgrid[:40, :40]
    body = (6 * i - 120 - shift) ** 2 + (6 * j - 120) ** 2 < 70**2
    hu = np.broadcast_to(np.where(body, 40.0, -1000.0), (length, 40, 40)).astype(np.float32)
    return Volume(hu + np.random.default_rng(1).normal(0, 10, hu.shape).astype(np.float32), Geometry(hu.shape, matrix))


def as_mr(ct: Volume) -> Volume:
    return ct.with_array(np.where(ct.array > -300, 300.0, 20.0) + np.random.default_rng(2).normal(0, 20, ct.array.shape))


@pytest.fixture
def work(bench, tmp_path) -> StudyRun:
    return bench.again(tmp_path / "out")


def image_of(bench: Bench, folder: Path, modality: str, shift_mm: tuple[float, float, float]) -> Series:
    """A PET or an MR in the CT's frame of reference whose head lies elsewhere."""
    make, tags = KINDS[modality]
    head = coarse(bench.source.phantom.ct, 6.0)
    moved = head.geometry.ijk_to_lps.copy()
    moved[:3, 3] += shift_mm
    source = StudyFolder(folder, bench.source.phantom, bench.source.study, bench.source.frame)
    source.series(make(Volume(head.array, Geometry(head.geometry.shape, moved))), "image", "elsewhere", 0.0, **tags)
    return plan(folder).studies[0].study.series[0]


@pytest.mark.parametrize("modality", KINDS)
def test_an_image_of_a_head_that_no_ct_shows_is_doubtful(bench, work, tmp_path, modality):
    with pytest.raises(DoubtError, match="a face may be in it"):
        FAMILIES["pet_mr"].release(image_of(bench, tmp_path / "in", modality, FAR_MM), work)


def test_an_image_of_the_body_that_another_ct_shows_is_kept(bench, work, tmp_path):
    image = image_of(bench, tmp_path / "in", "MR", FAR_MM)
    head = bench.source.phantom.ct
    matrix = head.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += FAR_MM
    work.seen[bench.source.frame] = [
        *work.seen_in(bench.source.frame),
        remembered(Volume(head.array, Geometry(head.geometry.shape, matrix))),
    ]
    assert FAMILIES["pet_mr"].release(image, work)[0].decision.outcome is Outcome.KEEP


def neck_ct(bench: Bench) -> HiddenFace:
    """The hidden face of a CT that ends below the eyes."""
    hidden = bench.run.hidden[bench.source.frame]
    slices, rows, columns = hidden.grid.shape
    return replace(hidden, grid=hidden.grid.crop(Box((0, 0, 0), (int(0.55 * slices), rows, columns))))


@pytest.mark.parametrize("make", [pet_of, mr_of])
def test_an_image_that_shows_more_of_the_face_than_the_ct_is_doubtful(bench, make):
    image = make(coarse(bench.source.phantom.ct, 6.0))
    with pytest.raises(DoubtError, match="where the CT that decides ends"):
        follow_image(neck_ct(bench), image, np.eye(4), 3.0, np.random.default_rng(1))


def test_a_ct_that_shows_more_of_the_face_than_the_one_that_decides_is_doubtful(bench):
    hidden, whole = neck_ct(bench), bench.source.phantom.ct
    assert "where the CT that decides ends" in beyond_doubt(hidden, whole, SKIN_HU)
    assert beyond_doubt(hidden, whole.with_array(np.full_like(whole.array, -1000)), SKIN_HU) is None
    assert beyond_doubt(bench.run.hidden[bench.source.frame], whole, SKIN_HU) is None


def test_a_ct_whose_grid_misses_the_region_is_asked_for_more_of_the_face_before_it_is_kept(bench, work, monkeypatch):
    monkeypatch.setattr(ct_family, "follow_ct", lambda hidden, ct: None)
    monkeypatch.setattr(ct_family, "shows_face", lambda found: False)
    run = replace(work, hidden={bench.source.frame: neck_ct(bench)})
    with pytest.raises(DoubtError, match="where the CT that decides ends"):
        CtFamily()._follow(bench.series("ct"), read_ct(bench.ct), run)


def test_a_share_of_the_face_that_is_hardly_any_is_not_told_as_none(bench, monkeypatch):
    monkeypatch.setattr(rays, "FEWEST", 1)
    monkeypatch.setattr(rays, "linear", lambda array, kji: np.where(np.arange(len(kji)) == 0, 40.0, -1000.0))
    assert "it shows 1% of the face region" in beyond_doubt(neck_ct(bench), bench.source.phantom.ct, SKIN_HU)


@pytest.mark.parametrize(("degrees", "said"), [(0.0, False), (3.0, False), (10.0, True), (180.0, True)])
def test_a_head_that_nods_or_looks_backwards_lies_elsewhere(bench, degrees, said):
    hidden = bench.run.hidden[bench.source.frame]
    image = mr_of(coarse(bench.source.phantom.ct, 3.5))
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = np.eye(4)
    turned[1:3, 1:3] = [[cosine, -sine], [sine, cosine]]
    there = Volume(image.array, Geometry(image.array.shape, turned @ image.geometry.ijk_to_lps))
    assert (placed_doubt(hidden, there, edge_level(hidden, there), 3.0 + 3.5) is not None) is said


def neck_in(bench: Bench, folder: Path, shift_mm: float) -> Series:
    """A CT of the neck, below the face region, in the frame of reference of the CT that decides, some mm further down than it lies."""
    head = bench.source.phantom.ct
    neck = head.crop(Box((0, 0, 0), (10, *head.array.shape[1:])))
    matrix = neck.geometry.ijk_to_lps.copy()
    matrix[2, 3] -= shift_mm
    source = StudyFolder(folder, bench.source.phantom, bench.source.study, bench.source.frame)
    source.series(Volume(neck.array, Geometry(neck.array.shape, matrix)), "neck", "neck")
    return plan(folder).studies[0].study.series[0]


@pytest.mark.parametrize(("shift_mm", "outcome"), [(0.0, Outcome.KEEP), (400.0, Outcome.WITHHOLD)])
def test_a_ct_without_the_face_is_kept_where_another_ct_confirms_its_place(bench, work, tmp_path, shift_mm, outcome):
    done = FAMILIES["ct"].release(neck_in(bench, tmp_path / "in", shift_mm), work)
    assert done[0].decision.outcome is outcome


def test_structures_of_a_head_that_no_ct_shows_are_doubtful(bench, work, tmp_path):
    dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
    for item in dataset.ROIContourSequence:
        for contour in item.ContourSequence:
            contour.ContourData = [f"{value:.2f}" for value in (rtstruct.points_of(contour, np.eye(4)) + FAR_MM).ravel()]
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "far.dcm")
    with pytest.raises(DoubtError, match="BODY.*no CT"):
        FAMILIES["rtstruct"].release(plan(tmp_path / "in").studies[0].study.series[0], work)


@pytest.mark.parametrize("degrees", [10.0, 15.0, 20.0, 30.0, 45.0, 90.0, 180.0])
@pytest.mark.parametrize("named", ["BODY", "zzz"])
def test_the_outline_of_a_turned_head_is_clipped_or_doubtful_whatever_its_name(bench, degrees, named):
    points = outline_points(bench)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = points @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]).T
    shown = bench.run.seen_in(bench.source.frame)
    try:
        assert rtstruct.require_whole_place("it", turned, shown, named == "BODY", False)
    except DoubtError:
        assert degrees > 10.0


def test_the_outline_of_the_head_and_what_lies_below_its_skin_are_at_their_place(bench):
    shown, points = bench.run.seen_in(bench.source.frame), outline_points(bench)
    assert rtstruct.require_whole_place("it", points, shown, True, False)
    centre = points.mean(axis=0)
    assert not rtstruct.require_whole_place("brain", centre + 0.75 * (points - centre), shown, False, False)


def outline_points(bench: Bench) -> np.ndarray:
    """Points (N, 3) of the outline of the head, as drawn."""
    dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
    return np.vstack([rtstruct.points_of(one, np.eye(4)) for one in rtstruct.contours_of(dataset, 1)[0].ContourSequence])


def test_a_dose_where_no_ct_shows_anything_is_doubtful(bench, work, tmp_path):
    dataset = pydicom.dcmread(bench.source.folder / "dose.dcm")
    dataset.ImagePositionPatient = [float(value) + shift for value, shift in zip(dataset.ImagePositionPatient, FAR_MM, strict=True)]
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "far.dcm")
    with pytest.raises(DoubtError, match="dose lies where no CT"):
        FAMILIES["rtdose"].release(plan(tmp_path / "in").studies[0].study.series[0], work)


def test_an_image_shows_the_body_where_the_ct_does():
    require_same_body(as_mr(cylinder()), [cylinder()])


def test_an_image_may_be_covered_by_several_cts():
    require_same_body(as_mr(cylinder(length=80)), [cylinder(length=40), cylinder(start=240.0, length=40)])


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (cylinder(shift=60.0), "does not show the body"),
        (cylinder(length=80), "goes on where no CT"),
        (cylinder(start=400.0), "what no CT"),
    ],
)
def test_an_image_that_shows_the_body_elsewhere_is_doubtful(image, said):
    with pytest.raises(DoubtError, match=said):
        require_same_body(as_mr(image), [cylinder()])


def test_nothing_is_known_of_a_frame_of_reference_without_a_ct():
    with pytest.raises(DoubtError):
        require_same_body(as_mr(cylinder()), [])


def test_a_node_outside_the_cts_is_no_head():
    require_in_view("node", np.random.default_rng(1).uniform(0, 30, (200, 3)) + (0, 0, 900.0), [cylinder()])


def test_the_outline_of_the_body_lies_on_its_skin():
    turn = np.linspace(0, 2 * np.pi, 200)
    ring = np.column_stack([70 * np.cos(turn), 70 * np.sin(turn), np.full(200, 100.0)])
    require_on_skin("BODY", ring, [cylinder()])
    with pytest.raises(DoubtError, match="BODY lies"):
        require_on_skin("BODY", ring + (50.0, 0, 0), [cylinder()])
