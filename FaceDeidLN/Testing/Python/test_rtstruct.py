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
from FaceDeidLNLib.input.names import choose_segments
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.input.rtstruct import read_rtstruct
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

SHAPE = (12, 40, 44)
FRAME = "1.2.3.4"


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def ball(centre=(6, 20, 22), radius=9.0) -> np.ndarray:
    """A ball in voxels, flat because slices are thick."""
    k, j, i = np.indices(SHAPE)
    return (3 * (k - centre[0])) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 < radius**2


def structure_set(contours: list[np.ndarray], name: str = "LN Ib left", frame: str = FRAME) -> Dataset:
    """A structure set in memory with one structure; contours (N, 3) in LPS mm."""
    roi, item = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, name, frame
    item.ReferencedROINumber = 1
    item.ContourSequence = Sequence()
    for points in contours:
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.ContourData = [float(v) for v in np.round(points, 4).ravel()]
        item.ContourSequence.append(contour)
    dataset = Dataset()
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence([roi]), Sequence([item])
    return dataset


def grid(turn_deg: float = 0.0, tilt: float = 0.0, shape: tuple[int, int, int] = SHAPE) -> Geometry:
    """A grid with 0.8 x 0.8 x 2.5 mm voxels, turned about z and sheared along it."""
    turn = np.radians(turn_deg)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), tilt], [0, 0, 1]]) * (0.8, 0.8, 2.5)
    matrix[:3, 3] = (-20.0, 5.0, 100.0)
    return Geometry(shape, matrix)


def square(geometry: Geometry, k: float, low: float, high: float) -> np.ndarray:
    """A square contour on plane ``k`` from ``low`` to ``high`` (voxels, along j and i)."""
    corners = np.array([(k, low, low), (k, low, high), (k, high, high), (k, high, low)])
    return geometry.to_lps(corners)


def read(contours: list[np.ndarray], geometry: Geometry, tmp_path) -> np.ndarray:
    segments = read_rtstruct(structure_set(contours), tmp_path / "rt.dcm", geometry)
    return place_segments(segments, geometry)[0].full(geometry.shape)


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


def test_another_frame_of_reference_is_refused_with_both_uids(tmp_path):
    geometry = grid()
    dataset = structure_set([square(geometry, 4, 5, 9)])
    with pytest.raises(InputError, match=r"1\.2\.3\.4 and the CT in 9\.8\.7"):
        read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, "9.8.7")


def test_a_structure_set_without_closed_contours_is_refused(tmp_path):
    geometry = grid()
    dataset = structure_set([square(geometry, 4, 5, 9)], "Isocentre")
    dataset.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "POINT"
    with pytest.raises(InputError, match="no closed contour"):
        read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME)


@pytest.mark.parametrize(
    ("kind", "places", "held"),
    [
        ("OPEN_PLANAR", [(4, 5, 5), (4, 5, 8), (4, 8, 8), (4, 8, 5)], (slice(4, 5), slice(5, 9), slice(5, 9))),
        ("POINT", [(4, 5.3, 6.4)], (slice(4, 5), slice(5, 6), slice(6, 7))),
        ("POINT", [(4, 5.3, 6.4), (5, 5.2, 6.2)], (slice(4, 6), slice(5, 6), slice(6, 7))),
    ],
)
def test_a_node_that_was_marked_by_an_open_line_or_points_is_kept(kind, places, held, tmp_path):
    geometry = grid()
    dataset = structure_set([geometry.to_lps(np.array(places, dtype=float))], "LN Ib left")
    dataset.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = kind
    mask = place_segments(read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME), geometry)[0].full(SHAPE)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[held] = True
    assert np.array_equal(mask, expected)


def without(where, keyword):
    """A structure set that lacks a tag: its own, its structure's or its contours'."""
    dataset = structure_set([square(grid(), 4, 10, 20)])
    holder = {"set": dataset, "structure": dataset.StructureSetROISequence[0], "contours": dataset.ROIContourSequence[0]}[where]
    delattr(holder, keyword)
    return dataset


@pytest.mark.parametrize(
    ("where", "keyword"),
    [("set", "StructureSetROISequence"), ("structure", "ROINumber"), ("contours", "ReferencedROINumber")],
)
def test_a_structure_set_that_lacks_something_is_refused(where, keyword, tmp_path):
    with pytest.raises(InputError, match="is no whole structure set"):
        read_rtstruct(without(where, keyword), tmp_path / "rs.dcm", grid(), FRAME)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: ["nan", *data[1:]], lambda data: [9e8, *data[1:]]])
