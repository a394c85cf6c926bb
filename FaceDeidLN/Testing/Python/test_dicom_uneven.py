"""Slices at uneven places: an even grid to work on, every slice written back at its own place, proved on the slices."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.stack import Stack
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.release import Destination, as_stored, release
from FaceDeidLNLib.stacks import MAX_GAP_MM
from hypothesis import given, settings
from hypothesis import strategies as st

HEIGHTS = {
    "odd gap at the end": [*np.arange(11) * 2.5, 26.0],
    "odd gap within": [0.0, 1.0, *np.arange(2, 12) * 2.5],
    "slices missing": np.delete(np.arange(14) * 2.5, [4, 5]),
    "two stacks": [0, 6, 12, 18, 24, 27, 30, 33, 36, 39, 42, 45],
    "no rule": np.cumsum([0, 1.1, 4.2, 2.3, 7.0, 3.1, 4.2, 1.9, 2.2, 5.0, 1.1, 3.3]),
}
STEPS = {"odd gap at the end": 2.5, "odd gap within": 2.5, "slices missing": 2.5, "two stacks": 3.0, "no rule": 1.1}


def write_uneven(folder, heights, series=None):
    """A series whose slices lie at these heights; the series and its paths."""
    series = series or Series(stored_head())
    paths = write_series(folder, series)
    for path, height in zip(paths, heights, strict=True):
        ds = pydicom.dcmread(path)
        ds.ImagePositionPatient = [*ds.ImagePositionPatient[:2], f"{30 + height:.4f}"]
        ds.save_as(path)
    return series, paths


@pytest.mark.parametrize("name", HEIGHTS)
def test_uneven_slices_are_read_onto_an_even_grid(tmp_path, name):
    series, paths = write_uneven(tmp_path, HEIGHTS[name])
    ct = read_ct(tmp_path)
    assert list(ct.files) == paths
    assert ct.volume.geometry.spacing[2] == pytest.approx(STEPS[name], abs=1e-3)
    assert np.array_equal(ct.slices.array, series.hu)
    on_plane = [(n, round(place)) for n, place in enumerate(ct.stack.places) if abs(place - round(place)) < 1e-3]
    assert all(np.array_equal(ct.volume.array[k], series.hu[n]) for n, k in on_plane)
    assert "the slices do not lie evenly" in ct.notes[0]


@pytest.mark.parametrize("name", HEIGHTS)
def test_uneven_slices_are_written_at_their_own_places(tmp_path, name):
    write_uneven(tmp_path / "in", HEIGHTS[name])
    ct = read_ct(tmp_path / "in")
    array = ct.slices.array.copy()
    array[3:7, :9, 6:18] = -1000
    write_dicom_series(ct, ct.slices.with_array(array), tmp_path / "out", Marks("x"))
    written = [pydicom.dcmread(file) for file in sorted((tmp_path / "out").iterdir())]
    assert [float(ds.ImagePositionPatient[2]) - 30 for ds in written] == pytest.approx(list(HEIGHTS[name]), abs=1e-3)
    assert np.array_equal(np.stack([ds.pixel_array for ds in written]), array + 1024)


def test_two_stacks_are_told_as_two_stacks(tmp_path):
    write_uneven(tmp_path, HEIGHTS["two stacks"])
    assert "(4 gaps of 6 mm, then 7 gaps of 3 mm)" in read_ct(tmp_path).notes[0]


def test_two_slices_at_one_place_are_refused(tmp_path):
    write_uneven(tmp_path, [*np.arange(11) * 2.5, 25.0])
    with pytest.raises(InputError, match="lies at the place of another one"):
        read_ct(tmp_path)


@settings(max_examples=40, deadline=None)
@given(gaps=st.lists(st.floats(0.3, 9.0), min_size=2, max_size=12), seed=st.integers(0, 9))
def test_the_grid_of_slices_gives_every_slice_on_a_plane_back(gaps, seed):
    places = np.concatenate([[0.0], np.cumsum(np.maximum(np.rint(gaps), 1.0))])
    array = np.random.default_rng(seed).integers(-1000, 1000, (len(places), 3, 4)).astype(np.int16)
    stack = Stack(array, places, int(places[-1]) + 1, np.diff(places))
    assert np.array_equal(stack.carried(stack.even()), array)


@settings(max_examples=40, deadline=None)
@given(gaps=st.lists(st.floats(0.3, 3.0), min_size=2, max_size=12), padding=st.sampled_from([-2000, -2048, -3024, -32768]))
def test_padding_mixes_with_nothing_on_the_grid_of_slices(gaps, padding):
    places = np.concatenate([[0.0], np.cumsum(gaps)])
    array = np.random.default_rng(0).choice(np.array([padding, 40], dtype=np.int16), (len(places), 5, 5))
    even = Stack(array, places, int(places[-1]) + 1, np.diff(places)).even()
    assert np.isin(even, (padding, 40)).all()


@settings(max_examples=40, deadline=None)
@given(gaps=st.lists(st.floats(0.3, 3.0), min_size=2, max_size=12), plane=st.integers(0, 40))
def test_a_slice_beside_a_plane_of_a_mask_is_covered(gaps, plane):
    places = np.concatenate([[0.0], np.cumsum(gaps)])
    planes = int(np.ceil(places[-1])) + 1
    mask = np.zeros((planes, 2, 2), dtype=bool)
    mask[plane % planes] = True
    stack = Stack(np.zeros((len(places), 2, 2), np.int16), places, planes, np.diff(places))
    near = np.abs(places - plane % planes) < 0.999
    assert np.array_equal(stack.covered(mask).all(axis=(1, 2)) | ~near, np.ones(len(places), dtype=bool))


@pytest.fixture(scope="module")
def scan(phantom, tmp_path_factory):
    """The phantom as DICOM with a step of 3 mm below and 6 mm through the face, its CT as read, and the result on the grid."""
    folder = tmp_path_factory.mktemp("scan")
    geometry = phantom.ct.geometry
    kept = np.r_[np.arange(0, 30, 2), np.arange(30, geometry.shape[0])]
    stored = (np.clip(phantom.ct.array, -1024, 3000) + 1024).astype(np.int32)
    series = Series(
        stored[kept], origin=geometry.ijk_to_lps[:3, 3], step=geometry.ijk_to_lps[:3, 2], spacing=(geometry.spacing[1], geometry.spacing[0])
    )
    write_uneven(folder / "in", kept * geometry.spacing[2] + geometry.ijk_to_lps[2, 3] - 30, series)
    ct = read_ct(folder / "in")
    nodes = tuple(Segment(node.name, Volume(node.mask.array, geometry)) for node in phantom.nodes)
    return folder, ct, deface(Request(ct.volume, nodes))


def stored(scan):
    """The scan with its result on the slices."""
    folder, ct, result = scan
    return folder, ct, as_stored(ct, result)


def test_the_face_of_uneven_slices_is_hidden_and_its_nodes_stay(scan):
    _, ct, result = stored(scan)
    assert result.comparison.changed_outside_face == 0
    assert [check.changed for check in result.comparison.protected] == [0] * len(result.comparison.protected)
    assert result.coverage.changed_share > 0.9
    assert result.slices.array.shape == ct.slices.array.shape


def test_slices_too_far_apart_in_the_face_are_a_review_with_the_reason(scan):
    _, ct, result = stored(scan)
    assert max(ct.stack.gaps_mm) > MAX_GAP_MM
    holds = result.comparison.changed.any(axis=(1, 2))
    wide = any(gap > MAX_GAP_MM and (holds[n] or holds[n + 1]) for n, gap in enumerate(ct.stack.gaps_mm))
    assert any("cannot be judged" in reason for reason in result.reasons) == wide
    assert wide
    assert result.verdict.value == "REVIEW"


def test_slices_that_lie_near_enough_pass_and_are_released_with_their_nodes_to_the_bit(scan):
    folder, ct, result = scan
    near = replace(ct, stack=replace(ct.stack, gaps_mm=ct.stack.gaps_mm / 2))
    result = as_stored(near, result)
    assert (result.verdict.value, result.reasons) == ("PASS", ())
    release(near, result, Destination(folder / "out"), accept_recognisable=True)
    written = np.stack([pydicom.dcmread(file).pixel_array for file in sorted((folder / "out").iterdir())]).astype(int) - 1024
    assert np.array_equal(written != ct.slices.array, result.comparison.changed)
