"""The attack finds who can be found, and only them."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.attack.battery import Battery, Probe, Trial, enrol
from FaceDeidLNLib.attack.controls import another_scan, cut_skin
from FaceDeidLNLib.attack.gallery import distances, field_values
from FaceDeidLNLib.attack.residue import residue
from FaceDeidLNLib.attack.reversal import (
    ALL_REVERSALS,
    BLOCK_MM,
    IN_PLANE_MM,
    from_corners,
    in_blocks,
    recovered_mm,
    richardson_lucy,
    wiener,
)
from FaceDeidLNLib.attack.scores import best_option, centred, probe_auc, ranks, recognise
from FaceDeidLNLib.attack.surfaces import hits, profiles
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_anatomy
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.verify.utility import dice, first_order, structure_utility, volume_utility
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

SKIN = Battery(("raw",), (-300,))


def widened(ct: Volume, factor: float) -> Volume:
    """The same head, broader or narrower and with a longer or shorter face: another person."""
    return Volume(ct.array, type(ct.geometry)(ct.geometry.shape, np.diag([factor, 1.0, 2.0 - factor, 1.0]) @ ct.geometry.ijk_to_lps))


def moved(marks: Landmarks, factor: float) -> Landmarks:
    stretch = np.array([factor, 1.0, 2.0 - factor])
    return Landmarks({p.name: type(p)(p.name, p.position * stretch, 1.0, "user") for p in marks if p.position is not None})


@pytest.fixture(scope="module")
def heads(phantom):
    return [(f"head {f}", widened(phantom.ct, f), moved(phantom.landmarks, f)) for f in (0.88, 0.94, 1.0, 1.06, 1.12)]


@pytest.fixture(scope="module")
def enrolled(heads):
    return enrol(heads)


def test_another_scan_of_the_same_head_is_found(heads, enrolled):
    gallery, windows = enrolled
    trial = Trial(gallery, SKIN)
    for number, (name, ct, _) in enumerate(heads):
        trial.add(Probe(name, another_scan(ct, windows[name], np.random.default_rng(number)), windows[name]))
    assert (ranks(best_option(trial.options(), trial.columns())[1], trial.columns()) == 1).all()


def test_a_skin_cut_at_constant_depth_is_found(heads, enrolled):
    gallery, windows = enrolled
    trial = Trial(gallery, SKIN)
    for name, ct, marks in heads:
        trial.add(Probe(name, cut_skin(ct, find_anatomy(ct, marks).depth, 6.0), windows[name]))
    assert (ranks(best_option(trial.options(), trial.columns())[1], trial.columns()) == 1).mean() >= 0.8


def test_the_head_itself_lies_on_its_own_skin(heads, enrolled):
    gallery, windows = enrolled
    name, ct, _ = heads[2]
    points = hits(profiles(ct, windows[name]), -300, windows[name])
    assert np.median(np.abs(field_values(gallery.fields[2], points))) < 1.0


def test_empty_air_shows_no_face(heads, enrolled):
    gallery, windows = enrolled
    name, ct, _ = heads[2]
    points = hits(profiles(ct.with_array(np.full_like(ct.array, -1000)), windows[name]), -300, windows[name])
    assert len(points) == 0
    assert np.isinf(distances(points, gallery)).all()


def test_a_thin_sheet_is_looked_through(heads, enrolled):
    _, windows = enrolled
    window = windows[heads[2][0]]
    line = np.full((1, len(window.radii)), -1000.0)
    line[0, 10] = 200.0
    line[0, 40:] = 40.0
    points = hits(line, -300, window.__class__(window.axes, window.origin, window.unit[:1]))
    assert np.linalg.norm(points[0]) == pytest.approx(window.radii[40], abs=1.6)


@pytest.mark.parametrize("undo", [wiener(6.0), richardson_lucy(6.0)])
def test_a_blur_is_partly_undone(undo, heads, enrolled):
    gallery, windows = enrolled
    name, ct, _ = heads[2]
    blurred = ct.with_array(ndimage.gaussian_filter(ct.array.astype(np.float32), 6.0 / np.array(ct.geometry.sampling)))
    before = recovered_mm(blurred, windows[name], gallery.fields[2])
    assert recovered_mm(undo(blurred, windows[name]), windows[name], gallery.fields[2]) < before


def test_blocks_that_hold_true_voxels_are_undone_from_their_corners(heads, enrolled):
    gallery, windows = enrolled
    name, ct, _ = heads[2]
    corners = [np.arange(n) // step * step for n, step in zip(ct.array.shape, in_blocks(ct, BLOCK_MM), strict=True)]
    pixelated = ct.with_array(ct.array[np.ix_(*corners)])
    before = recovered_mm(pixelated, windows[name], gallery.fields[2])
    assert recovered_mm(from_corners(pixelated, windows[name]), windows[name], gallery.fields[2]) < 0.7 * before


def test_a_blur_within_slices_is_partly_undone(heads, enrolled):
    gallery, windows = enrolled
    name, ct, _ = heads[2]
    sigma = (0.0, *(IN_PLANE_MM / step for step in ct.geometry.sampling[1:]))
    blurred = ct.with_array(ndimage.gaussian_filter(ct.array.astype(np.float32), sigma))
    undone = ALL_REVERSALS["Wiener in plane 8 mm"](blurred, windows[name])
    fields = gallery.fields[2]
    assert recovered_mm(undone, windows[name], fields) < recovered_mm(blurred, windows[name], fields)


def test_marks_without_a_chin_are_refused(phantom):
    kept = {p.name: p for p in phantom.landmarks if p.name not in ("menton", "pogonion")}
    with pytest.raises(InputError, match="menton"):
        face_window(Landmarks(kept))


def test_the_true_person_first_is_rank_one():
    matrix = np.array([[1.0, 2.0, 3.0], [5.0, 1.0, 1.5]])
    assert ranks(matrix, np.array([0, 2])).tolist() == [1.0, 2.0]


def test_a_score_that_tells_nobody_apart_finds_nobody():
    matrix = np.zeros((4, 4))
    assert (ranks(matrix, np.arange(4)) > 1.5).all()
    assert probe_auc(matrix, np.arange(4)) == pytest.approx(0.5)


@given(arrays(float, (6, 6), elements=st.floats(0.1, 100)))
def test_auc_agrees_with_counting_pairs(matrix):
    genuine, impostor = np.diag(matrix), matrix[~np.eye(6, dtype=bool)]
    counted = (genuine[:, None] < impostor).mean() + 0.5 * (genuine[:, None] == impostor).mean()
    assert probe_auc(matrix, np.arange(6)) == pytest.approx(counted)


@given(arrays(float, (6, 6), elements=st.floats(0.1, 100)), st.floats(0.5, 2.0))
def test_cohort_scores_do_not_depend_on_scale(matrix, factor):
    assert np.allclose(centred(matrix), centred(matrix * factor))


def test_chance_is_not_beaten_by_choosing_among_many_options():
    random = np.random.default_rng(0)
    options = {f"option {n}": random.random((60, 60)) for n in range(40)}
    found = recognise(options, np.arange(60))
    assert found.rank1.value < 0.08
    assert 0.4 < found.auc.value < 0.6


@pytest.mark.parametrize(("heads", "is_found", "low", "high"), [(60, True, 0.940, 1.0), (60, False, 0.0, 0.060), (2, True, 0.342, 1.0)])
def test_all_or_none_of_a_few_heads_is_not_certain(heads, is_found, low, high):
    """Wilson's interval ends at n / (n + z^2) or z^2 / (n + z^2), z = 1.96: by hand."""
    matrix = np.ones((heads, heads)) + (-0.5 if is_found else 0.5) * np.eye(heads)
    found = recognise({"one": matrix}, np.arange(heads))
    assert (found.rank1.low, found.rank1.high) == pytest.approx((low, high), abs=1e-3)


