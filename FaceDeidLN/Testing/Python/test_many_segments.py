"""Segmentations of hundreds of segments, as whole-body models make them: filled at once, and compared each with its like only."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.segment import BoxMask
from FaceDeidLNLib.mrml import judged
from FaceDeidLNLib.mrml.nodes import add_segmentation, fill_segmentation, segments_from_node
from FaceDeidLNLib.mrml.scene import headless_context
from FaceDeidLNLib.mrml.segmentations import add_segments, draw_surface
from mrml_grids import tilted
from vtkmodules.vtkCommonCore import vtkCommand

NUMBER = 40


def cubes(first=0, names="part {}"):
    """Masks of one voxel each at places of their own."""
    places = [(n % 4, n // 4 % 5, n // 20) for n in range(first, first + NUMBER)]
    boxes = [Box(place, tuple(p + 1 for p in place)) for place in places]
    return [BoxMask(names.format(n), box, np.ones((1, 1, 1), dtype=bool)) for n, box in enumerate(boxes)]


@pytest.fixture
def told():
    """A segmentation of many segments on view, and a list of what the node told while it was worked on."""
    node = add_segmentation(headless_context(), cubes(), tilted((4, 5, 6)), "many")
    heard = []
    node.AddObserver(vtkCommand.AnyEvent, lambda caller, event: heard.append(event))
    return node, heard


def test_a_segmentation_that_is_filled_anew_is_told_a_few_times_however_many_segments_it_has(told):
    node, heard = told
    wanted = cubes(first=7)
    fill_segmentation(node, wanted, tilted((4, 5, 6)))
    assert 0 < len(heard) < NUMBER
    assert [s.name for s in segments_from_node(node)] == [mask.name for mask in wanted]


def test_surfaces_that_are_made_anew_are_told_a_few_times_however_many_they_are(told):
    node, heard = told
    node.CreateClosedSurfaceRepresentation()
    for make in (lambda: fill_segmentation(node, cubes(first=7), tilted((4, 5, 6))), lambda: draw_surface(node)):
        heard.clear()
        make()
        assert 0 < len(heard) < NUMBER
        shown = node.GetSegmentation()
        assert all(shown.GetSegment(name).GetRepresentation("Closed surface") is not None for name in shown.GetSegmentIDs())


def test_segments_that_are_added_to_others_are_told_a_few_times_however_many_they_are(told):
    node, heard = told
    add_segments(node, cubes(), tilted((4, 5, 6)), "model")
    assert 0 < len(heard) < NUMBER
    assert len(segments_from_node(node)) == 2 * NUMBER


def test_what_is_told_at_the_end_is_told_after_an_error_too(told):
    node, heard = told
    with pytest.raises(AttributeError):
        fill_segmentation(node, [*cubes(), None], tilted((4, 5, 6)))
    heard.clear()
    node.Modified()
    assert heard


def test_a_segment_that_was_hidden_is_seen_again_when_it_is_filled_anew(told):
    node, _ = told
    hidden = node.GetSegmentation().GetNthSegmentID(0)
    node.GetDisplayNode().SetSegmentVisibility(hidden, False)
    fill_segmentation(node, cubes(first=7), tilted((4, 5, 6)))
    assert hidden in node.GetSegmentation().GetSegmentIDs()
    assert node.GetDisplayNode().GetSegmentVisibility(hidden)


def test_a_segment_is_compared_with_its_like_only(monkeypatch):
    """Models name many parts alike; their voxels tell them apart before their places are looked at."""
    geometry, compared = Geometry((1, 1, NUMBER + 1), tilted().ijk_to_lps), []
    place_of = judged._same_place
    monkeypatch.setattr(judged, "_same_place", lambda one, other: compared.append(one) or place_of(one, other))
    masks = []
    for n in range(NUMBER):
        array = np.zeros(geometry.shape, dtype=bool)
        array[..., : n + 1] = True
        masks.append(BoxMask("part", Box((0, 0, 0), geometry.shape), array))
    node = add_segmentation(headless_context(), masks, geometry, "alike")
    before = judged.noted(segments_from_node(node))
    kept = [(node, node.GetSegmentation().GetSegmentIDs())]
    assert judged.not_judged(kept, before) == []
    assert len(compared) == NUMBER
    assert judged.not_judged(kept, before[1:]) == ["part"]
