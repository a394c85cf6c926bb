"""Review pictures show the right thing at the right place, from any geometry, and never leave the folder they belong to."""

from __future__ import annotations

import numpy as np
import pytest
import vtk
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.output import drawing, letters
from FaceDeidLNLib.output.pictures import draw, labelled_skin_view, review_picture, review_sheet, shown
from FaceDeidLNLib.output.render import (
    BACKGROUND,
    VIEWS,
    changed_skin,
    cleared,
    hit_points,
    hit_points_changed,
    hit_points_near,
    prepare_skin,
    skin_view,
    view_axes,
    view_of,
)
from FaceDeidLNLib.output.slices import sample_changed, sample_gray, sample_mask, slice_plane
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from vtk.util.numpy_support import vtk_to_numpy

CENTRE = np.array([12.0, -8.0, 40.0])
RADIUS = 30.0
#: A nose: left of the middle (+L), in front (-P), above the middle (+S).
BUMP = CENTRE + (12.0, -30.0, 8.0)


def ball(matrix, shape, bump_mm=8.0):
    """A ball with a bump, in HU, on any grid."""
    geometry = Geometry(shape, matrix)
    places = geometry.to_lps(np.argwhere(np.ones(shape, dtype=bool)))
    depth = np.maximum(RADIUS - np.linalg.norm(places - CENTRE, axis=1), bump_mm - np.linalg.norm(places - BUMP, axis=1))
    return Volume(np.clip(depth * 400 - 300, -1000, 40).reshape(shape).astype(np.int16), geometry)


def straight_ball():
    matrix = np.diag((1.5, 1.5, 2.0, 1.0))
    matrix[:3, 3] = CENTRE - 50
    return ball(matrix, (51, 67, 67))


@st.composite
def turned_balls(draw):
    """The same ball in grids with rotation, flips, anisotropy and shear."""
    angles = [draw(st.floats(-180, 180)) for _ in range(3)]
    spacing = np.array([draw(st.sampled_from((1.5, 2.0, 2.5))) for _ in range(3)])
    shear = np.eye(3)
    shear[1, 2] = draw(st.floats(-0.3, 0.3))
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ shear @ np.diag(spacing * draw(st.sampled_from((1, -1))))
    size = np.ceil(130 / spacing).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = CENTRE - axes @ ((size - 1) / 2)
    return ball(matrix, tuple(int(n) for n in size[::-1]))


def seen(picture):
    return np.any(picture != BACKGROUND, axis=2)


# The renderer


@settings(max_examples=5, deadline=None)
@given(volume=turned_balls(), name=st.sampled_from(sorted(VIEWS)))
def test_rays_meet_the_surface_where_it_is_whatever_the_geometry(volume, name):
    skin = prepare_skin(volume)
    view = view_of(skin, name, 48, CENTRE + 45 * np.array([[1, 1, 1], [-1, -1, -1]]))
    points = hit_points(skin, view)
    hits = points[np.isfinite(points[..., 0])]
    error = np.minimum(abs(np.linalg.norm(hits - CENTRE, axis=1) - RADIUS), abs(np.linalg.norm(hits - BUMP, axis=1) - 8.0))
    assert len(hits) > 200
    assert np.percentile(error, 95) < 1.5


@settings(max_examples=4, deadline=None)
@given(volume=turned_balls())
def test_no_ray_that_aims_at_the_body_passes_it(volume):
    skin = prepare_skin(volume)
    view = view_of(skin, "front", 64, CENTRE + 45 * np.array([[1, 1, 1], [-1, -1, -1]]))
    points = hit_points(skin, view)
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    middle = view.pixels(CENTRE)[0]
    aimed = np.hypot(columns - middle[0], rows - middle[1]) * view.mm_per_pixel < RADIUS - 4
    assert np.isfinite(points[aimed]).all()


