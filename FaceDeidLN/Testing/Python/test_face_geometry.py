"""The head frame, the view from inside the head, the membrane and the growth of protected masks."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy import packed
from FaceDeidLNLib.anatomy.face_frame import MEAN_FACE, fit_frame
from FaceDeidLNLib.anatomy.grids import depth_in, grow_mm
from FaceDeidLNLib.anatomy.solid import Solid, cells_of
from FaceDeidLNLib.core.errors import FaceNotFoundError, InputError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.segment import BoxMask, flat, tight, unflat
from FaceDeidLNLib.core.volume import Volume, canonical_grid, linear
from FaceDeidLNLib.face.membrane import harmonic_fill
from FaceDeidLNLib.face.polar import PolarRaster, polygon_mask, signed_degrees, skin_distance, to_polar, unit_vectors
from FaceDeidLNLib.face.segment import grown
from FaceDeidLNLib.face.spline import LEAST_LENGTH, closed_spline
from FaceDeidLNLib.face.styles import FULL, style_named
from FaceDeidLNLib.verify.plausible import confirmed
from hypothesis import given, settings
from hypothesis import strategies as st
from peaks import peak_of
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt, maximum_filter1d
from scipy.spatial.transform import Rotation

ANGLES = st.tuples(*[st.floats(-60, 60)] * 3)


def mean_landmarks(angles=(0, 0, 0), scale=1.0, shift=(0, 0, 0), names=tuple(MEAN_FACE)) -> Landmarks:
    """The mean face as landmarks of a head turned, scaled and moved in LPS."""
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    points = {n: scale * turn @ (np.array(MEAN_FACE[n]) * (1, -1, 1)) + shift for n in names}
    return Landmarks({n: Landmark(n, p) for n, p in points.items()})


@settings(max_examples=40, deadline=None)
@given(angles=ANGLES, scale=st.floats(0.7, 1.2), shift=st.tuples(*[st.floats(-300, 300)] * 3))
def test_frame_finds_back_any_pose_and_size(angles, scale, shift):
    landmarks = mean_landmarks(angles, scale, shift)
    frame = fit_frame(landmarks)
    for name, mean in MEAN_FACE.items():
        assert np.allclose(frame.to_face(landmarks.position(name))[0], mean, atol=1e-6)
    assert frame.scale == pytest.approx(scale)


@settings(max_examples=30, deadline=None)
@given(angles=ANGLES, point=st.tuples(*[st.floats(-150, 150)] * 3))
def test_face_coordinates_and_lps_are_inverse(angles, point):
    frame = fit_frame(mean_landmarks(angles, 0.9, (10, -20, 30)))
    assert np.allclose(frame.to_face(frame.to_lps(np.array([point])))[0], point, atol=1e-6)


def test_patients_left_has_positive_azimuth():
    landmarks = mean_landmarks()
    directions, _ = to_polar(fit_frame(landmarks), landmarks.position("eye_left"))
    assert directions[0, 0] > 0


def test_drawing_follows_a_landmark_that_lies_off_the_mean_face():
    points = dict(mean_landmarks().points)
    points["menton"] = Landmark("menton", points["menton"].position + (0, 0, -12.0))
    frame = fit_frame(Landmarks(points))
    drawn = frame.to_lps(frame.adapt(np.array([MEAN_FACE["menton"]])))[0]
    plain = frame.to_lps(np.array([MEAN_FACE["menton"]]))[0]
    assert np.linalg.norm(drawn - points["menton"].position) < 0.8 * np.linalg.norm(plain - points["menton"].position)


def test_two_landmarks_are_refused():
    with pytest.raises(FaceNotFoundError, match="at least 3"):
        fit_frame(mean_landmarks(names=("pronasale", "menton")))


def test_landmarks_on_one_line_are_refused():
    points = {n: Landmark(n, np.array([0.0, 0.0, z])) for n, z in (("pronasale", 0.0), ("stomion", -40.0), ("menton", -90.0))}
    with pytest.raises(FaceNotFoundError, match="one line"):
        fit_frame(Landmarks(points))


@pytest.mark.parametrize("step", [(0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (3.0, -8.0, 5.0)])
def test_landmarks_that_were_placed_on_one_line_or_point_are_refused(step):
    placed = {name: Landmark(name, np.array(step) * number, 1.0, "user") for number, name in enumerate(MEAN_FACE)}
    with pytest.raises(FaceNotFoundError, match="one line"):
        fit_frame(Landmarks(placed))


def test_a_landmark_beside_others_that_lie_on_one_line_is_confirmed_by_none():
    placed = {name: Landmark(name, np.array([0.0, 0.0, 10.0 * number]), 1.0, "user") for number, name in enumerate(MEAN_FACE)}
    placed["tragion_left"] = Landmark("tragion_left", np.array([66.0, 0.0, 0.0]), 1.0, "user")
    assert "tragion_left" not in confirmed(Landmarks(placed))


def test_uncertain_landmarks_do_not_place_the_frame():
    points = dict(mean_landmarks().points)
    points["tragion_left"] = Landmark("tragion_left", np.array([500.0, 500.0, 500.0]), confidence=0.1)
    frame = fit_frame(Landmarks(points))
    assert np.allclose(frame.to_face(points["pronasale"].position)[0], MEAN_FACE["pronasale"], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(radius=st.floats(60, 110), angles=ANGLES)
def test_rays_find_the_skin_of_a_sphere(radius, angles):
    frame = fit_frame(mean_landmarks(angles))
    grid = canonical_grid(np.array([[-130.0] * 3, [130.0] * 3]), 4.0)
    points = grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)))
    depth = Volume((radius - np.linalg.norm(points - frame.origin, axis=1)).reshape(grid.shape).astype(np.float32), grid)
    directions = np.array([[0.0, 0.0], [40.0, -30.0], [-60.0, 25.0]])
    assert np.allclose(skin_distance(depth, frame, directions), radius, atol=0.5)


def test_a_ray_that_meets_no_skin_is_nan():
    frame = fit_frame(mean_landmarks())
    grid = canonical_grid(np.array([[-130.0] * 3, [130.0] * 3]), 8.0)
    air = Volume(np.full(grid.shape, -50.0, dtype=np.float32), grid)
    assert np.isnan(skin_distance(air, frame, np.zeros((1, 2)))).all()


def test_directions_and_unit_vectors_agree():
    frame = fit_frame(mean_landmarks((20, 10, -30), 0.8, (5, 6, 7)))
    directions = np.array([[10.0, -20.0], [-70.0, 40.0]])
    back, distance = to_polar(frame, frame.origin + 55.0 * unit_vectors(frame, directions))
    assert np.allclose(back, directions)
    assert np.allclose(distance, 55.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(8, 60), st.floats(8, 40), st.floats(-20, 20), st.floats(-20, 20))
def test_polygon_holds_the_area_it_encloses(width, height, azimuth, elevation):
    raster = PolarRaster()
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    path = np.stack([azimuth + width * np.cos(angle), elevation + height * np.sin(angle)], axis=1)
    assert polygon_mask(raster, path).sum() * raster.step**2 == pytest.approx(np.pi * width * height, rel=0.03)


def test_signed_degrees_are_positive_inside_only():
    raster = PolarRaster()
    mask = polygon_mask(raster, np.array([[-20.0, -20.0], [20.0, -20.0], [20.0, 20.0], [-20.0, 20.0]]))
    signed = signed_degrees(raster, mask)
    assert (signed[mask] > 0).all()
    assert (signed[~mask] < 0).all()


def test_membrane_never_reads_what_is_inside():
    random = np.random.default_rng(3)
    values = random.normal(100, 10, (40, 50))
    inside = np.zeros(values.shape, dtype=bool)
    inside[8:30, 10:44] = True
    other = np.where(inside, random.normal(0, 500, values.shape), values)
    assert np.allclose(harmonic_fill(values, inside), harmonic_fill(other, inside))


def test_membrane_stays_between_the_values_of_its_border():
    random = np.random.default_rng(4)
    values = random.uniform(80, 120, (30, 30))
    inside = np.zeros(values.shape, dtype=bool)
    inside[5:25, 5:25] = True
    filled = harmonic_fill(values, inside)[inside]
    assert filled.min() >= 80
    assert filled.max() <= 120


@settings(max_examples=40, deadline=None)
@given(
    spacing=st.tuples(*[st.floats(0.5, 4.0)] * 3),
    centre=st.tuples(*[st.integers(0, 15)] * 3),
    margin=st.floats(0, 6),
    start=st.tuples(*[st.integers(0, 6)] * 3),
)
def test_growth_is_a_ball_in_mm_seen_through_any_box(spacing, centre, margin, start):
    grid = Geometry((16, 16, 16), np.diag([*spacing, 1.0]))
    mask = np.zeros(grid.shape, dtype=bool)
    mask[centre] = True
    box = Box(start, (14, 15, 16))
    distance = np.linalg.norm((np.indices(grid.shape).reshape(3, -1).T - centre) * grid.sampling, axis=1).reshape(grid.shape)
    expected = (distance <= margin + 1e-6)[box.slices]
    assert np.array_equal(grown(tight("node", mask), box, grid, margin), expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(0.4, 4.0)] * 3), st.floats(0.0, 7.0))
def test_growth_by_mm_is_what_the_distance_map_says(seed, sampling, radius):
    mask = np.random.default_rng(seed).random((9, 17, 13)) < 0.01
    mask[4, 8, 6] = True
    distance = distance_transform_edt(~mask, sampling=sampling)
    told = np.abs(distance - radius) > 1e-9
    np.testing.assert_array_equal(grow_mm(mask, radius, sampling)[told], (distance <= radius)[told])


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 2))
def test_growth_along_a_line_is_what_the_widest_neighbour_says(seed, steps, axis):
    mask = np.random.default_rng(seed).random((6, 11, 5)) < 0.05
    grown = packed.unpack(packed.grow_line(packed.pack(mask), steps, axis), mask.shape[2])
    assert np.array_equal(grown, maximum_filter1d(mask.view(np.uint8), 2 * steps + 1, axis) > 0)


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(1, 7)] * 3), st.floats(0.0, 1.0))
def test_a_point_lies_in_a_mask_where_more_than_half_of_what_is_around_it_does(seed, shape, share):
    random = np.random.default_rng(seed)
    mask, points = random.random(shape) < share, random.uniform(-2.0, 8.0, (300, 3))
    points[100:] = np.rint(2 * points[100:]) / 2  # centres of voxels, faces and edges between them
    points[200:] = np.rint(points[200:])
    assert np.array_equal(Solid.of(mask).holds(points, cells_of(points, shape)), linear(mask.view(np.uint8), points) > 0.5)


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(0, 7)] * 3))
def test_voxels_counted_in_one_row_are_found_again(seed, shape):
    mask = np.random.default_rng(seed).random(shape) < 0.4
    counted = flat(mask)
    assert np.array_equal(counted, np.flatnonzero(mask))
    assert np.array_equal(unflat(counted, shape), np.argwhere(mask))
    assert np.array_equal(flat(mask), counted)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), shape=st.tuples(*[st.integers(1, 17)] * 3), share=st.sampled_from([0.02, 0.3, 0.9, 0.999]))
def test_depth_in_a_mask_is_the_distance_map_of_scipy_to_the_bit(seed, shape, share):
    solid = np.random.default_rng(seed).random(shape) < share
    solid.flat[seed % solid.size] = False
    assert np.array_equal(depth_in(solid), distance_transform_edt(solid))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), number=st.integers(3, 60), count=st.integers(1, 500), twice=st.booleans())
def test_a_closed_spline_is_that_of_scipy(seed, number, count, twice):
    points = np.random.default_rng(seed).normal(0, 40, (number, 2))
    points = np.repeat(points, 2, axis=0) if twice else points  # as where a user placed two points in one place
    closed = np.vstack([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.maximum(np.linalg.norm(np.diff(closed, axis=0), axis=1), LEAST_LENGTH))])
    theirs = CubicSpline(along, closed, bc_type="periodic")(np.linspace(0, along[-1], count, endpoint=False))
    assert np.allclose(closed_spline(points, count), theirs, rtol=0, atol=1e-6)


def test_a_closed_spline_through_ten_thousand_points_takes_little_memory():
    turn = np.linspace(0.0, 2 * np.pi, 10_000, endpoint=False)
    points = np.column_stack([np.cos(turn), np.sin(turn)])
    assert peak_of(lambda: closed_spline(points, 20_000)) < 32 * 20_000 * 8


def test_a_closed_spline_through_what_is_no_point_is_refused():
    with pytest.raises(ValueError, match="infs or NaNs"):
        closed_spline(np.array([[0.0, 0.0], [1.0, np.nan], [2.0, 1.0], [0.0, 2.0]]), 100)


def test_growth_of_nothing_is_nothing():
    empty = BoxMask("empty", Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=bool))
    assert not grown(empty, Box((0, 0, 0), (4, 4, 4)), Geometry((4, 4, 4), np.eye(4)), 3.0).any()


def test_full_style_keeps_behind_the_tragia_and_the_neck_out():
    outline = np.array(FULL.border)
    assert outline[:, 1].min() > 20
    assert outline[:, 2].min() > MEAN_FACE["menton"][2] - 10


def test_unknown_style_is_refused_with_the_list():
    with pytest.raises(InputError, match="full"):
        style_named("nose-only")


def test_a_place_that_rounds_to_no_voxel_is_not_held():
    grid = Geometry((28, 5, 5), np.eye(4))
    at = np.array([[27.5, 0, 0], [-0.5, 0, 0], [27.4, 4.4, 0]])
    held = grid.holds(at)
    assert held.tolist() == [False, True, True]
    assert np.all(np.rint(at[held]) < grid.shape)
