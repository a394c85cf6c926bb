"""A curve and a face segment that nobody changed are the automatic ones, in whatever order the steps were done; a changed one is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case import find
from FaceDeidLNLib.case.privacy import privacy_of
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation, volume_from_node
from FaceDeidLNLib.mrml.scene import new_context
from FaceDeidLNLib.mrml.undo import all_or_nothing
from FaceDeidLNLib.programs.engines import Engines
from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache
from FaceDeidLNLib.steps.process import NodeRequest, request_from_nodes
from FaceDeidLNLib.steps.steps import Steps
from FaceDeidLNLib.verify.privacy import TESTED
from vtk.util.numpy_support import vtk_to_numpy

pytestmark = pytest.mark.usefixtures("coarse_skin")


@pytest.fixture(scope="module")
def drawn(phantom):
    """The steps on the phantom's CT, and the request with landmarks, curve and face segment as they were made."""
    context = new_context()
    steps, asked = Steps(context, AnatomyCache()), {"ct": add_ct(context, phantom.ct, "CT")}
    asked["landmarks"] = steps.landmarks(NodeRequest(**asked))
    asked["curve"] = steps.curve(NodeRequest(**asked))
    asked["face"] = steps.face(NodeRequest(**asked))
    return steps, NodeRequest(**asked)


@pytest.fixture
def steps_and_request(drawn):
    """The same, put back after the test."""
    steps, asked = drawn
    with all_or_nothing(steps.context.scene, [asked.landmarks, asked.curve, asked.face]) as put_back:
        yield steps, asked
    put_back()


def of_user(steps, asked):
    """Curve and face segment that count as a person's own."""
    request = steps.drawn_by_user(request_from_nodes(asked))
    return request.curve is not None, request.face_segment is not None


def test_what_was_made_and_not_touched_is_nobodys_own(steps_and_request):
    steps, asked = steps_and_request
    assert of_user(steps, asked) == (False, False)
    assert privacy_of(steps.drawn_by_user(request_from_nodes(asked))) == TESTED


def test_a_curve_with_a_moved_point_is_the_persons_own(steps_and_request):
    steps, asked = steps_and_request
    place = [0.0] * 3
    asked.curve.GetNthControlPointPositionWorld(3, place)
    asked.curve.SetNthControlPointPositionWorld(3, place[0] + 0.5, place[1], place[2])
    assert of_user(steps, asked)[0]
    assert privacy_of(steps.drawn_by_user(request_from_nodes(asked))) == "recognisable"


def test_a_face_segment_with_one_voxel_more_or_less_is_the_persons_own(steps_and_request):
    steps, asked = steps_and_request
    identifier = asked.face.GetSegmentation().GetNthSegmentID(0)
    image = asked.face.GetSegmentation().GetSegment(identifier).GetRepresentation("Binary labelmap")
    voxels = vtk_to_numpy(image.GetPointData().GetScalars())
    voxels[np.flatnonzero(voxels)[0]] = 0
    assert of_user(steps, asked) == (False, True)


def test_a_face_segment_that_nobody_changed_is_no_cause_where_something_else_is(steps_and_request):
    steps, asked = steps_and_request
    deeper = replace(asked, parameters=Parameters(depth_mm=9.5))
    assert of_user(steps, replace(deeper, face=steps.face(deeper))) == (False, False)
    place = [0.0] * 3
    asked.curve.GetNthControlPointPositionWorld(3, place)
    asked.curve.SetNthControlPointPositionWorld(3, place[0] + 0.5, place[1], place[2])
    assert of_user(steps, replace(asked, face=steps.face(asked))) == (True, False)


def test_a_curve_that_follows_a_moved_landmark_no_more_is_the_persons_own(steps_and_request):
    steps, asked = steps_and_request
    place = [0.0] * 3
    labels = [asked.landmarks.GetNthControlPointLabel(n) for n in range(asked.landmarks.GetNumberOfControlPoints())]
    at = labels.index("menton")
    asked.landmarks.GetNthControlPointPositionWorld(at, place)
    asked.landmarks.SetNthControlPointPositionWorld(at, place[0], place[1], place[2] - 8.0)
    assert of_user(steps, asked)[0]


def test_steps_that_were_only_looked_at_end_as_tested_as_one_go(drawn, phantom):
    steps, asked = drawn
    result = steps.all(asked, Engines())
    assert (result.verdict, result.privacy, result.released) == ("PASS", TESTED, True), result.reasons
    assert (result.nodes.curve, result.nodes.face) == (asked.curve, asked.face)
    changed = volume_from_node(result.nodes.result).array != phantom.ct.array
    assert changed.any()


def test_a_result_on_another_engines_skin_was_never_tested(drawn, monkeypatch):
    steps, asked = drawn
    monkeypatch.setattr("FaceDeidLNLib.steps.steps.wrapped_anatomy", lambda context, anatomy, alive: anatomy)
    alone = NodeRequest(asked.ct)
    made = {engine: steps.effect(alone, Engines(wrap=engine)) for engine in (False, True)}
    judged = {engine: steps.verify(replace(alone, output=node)) for engine, node in made.items()}
    assert {engine: (result.verdict, result.privacy) for engine, result in judged.items()} == {
        False: ("PASS", TESTED),
        True: ("PASS", "recognisable"),
    }


@pytest.mark.parametrize("name", ["LN IIa left", "LN cheek left"])
def test_an_untouched_face_segment_is_judged_as_one_that_is_made_now(drawn, phantom, name, monkeypatch):
    steps, asked = drawn
    monkeypatch.setattr("FaceDeidLNLib.verify.privacy.tested_to_keep", lambda region, effect: ())
    node = next(node for node in phantom.nodes if node.name == name)
    protected = add_segmentation(steps.context, [tight(name, node.mask.array)], phantom.ct.geometry, "nodes")
    asked = NodeRequest(asked.ct, protected)
    now = steps.verify(replace(asked, output=steps.effect(asked)))
    drawn_before = replace(asked, face=steps.face(asked))
    before = steps.verify(replace(drawn_before, output=steps.effect(drawn_before)))
    assert (before.verdict, before.privacy) == (now.verdict, now.privacy)
    assert now.privacy == (TESTED if name == "LN IIa left" else "recognisable")


def test_a_drawn_mandible_guides_the_curve_as_it_guides_the_face_segment(drawn, phantom, monkeypatch):
    """One anatomy for all steps: a curve on another skin, or of other landmarks, would count as the person's own."""
    steps, asked = drawn
    guided = []
    found = find.find_anatomy
    monkeypatch.setattr(find, "find_anatomy", lambda *given: guided.append(given[3]) or found(*given))
    mandible = tight("Mandible", phantom.segment("Mandible").mask.array)
    asked = NodeRequest(asked.ct, add_segmentation(steps.context, [mandible], phantom.ct.geometry, "jaw"))
    asked = replace(asked, curve=steps.curve(asked))
    steps.face(asked)
    assert [[segment.name for segment in guides] for guides in guided] == [["Mandible"]]
