"""Heads that lie otherwise than the header says, scans without a face, and slabs that show a part of one."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.face_frame import MEAN_FACE, FaceFrame, fit_frame
from FaceDeidLNLib.case.find import find_anatomy, find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.face.styles import FULL
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.plausible import MAX_TURN_DEGREES, cut_beside, implausible, out_of_view, shows_face, too_large, turned
from FaceDeidLNLib.verify.verdict import NO_FACE_SENTENCE, Verdict
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

UPRIGHT = np.diag([1.0, -1.0, 1.0])
HALF_TURNS = {"feet first": (-1, 1, -1), "face down (prone)": (-1, -1, 1), "face down (prone) and feet first": (1, -1, -1)}


def frame(axes: np.ndarray) -> FaceFrame:
    """A head frame with these axes."""
    return FaceFrame(axes, np.zeros(3), 1.0, np.zeros((0, 3)), np.zeros((0, 3)))


def below(volume: Volume, height: float) -> Volume:
    """The part of a scan below a height (LPS mm); the slices run upwards."""
    stop = int(volume.geometry.to_kji(np.array([[0.0, 0.0, height]]))[0, 0])
    part = volume.crop(Box((0, 0, 0), (stop, *volume.array.shape[1:])))
    return part.with_array(part.array.copy())


@pytest.mark.parametrize("words", HALF_TURNS)
def test_a_header_turned_by_half_a_turn_gives_review_and_says_how_the_head_lies(phantom, words):
    turn = np.array(HALF_TURNS[words], dtype=float)
    ct = phantom.ct
    lying = Volume(ct.array, Geometry(ct.geometry.shape, np.diag([*turn, 1.0]) @ ct.geometry.ijk_to_lps))
    points = {name: Landmark(name, point.position * turn, 1.0, "user") for name, point in phantom.landmarks.points.items()}
    result = deface(Request(lying, landmarks=Landmarks(points), parameters=Parameters(levels=())))
    assert result.verdict is Verdict.REVIEW
    assert any(words in reason for reason in result.reasons)
    assert result.face.segment.voxels


@given(st.tuples(*[st.floats(-1.0, 1.0)] * 3), st.floats(0.0, MAX_TURN_DEGREES - 1.0))
def test_a_tilted_head_is_not_told_to_be_turned(axis, degrees):
    length = np.linalg.norm(axis)
    if length < 0.1:
        return
    tilt = Rotation.from_rotvec(np.array(axis) / length * np.radians(degrees)).as_matrix()
    assert turned(frame(tilt @ UPRIGHT)) == ()


def test_a_head_on_its_side_is_told_with_its_angle():
    assert "90 degrees" in turned(frame(Rotation.from_euler("z", 90, degrees=True).as_matrix() @ UPRIGHT))[0]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize(("low", "is_cut"), [(-80.0, False), (-30.0, False), (-15.0, True), (0.0, True)])
def test_a_view_that_ends_beside_the_middle_of_the_face_is_told(low, is_cut, order):
    matrix = np.eye(4)
    matrix[:3, 3] = (low, -140.0, -40.0)  # it ends below the mouth, which is no side
    matrix = matrix @ np.eye(4)[:, [*order, 3]]
    size = np.array([80 - int(low), 200, 120])[list(order)]
    view = Geometry(tuple(int(n) for n in size[::-1]), matrix)
    assert bool(cut_beside(frame(UPRIGHT), view)) is is_cut


def test_a_neck_is_no_face(phantom):
    neck = below(phantom.ct, phantom.landmarks.position("menton")[2] - 15.0)
    result = deface(Request(neck))
    assert result.verdict is Verdict.REVIEW
    assert result.reasons == (NO_FACE_SENTENCE,)


@pytest.mark.parametrize("name", ["tragion_left", "gonion_right"])
def test_ear_and_jaw_angle_alone_are_no_face(name):
    assert not shows_face(Landmarks({name: Landmark(name, np.zeros(3), 0.99)}))


def test_an_uncertain_nose_alone_is_no_face():
    assert not shows_face(Landmarks({"pronasale": Landmark("pronasale", np.zeros(3), 0.3)}))


def jaw_slab(phantom) -> Request:
    """A slab that ends below the mouth, with the landmarks of the jaw."""
    slab = below(phantom.ct, phantom.landmarks.position("pogonion")[2] + 14.0)
    names = ("pogonion", "menton", "gonion_right", "gonion_left")
    points = {name: Landmark(name, phantom.landmarks.position(name), 0.95) for name in names}
    return Request(slab, landmarks=Landmarks(points), parameters=Parameters(levels=()))


def test_the_chin_of_a_jaw_slab_is_in_the_face_segment(phantom):
    request = jaw_slab(phantom)
    face = find_face(request, find_anatomy(request.ct, request.landmarks), ())
    inside = request.ct.geometry.to_kji(phantom.landmarks.position("pogonion") + (0.0, 2.0, 0.0))[0]
    assert face.segment.full(request.ct.array.shape)[tuple(np.rint(inside).astype(int))]


def test_the_most_prominent_point_is_looked_for_in_what_was_scanned(phantom):
    request = jaw_slab(phantom)
    face = find_face(request, find_anatomy(request.ct, request.landmarks), ())
    above = Landmarks({"pronasale": Landmark("pronasale", phantom.landmarks.position("pronasale"), 0.95)})
    assert not [reason for reason in implausible(face, above, request.ct) if "most prominent" in reason]


@pytest.mark.parametrize(("further_mm", "told"), [(1.0, 0), (6.0, 1)])
def test_skin_as_prominent_as_the_nose_is_no_other_nose_but_what_stands_out_further_is(phantom, further_mm, told):
    anatomy = find_anatomy(phantom.ct, phantom.landmarks)
    tip = anatomy.frame.to_face(phantom.landmarks.position("pronasale"))[0]
    middle = anatomy.frame.to_lps(np.array([[0.0, tip[1] + further_mm - 12.0, tip[2] + 24.0]]))[0]
    ct, off = phantom.ct, phantom.ct.geometry.to_lps(np.indices(phantom.ct.array.shape).reshape(3, -1).T) - middle
    bump = (np.linalg.norm(off, axis=1) < 12.0).reshape(ct.array.shape)
    request = Request(ct.with_array(np.where(bump, np.int16(30), ct.array)), landmarks=phantom.landmarks, parameters=Parameters(levels=()))
    face = find_face(request, find_anatomy(request.ct, request.landmarks), ())
    assert len([reason for reason in implausible(face, request.landmarks, request.ct) if "most prominent" in reason]) == told


def test_the_hair_line_style_adds_the_forehead_and_takes_nothing_away(phantom):
    anatomy = find_anatomy(phantom.ct, phantom.landmarks)
    segments = {}
    for style in ("full", "full-hairline"):
        request = Request(phantom.ct, landmarks=phantom.landmarks, parameters=Parameters(style=style, levels=()))
        segments[style] = find_face(request, anatomy, ()).segment.full(phantom.ct.array.shape)
    added = phantom.ct.geometry.to_lps(np.argwhere(segments["full-hairline"] & ~segments["full"]))
    heights = anatomy.frame.to_face(added)[:, 2]
    assert np.count_nonzero(segments["full"] & ~segments["full-hairline"]) < 0.03 * np.count_nonzero(segments["full"])
    assert np.mean(heights > 40.0) > 0.9  # the rest is the rim of a membrane that another border spans
    assert heights.max() > 95.0


def test_the_mandible_stays_with_marrow_and_rim_though_nobody_named_it(fine_phantom):
    ct = fine_phantom.ct
    anatomy = find_anatomy(ct, fine_phantom.landmarks)
    face = find_face(Request(ct, parameters=Parameters(levels=())), anatomy, ())
    mandible = place_segments([fine_phantom.segment("Mandible")], ct.geometry)[0]
    reached = face.region.array & mandible.inside(face.region.box)
    assert reached.any(), "the layer does not reach the jaw, so this proves nothing"
    lost = np.count_nonzero(face.segment.array & mandible.inside(face.segment.box))
    assert lost <= 0.005 * mandible.voxels


@pytest.mark.parametrize(("scale", "told"), [(1.109, False), (1.158, True)])
def test_a_head_larger_than_any_that_was_tested_is_told(scale, told):
    frame = FaceFrame(np.eye(3), np.zeros(3), scale, np.zeros((0, 3)), np.zeros((0, 3)))
    assert bool(too_large(frame)) is told


def without_chin(phantom, deep_mm: float) -> tuple[str, ...]:
    """What is out of view of a head whose chin was not found, with air so deep (mm) behind its place, 60 mm high and wide."""
    frame = fit_frame(phantom.landmarks)
    body = find_body(phantom.ct)
    points = frame.to_face(body.geometry.to_lps(np.argwhere(body.array))) - MEAN_FACE["pogonion"]
    air = (np.abs(points[:, [0, 2]]) < 30).all(axis=1) & (points[:, 1] > -deep_mm)
    array = body.array.copy()
    array[body.array] = ~air
    found = {name: point for name, point in phantom.landmarks.points.items() if name not in ("pogonion", "menton")}
    return out_of_view(FULL, Landmarks(found), frame, body.with_array(array))


def test_a_chin_is_in_view_where_a_mouth_stands_wide_open_before_the_throat(phantom):
    assert without_chin(phantom, 50.0) == ()


def test_a_chin_is_out_of_view_where_all_behind_it_is(phantom):
    assert without_chin(phantom, np.inf) == ("pogonion",)
