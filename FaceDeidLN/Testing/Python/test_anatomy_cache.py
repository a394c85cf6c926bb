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
from FaceDeidLNLib.face import sight
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
        yield replace(own, curve=curve, parameters=Parameters(outside_mm=6.0, depth_mm=14.0))
    for lengths in ({"depth_mm": 9.0}, {"bone_hu": 500.0}, {"depth_mm": 30.0}, {"style": "venetian"}, {"depth_mm": 9.0}, {}):
        yield replace(own, parameters=Parameters(**lengths))


def assert_same_mask(one, other):
    assert one.box == other.box
    assert np.array_equal(one.array, other.array)


def test_each_face_of_a_preview_is_the_one_made_from_scratch(phantom, anatomy):
    cache, sizes = AnatomyCache(), set()
    for request in requests(phantom, anatomy):
        seen, anew = (find_face(request, anatomy, (), finder=finder) for finder in (cache, Finder()))
        for part in ("segment", "region", "apron"):
            assert_same_mask(getattr(seen, part), getattr(anew, part))
        for part in ("inside", "membrane", "skin"):
            assert np.array_equal(getattr(seen, part), getattr(anew, part))
        for part in ("control", "path", "outline", "run_out"):
            assert np.array_equal(getattr(seen.curve, part), getattr(anew.curve, part))
        sizes.add(anew.segment.voxels)
    assert len(sizes) == 10  # the last two are there before


def test_what_a_curve_shows_is_not_looked_for_again_when_a_length_changes(phantom, anatomy):
    cache = AnatomyCache()
    with mock.patch.object(find, "seen_within", wraps=find.seen_within) as looked:
        for outside in (2.0, 4.0, 6.0):
            find_face(Request(phantom.ct, parameters=Parameters(outside_mm=outside)), anatomy, (), finder=cache)
    assert looked.call_count == 1


def test_a_layer_is_not_made_again_when_no_length_of_its_own_changes(phantom, anatomy):
    cache = AnatomyCache()
    with mock.patch.object(find, "solid_layer", wraps=find.solid_layer) as made:
        for lengths in ({}, {"protect_margin_mm": 4.0}, {"superficial_mm": 6.0}, {"bone_hu": 350.0}, {"depth_mm": 9.0}):
            find_face(Request(phantom.ct, parameters=Parameters(**lengths)), anatomy, (), finder=cache)
    assert made.call_count == 2


def test_each_line_of_sight_is_followed_once_while_points_are_dragged(phantom, anatomy):
    cache, control = AnatomyCache(), find_curve(phantom.ct, anatomy, Parameters()).control
    with mock.patch.object(sight, "skin_along", wraps=sight.skin_along) as followed:
        for by_mm in (0.0, -2.0, -4.0, -25.0):
            find_face(Request(phantom.ct, curve=moved(control, 6, (0.0, 0.0, by_mm))), anatomy, (), finder=cache)
    unit = np.concatenate([call.args[2] for call in followed.call_args_list])
    assert len(np.unique(unit, axis=0)) == len(unit)
    assert followed.call_count > 1  # the last of them goes further down


def test_the_node_levels_of_each_length_are_those_made_from_scratch_on_one_mandible(phantom, anatomy):
    cache, volumes = AnatomyCache(), []
    with mock.patch.object(find, "find_ground", wraps=find.find_ground) as looked:
        seen = [cache.levels(Request(phantom.ct, parameters=Parameters(superficial_mm=mm)), anatomy) for mm in (2.0, 5.0, 9.0, 3.0)]
        assert looked.call_count == 1
    for levels, mm in zip(seen, (2.0, 5.0, 9.0, 3.0), strict=True):
        anew = Finder().levels(Request(phantom.ct, parameters=Parameters(superficial_mm=mm)), anatomy)
        assert [level.name for level in levels] == [level.name for level in anew]
        for one, other in zip(levels, anew, strict=True):
            assert_same_mask(one.mask, other.mask)
        volumes.append(sum(level.volume_ml for level in levels))
    assert len(set(volumes)) == 4


def test_a_ct_is_judged_once_and_anew_when_it_was_edited_calibrated_or_asked_otherwise(phantom):
    cache, edited = AnatomyCache(), phantom.ct.with_array(phantom.ct.array.copy())
    edited.array[0, 0, 0] += 1
    judge = mock.Mock(side_effect=lambda: (judged, False))
    for judged, by_hand, count in ((phantom.ct, False, 1), (phantom.ct, False, 1), (phantom.ct, True, 2), (edited, False, 3)):
        assert cache.judged(judged, by_hand, judge) == (judged, False)
        assert judge.call_count == count
    other, calibrate = edited.with_array(edited.array + 5), mock.Mock(side_effect=lambda: (phantom.ct, True))
    for count in (1, 2):
        assert cache.judged(other, False, calibrate) == (phantom.ct, True)
        assert calibrate.call_count == count


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
