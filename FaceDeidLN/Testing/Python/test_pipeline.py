"""The whole road on the synthetic head: what must hold whatever is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.case.find import find_landmarks
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import Cancelled, InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import NUMBERS, Parameters
from FaceDeidLNLib.core.segment import Segment, places
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.records import OWN_NUMBERS
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.face.jaw import BELOW_POGONION_MM, below_jaw
from FaceDeidLNLib.pipeline import deface, examine
from FaceDeidLNLib.verify.verdict import Verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage


@pytest.fixture(scope="module")
def masked(phantom, finder):
    """The phantom with its nodes protected and the face masked."""
    return deface(Request(phantom.ct, phantom.nodes, phantom.landmarks, parameters=Parameters(effect="mask")), finder=finder)


def region_of(result) -> np.ndarray:
    """The face segment on the CT's grid."""
    return result.face.segment.full(result.result.array.shape)


def test_phantom_passes_without_help(phantom):
    result = deface(Request(phantom.ct, phantom.nodes, parameters=Parameters(effect="mask")))
    assert result.reasons == ()
    assert result.verdict is Verdict.PASS


def test_protected_voxels_are_bit_identical(phantom, masked):
    for node in phantom.nodes:
        assert np.array_equal(masked.result.array[node.mask.array], phantom.ct.array[node.mask.array])


def test_a_node_in_the_face_would_change_if_it_were_not_protected(phantom, finder):
    node = phantom.segment("LN cheek left").mask.array
    result = deface(Request(phantom.ct, (), phantom.landmarks, parameters=Parameters(effect="mask", levels=())), finder=finder)
    assert not np.array_equal(result.result.array[node], phantom.ct.array[node])


def test_voxels_outside_the_face_segment_are_bit_identical(phantom, masked):
    outside = ~region_of(masked)
    assert np.array_equal(masked.result.array[outside], phantom.ct.array[outside])


def test_margin_around_protected_voxels_is_kept(phantom, finder):
    parameters = Parameters(effect="mask", protect_margin_mm=5.0)
    result = deface(Request(phantom.ct, phantom.nodes, phantom.landmarks, parameters=parameters), finder=finder)
    node = phantom.segment("LN cheek left").mask.array
    near = ndimage.distance_transform_edt(~node, sampling=phantom.ct.geometry.sampling) <= 5.0
    assert np.array_equal(result.result.array[near], phantom.ct.array[near])


def test_bone_below_the_skin_is_not_in_the_face_segment(phantom, masked):
    mandible = phantom.segment("Mandible").mask.array & (phantom.ct.array > 600)
    deep = ndimage.distance_transform_edt(mandible, sampling=phantom.ct.geometry.sampling) > 3.0
    assert deep.any()
    assert not (deep & region_of(masked)).any()


def test_scalar_type_and_geometry_equal_the_inputs(phantom, masked):
    assert masked.result.array.dtype == phantom.ct.array.dtype
    assert masked.result.geometry.same_as(phantom.ct.geometry)


def test_the_input_is_never_written_to(phantom):
    before = phantom.ct.array.copy()
    deface(Request(phantom.ct, phantom.nodes, phantom.landmarks, parameters=Parameters(effect="blur")))
    assert np.array_equal(before, phantom.ct.array)


def test_curve_lies_on_the_skin(masked):
    face = masked.face
    for points in (face.curve.control, face.curve.path):
        kji = face.depth.geometry.to_kji(points)
        depth = ndimage.map_coordinates(face.depth.array, kji.T, order=1)
        assert np.abs(depth).max() < 1.0


def test_a_curve_that_runs_there_and_back_encloses_nothing_and_is_said_so(phantom, masked, finder):
    there = masked.face.curve.control[:5]
    result = deface(Request(phantom.ct, (), phantom.landmarks, curve=np.concatenate([there, there[::-1]])), finder=finder)
    assert result.verdict is Verdict.REVIEW
    assert any("encloses nothing" in reason for reason in result.reasons)


def test_users_curve_is_a_hard_constraint(phantom, masked, finder):
    centre = masked.face.curve.control.mean(0)
    small = centre + 0.5 * (masked.face.curve.control - centre)
    result = deface(Request(phantom.ct, (), phantom.landmarks, small, parameters=Parameters(effect="mask")), finder=finder)
    assert region_of(result).sum() < 0.6 * region_of(masked).sum()
    assert result.verdict is Verdict.REVIEW


