"""Node levels: on the phantom with known nodes, from bone and from a segment, and on real data where it is there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.anatomy.jaw.fit import SYMPHYSIS, JawFrame, fit_jaw, mean_mandible, mean_surface, stable_part, start_frame
from FaceDeidLNLib.anatomy.jaw.mandible import mandible_of_ct, mandible_of_segment, reached_by_mean
from FaceDeidLNLib.anatomy.level.find import find_ground, find_levels, levels_of
from FaceDeidLNLib.anatomy.level.table import LEVEL_NAMES
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.facts import facts_of
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.phantom import ExtraNode, PhantomOptions, make_phantom
from FaceDeidLNLib.pipeline import deface
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

DEFAULT = Parameters().levels


@pytest.fixture(scope="module")
def levels(fine_phantom):
    """All levels of the fine phantom by name."""
    ct = fine_phantom.ct
    return {level.name: level for level in find_levels(find_ground(ct, find_body(ct), fit_frame(fine_phantom.landmarks)), ct, LEVEL_NAMES)}


@pytest.fixture(scope="module")
def result(fine_phantom, finder):
    """The default run on the fine phantom, nothing named."""
    return deface(Request(fine_phantom.ct, landmarks=fine_phantom.landmarks), finder=finder)


def mask(level, phantom) -> np.ndarray:
    return level.mask.full(phantom.ct.array.shape)


def share(level, segment, phantom) -> float:
    inside = mask(level, phantom) & segment.mask.array
    return np.count_nonzero(inside) / np.count_nonzero(segment.mask.array)


@pytest.mark.parametrize(
    ("level", "segment"),
    [
        ("Ia", "LN Ia"),
        ("Ib left", "Submandibular gland left"),
        ("Ib right", "Submandibular gland right"),
        ("VIII left", "Parotid gland left"),
        ("VIII right", "Parotid gland right"),
        ("IX left", "LN cheek left"),
    ],
)
def test_a_level_holds_its_nodes_and_glands(levels, fine_phantom, level, segment):
    assert share(levels[level], fine_phantom.segment(segment), fine_phantom) >= 0.9


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_node_between_ia_and_ib_is_held_by_the_two(levels, fine_phantom, side):
    node = fine_phantom.segment(f"LN Ib {side}")
    assert share(levels["Ia"], node, fine_phantom) + share(levels[f"Ib {side}"], node, fine_phantom) >= 0.95


def test_left_and_right_levels_do_not_meet(levels, fine_phantom):
    for name in ("Ib", "II", "VIII", "IX"):
        assert not (mask(levels[f"{name} left"], fine_phantom) & mask(levels[f"{name} right"], fine_phantom)).any()


def test_a_level_stays_below_the_skin(levels, fine_phantom):
    body = ndimage.binary_fill_holes(fine_phantom.ct.array > -400)
    depth = ndimage.distance_transform_edt(body, sampling=fine_phantom.ct.geometry.sampling)
    for name, level in levels.items():
        least = 1.5 if name[:2] in ("Ia", "Ib") else 3.0
        assert np.percentile(depth[mask(level, fine_phantom)], 1) >= least, name


def test_the_deep_part_of_ix_lies_inside_ix(levels, fine_phantom):
    deep, whole = mask(levels["IX-deep left"], fine_phantom), mask(levels["IX left"], fine_phantom)
    assert not (deep & ~whole).any()
    assert 0 < np.count_nonzero(deep) < np.count_nonzero(whole)


def test_the_default_run_changes_no_voxel_of_its_levels(result, fine_phantom):
    changed = fine_phantom.ct.array != result.result.array
    sided = {f"{name} {side}" for name in ("Ib", "VIII", "IX") for side in ("left", "right")}
    assert {level.name for level in result.levels} == {"Ia", *sided}
    assert not any((changed & mask(level, fine_phantom)).any() for level in result.levels)


@pytest.mark.parametrize(("node", "kept"), [("LN Ia", 1.0), ("LN Ib left", 1.0), ("LN Ib right", 1.0), ("LN cheek left", 0.95)])
def test_the_default_run_keeps_a_node_that_nobody_named(result, fine_phantom, node, kept):
    is_same = (fine_phantom.ct.array == result.result.array)[fine_phantom.segment(node).mask.array]
    assert is_same.mean() >= kept


def test_the_default_run_with_levels_still_passes(result):
    assert result.verdict.value == "PASS", result.reasons


def test_levels_uncover_no_feature_of_the_face(result, fine_phantom, finder):
    bare = deface(Request(fine_phantom.ct, landmarks=fine_phantom.landmarks, parameters=Parameters(levels=())), finder=finder)
    for name in ("pronasale", "subnasale", "stomion", "pogonion"):
        assert result.coverage.features[name] >= bare.coverage.features[name] - 1e-9


def test_the_result_tells_volume_confidence_and_origin_of_each_level(result):
    for level in result.levels:
        assert level.judged
        assert 1.0 < level.volume_ml < 150.0
        assert 0.3 < level.confidence <= 1.0
        assert "bone of the CT" in level.derived_from


def test_the_certificate_lists_each_level_with_volume_change_confidence_and_origin(result):
    facts = {fact["name"]: fact for fact in facts_of(result)["node_levels"]}
    assert set(facts) == {level.name for level in result.levels}
    for level in result.levels:
        fact = facts[level.name]
        assert fact["changed"] == 0
        assert fact["volume_ml"] == pytest.approx(level.volume_ml, abs=0.05)
        assert fact["confidence"] == level.confidence > 0
        assert "bone of the CT" in fact["derived_from"]
        assert fact["judged"]


def test_the_certificate_says_why_a_level_was_not_judged(phantom):
    soft = phantom.ct.with_array(np.minimum(phantom.ct.array, 100))
    facts = facts_of(deface(Request(soft, landmarks=phantom.landmarks, parameters=Parameters(levels=("Ib",)))))["node_levels"]
    assert [fact["judged"] for fact in facts] == [False, False]
    assert all("mandible" in fact["reason"] and fact["confidence"] == 0 for fact in facts)


def test_a_drawn_mandible_gives_the_same_levels_as_the_bone(fine_phantom, levels):
    frame = fit_frame(fine_phantom.landmarks)
    body = find_body(fine_phantom.ct)
    segments = [fine_phantom.segment("Mandible")]
    drawn = find_levels(find_ground(fine_phantom.ct, body, frame, segments), fine_phantom.ct, ("Ib",), segments)
    for level in drawn:
        a, b = mask(level, fine_phantom), mask(levels[level.name], fine_phantom)
        assert 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)) > 0.85


def test_a_drawn_gland_and_hyoid_raise_the_confidence(fine_phantom, levels):
    segments = [fine_phantom.segment(name) for name in ("Submandibular gland left", "Submandibular gland right", "Hyoid")]
    ground = find_ground(fine_phantom.ct, find_body(fine_phantom.ct), fit_frame(fine_phantom.landmarks), segments)
    found = find_levels(ground, fine_phantom.ct, ("Ib",), segments)
    assert found[0].confidence > levels["Ib left"].confidence
    assert "gland" in found[0].derived_from


def test_without_a_skin_the_confidence_is_lower(fine_phantom, levels):
    drawn = fine_phantom.segment("Mandible")
    bare = levels_of(mandible_of_segment(drawn), drawn.mask.geometry, ("Ib",))
    assert bare[0].confidence < levels["Ib left"].confidence
    assert "skin" not in bare[0].derived_from


def test_a_level_out_of_view_is_not_judged(phantom):
    """A CT that ends above the mouth shows no submental region."""
    z = phantom.ct.geometry.to_lps(np.array([(k, 0, 0) for k in range(phantom.ct.array.shape[0])]))[:, 2]
    first = int(np.flatnonzero(z > phantom.landmarks.position("subnasale")[2])[0])
    matrix = phantom.ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] = phantom.ct.geometry.to_lps(np.array([[first, 0, 0]]))[0]
    array = phantom.ct.array[first:]
    ct = Volume(array, replace(phantom.ct.geometry, shape=array.shape, ijk_to_lps=matrix))
    found = find_levels(find_ground(ct, find_body(ct), fit_frame(phantom.landmarks)), ct, ("Ia", "Ib"))
    assert not any(level.judged for level in found)
    assert all("field of view" in level.reason and level.confidence == 0 for level in found)


def test_a_head_without_bone_gives_no_judged_level(phantom):
    soft = phantom.ct.with_array(np.minimum(phantom.ct.array, 100))
    found = find_levels(find_ground(soft, find_body(soft), fit_frame(phantom.landmarks)), soft, ("Ib",))
    assert not any(level.judged for level in found)
    assert "mandible" in found[0].reason


def test_metal_streaks_leave_the_mandible_where_it_is(phantom):
    metal = make_phantom(phantom.ct.geometry.spacing, seed=1, options=PhantomOptions(dental_metal=True))
    frames = [mandible_of_ct(head.ct, fit_frame(head.landmarks)).grid.frame for head in (phantom, metal)]
    points = mean_mandible()[::20]
    assert np.linalg.norm(frames[0].to_lps(points) - frames[1].to_lps(points), axis=1).max() < 2.5


@pytest.mark.parametrize("aside_mm", [-2.0, 0.0, 2.0])
def test_landmarks_that_lie_a_little_aside_leave_the_jaw_in_the_middle(phantom, aside_mm):
    frame = fit_frame(phantom.landmarks)
    found = mandible_of_ct(phantom.ct, replace(frame, origin=frame.origin + (aside_mm, 0.0, 0.0)))
    assert abs(found.grid.frame.to_lps(SYMPHYSIS)[0, 0]) < 3.0


def test_an_open_mouth_takes_the_jaw_with_it():
    head = make_phantom((2.5, 2.5, 2.5), seed=2, options=PhantomOptions(mouth_opening_deg=15))
    found = mandible_of_ct(head.ct, fit_frame(head.landmarks))
    drawn = found.grid.take(head.segment("Mandible").mask, 0.0) > 0.5
    near = ndimage.binary_dilation(found.mask, iterations=2)
    assert np.count_nonzero(drawn & near) > 0.9 * np.count_nonzero(drawn)


@settings(max_examples=10, deadline=None)
@given(turn=st.tuples(*[st.floats(-18, 18)] * 3), scale=st.floats(0.85, 1.15), shift=st.tuples(*[st.floats(-200, 200)] * 3))
def test_a_turned_mandible_is_found_from_an_upright_start(turn, scale, shift):
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ np.diag([1.0, -1.0, 1.0])
    truth = JawFrame(axes, np.array(shift), scale)
    lps = truth.to_lps(mean_surface())
    found = fit_jaw(lps, start_frame(lps), reach_mm=40.0)
    off_mm = np.linalg.norm(found.to_lps(mean_surface()) - lps, axis=1).max()
    assert off_mm < 8.0 * scale  # nearest points settle up to 7.4 mm (of the mean jaw) off: the worst of 1,029 turns on a grid


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), reach=st.floats(12, 25))
def test_bone_reached_by_the_mean_mandible_is_what_lies_near_one_of_its_points(seed, reach):
    points = np.random.default_rng(seed).uniform((-140, -120, -160), (140, 180, 90), (4000, 3))
    nearest, _ = cKDTree(stable_part()).query(points)
    np.testing.assert_array_equal(reached_by_mean(reach)(points), nearest < reach)


def test_an_unknown_level_is_refused_with_those_there_are(phantom):
    with pytest.raises(InputError, match=", ".join(LEVEL_NAMES)):
        deface(Request(phantom.ct, parameters=Parameters(levels=("VII",))))


def test_submandibular_glands_lie_in_ib_made_from_the_mandible_alone(data_folder):
    shares = []
    for folder in sorted((data_folder / "organ-labels").iterdir())[::6]:  # all of them: benchmarks/levels.py organs
        drawn = read_volume(folder / "Mandible.nrrd")
        made = {level.name: level for level in levels_of(mandible_of_segment(Segment("Mandible", drawn)), drawn.geometry, ("Ib",))}
        for side, short in (("left", "Lt"), ("right", "Rt")):
            path = folder / f"Submandibular-{short}.nrrd"
            gland = read_volume(path).array > 0 if path.exists() else np.zeros(1, dtype=bool)
            if np.count_nonzero(gland) >= 200:
                shares.append(np.count_nonzero(made[f"Ib {side}"].mask.full(gland.shape) & gland) / np.count_nonzero(gland))
    assert np.median(shares) >= 0.95
    assert min(shares) >= 0.8


def test_levels_of_a_patient_change_no_voxel_and_the_verdict_is_pass(data_folder):
    folder = data_folder / "open-kbp"
    marks = json.loads((folder / "landmarks.json").read_text(encoding="utf-8"))["patients"]["pt_2"]["landmarks"]
    landmarks = Landmarks({name: Landmark(name, np.array(lps, dtype=float), 1.0, "user") for name, lps in marks.items() if lps is not None})
    result = deface(Request(read_volume(folder / "pt_2_ct.nrrd"), landmarks=landmarks))
    assert result.verdict.value == "PASS", result.reasons
    assert len(result.levels) == 7
    assert all(check.changed == 0 for check in result.comparison.protected)


@pytest.mark.parametrize(("depth_mm", "least"), [(4.0, 0.8), (6.0, 0.95), (9.0, 0.95)])
def test_a_cheek_node_that_nobody_named_stays_by_default(depth_mm, least):
    options = PhantomOptions(extra_nodes=(ExtraNode("cheek right", depth_mm),))
    head = make_phantom((2.5, 2.5, 2.5), seed=1, options=options)
    changed = deface(Request(head.ct, landmarks=head.landmarks)).result.array != head.ct.array
    node = next(node for node in head.nodes if "cheek right" in node.name).mask.array
    assert np.count_nonzero(node & ~changed) >= least * np.count_nonzero(node)