def test_first_order_features_agree_with_an_independent_computation():
    x = np.random.default_rng(0).normal(40, 90, 5000)
    features = first_order(x)
    z = (x - x.mean()) / x.std()
    share = np.unique(np.floor(x / 25), return_counts=True)[1] / len(x)
    expected = {
        "90th percentile": np.quantile(x, 0.9),
        "energy": np.dot(x, x),
        "entropy": -np.sum(share * np.log2(share)),
        "kurtosis": np.mean(z**4),
        "maximum": x.max(),
        "median": np.median(x),
        "range": x.max() - x.min(),
        "skewness": np.mean(z**3),
        "uniformity": np.sum(share**2),
        "variance": np.mean((x - x.mean()) ** 2),
    }
    assert features == pytest.approx(expected)


def test_an_untouched_structure_keeps_everything(phantom):
    from FaceDeidLNLib.input.place import place_segments

    structure = place_segments(phantom.segments[:1], phantom.ct.geometry)[0]
    utility = structure_utility(phantom.ct, phantom.ct, structure)
    assert utility.kept == 1.0
    assert set(utility.feature_change.values()) == {0.0}
    assert volume_utility(phantom.ct, phantom.ct).tissue_changed == 0.0
    assert dice(structure, structure) == 1.0


def test_an_untouched_face_is_all_residue(heads, enrolled):
    name, ct, _ = heads[2]
    found = residue(ct, ct, enrolled[1][name])
    assert set(found.unchanged.values()) == {1.0}
    assert found.same_surface == 1.0


def test_a_cut_face_leaves_what_lies_below_the_cut(heads, enrolled):
    name, ct, marks = heads[2]
    found = residue(ct, cut_skin(ct, find_anatomy(ct, marks).depth, 6.0), enrolled[1][name])
    assert found.unchanged[1.0] < 0.1
    assert found.unchanged[9.0] > 0.8
    assert found.same_surface < 0.1