def test_users_face_segment_is_used_less_the_protected_voxels(phantom, masked, finder):
    own = np.zeros(phantom.ct.array.shape, dtype=bool)
    own[masked.face.region.box.slices] = masked.face.region.array
    node = phantom.segment("LN cheek left")
    segment = Segment("own", phantom.ct.with_array(own | node.mask.array))
    request = Request(phantom.ct, (node,), phantom.landmarks, None, segment, Parameters(effect="mask", protect_margin_mm=0.0, levels=()))
    assert np.array_equal(region_of(deface(request, finder=finder)), (own | node.mask.array) & ~node.mask.array)


def test_users_landmark_overrules_the_automatic_one(phantom):
    moved = phantom.landmarks.position("menton") + (0.0, 0.0, -4.0)
    found = find_landmarks(phantom.ct, Landmarks({"menton": Landmark("menton", moved, source="user")}))
    assert np.array_equal(found.position("menton"), moved)
    assert found.points["pronasale"].source == "automatic"


def test_air_gives_review_with_a_reason():
    air = Volume(np.full((40, 40, 40), -1000, dtype=np.int16), Geometry((40, 40, 40), np.diag([4.0, 4.0, 4.0, 1.0])))
    result = deface(Request(air))
    assert result.verdict is Verdict.REVIEW
    assert result.reasons
    assert result.result is None


def test_unknown_effect_is_refused_with_the_list(phantom):
    with pytest.raises(InputError, match="mask"):
        deface(Request(phantom.ct, parameters=Parameters(effect="magic")))


def test_cancelling_stops_the_work(phantom):
    def cancel(fraction, message):
        if fraction > 0.1:
            raise Cancelled(message)

    with pytest.raises(Cancelled):
        deface(Request(phantom.ct, (), phantom.landmarks), cancel)


@pytest.mark.parametrize("effect", sorted(EFFECTS))
def test_every_effect_keeps_the_promises(phantom, effect, finder):
    result = deface(Request(phantom.ct, phantom.nodes, phantom.landmarks, parameters=Parameters(effect=effect)), finder=finder)
    assert result.comparison.changed_outside_face == 0
    assert {node.name for node in phantom.nodes} <= {check.name for check in result.comparison.protected}
    assert sum(check.changed for check in result.comparison.protected) == 0
    assert result.verdict is not Verdict.FAIL


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    order=st.permutations((0, 1, 2)),
    flips=st.tuples(*[st.booleans()] * 3),
    blob=st.tuples(st.floats(-40, 40), st.floats(70, 115), st.floats(-70, 40)),
    radius=st.floats(1.0, 15.0),
    margin=st.floats(0.0, 4.0),
)
def test_both_promises_hold_for_any_axis_order_and_any_blob(phantom, order, flips, blob, radius, margin):
    ct = reordered(phantom.ct, order, flips)
    centre = fit_frame(phantom.landmarks).to_lps(np.array([blob]))[0]
    points = ct.geometry.to_lps(np.argwhere(np.ones(ct.array.shape, dtype=bool)))
    mask = (np.linalg.norm(points - centre, axis=1) <= radius + 2.0).reshape(ct.array.shape)
    node = Segment("blob", ct.with_array(mask))
    result = deface(Request(ct, (node,), phantom.landmarks, parameters=Parameters(effect="mask", protect_margin_mm=margin, levels=())))
    assert np.array_equal(result.result.array[mask], ct.array[mask])
    outside = ~region_of(result)
    assert np.array_equal(result.result.array[outside], ct.array[outside])
    assert (result.result.array != ct.array).any()


def reordered(ct: Volume, order, flips) -> Volume:
    """The same head with its array axes permuted and flipped, the affine with them."""
    array = ct.array.transpose(order)
    matrix = ct.geometry.ijk_to_lps.copy()
    columns = matrix[:3, :3][:, ::-1][:, list(order)]
    origin = matrix[:3, 3].copy()
    for axis, flip in enumerate(flips):
        if flip:
            array = np.flip(array, axis)
            origin = origin + columns[:, axis] * (array.shape[axis] - 1)
            columns = columns * np.where(np.arange(3) == axis, -1.0, 1.0)
    turned = np.eye(4)
    turned[:3, :3], turned[:3, 3] = columns[:, ::-1], origin
    return Volume(np.ascontiguousarray(array), replace(ct.geometry, shape=array.shape, ijk_to_lps=turned))


def test_axis_order_does_not_change_the_face_segment(phantom, masked, finder):
    turned = reordered(phantom.ct, (2, 0, 1), (True, False, True))
    result = deface(Request(turned, (), phantom.landmarks, parameters=Parameters(effect="mask")), finder=finder)
    plain = deface(Request(phantom.ct, (), phantom.landmarks, parameters=Parameters(effect="mask")), finder=finder)
    assert region_of(result).sum() == pytest.approx(region_of(plain).sum(), rel=0.01)


