"""PASS, REVIEW and FAIL: what breaks a promise, and what raises a doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.case.judge import verify
from FaceDeidLNLib.case.privacy import privacy_of
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import BoxMask, Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.face.polar import unit_vectors
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.compare import compare
from FaceDeidLNLib.verify.coverage import Coverage
from FaceDeidLNLib.verify.privacy import TESTED, privacy_class
from FaceDeidLNLib.verify.verdict import NO_FACE_SENTENCE, Evidence, Verdict, judge
from scipy import ndimage


def volume(array: np.ndarray) -> Volume:
    """An array on a 1 mm grid."""
    return Volume(array, Geometry(array.shape, np.eye(4)))


BOX = Box((1, 1, 1), (3, 3, 3))
FACE = BoxMask("Face", BOX, np.ones(BOX.shape, dtype=bool))
NODE = BoxMask("node", Box((4, 4, 4), (5, 5, 5)), np.ones((1, 1, 1), dtype=bool))


def pair(changed: tuple[int, int, int] = (1, 1, 1), dtype=np.int16) -> tuple[Volume, Volume]:
    """A CT and the same with one voxel changed."""
    original = np.zeros((6, 6, 6), dtype=dtype)
    result = original.copy()
    result[changed] = 7
    return volume(original), volume(result)


def evidence(**features: float) -> Evidence:
    """A well covered face with the pronasale alone to hide."""
    points = Landmarks({"pronasale": Landmark("pronasale", np.zeros(3), 0.9)})
    return Evidence(Coverage(0.99, 0.9, 8.0, features or {"pronasale": 1.0}), points, ("pronasale",), (), ())


def test_a_change_inside_the_face_alone_passes():
    assert judge(compare(*pair(), FACE, (NODE,)), evidence()).verdict is Verdict.PASS


def test_a_change_outside_the_face_fails():
    judgement = judge(compare(*pair((0, 0, 0)), FACE, ()), evidence())
    assert judgement.verdict is Verdict.FAIL
    assert "outside the face segment" in judgement.reasons[0]


def test_a_changed_protected_voxel_fails_and_names_the_segment():
    judgement = judge(compare(*pair((4, 4, 4)), None, (NODE,)), None)
    assert judgement.verdict is Verdict.FAIL
    assert "1 of 1 voxels changed in the protected segment 'node'" in judgement.reasons[0]


def test_an_unchanged_result_fails():
    original, _ = pair()
    judgement = judge(compare(original, original, FACE, ()), evidence())
    assert judgement.verdict is Verdict.FAIL
    assert "choose a stronger effect" in judgement.reasons[0]


def test_another_scalar_type_fails():
    original, result = pair()
    assert judge(compare(original, result.with_array(result.array.astype(np.int32)), FACE, ()), evidence()).verdict is Verdict.FAIL


def test_another_geometry_fails():
    original, result = pair()
    moved = Volume(result.array, Geometry(result.array.shape, np.diag([1.0, 1.0, 1.01, 1.0])))
    assert judge(compare(original, moved, FACE, ()), evidence()).verdict is Verdict.FAIL


def test_another_shape_fails_and_counts_every_protected_voxel_as_lost():
    original, result = pair()
    comparison = compare(original, volume(result.array[:5]), FACE, (NODE,))
    assert comparison.protected[0].changed == NODE.voxels
    judgement = judge(comparison, None)
    assert judgement.verdict is Verdict.FAIL
    assert "more or fewer voxels than the input" in judgement.reasons[-1], "nobody knows which of them changed"


def test_minus_zero_is_a_change_of_bits():
    original, result = pair(dtype=np.float32)
    result.array[0, 0, 0] = -0.0
    assert compare(original, result, None, ()).changed[0, 0, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_one_changed_voxel_is_found_in_any_scalar_type(dtype):
    assert compare(*pair(dtype=dtype), None, ()).changed_voxels == 1


def test_an_uncovered_feature_gives_review():
    judgement = judge(compare(*pair(), FACE, ()), evidence(pronasale=0.5))
    assert judgement.verdict is Verdict.REVIEW
    assert "50% of the skin around pronasale" in judgement.reasons[0]


def test_a_landmark_that_is_missing_says_what_to_do_where_the_field_of_view_cuts_it_off():
    points = Landmarks({"pronasale": Landmark("pronasale", None, 0.0, reason="outside the field of view")})
    judgement = judge(compare(*pair(), FACE, ()), replace(evidence(), landmarks=points))
    assert judgement.verdict is Verdict.REVIEW
    assert "where the field of view cuts it off, look at the result and sign it off" in judgement.reasons[0]


def test_no_face_in_view_gives_review_of_its_own():
    nothing = Evidence(Coverage(1.0, 1.0, 8.0, {}), Landmarks(), (), ("pronasale",), ())
    judgement = judge(compare(*pair(), FACE, ()), nothing)
    assert judgement.verdict is Verdict.REVIEW
    assert "no part of the face" in judgement.reasons[0]


def test_nothing_changed_where_nothing_was_to_hide_gives_review():
    original, _ = pair()
    nothing = Evidence(Coverage(0.0, 0.0, 0.0, {}), Landmarks(), (), ("eye_left",), ())
    judgement = judge(compare(original, original, FACE, ()), nothing)
    assert (judgement.verdict, judgement.reasons) == (Verdict.REVIEW, (NO_FACE_SENTENCE,))


def test_an_implausible_face_gives_review():
    doubt = Evidence(Coverage(1.0, 1.0, 8.0, {}), Landmarks(), ("pronasale",), (), ("the chin was taken for the nose",))
    assert "the chin was taken for the nose" in judge(compare(*pair(), FACE, ()), doubt).reasons


def test_a_combination_without_benchmark_is_recognisable():
    assert privacy_class("full", "no-such-effect") == "recognisable"


def test_a_blur_is_recognisable():
    assert privacy_class("full", "blur") == "recognisable"


def test_chin_taken_for_the_nose_gives_review(phantom, finder):
    points = {name: Landmark(name, point.position, 0.9) for name, point in phantom.landmarks.points.items()}
    wrong = {"pronasale": "pogonion", "sellion": "stomion"}
    points |= {name: Landmark(name, points[other].position, 0.9) for name, other in wrong.items()}
    result = deface(Request(phantom.ct, (), Landmarks(points), parameters=Parameters(effect="mask")), finder=finder)
    assert result.verdict is Verdict.REVIEW


def test_a_weak_effect_gives_review(phantom, finder):
    result = deface(
        Request(phantom.ct, (), phantom.landmarks, parameters=Parameters(effect="blur", own=(("sigma_mm", 0.5),))), finder=finder
    )
    assert result.verdict is Verdict.REVIEW


def test_a_node_that_fills_the_nose_gives_review(phantom, finder):
    nose = phantom.landmarks.position("pronasale")
    points = phantom.ct.geometry.to_lps(np.argwhere(np.ones(phantom.ct.array.shape, dtype=bool)))
    ball = (np.linalg.norm(points - nose, axis=1) < 20).reshape(phantom.ct.array.shape)
    segment = Segment("node", phantom.ct.with_array(ball))
    result = deface(Request(phantom.ct, (segment,), phantom.landmarks, parameters=Parameters(effect="mask")), finder=finder)
    assert result.verdict is Verdict.REVIEW
    assert any("pronasale" in reason for reason in result.reasons)


def placed(phantom, **moves: tuple[float, float, float]) -> Landmarks:
    """Landmarks of a person who placed these points so far (mm, LPS) off."""
    return Landmarks({n: Landmark(n, phantom.landmarks.position(n) + move, source="user") for n, move in moves.items()})


def skin_voxels_changed(ct: Volume, result: Volume, position: np.ndarray) -> float:
    """Share of the soft voxels beside air within 8 mm of a point that changed: by the voxels alone."""
    hu = ct.array
    beside_air = ndimage.binary_dilation(hu < -700) & (hu > -400) & (hu < 300)
    at = np.argwhere(beside_air)
    near = at[np.linalg.norm(ct.geometry.to_lps(at) - position, axis=1) <= 8.0]
    return float((result.array != hu)[tuple(near.T)].mean())


@pytest.mark.parametrize(
    ("names", "up_mm"),
    [
        (("pogonion",), 32.0),
        (("menton", "pogonion", "gonion_right", "gonion_left"), 35.0),
        (("pronasale", "sellion", "stomion", "pogonion", "menton", "eye_right", "eye_left", "tragion_right", "tragion_left"), 40.0),
    ],
    ids=["the chin at the mouth", "the jaw too high", "all too high"],
)
def test_landmarks_placed_wrongly_by_hand_never_let_the_chin_pass(phantom, names, up_mm, finder):
    request = Request(phantom.ct, (), placed(phantom, **dict.fromkeys(names, (0.0, 0.0, up_mm))), parameters=Parameters(effect="mask"))
    result = deface(request, finder=finder)
    seen = skin_voxels_changed(phantom.ct, result.result, phantom.landmarks.position("pogonion"))
    assert result.verdict is Verdict.REVIEW or seen >= 0.9


def test_a_face_drawn_too_high_by_hand_gives_review(phantom, finder):
    names = ("pronasale", "sellion", "stomion", "pogonion", "menton", "eye_right", "eye_left", "tragion_right", "tragion_left")
    moves = dict.fromkeys(names, (0.0, 0.0, 40.0))
    assert (
        deface(Request(phantom.ct, (), placed(phantom, **moves), parameters=Parameters(effect="mask")), finder=finder).verdict
        is Verdict.REVIEW
    )


def test_a_point_corrected_by_a_few_mm_passes(phantom, finder):
    result = deface(Request(phantom.ct, (), placed(phantom, pogonion=(0.0, 2.0, 3.0)), parameters=Parameters(effect="mask")), finder=finder)
    assert result.reasons == ()


def ring(azimuths, elevations):
    """Directions (N, 2) in degrees from a middle (mean of the lowest and highest azimuth and elevation) all around it."""
    turn = np.radians(np.arange(0.0, 360.0, 20.0))
    (left, right), (low, high) = azimuths, elevations
    return np.stack([left + right + (right - left) * np.cos(turn), low + high + (high - low) * np.sin(turn)], axis=1) / 2.0


def drawn_at(phantom, directions, finder):
    """What comes of a curve in these directions (N, 2) from between the ears."""
    frame = fit_frame(phantom.landmarks)
    curve = frame.origin + 100.0 * unit_vectors(frame, directions)
    return deface(Request(phantom.ct, (), phantom.landmarks, curve=curve, parameters=Parameters(effect="mask", levels=())), finder=finder)


BEHIND = {
    "behind the ears": ring((100.0, 260.0), (-20.0, 40.0)),
    "around the head": np.array([(azimuth, 30.0) for azimuth in range(-175, 180, 20)]),
    "behind the ears, four points": np.array([(-130.0, -20.0), (-130.0, 40.0), (130.0, 40.0), (130.0, -20.0)]),
}


@pytest.mark.parametrize("directions", BEHIND.values(), ids=BEHIND)
def test_a_curve_round_the_back_of_the_head_hides_nothing_else_but_is_told(phantom, directions, finder):
    result = drawn_at(phantom, directions, finder)
    assert result.verdict is Verdict.REVIEW
    assert result.result is None
    assert "round the back of the head" in result.reasons[0]


WIDE = {
    "face": ring((-60.0, 60.0), (-45.0, 40.0)),
    "half a head": ring((-110.0, 110.0), (-45.0, 84.0)),
    "half a head, four points": np.array([(-110.0, -45.0), (-110.0, 40.0), (110.0, 40.0), (110.0, -45.0)]),
}


@pytest.mark.parametrize("directions", WIDE.values(), ids=WIDE)
def test_a_curve_around_the_face_and_more_is_drawn_as_it_is(phantom, directions, finder):
    result = drawn_at(phantom, directions, finder)
    assert not any("back of the head" in reason for reason in result.reasons)
    assert result.coverage.features["pronasale"] == 1.0


def test_a_curve_that_leaves_the_chin_out_is_told_as_the_cause(phantom, finder):
    result = drawn_at(phantom, ring((-60.0, 60.0), (-15.0, 40.0)), finder)
    [chin] = [reason for reason in result.reasons if "pogonion" in reason]
    assert chin.endswith("or the curve that was drawn leaves it out")


def test_a_curve_in_another_place_is_told_as_the_cause(phantom, finder):
    above = np.array([(x, -y, 900.0) for x in (0, 9) for y in (0, 9)])
    result = deface(Request(phantom.ct, (), phantom.landmarks, curve=above), finder=finder)
    assert any("the curve" in reason for reason in result.reasons)


def test_a_face_segment_as_large_as_the_body_gives_review(phantom, finder):
    everything = Segment("all", phantom.ct.with_array(np.ones(phantom.ct.array.shape, dtype=bool)))
    result = deface(Request(phantom.ct, face_segment=everything, parameters=Parameters(effect="mask", levels=())), finder=finder)
    assert result.verdict is Verdict.REVIEW
    assert any("far more than a face" in reason for reason in result.reasons)


def test_only_the_benchmarked_region_and_parameters_can_be_tested(phantom, monkeypatch):
    monkeypatch.setattr("FaceDeidLNLib.case.privacy.privacy_class", lambda style, effect: TESTED)
    assert privacy_of(Request(phantom.ct)) == TESTED
    assert privacy_of(Request(phantom.ct, parameters=Parameters(depth_mm=0.5))) == "recognisable"
    assert privacy_of(Request(phantom.ct, parameters=Parameters(levels=("Ia", "IX")))) == "recognisable"
    assert privacy_of(Request(phantom.ct, curve=np.zeros((9, 3)))) == "recognisable"


def test_failures_of_programs_survive_a_second_verification(phantom, finder):
    result = deface(Request(phantom.ct, (), phantom.landmarks, parameters=Parameters(effect="mask", levels=())), finder=finder)
    again = verify(phantom.ct, replace(result, failures=("it crashed",)))
    assert again.verdict is Verdict.REVIEW
    assert "it crashed" in again.reasons
