"""The attack by pictures: what is drawn, from where, and which faces count as alike. The real recogniser only where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.attack import dlib_recogniser
from FaceDeidLNLib.attack.controls import another_scan
from FaceDeidLNLib.attack.dlib_recogniser import DlibRecogniser, missing
from FaceDeidLNLib.attack.portraits import FULL_SITTING, SIZE_PX, VIEWS, Sitting, camera_at, portraits
from FaceDeidLNLib.attack.rendered import Likeness, Sightings, attack_rendered, likeness, look, same_view_distances
from FaceDeidLNLib.attack.reversal import in_place
from FaceDeidLNLib.attack.surfaces import coarse
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.core.errors import InputError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

ONE_SHOT = Sitting(("raw",), (-300,), ("front",))
needs_extra = pytest.mark.skipif(bool(missing()), reason=f"the extra 'attack' is not installed: {', '.join(missing())}")


class Brightness:
    """A recogniser that finds a face in every picture with something bright, and describes it by its mean colour."""

    def faces(self, picture):
        return [picture.reshape(-1, 3).mean(0) / 255] if (picture > 150).any() else []


def sightings(*faces, name="shot"):
    return Sightings(len(faces), tuple((f"{name} {n}", np.array(face, dtype=float)) for n, face in enumerate(faces)))


@pytest.fixture(scope="module")
def window(phantom):
    return face_window(phantom.landmarks)


def test_every_filter_level_and_view_gives_one_picture(phantom, window):
    sitting = Sitting(("raw", "gauss 3 mm"), (-300,), ("front", "left 30"))
    pictures = dict(portraits(phantom.ct, window, sitting))
    assert len(pictures) == sitting.shots == 4
    assert {picture.shape for picture in pictures.values()} == {(SIZE_PX, SIZE_PX, 3)}
    assert len({picture.tobytes() for picture in pictures.values()}) == 4


def test_the_full_sitting_looks_from_the_front_and_both_sides_at_every_level():
    assert {"front", "left 30", "right 30", "left 45", "right 45", "from above", "from below"} <= set(FULL_SITTING.views)
    assert FULL_SITTING.shots == 5 * 8 * len(VIEWS)


def test_the_head_stands_upright_and_in_the_middle_of_the_picture(phantom, window):
    picture = next(portraits(phantom.ct, window, ONE_SHOT))[1]
    lit = np.argwhere(picture.max(2) > 100)
    assert abs(lit[:, 1].mean() - SIZE_PX / 2) < 0.1 * SIZE_PX
    camera = camera_at(window, window.origin, 0, 0)
    nose, chin = (camera.pixels(phantom.landmarks.position(name))[0] for name in ("pronasale", "pogonion"))
    assert chin[1] > nose[1]


@given(st.floats(-60, 60), st.floats(-40, 40))
def test_a_camera_has_perpendicular_axes_and_the_heads_left_on_the_right(left, up):
    from FaceDeidLNLib.attack.window import Window

    window = Window(np.diag([1.0, -1.0, 1.0]), np.zeros(3), np.zeros((0, 3)))
    camera = camera_at(window, np.zeros(3), left, up)
    axes = np.array([camera.right, camera.down, camera.into])
    assert np.allclose(axes @ axes.T, np.eye(3))
    assert np.allclose(np.cross(camera.right, camera.down), camera.into)
    assert camera.right @ window.axes[:, 0] > 0


def test_empty_air_shows_nobody(phantom, window):
    air = phantom.ct.with_array(np.full_like(phantom.ct.array, -1000))
    seen = look(air, window, Brightness(), ONE_SHOT)
    assert (seen.shots, seen.detected) == (1, 0)
    assert likeness(seen, look(phantom.ct, window, Brightness(), ONE_SHOT)).distance == np.inf


def test_the_same_head_is_most_like_itself(phantom, window):
    known = look(phantom.ct, window, Brightness(), ONE_SHOT)
    found = likeness(known, known)
    assert found.distance == 0
    assert found.shot == "raw at -300 HU, front"


@given(arrays(float, (4, 3), elements=st.floats(-1, 1)), arrays(float, (5, 3), elements=st.floats(-1, 1)))
def test_the_likeness_is_the_smallest_distance_of_all_pairs(a, b):
    smallest = min(float(np.linalg.norm(x - y)) for x in a for y in b)
    assert likeness(sightings(*a), sightings(*b)).distance == pytest.approx(smallest)


def test_only_faces_seen_from_the_same_side_are_compared_with_each_other():
    seen = Sightings(2, (("raw at 50 HU, front", np.array([0.0])), ("raw at 50 HU, left 15", np.array([1.0]))))
    known = Sightings(2, (("raw at -300 HU, front, recovered 1", np.array([0.25])), ("raw at -300 HU, from below", np.array([9.0]))))
    assert same_view_distances(seen, known).tolist() == [0.25]


def test_a_recovered_volume_counts_like_the_result_itself():
    before = sightings([0.0, 0.0])
    attack = attack_rendered([sightings([1.0, 0.0]), sightings([0.2, 0.0])], before, [sightings([0.5, 0.0])])
    assert attack.own.distance == pytest.approx(0.2)
    assert attack.own.shot.endswith("recovered 1")
    assert attack.others.distance == pytest.approx(0.3)
    assert (attack.shots_after, attack.detected_after) == (2, 2)


def test_a_match_needs_a_distance_within_the_tolerance():
    attack = attack_rendered([sightings([0.5, 0.0])], sightings([0.0, 0.0]))
    assert attack.matched(0.6)
    assert not attack.matched(0.3)
    assert Likeness(0.5).margin(0.3) == pytest.approx(0.2)


def test_a_result_without_a_face_matches_nobody():
    attack = attack_rendered([Sightings(5, ())], sightings([0.0]), [sightings([1.0])])
    assert attack.detected_after == 0
    assert not attack.matched(0.6)


def test_a_recovered_part_goes_back_to_its_place(phantom, window):
    part = coarse(phantom.ct, window)
    whole = in_place(part.with_array(np.full_like(part.array, 77)), phantom.ct)
    assert whole.geometry.same_as(phantom.ct.geometry)
    inside = whole.array == 77
    assert 0.05 < inside.mean() < 0.9
    assert np.array_equal(whole.array[~inside], phantom.ct.array[~inside].astype(np.float32))


def test_without_the_extra_the_recogniser_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(dlib_recogniser, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install"):
        DlibRecogniser()


@needs_extra
def test_the_recogniser_knows_a_head_again_and_finds_none_in_air(fine_phantom):
    window = face_window(fine_phantom.landmarks)
    skin = Sitting(("raw",), (-300,), ("front", "from above"))
    recogniser = DlibRecogniser()
    known = look(fine_phantom.ct, window, recogniser, skin)
    again = look(another_scan(fine_phantom.ct, window, np.random.default_rng(0)), window, recogniser, skin)
    assert known.detected
    assert likeness(again, known).distance < 0.3
    assert not recogniser.faces(np.zeros((100, 100, 3), dtype=np.uint8))
