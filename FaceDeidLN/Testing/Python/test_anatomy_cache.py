"""What is remembered while curve and lengths are tried gives the very face that is made from scratch."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from FaceDeidLNLib.case import find
from FaceDeidLNLib.case.find import Finder, find_anatomy, find_curve, find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache


@pytest.fixture(scope="module")
def anatomy(phantom):
    return find_anatomy(phantom.ct, phantom.landmarks)


def moved(control, count, by_mm):
    """A curve with its first points dragged."""
    out = control.copy()
    out[:count] += by_mm
    return out


def requests(phantom, anatomy):
    """A person tries a curve and lengths: small changes, large ones, and back."""
    own = Request(phantom.ct)
    control = find_curve(phantom.ct, anatomy, own.parameters).control
    for curve in (None, moved(control, 1, (1.0, 0.0, 1.0)), moved(control, 8, (0.0, 12.0, -25.0))):
        yield replace(own, curve=curve)
    for lengths in ({"depth_mm": 9.0}, {"bone_hu": 500.0}, {}):
        yield replace(own, parameters=Parameters(**lengths))


def test_each_face_of_a_preview_is_the_one_made_from_scratch(phantom, anatomy):
    cache, sizes = AnatomyCache(), set()
    for request in requests(phantom, anatomy):
        seen, anew = (find_face(request, anatomy, (), finder=finder) for finder in (cache, Finder()))
        assert (seen.segment.box, seen.region.box) == (anew.segment.box, anew.region.box)
        assert np.array_equal(seen.segment.array, anew.segment.array)
        assert np.array_equal(seen.curve.control, anew.curve.control)
        sizes.add(anew.segment.voxels)
    assert len(sizes) == 5  # the last is the first again


def test_bone_is_not_looked_for_again_when_a_length_leaves_its_window(phantom, anatomy):
    cache = AnatomyCache()
    with mock.patch.object(find, "bone_mask", wraps=find.bone_mask) as looked:
        for margin in (1.0, 2.0, 3.0):
            find_face(Request(phantom.ct, parameters=Parameters(protect_margin_mm=margin)), anatomy, (), finder=cache)
    assert looked.call_count == 1


def test_the_bone_of_a_ct_that_was_edited_is_not_the_one_before(phantom, anatomy):
    cache = AnatomyCache()
    before = find_face(Request(phantom.ct), anatomy, (), finder=cache)
    boneless = Request(phantom.ct.with_array(np.minimum(phantom.ct.array, 100)))
    after = find_face(boneless, anatomy, (), finder=cache)
    assert before.segment.voxels < after.segment.voxels == find_face(boneless, anatomy, ()).segment.voxels


def test_the_whole_road_gives_the_same_with_what_was_found_for_others_before(phantom):
    cache = AnatomyCache()
    chin = Landmark("pogonion", phantom.landmarks.position("pogonion") + (0.0, 2.0, 3.0), source="user")
    plain = Request(phantom.ct, (), phantom.landmarks, parameters=Parameters(effect="mask"))
    by_hand = replace(plain, landmarks=Landmarks({"pogonion": chin}))
    first = deface(plain, finder=cache)
    for request in (by_hand, plain):
        seen, anew = deface(request, finder=cache), deface(request)
        assert np.array_equal(seen.result.array, anew.result.array)
        assert (seen.verdict, seen.reasons) == (anew.verdict, anew.reasons)
        assert [level.volume_ml for level in seen.levels] == [level.volume_ml for level in anew.levels]
    assert np.array_equal(first.result.array, seen.result.array)
