"""Every effect on the phantom: what it must do and what it must never touch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import FaceFrame
from FaceDeidLNLib.case.find import find_anatomy, find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.by_parts import PART, by_parts
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import NOTHING
from FaceDeidLNLib.core.volume import BELOW_AIR_HU, Volume
from FaceDeidLNLib.effect.base import apply_effect, drawing
from FaceDeidLNLib.effect.epidermis import SKIN_MM
from FaceDeidLNLib.effect.records import EFFECT_NAMES, RECORDS
from FaceDeidLNLib.effect.reface import MOST_SLANT, VIEW_MARGIN_MM, NewFace, before, finer, in_view, slant, view_end
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.effect.tools import smoothing
from FaceDeidLNLib.effect.tools.noise import Noise
from FaceDeidLNLib.effect.tools.skin_layer import beside_air
from FaceDeidLNLib.effect.tools.texture import Scan, soft_tissue
from FaceDeidLNLib.face.follow import follow_face
from FaceDeidLNLib.face.polar import PolarRaster, signed_degrees, to_polar, unit_vectors
from FaceDeidLNLib.face.relief import HIGHEST_MM, random_surface
from FaceDeidLNLib.face.segment import Face, depth_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def face(phantom, phantom_anatomy) -> Face:
    return find_face(Request(phantom.ct), phantom_anatomy, ())


@pytest.fixture(scope="module")
def fine_face(fine_phantom) -> Face:
    return find_face(Request(fine_phantom.ct), find_anatomy(fine_phantom.ct, fine_phantom.landmarks), ())


@pytest.fixture(scope="module")
def ended(face) -> Face:
    """The face that ends at its curve, as where a user draws it."""
    return replace(face.without_apron(), curve=replace(face.curve, run_out=0.0))


def applied(name: str, ct: Volume, face: Face, seed: int | None = 3) -> Volume:
    return apply_effect(EFFECTS[name], ct, face, Parameters(effect=name, seed=seed))


@pytest.mark.parametrize("name", EFFECTS)
def test_voxels_outside_the_face_segment_are_bit_identical(name, phantom, face):
    changed = applied(name, phantom.ct, face).array != phantom.ct.array
    assert not (changed & ~face.segment.full(phantom.ct.array.shape)).any()


@pytest.mark.parametrize("name", EFFECTS)
def test_metal_whose_values_ran_over_and_padding_leave_no_holes_in_what_is_new(name, phantom, face):
    array, segment = phantom.ct.array.copy(), face.segment.full(phantom.ct.array.shape)
    array.ravel()[np.flatnonzero(segment & (array > 0))[::13]] = np.iinfo(np.int16).min
    array[face.segment.box.slices][:3, :3, :3] = -3024
    ran_over = phantom.ct.with_array(array)
    new = applied(name, ran_over, face).array
    assert new[segment & (new != array)].min() >= BELOW_AIR_HU


def test_scrambled_metal_and_airways_leave_no_values_that_the_ct_has_not(phantom, face):
    array, segment = phantom.ct.array.copy(), face.segment.full(phantom.ct.array.shape)
    array.ravel()[np.flatnonzero(segment & (array > 0))[::13]] = 3071
    new = applied("scramble", phantom.ct.with_array(array), face).array[segment]
    assert new.min() >= array[segment].min()
    assert new.max() <= array[segment].max()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_an_effect_is_random_where_its_row_says_so_and_only_there(record, phantom, face):
    draws = [applied(record.name, phantom.ct, face, seed).array for seed in (1, 2)]
    assert np.array_equal(*draws) != record.is_random


@pytest.mark.parametrize("name", EFFECTS)
def test_the_input_is_not_written_to(name, phantom, face):
    before = phantom.ct.array.copy()
    applied(name, phantom.ct, face)
    assert np.array_equal(before, phantom.ct.array)


@pytest.mark.parametrize("name", EFFECTS)
def test_the_scalar_type_stays(name, phantom, face):
    assert applied(name, phantom.ct, face).array.dtype == phantom.ct.array.dtype


@pytest.mark.parametrize("name", [record.name for record in RECORDS if record.is_random])
def test_the_same_seed_draws_the_same_face(name, phantom, face):
    assert np.array_equal(applied(name, phantom.ct, face).array, applied(name, phantom.ct, face).array)


@pytest.mark.parametrize("name", [record.name for record in RECORDS if record.is_random])
def test_without_a_seed_every_draw_differs(name, phantom, face):
    assert not np.array_equal(applied(name, phantom.ct, face, None).array, applied(name, phantom.ct, face, None).array)


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_needs_seconds_and_not_minutes(name, fine_phantom, fine_face):
    begin = time.process_time()
    applied(name, fine_phantom.ct, fine_face)
    assert time.process_time() - begin < 20.0  # a tenth of it on a usual machine


@pytest.mark.parametrize("name", [record.name for record in RECORDS if record.is_random and not record.scatters])
def test_no_new_tissue_stands_before_the_skin_at_a_curve_where_it_ends(name, phantom, ended):
    face, old, new = ended, phantom.ct.array, applied(name, phantom.ct, ended).array
    at = np.argwhere((old < -500) & (new > -300))
    lps = phantom.ct.geometry.to_lps(at)
    away, _ = cKDTree(to_polar(face.frame, face.curve.path)[0]).query(to_polar(face.frame, lps)[0])
    heights = -depth_of(face, lps)
    assert heights[away > 10.0].max() > 4.0, "nothing rises, so this proves nothing"
    assert heights[away < 1.0].max() < 4.0


def test_the_new_surface_does_not_know_the_face(face):
    bumpy = replace(face, skin=np.where(face.inside, face.skin + 9.0, face.skin))
    first = random_surface(face, np.random.default_rng(5))
    assert np.array_equal(first, random_surface(bumpy, np.random.default_rng(5)))


def test_the_new_surface_meets_the_old_skin_at_a_curve_where_it_ends(ended):
    face = ended
    surface = random_surface(face, np.random.default_rng(5))
    rim = np.abs(signed_degrees(face.raster, face.inside)) <= face.raster.step
    assert np.abs(surface - face.membrane)[rim].max() < HIGHEST_MM / 4
    assert np.array_equal(surface[~face.inside], face.skin[~face.inside])


def test_away_from_the_curve_the_new_surface_hardly_knows_what_the_curve_spans(face):
    larger = replace(face, membrane=face.membrane * 1.05)
    away = signed_degrees(face.raster, face.inside) > 8.0
    moved = [np.abs(random_surface(larger, np.random.default_rng(k)) - random_surface(face, np.random.default_rng(k))) for k in range(6)]
    handed_on = np.mean([one[away].mean() for one in moved]) / (0.05 * face.membrane[away]).mean()
    assert handed_on < 0.13


def test_two_draws_are_two_faces(face):
    surfaces = [random_surface(face, np.random.default_rng(seed)) for seed in (1, 2)]
    assert np.abs(surfaces[0] - surfaces[1])[face.inside].mean() > 2.0


def test_reface_leaves_air_in_front_and_tissue_behind_its_surface(phantom, ended):
    face, result = ended, applied("reface", phantom.ct, ended, seed=7)
    surface = random_surface(face, drawing(7))
    at = np.argwhere(face.segment.array) + face.segment.box.start
    directions, distance = to_polar(face.frame, phantom.ct.geometry.to_lps(at))
    below = face.raster.sample(surface, directions) - distance
    values = result.array[tuple(at.T)]
    voxel = max(phantom.ct.geometry.spacing)
    square = face.raster.sample(slant(surface, face.raster), directions) < 1.2
    assert square.mean() > 0.4
    assert (values[square & (below < -voxel)] < -800).all()
    assert (values[below < -MOST_SLANT * voxel] < -800).all()
    assert (values[(below > voxel) & (below < 8.0)] > -300).mean() > 0.995


@pytest.mark.parametrize("name", [record.name for record in RECORDS if record.is_random])
@pytest.mark.parametrize("seed", [3, 7])
def test_what_is_drawn_leaves_no_old_skin_by_chance(name, seed, phantom, face):
    result = applied(name, phantom.ct, face, seed)
    at = np.argwhere(face.segment.array)
    kji = face.depth.geometry.to_kji(phantom.ct.geometry.crop(face.segment.box).to_lps(at))
    depth = ndimage.map_coordinates(face.depth.array, kji.T, order=1, mode="nearest")
    place = tuple((at[(depth > 0) & (depth < SKIN_MM)] + face.segment.box.start).T)
    old = phantom.ct.array[place]
    assert (result.array[place] != old)[old > -400].all()


def test_the_skin_of_coarse_voxels_is_drawn_again_however_deep_their_middles_lie(phantom, face):
    deeper = replace(face, depth=face.depth.with_array(face.depth.array + 3.0), apron=NOTHING)
    skin = beside_air(phantom.ct, face) & face.segment.array & (phantom.ct.array[face.segment.box.slices] > -400)
    for name in ("epidermis", "scramble"):
        changed = applied(name, phantom.ct, deeper).array != phantom.ct.array
        assert changed[face.segment.box.slices][skin].mean() > 0.99


def test_skin_that_was_found_too_far_out_is_replaced_in_every_draw(phantom, face):
    wrong = replace(face, depth=face.depth.with_array(face.depth.array + 12.0))
    old = phantom.ct.array[face.segment.box.slices]
    at_air = ndimage.binary_dilation(old < -400, np.ones((3, 3, 3))) & (old > -400) & face.region.inside(face.segment.box)
    at_air &= face.segment.array
    for seed in (1, 2, 3):
        new = applied("reface", phantom.ct, wrong, seed).array[face.segment.box.slices]
        assert (new != old)[at_air].all()


def test_a_third_of_the_new_tissue_is_dense_in_patches_that_a_wide_filter_keeps(phantom, face):
    at = np.argwhere(np.ones(face.segment.box.shape, dtype=bool))
    tissue = soft_tissue(phantom.ct, face, Scan.of(phantom.ct, face), np.random.default_rng(2))(at).reshape(face.segment.box.shape)
    wide = ndimage.gaussian_filter(tissue, 3.0 / np.array(phantom.ct.geometry.sampling))
    assert 0.15 < (wide > 150.0).mean() < 0.45


def test_grain_has_the_asked_deviation():
    at = np.argwhere(np.ones((60, 60, 60), dtype=bool))
    noise = Noise.drawn(np.array([0.2, 1.0, 1.0]), 12.0, (60, 60, 60), np.random.default_rng(0)).at(at)
    assert noise.std() == pytest.approx(12.0, rel=0.05)


def test_voxels_worked_on_by_parts_are_all_there_in_their_order():
    voxels = np.arange(2 * PART + 5)
    assert np.array_equal(by_parts(lambda a, b: 2 * a + b, voxels, voxels[::-1]), 2 * voxels + voxels[::-1])


def test_a_wide_gaussian_made_from_blocks_is_the_one_made_from_voxels(monkeypatch):
    array = 400.0 * ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((48, 50, 52)), 3.0)
    geometry = Geometry(array.shape, np.diag([0.1, 0.1, 0.15, 1.0]))
    box = Box((4, 5, 6), (44, 45, 46))
    blocks = smoothing.smooth(Volume(array, geometry), box, 4.0)
    monkeypatch.setattr(smoothing, "BLOCKS_PER_SIGMA", np.inf)
    voxels = smoothing.smooth(Volume(array, geometry), box, 4.0)
    assert not np.array_equal(blocks, voxels)
    assert np.abs(blocks - voxels).max() < 0.01 * np.ptp(array)


def test_a_skin_drawn_again_without_room_before_it_is_not_moved_inwards(phantom, face):
    after = apply_effect(EFFECTS["epidermis"], phantom.ct, face, Parameters(effect="epidermis", outside_mm=0.0, seed=3))
    box = face.segment.box
    skin = face.segment.array & (phantom.ct.array[box.slices] > -400)
    at = np.argwhere(skin)
    depth = depth_of(face, phantom.ct.geometry.crop(box).to_lps(at))
    assert np.count_nonzero(depth > 0) > 1000
    assert after.array[box.slices][skin][depth > 0].min() > -600


@pytest.mark.parametrize(("slices", "sigma_mm", "most"), [(1, 6.0, 0.5), (2, 6.0, 0.5), (3, 6.0, 0.5), (12, 260.0, 20.0)])
def test_a_gaussian_over_few_slices_or_blocks_takes_their_ends_for_what_lies_beyond(slices, sigma_mm, most):
    values = np.random.default_rng(0).normal(0.0, 100.0, (slices, 60, 60))
    ct = Volume(values.astype(np.float32), Geometry(values.shape, np.diag([2.4, 2.4, 3.0, 1.0])))
    smoothed = smoothing.smooth(ct, Box((0, 10, 10), (slices, 50, 50)), sigma_mm)
    cells = sigma_mm / np.array(ct.geometry.sampling)
    expected = ndimage.gaussian_filter(values, cells, mode="nearest", truncate=6.0)[:, 10:50, 10:50]
    np.testing.assert_allclose(smoothed, expected, rtol=0.0, atol=most)


def test_the_names_that_slicer_reads_at_its_start_are_those_of_the_effects():
    assert tuple(EFFECTS) == EFFECT_NAMES


def test_the_noise_of_the_new_tissue_repeats_nowhere():
    at = np.argwhere(np.ones((4, 4, 220), dtype=bool))
    noise = Noise.drawn(np.array([0.5, 0.5, 0.5]), 12.0, (4, 4, 220), np.random.default_rng(0)).at(at).reshape(4, 4, 220)
    alike = [np.corrcoef(noise[..., lag:].ravel(), noise[..., :-lag].ravel())[0, 1] for lag in range(20, 180)]
    assert np.max(np.abs(alike)) < 0.15


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_the_noise_of_one_end_of_the_box_is_not_that_of_the_other(sigma):
    block = Noise.drawn(np.full(3, sigma), 12.0, (70, 70, 70), np.random.default_rng(0)).block
    for axis in range(3):
        assert abs(np.corrcoef(block.take(0, axis).ravel(), block.take(-1, axis).ravel())[0, 1]) < 0.15


def test_the_new_tissue_ends_at_no_constant_depth_below_the_old_skin(phantom, face):
    changed = (phantom.ct.array != applied("reface", phantom.ct, face).array)[face.segment.box.slices]
    box = phantom.ct.geometry.crop(face.segment.box)
    depth = depth_of(face, box.to_lps(np.argwhere(face.segment.array)))
    stays = ~changed[face.segment.array] & (depth > 0)
    assert stays.any()
    assert np.percentile(depth[stays], 95) - np.percentile(depth[stays], 5) > 2.5


def ending_within(surface, phantom, face):
    """A grid that ends two voxels before the foremost point of a new surface."""
    points = face.frame.origin + unit_vectors(face.frame, face.raster.directions()[face.inside]) * surface[face.inside][:, None]
    front = np.array(phantom.ct.geometry.to_kji(points[[np.argmin(points[:, 1])]])[0])
    return phantom.ct.geometry.crop(Box((0, round(front[1]) + 2, 0), phantom.ct.array.shape))


def test_where_the_field_of_view_ends_before_the_new_face_it_is_bent_back_and_not_cut_flat(phantom, face):
    surface = random_surface(face, np.random.default_rng(0))
    assert in_view(surface, phantom.ct.geometry.padded(40), face) is surface
    tight = ending_within(surface, phantom, face)
    bent = in_view(surface, tight, face)
    ends = view_end(face.frame.origin, unit_vectors(face.frame, face.raster.directions().reshape(-1, 2)), tight).reshape(bent.shape)
    flat = np.minimum(surface, ends - VIEW_MARGIN_MM)
    assert (bent <= np.maximum(flat, face.membrane) + 1.0)[face.inside].all()
    cut = ndimage.binary_dilation(flat < surface, iterations=2) & face.inside
    assert np.abs(ndimage.laplace(bent))[cut].max() < np.abs(ndimage.laplace(flat))[cut].max()


def test_an_image_that_shows_more_than_the_ct_that_a_face_was_found_in_gets_the_same_surface(phantom, face):
    surface = random_surface(face, np.random.default_rng(0))
    tight = ending_within(surface, phantom, face)
    followed = NewFace.drawn(phantom.ct, replace(face, view=tight), np.random.default_rng(0))
    assert np.array_equal(followed.surface, finer(in_view(surface, tight, face), face.raster, followed.raster))


def test_an_image_that_shows_less_gets_the_very_surface_too(phantom, face):
    tight = ending_within(random_surface(face, np.random.default_rng(0)), phantom, face)
    shown = phantom.ct.crop(phantom.ct.geometry.box_around(tight.corners()))
    whole = NewFace.drawn(phantom.ct, face, np.random.default_rng(0)).surface
    assert np.array_equal(NewFace.drawn(shown, following(face, phantom, shown), np.random.default_rng(0)).surface, whole)


def following(face, phantom, shown):
    return follow_face(face, phantom.ct.geometry, shown.geometry, (), 0.0)


@given(st.integers(0, 1 << 32), st.floats(0.0, 60.0), st.sampled_from([(1.0, 1.0, 1.0), (0.9, 0.9, 2.0), (3.0, 1.0, 1.0)]))
@settings(max_examples=8)
def test_cubes_of_voxels_before_the_surface_hold_none_that_is_not(seed, degrees, spacing):
    random, raster = np.random.default_rng(seed), PolarRaster(step=2.0)
    turned = Rotation.from_euler("zyx", [degrees, degrees / 2, -degrees / 3], degrees=True).as_matrix()
    frame = FaceFrame(turned, np.array([30.0, 40.0, 20.0]), 1.1, np.zeros((0, 3)), np.zeros((0, 3)))
    grid = Geometry(tuple(int(120 / s) for s in spacing[::-1]), np.diag([*spacing, 1.0]))
    surface = random.uniform(20.0, 60.0, raster.shape)
    at = np.argwhere(before(surface + 1.5, raster, frame, grid))
    directions, distance = to_polar(frame, grid.to_lps(at))
    assert len(at)
    assert (raster.sample(surface, directions) - distance < -1.5).all()
