"""Skin that lies in front of where it was found: what is joined to it is looked at too."""

from __future__ import annotations

import numpy as np
from FaceDeidLNLib.anatomy.face_frame import FaceFrame
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.verify.coverage import JOINED_MM, Sight, skin_changed

FRAME = FaceFrame(np.diag([1.0, -1.0, 1.0]), np.array([10.0, 40.0, 10.0]), 1.0, np.zeros((0, 3)), np.zeros((0, 3)))
#: Lines of sight straight to the front; the skin was found 20 mm away, at y = 20.
SIGHT = Sight(FRAME, np.tile([0.0, -1.0, 0.0], (4, 1)), np.full(4, 20.0))


def block(front: int, gap: slice = slice(0, 0)) -> Volume:
    """Tissue behind y = ``front`` mm, with air at the rows of ``gap``."""
    array = np.full((20, 50, 20), -1000, dtype=np.int16)
    array[:, front:] = 40
    array[:, gap] = -1000
    return Volume(array, Geometry(array.shape, np.eye(4)))


def changed_from(row: int) -> np.ndarray:
    """Everything behind a row changed."""
    changed = np.zeros((20, 50, 20), dtype=bool)
    changed[:, row:] = True
    return changed


def test_a_nose_that_stands_out_of_the_changed_layer_counts_as_unchanged():
    assert not skin_changed(block(front=12), changed_from(15), SIGHT, JOINED_MM).any()


def test_a_sheet_off_the_skin_is_not_taken_for_skin():
    assert skin_changed(block(front=12, gap=slice(14, 19)), changed_from(15), SIGHT, JOINED_MM).all()


def test_skin_where_it_was_found_counts_as_before():
    assert skin_changed(block(front=20), changed_from(15), SIGHT, JOINED_MM).all()


def test_skin_that_was_found_too_far_out_is_looked_at_where_it_is():
    behind = block(front=26)
    assert not skin_changed(behind, changed_from(40), SIGHT, JOINED_MM).any()
    assert len(skin_changed(behind, changed_from(40), SIGHT, JOINED_MM)) == 4


def test_a_wall_behind_a_hollow_that_was_filled_counts_as_changed():
    assert skin_changed(block(front=26), changed_from(40), SIGHT, JOINED_MM, block(front=20).array).all()


def test_a_wall_behind_a_hollow_that_stays_open_counts_as_unchanged():
    assert not skin_changed(block(front=26), changed_from(40), SIGHT, JOINED_MM, block(front=26).array).any()


def test_a_wall_behind_a_film_counts_as_unchanged():
    covered = block(front=26).array.copy()
    covered[:, 25] = 0
    assert not skin_changed(block(front=26), changed_from(40), SIGHT, JOINED_MM, covered).any()
