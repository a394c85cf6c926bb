"""A mask in an eighth of its memory is the same mask to whoever looks at it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.segment import BoxMask, PackedMask
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def box_masks(draw: st.DrawFn) -> BoxMask:
    """Masks of all sizes somewhere on a grid, empty boxes too."""
    start = draw(st.tuples(*[st.integers(0, 5)] * 3))
    shape = draw(st.tuples(*[st.integers(0, 7)] * 3))
    array = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(shape) < 0.4
    return BoxMask("mask", Box(start, tuple(a + b for a, b in zip(start, shape, strict=True))), array)


@given(box_masks())
def test_its_voxels_are_those_of_the_mask(mask):
    packed = PackedMask.of(mask)
    assert (packed.name, packed.box, packed.voxels) == (mask.name, mask.box, mask.voxels)
    assert packed.array.dtype == bool
    assert np.array_equal(packed.array, mask.array)
    assert np.array_equal(packed.unpacked().array, mask.array)
    assert np.array_equal(packed.full((12, 12, 12)), mask.full((12, 12, 12)))


@given(box_masks())
def test_writing_into_what_it_gives_does_not_change_it(mask):
    packed = PackedMask.of(mask)
    packed.array[...] = True
    assert np.array_equal(packed.array, mask.array)


@given(box_masks())
def test_one_with_other_voxels_is_packed_too(mask):
    other = replace(PackedMask.of(mask), array=~mask.array)
    assert isinstance(other, PackedMask)
    assert np.array_equal(other.array, ~mask.array)