def test_contour_points_that_are_none_are_refused(change, tmp_path):
    dataset = structure_set([square(grid(), 4, 10, 20)])
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = change(list(contour.ContourData))
    with pytest.raises(InputError, match="is no whole structure set"):
        read_rtstruct(dataset, tmp_path / "rs.dcm", grid(), FRAME)


def two_structures(*drawn: list[np.ndarray]) -> Dataset:
    """A structure set of several nodes with these contours each."""
    whole = structure_set(drawn[0])
    for number, contours in enumerate(drawn[1:], start=2):
        more = structure_set(contours, f"LN {number}")
        more.StructureSetROISequence[0].ROINumber = more.ROIContourSequence[0].ReferencedROINumber = number
        whole.StructureSetROISequence.append(more.StructureSetROISequence[0])
        whole.ROIContourSequence.append(more.ROIContourSequence[0])
    return whole


def test_a_structure_that_is_drawn_and_not_listed_is_kept_because_nobody_knows_what_it_is(tmp_path):
    geometry = grid()
    dataset = two_structures([square(geometry, 4.0, 10, 20)], [square(geometry, 6.0, 10, 20)])
    del dataset.StructureSetROISequence[1]
    choice = choose_segments(read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME))
    assert [segment.name for segment in choice.taken] == ["LN Ib left", "ROI 2"]


def test_a_structure_in_another_frame_of_reference_than_the_others_is_told_and_protects_nothing(tmp_path):
    geometry = grid()
    dataset = two_structures([square(geometry, 4.0, 10, 20)], [square(geometry, 6.0, 10, 20)])
    dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.5"
    placed = place_segments(read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME), geometry)
    assert [(mask.name, mask.voxels > 0) for mask in placed] == [
        ("LN Ib left", True),
        ("LN 2 (in another frame of reference)", False),
    ]


@pytest.mark.parametrize("name", ["Structure 7", "Isocentre", "Brain"])
@pytest.mark.parametrize("kind", ["OPEN_PLANAR", "POINT"])
def test_points_and_lines_that_are_no_node_enclose_nothing_and_are_told_as_that(name, kind, tmp_path):
    geometry = grid()
    dataset = two_structures([square(geometry, 4.0, 10, 20)], [square(geometry, 6.0, 10, 20)])
    dataset.StructureSetROISequence[1].ROIName = name
    dataset.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = kind
    read = read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME)
    choice = choose_segments(read)
    assert f"not kept: '{name}' (points or open lines, which enclose nothing)" in choice.lines
    assert [segment.name for segment in choice.taken] == ["LN Ib left"]
    assert [mask.name for mask in place_segments(read, geometry) if not mask.voxels] == [name]
    dataset.StructureSetROISequence[0].ROIName = "Brain"
    with pytest.raises(InputError, match="is known as a node"):
        choose_segments(read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME))


def test_two_structures_of_one_number_are_refused_because_nobody_knows_which_was_drawn(tmp_path):
    geometry = grid()
    dataset = two_structures([square(geometry, 4.0, 10, 20)], [square(geometry, 6.0, 10, 20)])
    dataset.StructureSetROISequence[1].ROINumber = dataset.ROIContourSequence[1].ReferencedROINumber = 1
    with pytest.raises(InputError, match="two of its structures have one number"):
        read_rtstruct(dataset, tmp_path / "rt.dcm", geometry, FRAME)


@pytest.mark.parametrize("listed", [True, False])
def test_a_structure_that_nobody_drew_is_told_by_its_name_and_protects_nothing(listed, tmp_path):
    geometry = grid()
    dataset = two_structures([square(geometry, 4.0, 10, 20)], [])
    if not listed:
        del dataset.ROIContourSequence[1]
    placed = place_segments(read_rtstruct(dataset, tmp_path / "rt.dcm", geometry), geometry)
    assert [(mask.name, mask.voxels > 0) for mask in placed] == [("LN Ib left", True), ("LN 2", False)]


def test_a_structure_drawn_outside_the_ct_is_refused_and_not_taken_for_empty(tmp_path):
    geometry = grid()
    dataset = two_structures([square(geometry, 4.0, 10, 20)], [square(geometry, 40.0, 10, 20)])
    with pytest.raises(InputError, match="'LN 2' .* does not overlap the CT"):
        place_segments(read_rtstruct(dataset, tmp_path / "rt.dcm", geometry), geometry)
