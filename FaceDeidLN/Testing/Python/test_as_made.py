"""What this module made and nobody changed is known again, and what somebody did to it, too."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml.as_made import is_as_made, note_as_made
from FaceDeidLNLib.mrml.nodes import add_ct, add_curve, add_segmentation, fill_segmentation
from FaceDeidLNLib.mrml.scene import new_context
from mrml_grids import linear_transform, numbers, tilted

POINTS = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 50.0, 10.0]])


@pytest.fixture
def here():
    return new_context()


@pytest.fixture
def ct(here):
    return add_ct(here, Volume(numbers((6, 7, 8)), tilted((6, 7, 8))), "CT")


def ball(cut=0):
    """A mask on the CT's grid, less ``cut`` voxels."""
    mask = np.zeros((6, 7, 8), dtype=bool)
    mask[1:5, 2:6, 3:7] = True
    mask[2, 3, 3 : 3 + cut] = False
    return tight("face", mask)


def made(here, ct, kind):
    """A curve or a face segment as this module makes it."""
    node = add_curve(here, POINTS) if kind == "curve" else add_segmentation(here, [ball()], tilted((6, 7, 8)), "face", None, ct)
    note_as_made(node, ct)
    return node


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_was_made_is_known_until_it_is_changed(here, ct, kind):
    node = made(here, ct, kind)
    assert is_as_made(node, ct)
    if kind == "curve":
        node.SetNthControlPointPosition(1, 50.0, 0.0, 0.5)
    else:
        fill_segmentation(node, [ball(cut=1)], tilted((6, 7, 8)), None, ct)
    assert not is_as_made(node, ct)


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_was_made_of_another_ct_is_not_this_ones(here, ct, kind):
    other = add_ct(here, Volume(numbers((6, 7, 8)), tilted((6, 7, 8))), "other")
    assert not is_as_made(made(here, ct, kind), other)


def test_what_was_never_noted_or_another_tool_made_is_a_persons(here, ct):
    assert not is_as_made(None, ct)
    assert not is_as_made(add_curve(here, POINTS), ct)
    node = made(here, ct, "curve")
    note_as_made(node, ct, renewable=False)
    assert not is_as_made(node, ct)


def test_a_curve_that_is_moved_with_its_ct_is_as_it_was_made(here, ct):
    node, move = made(here, ct, "curve"), linear_transform(here)
    for moved in (ct, node):
        moved.SetAndObserveTransformNodeID(move.GetID())
    assert is_as_made(node, ct)