def test_nothing_far_below_the_jaw_is_in_the_face_segment(phantom, masked):
    grid = phantom.ct.geometry
    jaw = grid.to_lps(np.argwhere(phantom.segment("Mandible").mask.array))[:, 2].min()
    tissue = region_of(masked) & (phantom.ct.array > -400)
    assert grid.to_lps(np.argwhere(tissue))[:, 2].min() > jaw - 10.0 - grid.sampling[0]


def test_a_jaw_bone_raised_raises_the_lower_border(phantom, masked):
    face = masked.face
    bone = np.zeros(face.region.box.shape, dtype=bool)
    local = phantom.ct.geometry.crop(face.region.box)
    points = local.to_lps(np.argwhere(np.ones(bone.shape, dtype=bool)))
    high = fit_frame(phantom.landmarks).to_face(points)[:, 2] > -20.0
    bone[:] = high.reshape(bone.shape)
    cut = below_jaw(face, phantom.ct.geometry, bone, phantom.landmarks)
    kept_mm = face.frame.to_face(phantom.landmarks.position("pogonion"))[0, 2] - BELOW_POGONION_MM / face.frame.scale
    above = face.frame.to_face(points)[:, 2].reshape(bone.shape) > kept_mm + 1e-3
    assert (cut & face.region.array).any()
    assert not (cut & above).any()


@pytest.mark.parametrize(("step", "times"), [("landmarks", 4), ("skin", 5), ("node levels", 4)])
def test_a_long_step_says_again_and_again_where_it_is_and_can_be_stopped_inside(phantom, looked_at_anew, step, times):
    told = []

    def tell(fraction, name):
        told.append(name)
        if told.count(step) == times:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        deface(Request(phantom.ct, phantom.nodes), tell)
    assert told[-1] == step


@pytest.mark.parametrize("number", [*NUMBERS, *OWN_NUMBERS], ids=lambda number: number.field)
@pytest.mark.parametrize("wrong", ["low", "high", "nan", "text"])
def test_a_number_out_of_its_range_is_one_sentence_whoever_asks(number, wrong, phantom):
    value = {"low": number.low - 0.01, "high": number.high + 0.01, "nan": float("nan"), "text": "6"}[wrong]
    asked = {"own": ((number.field, value),)} if number in OWN_NUMBERS else {number.field: value}
    with pytest.raises(InputError, match=f"{number.field} is .* and must be a number between"):
        deface(Request(phantom.ct, parameters=Parameters(**asked)))


def test_skin_that_had_the_value_of_the_fill_before_is_lost_in_it(phantom, finder):
    some = (phantom.ct.array > -300) & (phantom.ct.array < 250) & (np.random.default_rng(1).random(phantom.ct.array.shape) < 0.3)
    water = phantom.ct.with_array(np.where(some, 0, phantom.ct.array).astype(phantom.ct.array.dtype))
    parameters = Parameters(effect="mask", own=(("fill_hu", 0.0),), levels=())
    result = deface(Request(water, landmarks=phantom.landmarks, parameters=parameters), finder=finder)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())


def test_a_feature_that_has_the_value_of_the_fill_and_stands_out_into_the_air_is_not_hidden(phantom, finder):
    ct = phantom.ct
    near = np.linalg.norm(ct.geometry.to_lps(places(np.ones(ct.array.shape, dtype=bool))) - phantom.landmarks.position("pogonion"), axis=1)
    near = near.reshape(ct.array.shape)
    flat = ct.with_array(np.where((near < 16) & (ct.array > -300) & (ct.array < 250), 0, ct.array).astype(ct.array.dtype))
    parameters = Parameters(effect="mask", own=(("fill_hu", 0.0),), levels=())
    face = deface(Request(flat, landmarks=phantom.landmarks, parameters=parameters), finder=finder).face.segment.full(ct.array.shape)
    own = Segment("Face", flat.with_array(face & ~((flat.array < -300) & (near < 20))))
    result = deface(Request(flat, landmarks=phantom.landmarks, face_segment=own, parameters=parameters), finder=finder)
    assert any("of the skin around pogonion did not change" in reason for reason in result.reasons)


def test_skin_that_somebody_put_back_into_a_fill_is_seen(phantom, finder):
    request = Request(phantom.ct, landmarks=phantom.landmarks, parameters=Parameters(effect="mask", own=(("fill_hu", 0.0),), levels=()))
    result = deface(request, finder=finder)
    near = phantom.ct.geometry.box_around(phantom.landmarks.position("pronasale")[None], 14.0).slices
    edited = result.result.array.copy()
    edited[near] = phantom.ct.array[near]
    again = examine(request, phantom.ct.with_array(edited), result.privacy, finder=finder)
    assert any("of the skin around pronasale did not change" in reason for reason in again.reasons)
