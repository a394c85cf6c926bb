"""The patient's outline as somebody else drew it: it may take away a couch, never a face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.anatomy.outline import AGREE_MM, within_outline
from FaceDeidLNLib.case.find import find_anatomy
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume, resample
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.privacy import RECOGNISABLE
from FaceDeidLNLib.verify.verdict import Verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage


@pytest.fixture(scope="module")
def solid(phantom) -> np.ndarray:
    """The body that was found, on the CT's grid: the outline of somebody who agrees."""
    body = find_body(phantom.ct)
    return resample(body.with_array(body.array.astype(np.float32)), phantom.ct.geometry, fill=0.0).array > 0.5


@pytest.fixture(scope="module")
def frame(phantom):
    """The head's axes."""
    return fit_frame(phantom.landmarks)


def outline(phantom, mask: np.ndarray) -> Segment:
    """A segment with the name that planning systems give."""
    return Segment("External", phantom.ct.with_array(mask))


def millimetres(phantom, frame) -> np.ndarray:
    """Face coordinates (k, j, i, 3) of the CT's voxels."""
    shape = phantom.ct.array.shape
    return frame.to_face(phantom.ct.geometry.to_lps(np.indices(shape).reshape(3, -1).T)).reshape(*shape, 3)


def with_cradle(phantom, solid: np.ndarray) -> Volume:
    """The CT in a foam of soft tissue's density that touches the back of the head, 25 mm thick."""
    distance = ndimage.distance_transform_edt(~solid, sampling=phantom.ct.geometry.sampling)
    behind = millimetres(phantom, fit_frame(phantom.landmarks))[..., 1] < -55.0
    return phantom.ct.with_array(np.where((distance > 0) & (distance < 25.0) & behind, 40, phantom.ct.array).astype(phantom.ct.array.dtype))


def test_without_an_outline_the_body_is_the_same_object(phantom, frame):
    body = find_body(phantom.ct)
    assert within_outline(phantom.ct, body, (phantom.segment("Mandible"),), frame).body is body


def test_an_outline_that_agrees_changes_no_voxel_of_the_result(phantom, solid):
    request = Request(phantom.ct, parameters=Parameters(seed=1))
    alone, together = deface(request), deface(replace(request, guides=(outline(phantom, solid),)))
    assert together.verdict is alone.verdict
    assert together.privacy == alone.privacy
    assert np.array_equal(together.result.array, alone.result.array)


def test_a_cradle_that_touches_the_head_is_dropped_where_the_outline_leaves_it_out(phantom, solid, frame):
    ct = with_cradle(phantom, solid)
    body = find_body(ct)
    stray = ~ndimage.binary_dilation(find_body(phantom.ct).array, iterations=round(AGREE_MM / body.geometry.spacing[0]))
    assert np.count_nonzero(body.array & stray) * body.geometry.voxel_mm3 > 50_000, "the cradle is taken for the patient"
    found = within_outline(ct, body, (outline(phantom, solid),), frame)
    assert np.count_nonzero(found.body.array & stray) < 0.05 * np.count_nonzero(body.array & stray)
    assert found.dropped_mm3 > 0
    assert not found.doubts


def test_a_result_whose_skin_an_outline_moved_was_never_attacked(phantom, solid):
    ct = with_cradle(phantom, solid)
    result = deface(Request(ct, guides=(outline(phantom, solid),), parameters=Parameters(seed=1)))
    assert result.anatomy.outlined
    assert result.privacy == RECOGNISABLE


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cut=st.floats(75.0, 105.0))
def test_an_outline_that_cuts_off_the_face_takes_nothing_away_and_is_a_doubt(phantom, solid, frame, cut):
    """``cut``: everything further than this in front of the ears is missing, the nose at least."""
    body = find_body(phantom.ct)
    bad = outline(phantom, solid & (millimetres(phantom, frame)[..., 1] < cut))
    found = within_outline(phantom.ct, body, (bad,), frame)
    assert np.array_equal(found.body.array, body.array)
    assert any("leaves out" in doubt for doubt in found.doubts)