@settings(max_examples=4, deadline=None)
@given(volume=turned_balls(), name=st.sampled_from(sorted(VIEWS)))
def test_a_changed_skin_is_the_one_of_the_changed_ct(volume, name):
    array = volume.array.copy()
    array[volume.geometry.box_around(BUMP[None], 9.0).slices] = -1000
    after, skin = volume.with_array(array), prepare_skin(volume)
    changed, whole = changed_skin(skin, volume, after), prepare_skin(after)
    assert np.abs(changed.skin.volume.array - whole.volume.array).max() < 1.0
    view = view_of(skin, name, 48, CENTRE + 45 * np.array([[1, 1, 1], [-1, -1, -1]]))
    depths = [points @ view.into for points in (hit_points_changed(changed, view, hit_points(skin, view)), hit_points(whole, view))]
    both = np.isfinite(depths[0]) & np.isfinite(depths[1])
    assert np.mean(np.isfinite(depths[0]) != np.isfinite(depths[1])) < 0.01
    assert np.percentile(np.abs(depths[0] - depths[1])[both], 99) < 0.5


@settings(max_examples=4, deadline=None)
@given(volume=turned_balls(), name=st.sampled_from(sorted(VIEWS)))
def test_the_quick_way_meets_the_same_skin(volume, name):
    skin = prepare_skin(volume)
    view = view_of(skin, name, 48, CENTRE + 45 * np.array([[1, 1, 1], [-1, -1, -1]]))
    slow, quick = (points @ view.into for points in (hit_points(skin, view), hit_points_near(cleared(skin), view)))
    both = np.isfinite(slow) & np.isfinite(quick)
    assert both.any()
    assert np.mean(np.isfinite(slow) != np.isfinite(quick)) < 0.01
    assert np.percentile(np.abs(slow - quick)[both], 99) < 0.5


def test_no_tissue_lies_as_near_as_a_cell_is_said_to_be_clear():
    volume = straight_ball()
    skin = cleared(prepare_skin(volume))
    tissue = skin.volume.array > skin.threshold_hu
    for clear in range(1, int(skin.clear.max()) + 1):
        cells = np.argwhere(skin.clear == clear)
        for place in cells[:: max(1, len(cells) // 50)]:
            around = tuple(slice(max(n - clear + 1, 0), n + clear + 1) for n in place)
            assert not tissue[around].any()


def test_new_tissue_is_met_by_rays_that_passed_it_before():
    volume = straight_ball()
    without = ball(volume.geometry.ijk_to_lps, volume.array.shape, bump_mm=-100.0)
    skin = cleared(prepare_skin(without))
    view = view_of(skin, "right", 80, CENTRE + 45 * np.array([[1, 1, 1], [-1, -1, -1]]))
    points = hit_points_changed(changed_skin(skin, without, volume), view, hit_points_near(skin, view))
    whole = hit_points(prepare_skin(volume), view)
    assert np.count_nonzero(np.isfinite(points[..., 0]) != np.isfinite(whole[..., 0])) < 10
    assert np.nanpercentile(np.abs((points - whole) @ view.into), 99) < 0.5


@pytest.mark.parametrize("finest_mm", [1.0, 1.25])
@pytest.mark.parametrize("spacing_mm", [0.25, 0.3])
def test_voxels_that_are_averaged_are_the_same_blocks_in_a_changed_skin(spacing_mm, finest_mm):
    shape = (73, 61, 67)
    array = np.random.default_rng(1).integers(-1000, 1000, shape).astype(np.int16)
    volume = Volume(array, Geometry(shape, np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])))
    after = array.copy()
    after[31:35, 29:34, 33:37] += 500
    changed = changed_skin(prepare_skin(volume, finest_mm=finest_mm), volume, volume.with_array(after))
    whole = prepare_skin(volume.with_array(after), finest_mm=finest_mm)
    assert np.abs(changed.skin.volume.array - whole.volume.array).max() < 1.0


def test_where_nothing_changed_no_ray_is_sent_again():
    skin = prepare_skin(straight_ball())
    view = view_of(skin, "front", 40)
    points, changed = hit_points(skin, view), changed_skin(skin, straight_ball(), straight_ball())
    assert changed.skin is skin
    assert np.array_equal(hit_points_changed(changed, view, points), points, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "side", "height"),
    [("front", 1, -1), ("right", 1, -1), ("left", -1, -1), ("right 45", 1, -1), ("left 45", -1, -1), ("below", 1, 0)],
)
def test_a_bump_on_the_left_front_is_seen_on_the_right_place(name, side, height):
    skin = prepare_skin(straight_ball())
    view = view_of(skin, name, 100)
    column, row = view.pixels(BUMP)[0] - view.pixels(CENTRE)[0]
    without = prepare_skin(ball(straight_ball().geometry.ijk_to_lps, (51, 67, 67), bump_mm=-100.0))
    depth = [np.nan_to_num(hit_points(s, view) @ view.into, nan=1e3) for s in (skin, without)]
    rows, columns = np.nonzero(depth[1] - depth[0] > 1.0)
    assert len(rows) > 10
    middle = view.pixels(CENTRE)[0]
    assert columns.mean() - middle[0] == pytest.approx(column, abs=4)
    assert rows.mean() - middle[1] == pytest.approx(row, abs=4)
    assert np.sign(column) == side
    assert height == 0 or np.sign(row) == height


