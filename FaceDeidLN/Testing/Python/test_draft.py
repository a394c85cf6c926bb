"""The draft of a closed surface lies where the whole one does, and takes its place for a while only."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.nodes import add_segmentation, drafts, draw_surface, fill_segmentation, segments_from_node
from FaceDeidLNLib.mrml.scene import headless_context
from FaceDeidLNLib.mrml.undo import all_or_nothing


def surface(node):
    segmentation = node.GetSegmentation()
    return segmentation.GetSegment(segmentation.GetNthSegmentID(0)).GetRepresentation("Closed surface")


@pytest.fixture
def ball():
    """A ball of 20 mm on a fine grid, turned and mirrored."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0.0, -0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]])
    matrix[:3, 3] = (30.0, -40.0, 7.0)
    geometry = Geometry((50, 100, 100), matrix)
    lps = geometry.to_lps(np.indices(geometry.shape).reshape(3, -1).T)
    middle = geometry.to_lps(np.array([[25.0, 50.0, 50.0]]))
    return tight("Face", (np.linalg.norm(lps - middle, axis=1) < 20.0).reshape(geometry.shape)), geometry, middle[0]


def test_a_draft_is_small_and_lies_where_the_whole_surface_does(ball):
    mask, geometry, middle = ball
    node = add_segmentation(headless_context(), [mask], geometry, "face")
    fill_segmentation(node, [mask], geometry, draft=True)
    assert surface(node) is None  # it is not on view
    node.CreateClosedSurfaceRepresentation()
    whole = surface(node).GetNumberOfPoints()
    fill_segmentation(node, [mask], geometry, draft=True)
    draft = surface(node)
    assert 0 < draft.GetNumberOfPoints() < whole / 4
    points = np.array([draft.GetPoint(n) for n in range(draft.GetNumberOfPoints())])
    assert np.abs(np.linalg.norm(points - middle * (-1, -1, 1), axis=1) - 20.0).max() < 2.0
    assert np.array_equal(segments_from_node(node)[0].mask.array, mask.array)
    draw_surface(node)
    assert surface(node).GetNumberOfPoints() == whole


def test_a_draft_is_known_for_one_until_the_whole_surface_is_drawn_or_it_is_brought_back(ball):
    mask, geometry, _ = ball
    context = headless_context()
    node, other = (add_segmentation(context, [mask], geometry, name) for name in ("face", "another"))
    for each in (node, other):
        each.CreateClosedSurfaceRepresentation()
    assert drafts(context.scene) == ()
    fill_segmentation(node, [mask], geometry, draft=True)
    assert drafts(context.scene) == (node,)
    with all_or_nothing(context.scene, [node]) as undo:
        draw_surface(node)
    assert drafts(context.scene) == ()
    undo()
    assert drafts(context.scene) == (node,)
    fill_segmentation(node, [mask], geometry)
    assert drafts(context.scene) == ()