def test_an_outline_that_cuts_off_the_face_gives_a_review_and_hides_no_less(phantom, solid, frame):
    bad = outline(phantom, solid & (millimetres(phantom, frame)[..., 1] < 90.0))
    request = Request(phantom.ct, parameters=Parameters(effect="mask"))
    alone, together = deface(request), deface(replace(request, guides=(bad,)))
    assert alone.verdict is Verdict.PASS
    assert together.verdict is Verdict.REVIEW
    assert any("outline 'External'" in reason for reason in together.reasons)
    assert np.array_equal(together.result.array, alone.result.array)


def test_tissue_before_the_face_that_only_the_outline_holds_is_a_doubt(phantom, solid, frame):
    body = find_body(phantom.ct)
    beside = millimetres(phantom, frame)[..., 1] < 90.0
    lost = body.with_array(body.array & (resample(phantom.ct.with_array(beside.astype(np.float32)), body.geometry, fill=0.0).array > 0.5))
    found = within_outline(phantom.ct, lost, (outline(phantom, solid),), frame)
    assert any("in front of the face" in doubt for doubt in found.doubts)


def test_an_outline_of_half_the_patient_is_not_used_and_said(phantom, solid, frame):
    body = find_body(phantom.ct)
    found = within_outline(phantom.ct, body, (outline(phantom, solid & (millimetres(phantom, frame)[..., 0] < 0)),), frame)
    assert found.body is body
    assert any("was not used" in doubt for doubt in found.doubts)


def test_slices_without_an_outline_are_not_judged(phantom, solid, frame):
    body = find_body(phantom.ct)
    part = solid.copy()
    part[len(part) // 2 :] = False
    found = within_outline(phantom.ct, body, (outline(phantom, part),), frame)
    assert np.array_equal(found.body.array, body.array)
    assert not found.doubts


def test_a_rind_of_skin_is_filled(phantom, solid, frame):
    body = find_body(phantom.ct)
    rind = solid & ~ndimage.binary_erosion(solid, iterations=2, border_value=1)
    found = within_outline(phantom.ct, body, (Segment("skin", phantom.ct.with_array(rind)),), frame)
    assert not found.doubts
    assert np.array_equal(found.body.array, body.array)


def test_a_mask_in_front_of_the_face_goes_only_where_air_parts_it_from_the_outline(phantom, solid, frame):
    """A body with a sheet 9 to 15 mm off the nose: dropped over air, kept and doubted where the gap is filled."""
    found = find_body(phantom.ct)
    distance = ndimage.distance_transform_edt(~found.array, sampling=found.geometry.sampling)
    shape = found.array.shape
    place = frame.to_face(found.geometry.to_lps(np.indices(shape).reshape(3, -1).T)).reshape(*shape, 3)
    front = (place[..., 1] > 80.0) & (np.abs(place[..., 0]) < 40.0) & (place[..., 2] > -60.0)
    sheet = (distance > 8.0) & (distance < 16.0) & front
    masked = found.with_array(found.array | sheet)
    gap = (
        resample(found.with_array(((distance > 0) & (distance <= 9.0) & front).astype(np.float32)), phantom.ct.geometry, fill=0.0).array
        > 0.2
    )
    filled = phantom.ct.with_array(np.where(gap, 30, phantom.ct.array))
    over_air = within_outline(phantom.ct, masked, (outline(phantom, solid),), frame)
    touching = within_outline(filled, found.with_array(masked.array | ((distance <= 8.0) & front)), (outline(phantom, solid),), frame)
    assert not (over_air.body.array & sheet).any()
    assert (touching.body.array & sheet).any()
    assert touching.doubts


def test_ears_that_an_outline_leaves_out_stay(phantom, solid, frame):
    place = millimetres(phantom, frame)
    flat = ndimage.binary_erosion(solid, border_value=1) & (np.abs(place[..., 0]) < 72.0)
    body = find_body(phantom.ct)
    found = within_outline(phantom.ct, body, (outline(phantom, flat),), frame)
    ears = [phantom.landmarks.position(f"tragion_{side}") for side in ("left", "right")]
    kji = np.argwhere(body.array & ~found.body.array)
    lost = body.geometry.to_lps(kji)
    assert all((np.linalg.norm(lost - ear, axis=1) > 25.0).all() for ear in ears)
    assert not found.doubts, "an outline a voxel below the skin is none, whatever else is missing"


def test_the_anatomy_says_what_an_outline_did(phantom, solid):
    anatomy = find_anatomy(phantom.ct, phantom.landmarks, guides=(outline(phantom, solid),))
    assert not anatomy.outlined
    assert not anatomy.doubts
