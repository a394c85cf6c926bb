"""The pieces of a mask, found run by run: those of scipy's labels, in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.grids import fill_holes
from FaceDeidLNLib.anatomy.pieces import largest, pieces_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

FACES, CORNERS = ndimage.generate_binary_structure(3, 1), np.ones((3, 3, 3))
SHARES = st.sampled_from([0.0, 0.02, 0.3, 0.5, 0.9, 1.0])


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Masks of all sizes, full and empty ones too."""
    shape = draw(st.tuples(*[st.integers(1, 9)] * 3))
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(shape) < draw(SHARES)


@settings(max_examples=150, deadline=None)
@given(masks(), st.booleans())
def test_voxels_have_the_numbers_of_scipys_labels(mask, corners):
    labels, count = ndimage.label(mask, CORNERS if corners else FACES)
    pieces = pieces_of(mask, corners)
    assert pieces.count == count
    assert np.array_equal(pieces.numbers() + 1, labels[mask])


@settings(max_examples=80, deadline=None)
@given(masks(), st.booleans())
def test_sizes_and_boxes_are_those_of_scipys_objects(mask, corners):
    labels, count = ndimage.label(mask, CORNERS if corners else FACES)
    pieces = pieces_of(mask, corners)
    found = ndimage.find_objects(labels)
    assert np.array_equal(pieces.sizes, np.bincount(labels.ravel(), minlength=count + 1)[1:])
    for ends, side in zip(pieces.boxes(), ("start", "stop"), strict=True):
        assert ends.tolist() == [[getattr(s, side) for s in box] for box in found]


@settings(max_examples=150, deadline=None)
@given(masks(), st.booleans(), st.integers(0, 2**32 - 1))
def test_chosen_pieces_are_all_that_is_left(mask, corners, seed):
    labels, count = ndimage.label(mask, CORNERS if corners else FACES)
    keep = np.random.default_rng(seed).random(count) < 0.5
    before = mask.copy()
    assert np.array_equal(pieces_of(mask, corners).only(keep), np.concatenate([[False], keep])[labels])
    assert np.array_equal(mask, before)


@settings(max_examples=80, deadline=None)
@given(masks())
def test_the_largest_piece_is_the_first_of_the_largest(mask):
    labels, count = ndimage.label(mask)
    number = 1 + int(np.argmax(np.bincount(labels.ravel(), minlength=2)[1:]))
    assert np.array_equal(largest(mask), labels == number if count else mask)


@settings(max_examples=80, deadline=None)
@given(masks())
def test_cavities_are_filled_slice_by_slice(mask):
    filled = np.array([ndimage.binary_fill_holes(plane) for plane in mask])
    assert np.array_equal(fill_holes(mask), filled)


@pytest.mark.parametrize("corners", [False, True])
def test_a_row_does_not_go_on_in_the_next_one(corners):
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[0, 0, -1] = mask[0, 2, 0] = mask[0, -1, 2] = mask[2, 0, 2] = True
    assert pieces_of(mask, corners).count == 4
