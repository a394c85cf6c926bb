"""Why a result is recognisable is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.privacy import privacy_causes, privacy_of
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.verify.privacy import is_tested
from FaceDeidLNLib.verify.privacy_causes import causes_of_kept, causes_of_run
from hypothesis import given
from hypothesis import strategies as st

DEFAULT = Parameters()


def segment(phantom, name):
    return Segment(name, phantom.nodes[0].mask)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"effect": "blur"}, "has not passed"),
        ({"levels": ("II",)}, "node levels"),
        ({"watermark": "DE-ID"}, "watermark"),
        ({"depth_mm": 3.0}, "depth_mm"),
    ],
)
def test_a_choice_that_was_not_attacked_is_named(phantom, changes, word):
    request = Request(phantom.ct, parameters=replace(DEFAULT, **changes))
    assert not is_tested(privacy_of(request))
    assert any(word in cause for cause in privacy_causes(request))


def test_what_a_person_drew_and_what_others_segmented_is_named(phantom):
    request = Request(phantom.ct, face_segment=segment(phantom, "face"), guides=(segment(phantom, "mandible"),))
    causes = " ".join(privacy_causes(request))
    assert "a face segment that is not the one of these landmarks and choices" in causes
    assert "'mandible'" in causes


@pytest.mark.parametrize("guide", ["mandible", "submandibular gland left", "body"])
def test_there_is_a_cause_exactly_where_a_request_is_not_tested(phantom, guide):
    request = Request(phantom.ct, guides=(segment(phantom, guide),))
    assert bool(privacy_causes(request)) == (not is_tested(privacy_of(request)))


def test_a_guide_that_is_empty_guides_nothing(phantom):
    mask = phantom.nodes[0].mask
    gland = Segment("submandibular gland left", mask.with_array(np.zeros(mask.array.shape, dtype=bool)))
    request = Request(phantom.ct, protected=(gland,), guides=(gland,))
    assert is_tested(privacy_of(request))
    assert privacy_causes(request) == ()


def test_what_the_run_found_is_named():
    assert causes_of_run(False, False, (), ()) == ()
    assert len(causes_of_run(True, True, ("too much",), ("an ear",))) == 4


@given(kept=st.tuples(*[st.floats(0, 100)] * 2), less=st.tuples(*[st.floats(0, 1)] * 2))
def test_who_keeps_less_of_a_face_is_never_worse_off(kept, less):
    smaller = (kept[0] * less[0], kept[1] * less[1])
    assert len(causes_of_kept(DEFAULT, smaller)) <= len(causes_of_kept(DEFAULT, kept))


def test_a_face_of_which_nothing_is_kept_is_as_tested_and_one_that_is_kept_whole_is_not():
    assert causes_of_kept(DEFAULT, (0.0, 0.0)) == ()
    assert causes_of_kept(DEFAULT, (500.0, 200.0))