def test_a_ball_is_as_wide_as_high_and_its_size_is_true():
    skin = prepare_skin(ball(straight_ball().geometry.ijk_to_lps, (51, 67, 67), bump_mm=-100.0))
    view = view_of(skin, "front", (160, 120))
    rows, columns = np.nonzero(np.isfinite(hit_points(skin, view)[..., 0]))
    for extent in (np.ptp(rows), np.ptp(columns)):
        assert (extent + 1) * view.mm_per_pixel == pytest.approx(2 * RADIUS, abs=2 * view.mm_per_pixel + 0.5)


def test_axes_of_every_view_are_right_handed_and_perpendicular():
    for direction in (*VIEWS, (0, 0, 1), (0, 0, -1), (1, 2, 3)):
        right, down, into = view_axes(direction)
        assert np.cross(right, down) == pytest.approx(into)
        assert [right @ down, right @ into, down @ into] == pytest.approx([0, 0, 0], abs=1e-12)


def test_a_picture_of_air_is_background():
    volume = Volume(np.full((10, 12, 14), -1000, dtype=np.int16), Geometry((10, 12, 14), np.eye(4)))
    assert not seen(skin_view(volume, "front", 40)).any()


def test_skin_that_faces_the_light_is_brighter_than_skin_that_turns_away():
    picture = skin_view(straight_ball(), "front", 120)
    rows, columns = np.nonzero(seen(picture))
    top = picture[int(np.percentile(rows, 15)), int(columns.mean())].mean()
    bottom = picture[int(np.percentile(rows, 97)), int(columns.mean())].mean()
    assert top > bottom + 40


def test_nan_voxels_do_not_spoil_a_picture():
    volume = straight_ball()
    array = volume.array.astype(np.float32)
    array[0, 0, 0] = np.nan
    assert np.array_equal(seen(skin_view(volume.with_array(array), "front", 80)), seen(skin_view(volume, "front", 80)))


# Slices


@settings(max_examples=10, deadline=None)
@given(volume=turned_balls(), name=st.sampled_from(("axial", "coronal", "sagittal")))
def test_a_slice_shows_the_ball_round_and_in_place_whatever_the_geometry(volume, name):
    plane = slice_plane(name, CENTRE, 80.0, (80, 80))
    rows, columns = np.nonzero(sample_gray(volume, plane)[..., 0] > 80)
    near = np.hypot(rows - 39.5, columns - 39.5)
    assert np.pi * RADIUS**2 == pytest.approx(np.count_nonzero(near < RADIUS + 5), rel=0.15)


def test_left_is_right_and_front_is_up_in_an_axial_slice():
    plane = slice_plane("axial", BUMP, 60.0, (60, 60))
    bright = sample_gray(straight_ball(), plane)[..., 0] > 80
    assert bright[30, 30]
    assert bright[50, 18], "the ball lies behind (down) and to the right (left in the picture) of the bump"
    assert not bright[50, 58]


def test_a_mask_is_outlined_where_its_voxels_are():
    volume = straight_ball()
    places = volume.geometry.to_lps(np.argwhere(np.ones(volume.array.shape, dtype=bool)))
    mask = tight("m", (np.abs(places - BUMP).max(1) < 6).reshape(volume.array.shape))
    shown = sample_mask(mask, volume, slice_plane("coronal", BUMP, 40.0, (40, 40)))
    rows, columns = np.nonzero(shown)
    assert [rows.min(), rows.max(), columns.min(), columns.max()] == pytest.approx([13.5, 25.5, 13.5, 25.5], abs=2.5)
    assert not sample_mask(mask, volume, slice_plane("coronal", BUMP + 30, 40.0, (40, 40))).any()


