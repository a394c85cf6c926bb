"""A drawn mandible gives a chin where none was found, checks the one that was, and is never another patient's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.jaw.points import APART_MM, CHIN_CONFIDENCE, jaw_doubts, jaw_landmarks
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.pipeline import Request, combined, deface
from FaceDeidLNLib.verify.privacy import RECOGNISABLE, TESTED
from FaceDeidLNLib.verify.verdict import Verdict


@pytest.fixture(scope="module")
def found(phantom) -> Landmarks:
    """What the network finds."""
    return detect_landmarks(phantom.ct)


@pytest.fixture(scope="module")
def mandible(phantom) -> Segment:
    """The phantom's own."""
    return phantom.segment("Mandible")


def without(landmarks: Landmarks, *names: str) -> Landmarks:
    """The landmarks, those of the names not found."""
    return Landmarks({**landmarks.points, **{name: Landmark(name, None, 0.0, reason="not in view") for name in names}})


def moved(landmarks: Landmarks, name: str, shift: tuple[float, float, float], source: str = "automatic") -> Landmarks:
    """The landmarks, one of them elsewhere."""
    point = landmarks.points[name]
    return Landmarks({**landmarks.points, name: replace(point, position=point.position + shift, source=source)})


def shifted(segment: Segment, up_mm: float) -> Segment:
    """The segment higher or lower."""
    matrix = segment.mask.geometry.ijk_to_lps.copy()
    matrix[2, 3] += up_mm
    return replace(segment, mask=replace(segment.mask, geometry=replace(segment.mask.geometry, ijk_to_lps=matrix)))


def test_without_a_mandible_the_landmarks_are_the_same_object(phantom, found):
    assert jaw_landmarks(phantom.ct, found, (phantom.segment("Hyoid"),)) is found


def test_a_chin_that_was_found_stays_where_it_is(phantom, found, mandible):
    better = jaw_landmarks(phantom.ct, found, (mandible,))
    assert better.agree_with(found)


@pytest.mark.parametrize("name", CHIN_CONFIDENCE)
def test_a_chin_that_was_not_found_comes_from_the_mandible(phantom, found, mandible, name):
    better = jaw_landmarks(phantom.ct, without(found, "pogonion", "menton"), (mandible,))
    assert better.confidence(name) == CHIN_CONFIDENCE[name]
    assert np.linalg.norm(better.position(name) - phantom.landmarks.position(name)) < 10.0


def test_a_point_that_a_person_left_out_stays_out(phantom, found, mandible):
    own = without(found, "pogonion")
    own = Landmarks({**own.points, "pogonion": replace(own.points["pogonion"], source="user")})
    assert jaw_landmarks(phantom.ct, own, (mandible,)).position("pogonion") is None


@pytest.mark.parametrize("up_mm", [-40.0, 25.0])
def test_a_mandible_that_lies_elsewhere_moves_no_landmark_and_is_a_doubt(phantom, found, mandible, up_mm):
    bad = shifted(mandible, up_mm)
    assert jaw_doubts(phantom.ct, found, (bad,))
    assert jaw_landmarks(phantom.ct, found, (bad,)) is found


def test_a_chin_far_from_the_mandibles_is_a_doubt_with_the_distance(phantom, found, mandible):
    doubts = jaw_doubts(phantom.ct, moved(found, "pogonion", (0.0, -4.0, 2.0 * APART_MM)), (mandible,))
    assert any(doubt.startswith("pogonion lies") and "Mandible" in doubt for doubt in doubts)


def test_another_patients_mandible_gives_a_review_with_the_reason(phantom, mandible):
    request = Request(phantom.ct, parameters=Parameters(effect="mask"))
    result = deface(replace(request, guides=(shifted(mandible, -40.0),)))
    assert deface(request).verdict is Verdict.PASS
    assert result.verdict is Verdict.REVIEW
    assert any("Mandible" in reason for reason in result.reasons)


def test_the_order_of_finding_and_refining_does_not_matter(phantom, found, mandible):
    """A panel hands the found landmarks back with the request: the mandible refines them all the same."""
    lost = without(found, "menton")
    at_once = combined(phantom.ct, lost, None, (mandible,))
    later = combined(phantom.ct, lost, lost, (mandible,))
    assert later.agree_with(at_once)
    assert later.confidence("menton") == CHIN_CONFIDENCE["menton"]


def test_given_landmarks_that_are_the_automatic_ones_leave_the_class_as_it_is(phantom, found):
    parameters = Parameters(seed=1)
    assert deface(Request(phantom.ct, landmarks=found, parameters=parameters)).privacy == TESTED


def test_a_landmark_that_a_person_confirmed_turns_the_heads_frame_and_was_never_attacked(phantom, found):
    sure = Landmarks({**found.points, "tragion_left": replace(found.points["tragion_left"], confidence=1.0, source="user")})
    assert deface(Request(phantom.ct, landmarks=sure, parameters=Parameters(seed=1))).privacy == RECOGNISABLE


@pytest.mark.parametrize("source", ["user", "automatic"])
def test_a_result_made_from_landmarks_placed_elsewhere_was_never_attacked(phantom, found, source):
    """Whoever placed them: a person, or another program whose points call themselves automatic."""
    given = moved(found, "sellion", (0.0, 0.0, 2.0), source)
    assert deface(Request(phantom.ct, landmarks=given, parameters=Parameters(seed=1))).privacy == RECOGNISABLE
