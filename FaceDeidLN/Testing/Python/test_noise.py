"""Noise of large blocks, which is made of dice, beside that of small ones, which is drawn as it is."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.core import ahead, blur
from FaceDeidLNLib.effect.tools import noise
from FaceDeidLNLib.effect.tools.noise import DRAWN_TOGETHER, Noise
from scipy import ndimage, stats

SHAPE = (50, 180, 180)
FINE = (0.7, 1.1, 1.1)


def drawn(sigma=FINE, seed=0, shape=SHAPE):
    """The values of a block's noise of deviation 12."""
    made = Noise.drawn(np.array(sigma), 12.0, shape, np.random.default_rng(seed))
    return made, made.at(np.argwhere(np.ones(shape, dtype=bool))).reshape(shape)


def alike(values, axis, lag):
    """How much values are like those so far along an axis."""
    count = values.shape[axis]
    ends = (np.take(values, range(lag, count), axis), np.take(values, range(count - lag), axis))
    return np.corrcoef(*(end.ravel() for end in ends))[0, 1]


def test_a_large_block_that_is_blurred_takes_two_bytes_a_voxel():
    assert np.prod(SHAPE) > DRAWN_TOGETHER
    made, _ = drawn()
    assert made.block.dtype == np.int16
    assert made.block.size < 1.05 * np.prod(SHAPE)


@pytest.mark.parametrize(("sigma", "shape"), [((0.2, 0.2, 0.2), SHAPE), ((0.1, 0.5, 0.5), SHAPE), (FINE, (20, 60, 60))])
def test_noise_that_is_white_or_nearly_so_or_small_is_drawn_from_normal_values(sigma, shape):
    assert drawn(sigma, shape=shape)[0].block.dtype == np.float16


def test_dice_give_the_asked_deviation_and_no_mean():
    values = drawn()[1]
    assert values.std() == pytest.approx(12.0, rel=0.02)
    assert abs(values.mean()) < 0.2


@pytest.mark.parametrize("sigma", [FINE, (0.1, 1.0, 1.0), (2.0, 2.0, 2.0)])
def test_the_mean_of_dice_is_normal(sigma):
    made, values = drawn(sigma)
    assert made.block.dtype == np.int16
    assert abs(stats.kurtosis(values, axis=None)) < 0.25
    assert abs(stats.skew(values, axis=None)) < 0.1
    assert 4.0 < np.abs(values).max() / 12.0 < 7.0


def test_no_comb_is_left_of_dice_even_in_the_noisiest_scan_of_whole_numbers():
    made, _ = drawn()
    whole = np.rint(60.0 / 12.0 * made.at(np.argwhere(np.ones(SHAPE, dtype=bool))))
    counts = np.bincount((whole[np.abs(whole) < 60] + 60).astype(int))[1:]
    beside = (counts[2:] + counts[:-2]) / 2
    assert np.abs(counts[1:-1] / beside - 1.0).max() < 0.08


def test_dice_are_alike_over_the_same_distances_as_normal_values(monkeypatch):
    of_dice = drawn()[1]
    monkeypatch.setattr(noise, "DRAWN_TOGETHER", of_dice.size * 2)
    of_normal = drawn()[1]
    for axis in range(3):
        for lag in (1, 2, 3, 6):
            assert alike(of_dice, axis, lag) == pytest.approx(alike(of_normal, axis, lag), abs=0.02)


def test_dice_are_the_same_however_many_processors_throw_them(monkeypatch):
    blocks = []
    for count in (1, 3):
        for module in (ahead, blur):
            monkeypatch.setattr(module, "processors", lambda count=count: count)
        blocks.append(drawn()[0].block)
    assert np.array_equal(*blocks)


def test_slabs_of_dice_go_over_into_each_other(monkeypatch):
    block = drawn()[0].block
    monkeypatch.setattr(noise, "BLURRED_TOGETHER", 10 * block.size)
    assert np.array_equal(drawn()[0].block, block)


def test_dice_repeat_nowhere_beyond_their_blur():
    values = drawn()[1]
    assert alike(values, 2, 1) > 0.5
    assert max(abs(alike(values, axis, lag)) for axis in range(3) for lag in range(12, SHAPE[axis] - 12)) < 0.03


def test_each_seed_throws_other_dice():
    one, other = drawn(seed=1)[1], drawn(seed=2)[1]
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("sigma", [0.34, 1.0, 2.0])
def test_a_kernel_is_that_of_a_gaussian_filter(sigma):
    point = np.zeros(31)
    point[15] = 1.0
    expected = ndimage.gaussian_filter1d(point, sigma, truncate=noise.TRUNCATE)
    weights = noise.kernel(sigma)
    assert np.abs(expected[15 : 15 + len(weights)] - weights).max() < 1e-6
    assert not expected[15 + len(weights) :].any()


def test_a_kernel_of_white_noise_leaves_it_as_it_is():
    assert noise.kernel(0.0).tolist() == [1.0]
