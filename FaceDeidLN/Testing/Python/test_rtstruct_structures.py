"""RTSTRUCT: structures that are incomplete, open, unlisted, empty, or lie elsewhere than the CT."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.names import choose_segments
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.input.rtstruct import read_rtstruct
from pydicom.dataset import Dataset
from structure_sets import FRAME, SHAPE, grid, square, structure_set


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
