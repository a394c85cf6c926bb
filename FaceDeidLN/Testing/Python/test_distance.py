"""Distance maps and masks that grow: the same to the bit as the general ones of SimpleITK and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.anatomy.distance import squares_to
from FaceDeidLNLib.anatomy.grids import grow, grow_cube, reach, shrink
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume, nearest, resample
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

SEEDS, SHARES = st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.02, 0.3, 0.9])
CROSS, CUBE = ndimage.generate_binary_structure(3, 1), np.ones((3, 3, 3))


def random_mask(seed: int, shape: tuple[int, int, int], share: float) -> np.ndarray:
    """A mask of which at least one voxel is set."""
    mask = np.random.default_rng(seed).random(shape) < share
    mask.flat[seed % mask.size] = True
    return mask


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.tuples(*[st.integers(1, 15)] * 3), SHARES)
def test_the_distance_to_a_mask_is_that_of_scipy(seed, shape, share):
    sites = random_mask(seed, shape, share)
    assert np.array_equal(np.sqrt(squares_to(sites), dtype=float), ndimage.distance_transform_edt(~sites))


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.sampled_from([(70, 41, 53), (9, 190, 101), (130, 3, 345)]), st.sampled_from([1e-5, 1e-3, 0.2]))
def test_it_is_so_where_cells_tell_how_far_sites_can_be(seed, shape, share):
    sites = random_mask(seed, shape, share)
    assert np.array_equal(np.sqrt(squares_to(sites), dtype=float), ndimage.distance_transform_edt(~sites))


@pytest.mark.parametrize("shape", [(400, 3, 5), (3, 400, 5), (5, 3, 190), (182, 130, 120)])
def test_distances_that_sixteen_bits_do_not_hold_are_right(shape):
    sites = np.zeros(shape, dtype=bool)
    sites[0, 0, 0] = True
    assert np.array_equal(np.sqrt(squares_to(sites), dtype=float), ndimage.distance_transform_edt(~sites))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.tuples(*[st.integers(1, 13)] * 3), SHARES)
def test_the_distance_to_the_outermost_voxels_of_a_mask_is_simpleitks_signed_one(seed, shape, share):
    solid = random_mask(seed, shape, share)
    if solid.all():
        return
    found = np.sqrt(squares_to(solid & grow_cube(~solid)), dtype=np.float32)
    theirs = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(sitk.GetImageFromArray(solid.astype(np.uint8)), True, False, False))
    assert np.array_equal(np.where(solid, found, -found), theirs)


def grown_by_scipy(mask: np.ndarray, steps: int, within: np.ndarray | None = None) -> np.ndarray:
    """A cross and a cube in turns, by scipy."""
    for number in range(steps):
        mask = ndimage.binary_dilation(mask, CUBE if number % 2 else CROSS)
        mask = mask if within is None else mask & within
    return mask


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.tuples(*[st.integers(1, 20)] * 3), SHARES, st.integers(0, 6))
def test_a_mask_grows_as_by_scipy(seed, shape, share, steps):
    mask = random_mask(seed, shape, share)
    assert np.array_equal(grow(mask, steps), grown_by_scipy(mask, steps))


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.tuples(*[st.integers(1, 20)] * 3), SHARES, st.integers(1, 6))
def test_a_mask_shrinks_where_its_outside_grows(seed, shape, share, steps):
    mask = random_mask(seed, shape, share)
    assert np.array_equal(shrink(mask, steps), ~grown_by_scipy(~mask, steps))


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.tuples(*[st.integers(1, 20)] * 3), st.integers(0, 9))
def test_what_is_reached_within_a_mask_is_what_grows_in_it(seed, shape, steps):
    start, within = random_mask(seed, shape, 0.02), random_mask(seed + 1, shape, 0.6)
    assert np.array_equal(reach(start, within, steps), grown_by_scipy(start & within, steps, within))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans())
def test_the_nearest_voxels_are_those_that_scipy_takes(seed, is_turned):
    random = np.random.default_rng(seed)
    grids = []
    for _ in range(2):
        matrix = np.diag([*random.choice([1.0, 1.5, 3.0, 0.7, -0.8], 3), 1.0])
        matrix[:3, 3] = random.choice([0.0, 0.5, 0.25, random.normal()], 3)
        grids.append(Geometry(tuple(int(n) for n in random.integers(1, 9, 3)), matrix))
    if is_turned:
        grids[1].ijk_to_lps[:3, :3] = grids[1].ijk_to_lps[:3, :3][[1, 0, 2]]
    mask = random.random(grids[0].shape) < 0.5
    volume = Volume(mask, grids[0])
    assert np.array_equal(nearest(volume, grids[1], False), resample(volume, grids[1], 0, 0.0).array > 0.5)
