"""Bone: complete where there is bone, and nothing of metal streaks, markers and supports."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.bone import bone_mask
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import Phantom, PhantomOptions, make_phantom
from scipy import ndimage

SPACING = (1.6, 1.6, 2.0)


@pytest.fixture(scope="module")
def head() -> Phantom:
    return make_phantom(SPACING, seed=1, options=PhantomOptions(noise_hu=10.0))


@pytest.fixture(scope="module")
def body(head: Phantom) -> Volume:
    return find_body(head.ct)


def whole(ct: Volume) -> Box:
    return Box((0, 0, 0), ct.array.shape)


def places(ct: Volume) -> np.ndarray:
    """LPS (k, j, i, 3) of every voxel."""
    kji = np.stack(np.meshgrid(*[np.arange(n) for n in ct.array.shape], indexing="ij"), axis=-1).reshape(-1, 3)
    return ct.geometry.to_lps(kji).reshape(*ct.array.shape, 3)


def with_rod(ct: Volume, lps: np.ndarray, radius_mm: float, hu: int) -> tuple[Volume, np.ndarray]:
    """The CT with a ball of ``hu`` at a point, and the ball."""
    there = np.linalg.norm(places(ct) - lps, axis=-1) < radius_mm
    return ct.with_array(np.where(there, hu, ct.array).astype(np.int16)), there


def test_the_mandible_is_bone(head, body):
    dense = head.segment("Mandible").mask.array & (head.ct.array > 300)
    assert dense.sum() > 1000
    assert bone_mask(head.ct, whole(head.ct), body=body)[dense].mean() > 0.97


def test_nothing_below_the_threshold_is_bone(head, body):
    assert (head.ct.array[bone_mask(head.ct, whole(head.ct), 500.0, body)] > 500).all()


def test_the_mask_has_the_shape_of_the_box(head, body):
    box = Box((20, 10, 30), (60, 90, 100))
    assert bone_mask(head.ct, box, body=body).shape == box.shape


def test_without_a_body_it_is_found(head, body):
    box = whole(head.ct)
    np.testing.assert_array_equal(bone_mask(head.ct, box), bone_mask(head.ct, box, body=body))


def test_a_box_of_air_holds_no_bone(head, body):
    assert not bone_mask(head.ct, Box((0, 0, 0), (10, 4, 10)), body=body).any()


@pytest.mark.parametrize("name", ["pronasale", "pogonion", "exocanthion_left"])
def test_a_marker_on_the_skin_is_no_bone(head, body, name):
    ct, marker = with_rod(head.ct, head.landmarks.position(name) - np.array([0, 1.5, 0]), 2.5, 2500)
    assert marker.sum() > 5
    assert not bone_mask(ct, whole(ct), body=find_body(ct))[marker].any()


def test_a_metal_bar_in_the_couch_is_no_bone(head):
    array = head.ct.array.copy()
    array[:, -6:-3, 20:-20] = 2000
    bone = bone_mask(head.ct.with_array(array), whole(head.ct))
    assert not bone[:, -6:-3].any()


def test_streaks_of_dental_metal_are_no_bone(head):
    metal = make_phantom(SPACING, seed=1, options=PhantomOptions(noise_hu=10.0, dental_metal=True))
    near_bone = ndimage.distance_transform_edt(head.ct.array <= 200, sampling=head.ct.geometry.sampling) < 3.0
    streaks = (metal.ct.array > 300) & ~near_bone
    bone = bone_mask(metal.ct, whole(metal.ct))
    assert streaks.sum() > 50
    assert bone[streaks].mean() < 0.2


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_the_same_is_bone_beside_dental_metal_in_whatever_order_axes_are_stored(order):
    ct = make_phantom(SPACING, seed=1, options=PhantomOptions(noise_hu=10.0, dental_metal=True)).ct
    columns = ct.geometry.ijk_to_lps.copy()
    columns[:, :3] = columns[:, [2 - order[2 - n] for n in range(3)]]
    stored = Volume(ct.array.transpose(order), Geometry(tuple(ct.array.shape[n] for n in order), columns))
    box = Box((6, 3, 2), tuple(n - 1 for n in ct.array.shape))
    turned = Box(*(tuple(ends[n] for n in order) for ends in (box.start, box.stop)))
    np.testing.assert_array_equal(bone_mask(stored, turned), bone_mask(ct, box).transpose(order))