def test_changed_voxels_are_shown_and_no_others():
    volume = straight_ball()
    array = volume.array.copy()
    place = np.rint(volume.geometry.to_kji(CENTRE)[0]).astype(int)
    array[tuple(place)] += 1
    shown = sample_changed(volume, volume.with_array(array), slice_plane("axial", volume.geometry.to_lps(place)[0], 30.0, (30, 30)))
    assert 1 <= shown.sum() <= 4
    assert shown[15, 15] or shown[14, 14]


# The sheet


@pytest.fixture(scope="module")
def case():
    volume = straight_ball()
    places = volume.geometry.to_lps(np.argwhere(np.ones(volume.array.shape, dtype=bool))).reshape(*volume.array.shape, 3)
    face = (places[..., 1] < CENTRE[1] - 15) & (np.linalg.norm(places - CENTRE, axis=-1) < 45)
    node = np.linalg.norm(places - CENTRE - (0, -20, 0), axis=-1) < 6
    array = volume.array.copy()
    array[face & ~node] = -1000
    return volume, volume.with_array(array), tight("face", face & ~node), [tight("node", node)]


def has_color(picture, color):
    return bool(np.any(np.all(picture == color, axis=2)))


def test_the_sheet_shows_face_changes_and_protected_segments_in_their_colours(case):
    from FaceDeidLNLib.output.panels import CHANGED_COLOR, FACE_COLOR, PROTECTED_COLOR

    sheet = review_sheet(*case, panel_px=120)
    body = sheet[:-30]  # without the legend
    assert all(has_color(body, color) for color in (CHANGED_COLOR, FACE_COLOR, PROTECTED_COLOR))


def test_the_sheet_without_a_result_shows_no_change(case):
    from FaceDeidLNLib.output.panels import CHANGED_COLOR

    sheet = review_sheet(case[0], None, case[2], case[3], panel_px=120)
    assert not has_color(sheet, CHANGED_COLOR)
    assert sheet.shape[0] < 4 * 120


def test_the_sheet_of_a_ct_alone_can_be_made(case):
    assert review_sheet(case[0], None, None, [], panel_px=60).any()


def test_the_picture_file_holds_the_sheet_the_right_way_up(case, tmp_path):
    review_picture(draw(shown(case[0], None, None, [])), tmp_path / "review.png", title="PASS")
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(tmp_path / "review.png"))
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    read = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)[::-1]
    sheet = review_sheet(case[0], None, None, [], title="PASS")
    assert np.array_equal(read[: len(sheet)], sheet)
    assert np.any(read[len(sheet) :] != drawing.PAPER), "the warning stands below"


def test_a_picture_that_cannot_be_written_is_an_output_error(case, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        letters.write_png(review_sheet(case[0], None, None, [], panel_px=60), tmp_path / "missing" / "review.png")


def test_a_long_title_is_wrapped_and_not_cut(case):
    short, long = (
        review_sheet(case[0], None, None, [], text, panel_px=60) for text in ("REVIEW", "REVIEW: " + "a reason that is long; " * 20)
    )
    assert long.shape[0] > short.shape[0]
    assert long.shape[1] == short.shape[1]


def test_text_is_drawn_upright():
    """An L has its foot at the bottom."""
    ink = (letters.text_image("L", 40) > 0.5).sum(axis=1)
    ink = ink[ink > 0]
    assert ink[-1] > 2 * ink[0]


def test_text_beyond_the_border_is_cut_and_the_rest_drawn():
    picture = drawing.blank(30, 20)
    letters.write_text(picture, "a very long text", 5, -3)
    assert np.any(picture != drawing.PAPER)


@pytest.mark.parametrize(
    ("direction", "letters"),
    [((1, 0, 0), "L"), ((-1, 0, 0), "R"), ((0, 1, 0), "P"), ((0, 0, -1), "I"), ((0, -0.8, 0.6), "AS"), ((0.1, 0, 1), "S")],
)
def test_directions_have_the_patients_letters(direction, letters):
    assert drawing.direction_letters(np.array(direction)) == letters


def test_a_labelled_view_has_the_size_and_more_ink_than_a_bare_one(case):
    bare, labelled = skin_view(case[0], "front", (90, 80)), labelled_skin_view(case[0], "front", (90, 80), caption="7")
    assert labelled.shape == (80, 90, 3)
    assert np.any(bare != labelled)
