"""A head that is cut close behind the face: what lies deep at the cut must not be destroyed with a PASS."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import FaceFrame
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.deep import MOST_ML, changed_below, deep_doubts
from FaceDeidLNLib.verify.verdict import Verdict

PHANTOM = make_phantom((3.0, 3.0, 3.0), seed=1)


def within(low, high):
    """The head's CT cut to a box (LPS mm)."""
    ct = PHANTOM.ct
    kji = np.sort(ct.geometry.to_kji(np.array([low, high])), axis=0)
    start, stop = (np.clip(np.rint(one).astype(int), 0, ct.array.shape) for one in kji)
    part = ct.crop(Box(tuple(map(int, start)), tuple(map(int, stop))))
    return part.with_array(part.array.copy())


def cut_behind(behind_mm, beside_mm):
    """The head's CT so far behind and beside the eyes."""
    eyes = np.array([PHANTOM.landmarks.position(f"eye_{side}") for side in ("right", "left")])
    low, high = eyes.min(0), eyes.max(0)
    return within((low[0] - beside_mm, -1e3, -1e3), (high[0] + beside_mm, high[1] + behind_mm, 1e3))


def deep_reasons(case):
    """What a case says of deep tissue."""
    return [reason for reason in case.reasons if "where no face reaches" in reason]


SHALLOW = Parameters(levels=(), depth_mm=0.5, effect="mask")


@pytest.mark.parametrize(
    "parameters",
    [Parameters(levels=()), Parameters(levels=(), ears=True, lips=True), SHALLOW],
    ids=["face", "ears and lips", "as shallow as can be"],
)
def test_nothing_deep_changes_in_a_whole_head(parameters):
    case = deface(Request(PHANTOM.ct, parameters=parameters))
    changed = case.result.array != PHANTOM.ct.array
    assert not deep_reasons(case)
    assert changed_below(30.0, changed, PHANTOM.ct, case.anatomy.body, case.face.frame) == 0.0


def test_a_whole_head_passes():
    assert deface(Request(PHANTOM.ct, parameters=Parameters(levels=()))).verdict is Verdict.PASS


@pytest.mark.parametrize(("behind", "beside"), [(25.0, 25.0), (40.0, 25.0)])
def test_a_head_cut_close_behind_the_face_is_a_review_that_says_so(behind, beside):
    case = deface(Request(cut_behind(behind, beside), parameters=Parameters(levels=())))
    assert case.verdict is Verdict.REVIEW
    assert any("as it was scanned" in reason for reason in deep_reasons(case)), case.reasons


def upright(*shape):
    """A CT of air, a frame in its middle, and its voxels' places before that middle (mm): forwards is towards lower j."""
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = -np.array(shape[::-1])
    frame = FaceFrame(np.diag([1.0, -1.0, 1.0]), np.zeros(3), 1.0, np.zeros((0, 3)), np.zeros((0, 3)))
    return Volume(np.full(shape, -1000, dtype=np.int16), Geometry(shape, matrix)), frame


@pytest.mark.parametrize(("depth", "told"), [(12.0, False), (24.0, False), (60.0, True)])
def test_depth_counts_from_the_front_and_not_from_a_cut_side(depth, told):
    ct, frame = upright(60, 80, 60)
    ct.array[:, 20:] = 40  # tissue up to every other side of the view
    body = ct.with_array(ct.array > -400)
    changed = np.zeros(ct.array.shape, dtype=bool)
    changed[20:40, 20 : 20 + int(depth / 2), 20:40] = True
    assert bool(deep_doubts(changed, ct, body, frame, 12.0)) is told


def test_air_behind_the_head_is_no_skin_of_a_face():
    ct, frame = upright(60, 80, 60)
    ct.array[:, 20:45] = 40  # 50 mm thick, with air behind it
    body = ct.with_array(ct.array > -400)
    changed = np.zeros(ct.array.shape, dtype=bool)
    changed[20:40, 38:45, 20:40] = True
    assert changed_below(30.0, changed, ct, body, frame) > MOST_ML


def test_a_deeper_face_segment_may_reach_deeper():
    ct, frame = upright(60, 80, 60)
    ct.array[:, 20:] = 40
    body = ct.with_array(ct.array > -400)
    changed = np.zeros(ct.array.shape, dtype=bool)
    changed[20:40, 20:42, 20:40] = True  # 44 mm
    assert deep_doubts(changed, ct, body, frame, 12.0)
    assert not deep_doubts(changed, ct, body, frame, 30.0)
