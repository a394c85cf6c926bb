"""What is done in few passes over many voxels gives what the plain way gives."""

import numpy as np
from FaceDeidLNLib.anatomy.grids import surface_of
from FaceDeidLNLib.core.affine import taken
from FaceDeidLNLib.core.segment import unflat
from FaceDeidLNLib.face.polar import directions_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, size=st.tuples(*[st.integers(0, 7)] * 3))
def test_the_surface_is_what_an_erosion_takes_away(seed, size):
    mask = np.random.default_rng(seed).random(size) < 0.8
    np.testing.assert_array_equal(surface_of(mask), mask & ~ndimage.binary_erosion(mask) if mask.size else mask)


def test_places_and_what_is_taken_of_them_lie_column_by_column():
    at = unflat(np.array([0, 7, 59, 23]), (3, 4, 5))
    assert at.T.flags.c_contiguous
    assert taken(at, np.array([2, 0])).T.flags.c_contiguous
    np.testing.assert_array_equal(taken(at, np.array([2, 0])), at[[2, 0]])


def test_directions_are_in_degrees_as_numpy_tells_them():
    points = np.random.default_rng(1).normal(size=(5000, 3))
    for kind in (np.float32, np.float64):
        left, front, up = points.astype(kind).T
        expected = np.degrees([np.arctan2(left, front), np.arctan2(up, np.sqrt(left * left + front * front))]).T
        np.testing.assert_array_equal(directions_of(points.astype(kind)), expected)
