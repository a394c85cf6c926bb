"""A CT that shows no more than the lower end of the face, where the new skin begins at the old one, is held against that end alone."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.study.measures import NOT_SEEN
from FaceDeidLNLib.study.proof import Surface, _doubts

CT = frozenset({"ct"})
#: Depths (mm) below the old skin on 400 lines of which the last 100 lie where the face ends.
DECIDES = np.concatenate([np.full(300, 14.0), np.linspace(1.0, 5.0, 100)])


def surface(depth: np.ndarray) -> Surface:
    found = Surface.of("CT", depth)
    assert found is not None
    return found


def lower(depth: np.ndarray) -> Surface:
    """What sees the last 100 lines alone."""
    return surface(np.concatenate([np.full(300, NOT_SEEN), depth]))


def test_the_same_new_skin_at_the_end_of_the_face_is_no_doubt():
    assert not _doubts(lower(DECIDES[300:]), surface(DECIDES), CT)


def test_the_old_skin_there_is_one():
    assert _doubts(lower(np.full(100, 0.2)), surface(DECIDES), CT)


def test_the_old_skin_of_the_whole_face_is_one():
    assert _doubts(surface(np.full(400, 0.2)), surface(DECIDES), CT)


@pytest.mark.parametrize("seen", [0, 10])
def test_what_sees_hardly_a_line_shows_nothing(seen):
    assert Surface.of("CT", np.concatenate([np.full(400 - seen, NOT_SEEN), np.zeros(seen)])) is None
