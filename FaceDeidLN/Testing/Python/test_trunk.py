"""Where the bone of the trunk lies below a head."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import FaceFrame
from FaceDeidLNLib.anatomy.trunk import in_trunk
from scipy.spatial.transform import Rotation

#: Places of the mean face (left, anterior, superior; mm).
BREASTBONE, SHOULDER, SPINE, RIB = (0.0, 50.0, -230.0), (170.0, -40.0, -150.0), (0.0, -40.0, -110.0), (-110.0, -60.0, -240.0)
ON_THE_CHEST, ABOVE_THE_SHOULDER, BESIDE_THE_ARM = (0.0, 120.0, -160.0), (140.0, 0.0, -80.0), (300.0, 0.0, -200.0)


def frame(turn: tuple[int, int, int] = (0, 0, 0), scale: float = 1.0) -> FaceFrame:
    """A head that turned about its neck (degrees about left, anterior and superior) on a trunk that did not."""
    neck = np.array([0.0, -20.0, -60.0])
    axes = np.diag([1.0, -1.0, 1.0]) @ Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    origin = scale * (np.diag([1.0, -1.0, 1.0]) @ neck - axes @ neck)
    return FaceFrame(axes, origin, scale, np.zeros((0, 3)), np.zeros((0, 3)))


@pytest.mark.parametrize("place", [BREASTBONE, SHOULDER, SPINE, RIB])
def test_breastbone_shoulder_spine_and_ribs_are_the_trunk(place):
    assert in_trunk(frame(), frame().to_lps(np.array(place))).all()


@pytest.mark.parametrize("place", [ON_THE_CHEST, ABOVE_THE_SHOULDER, BESIDE_THE_ARM])
def test_what_lies_on_the_chest_above_the_shoulder_or_beside_the_arm_is_not(place):
    assert not in_trunk(frame(), frame().to_lps(np.array(place))).any()


@pytest.mark.parametrize("turn", [(0, 0, 80), (35, 0, 0), (-35, 0, 0), (0, 30, 0), (180, 0, 0)])
def test_the_trunk_does_not_turn_with_the_head(turn):
    straight = frame()
    assert in_trunk(frame(turn), straight.to_lps(np.array([BREASTBONE, SHOULDER, SPINE, RIB]))).all()


def test_the_trunk_lies_below_the_head_where_the_axes_of_the_ct_are_wrong():
    turned = Rotation.from_euler("xyz", (0, 0, 90), degrees=True).as_matrix() @ np.diag([1.0, -1.0, 1.0])
    wrong = FaceFrame(turned, np.zeros(3), 1.0, np.zeros((0, 3)), np.zeros((0, 3)))
    assert in_trunk(wrong, wrong.to_lps(np.array([BREASTBONE, SHOULDER, SPINE, RIB]))).all()


def test_the_trunk_of_a_child_is_as_small_as_its_head():
    child = frame(scale=0.6)
    assert in_trunk(child, child.to_lps(np.array(BREASTBONE))).all()
    assert not in_trunk(child, frame().to_lps(np.array((0.0, 70.0, -160.0)))).any()
