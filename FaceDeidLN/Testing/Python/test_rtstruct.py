"""RTSTRUCT: contours written by rt-utils, and contours written here, as masks on the CT's grid."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.input import rtstruct
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.contours import fill_plane
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.input.rtstruct import read_rtstruct
from hypothesis import given, settings
from hypothesis import strategies as st
from structure_sets import FRAME, SHAPE, grid, read, square, structure_set


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def ball(centre=(6, 20, 22), radius=9.0) -> np.ndarray:
    """A ball in voxels, flat because slices are thick."""
    k, j, i = np.indices(SHAPE)
    return (3 * (k - centre[0])) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 < radius**2


def test_contours_of_an_independent_library_give_the_same_voxels(tmp_path):
    rt_utils = pytest.importorskip("rt_utils", reason="rt-utils is not installed (pip install 'facedeidln[test]')")
    folder = tmp_path / "ct"
    # rt-utils swaps the two pixel spacings, so that they must be equal here.
    write_series(folder, Series(stored_head(shape=SHAPE), spacing=(0.75, 0.75)))
    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.StudyDate = dataset.StudyTime = dataset.StudyID = dataset.PatientBirthDate = dataset.PatientSex = ""
        dataset.save_as(file)
    ct = read_ct(folder)
    builder = rt_utils.RTStructBuilder.create_new(dicom_series_path=str(folder))
    builder.add_roi(mask=np.moveaxis(ball(), 0, -1), name="LN Ib left")
    builder.save(str(tmp_path / "rt.dcm"))
    found = read_any_segments(tmp_path / "rt.dcm", ct.volume.geometry, ct.frame_of_reference_uid)
    assert found[0].name == "LN Ib left"
    assert dice(place_segments(found, ct.volume.geometry)[0].full(SHAPE), ball()) >= 0.98


@settings(max_examples=20, deadline=None)
@given(turn=st.floats(-60, 60), tilt=st.floats(-0.3, 0.3))
def test_a_square_is_filled_on_turned_and_tilted_grids(turn, tilt, tmp_path_factory):
    geometry = grid(turn, tilt)
    mask = read([square(geometry, k, 9.5, 20.5) for k in (3, 4, 5)], geometry, tmp_path_factory.getbasetemp())
    expected = np.zeros(SHAPE, dtype=bool)
    expected[3:6, 10:21, 10:21] = True
    assert np.array_equal(mask, expected)


def test_a_contour_that_lies_elsewhere_than_its_points_is_refused(tmp_path):
    square = np.array([(0.0, 10.0, 105.0), (8.0, 10.0, 105.0), (8.0, 18.0, 105.0), (0.0, 18.0, 105.0)])
    dataset = structure_set([square])
    dataset.ROIContourSequence[0].ContourSequence[0].ContourOffsetVector = [0.0, 0.0, 0.0]
    assert read_rtstruct(dataset, tmp_path / "rs.dcm", grid())
    dataset.ROIContourSequence[0].ContourSequence[0].ContourOffsetVector = [0.0, 0.0, 10.0]
    with pytest.raises(InputError, match="lies elsewhere than its points"):
        read_rtstruct(dataset, tmp_path / "rs.dcm", grid())


def test_a_contour_inside_another_is_a_hole(tmp_path):
    geometry = grid()
    mask = read([square(geometry, 4, 5.5, 20.5), square(geometry, 4, 9.5, 15.5)], geometry, tmp_path)
    assert mask[4, 7, 7]
    assert not mask[4, 12, 12]
    assert np.count_nonzero(mask) == 15 * 15 - 6 * 6


@pytest.mark.parametrize("off", [0.0, 0.3])
def test_a_contour_that_was_drawn_twice_is_no_hole(tmp_path, off):
    geometry = grid()
    once = read([square(geometry, 5, 5, 25)], geometry, tmp_path)
    twice = read([square(geometry, 5, 5, 25), square(geometry, 5, 5 + off, 25 - off)], geometry, tmp_path)
    assert np.array_equal(twice, once)


def test_contours_that_cross_hold_what_both_hold(tmp_path):
    geometry = grid()
    one, other = square(geometry, 5, 5, 20), square(geometry, 5, 15, 30)
    together = read([one, other], geometry, tmp_path)
    assert np.array_equal(together, read([one], geometry, tmp_path) | read([other], geometry, tmp_path))


def test_an_island_in_a_hole_belongs_to_the_structure(tmp_path):
    geometry = grid()
    mask = read([square(geometry, 5, low, high) for low, high in ((5, 30), (10, 25), (15, 20))], geometry, tmp_path)[5]
    assert [bool(mask[n, n]) for n in (7, 12, 17)] == [True, False, True]


def test_a_concave_contour_does_not_fill_its_bay(tmp_path):
    geometry = grid()
    corners = np.array([(4, 5.5, 5.5), (4, 5.5, 20.5), (4, 20.5, 20.5), (4, 13, 7), (4, 20.5, 5.5)])
    mask = read([geometry.to_lps(corners)], geometry, tmp_path)
    assert mask[4, 8, 10]
    assert not mask[4, 18, 12]


def test_slices_between_sparse_contours_belong_to_the_nearest(tmp_path):
    geometry = grid()
    mask = read([square(geometry, k, 9.5, 20.5) for k in (2, 5, 8)], geometry, tmp_path)
    assert mask[2:9, 15, 15].all()
    assert not mask[0, 15, 15]


def moved(contour: np.ndarray, geometry: Geometry, voxels: float) -> np.ndarray:
    """A contour moved in its plane."""
    return contour + geometry.to_lps(np.array([[0, voxels, voxels]])) - geometry.to_lps(np.zeros((1, 3)))


def test_slices_between_two_separate_lumps_stay_empty(tmp_path):
    geometry = grid()
    low = [square(geometry, k, 1.5, 6.5) for k in (4, 5)]
    mask = read([*low, *(moved(square(geometry, k, 1.5, 6.5), geometry, 28) for k in (7, 8))], geometry, tmp_path)
    assert not mask[6].any()


@pytest.mark.parametrize("turn", [0.0, 25.0])
@pytest.mark.parametrize("planes", [(1, 2, 3, 8, 9, 10), (2, 9), (1, 2, 10), (1.3, 2.3, 8.6)])
def test_planes_left_out_between_contours_belong_to_the_structure(planes, turn, tmp_path):
    geometry = grid(turn)
    mask = read([square(geometry, k, 9.5, 20.5) for k in planes], geometry, tmp_path)
    for k in range(int(np.ceil(planes[0])), int(np.floor(planes[-1])) + 1):
        assert mask[k, 10:21, 10:21].all()
        assert np.count_nonzero(mask[k]) == 11 * 11


def test_the_shape_between_two_contours_lies_between_theirs(tmp_path):
    geometry = grid()
    mask = read([square(geometry, 2, 9.5, 20.5), square(geometry, 8, 12.5, 17.5)], geometry, tmp_path)
    sizes = [int(np.count_nonzero(mask[k])) for k in range(2, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[3] > sizes[-1]


def test_a_structure_that_runs_aslant_has_no_gap_where_its_contours_do_not_overlap(tmp_path):
    geometry = grid()
    low = square(geometry, 2, 5.5, 11.5)
    high = moved(square(geometry, 8, 5.5, 11.5), geometry, 8)
    mask = read([low, high], geometry, tmp_path)
    assert all(np.count_nonzero(mask[k]) >= 25 for k in range(2, 9))
    assert mask[5, 12, 12]


def test_thin_contours_of_a_finer_ct_all_count(tmp_path):
    geometry = grid()
    mask = read([square(geometry, 4 + n / 5, 9.5, 10.5 + 2 * n) for n in range(-2, 3)], geometry, tmp_path)
    assert mask[4, 14, 14]


@pytest.mark.parametrize(("contours", "points"), [(1, 250), (101, 3), (21, 150)])
def test_more_than_anybody_draws_is_refused_before_it_is_read(contours, points, tmp_path, monkeypatch):
    for name, most in (("MOST_CONTOUR_POINTS", 200), ("MOST_CONTOURS", 100), ("MOST_POINTS", 3000)):
        monkeypatch.setattr(rtstruct, name, most)
    dataset = structure_set([square(grid(), 4, 10, 20)])
    drawn = dataset.ROIContourSequence[0].ContourSequence
    drawn[0].ContourData = [1.0] * (3 * points)
    drawn.extend([drawn[0]] * (contours - 1))
    with pytest.raises(InputError, match="more than anybody draws"):
        read_rtstruct(dataset, tmp_path / "rs.dcm", grid(), FRAME)


@settings(max_examples=15, deadline=None)
@given(corners=st.lists(st.tuples(st.floats(-5, 45), st.floats(-5, 45)), min_size=3, max_size=7))
def test_a_plane_is_filled_as_the_even_odd_rule_says(corners):
    polygon = np.array(corners)
    filled = fill_plane([polygon], (20, 24))
    for j, i in np.ndindex(20, 24):
        one, other = polygon, np.roll(polygon, -1, axis=0)
        crosses = (one[:, 0] <= j) != (other[:, 0] <= j)
        with np.errstate(divide="ignore", invalid="ignore"):
            column = one[:, 1] + (j - one[:, 0]) * (other[:, 1] - one[:, 1]) / (other[:, 0] - one[:, 0])
        if np.abs(column[crosses] - i).min(initial=1.0) > 0.06 and np.abs(polygon - (j, i)).max(1).min() > 0.06:
            inside = np.count_nonzero(crosses & (column < i)) % 2 == 1
            assert filled[j, i] == inside or _near_edge(polygon, j, i)


def _near_edge(polygon: np.ndarray, j: int, i: int) -> bool:
    steps = np.linspace(0, 1, 2001)[:, None]
    lines = [a + steps * (b - a) for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True)]
    return bool(min(np.abs(line - (j, i)).max(1).min() for line in lines) < 0.06)


def test_contours_across_the_planes_of_the_ct_are_refused(tmp_path):
    geometry = grid()
    slanted = geometry.to_lps(np.array([(2, 10, 10), (2, 10, 20), (6, 20, 20), (6, 20, 10)]) + np.array([0, 0, 0.3]))
    with pytest.raises(InputError, match="across the CT's planes"):
        read([slanted, square(geometry, 3, 5, 8)], geometry, tmp_path)


def test_contours_on_the_sagittal_planes_of_the_ct_are_filled(tmp_path):
    geometry = grid()
    corners = np.array([(1.5, 9.5, 7), (1.5, 20.5, 7), (6.5, 20.5, 7), (6.5, 9.5, 7)])
    mask = read([geometry.to_lps(corners)], geometry, tmp_path)
    assert np.count_nonzero(mask) == np.count_nonzero(mask[2:7, 10:21, 7]) == 5 * 11
