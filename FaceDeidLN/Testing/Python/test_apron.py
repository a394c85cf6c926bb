"""A new face runs out over the air beyond its curve: where, and what of the patient that leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.find import find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment, places, tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect, runs_out
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.effect.tools.bone_plate import BEYOND_DEGREES
from FaceDeidLNLib.face.apron import THIN_HU, beyond_curve, share_of_height
from FaceDeidLNLib.face.follow import follow_face
from FaceDeidLNLib.face.polar import PolarRaster, signed_degrees, to_polar, voxels_to_polar
from FaceDeidLNLib.face.relief import random_surface
from FaceDeidLNLib.face.segment import Face, depth_of
from FaceDeidLNLib.face.styles import STYLES
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def anatomy(phantom_anatomy):
    return phantom_anatomy


@pytest.fixture(scope="module")
def face(phantom, anatomy) -> Face:
    return find_face(Request(phantom.ct), anatomy, ())


def refaced(ct: Volume, face: Face, seed: int, effect: str = "reface") -> np.ndarray:
    return apply_effect(EFFECTS[effect], ct, face, Parameters(effect=effect, seed=seed)).array


def beyond(face: Face, grid: Geometry, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far (degrees) voxels (N, 3) stand beyond the curve, and how far new tissue may."""
    directions, _ = to_polar(face.frame, grid.to_lps(at))
    fine = PolarRaster()
    return -fine.sample(signed_degrees(fine, face.curve.inside(fine)), directions), beyond_curve(directions[:, 1], face.curve.run_out)


def test_the_apron_is_part_of_the_face_segment_and_not_of_its_region(face):
    assert face.apron.voxels
    assert face.segment.inside(face.apron.box)[face.apron.array].all()
    assert not face.region.inside(face.apron.box)[face.apron.array].any()


def test_the_apron_lies_before_the_skin(phantom, face):
    lps = phantom.ct.geometry.crop(face.apron.box).to_lps(places(face.apron.array))
    assert depth_of(face, lps).max() <= 0.01


def test_the_apron_ends_where_new_tissue_may_end(phantom, face):
    at = places(face.apron.array) + np.array(face.apron.box.start)
    outside, furthest = beyond(face, phantom.ct.geometry, at)
    assert (outside <= furthest + 1.0).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_new_tissue_beyond_the_curve_sinks_into_the_skin_at_its_end(seed, phantom, face):
    at = np.argwhere((phantom.ct.array < -500) & (refaced(phantom.ct, face, seed) > -300))
    outside, furthest = beyond(face, phantom.ct.geometry, at)
    height = -depth_of(face, phantom.ct.geometry.to_lps(at))
    assert height[(outside > 0) & (outside < 4)].max() > 4.0, "nothing rises, so this proves nothing"
    at_end = (outside > 0.7 * furthest) & (furthest > 5.0)
    assert height[at_end].max(initial=0.0) < 3.0


@pytest.mark.parametrize("effect", [name for name, effect in EFFECTS.items() if runs_out(effect)])
def test_no_tissue_beyond_the_curve_is_taken_away(effect, phantom, face):
    old, new = (array[face.apron.box.slices][face.apron.array] for array in (phantom.ct.array, refaced(phantom.ct, face, 4, effect)))
    assert (new >= old).all()
    assert (new > old).any()


@pytest.mark.parametrize("effect", [name for name, effect in EFFECTS.items() if not runs_out(effect)])
def test_an_effect_that_does_not_run_out_leaves_the_air_beyond_the_curve(effect, phantom, face):
    old, new = (array[face.apron.box.slices][face.apron.array] for array in (phantom.ct.array, refaced(phantom.ct, face, 4, effect)))
    assert np.array_equal(old, new)


def test_a_curve_that_a_user_draws_is_where_the_new_face_ends(phantom, anatomy, face):
    drawn = find_face(Request(phantom.ct, curve=face.curve.control), anatomy, ())
    assert not drawn.apron.voxels
    surface = random_surface(drawn, np.random.default_rng(1))
    assert np.array_equal(surface[~drawn.inside], drawn.membrane[~drawn.inside])


def test_a_face_segment_that_a_user_gives_has_no_apron(phantom, anatomy, face):
    own = Segment("own", Volume(face.region.full(phantom.ct.array.shape), phantom.ct.geometry))
    assert not find_face(Request(phantom.ct, face_segment=own), anatomy, ()).apron.voxels


@pytest.mark.parametrize("style", [name for name, style in STYLES.items() if not style.run_out])
def test_a_region_that_is_part_of_a_face_hides_nothing_beside_it(style, phantom, anatomy):
    assert not find_face(Request(phantom.ct, parameters=Parameters(style=style)), anatomy, ()).apron.voxels


def test_a_protected_segment_before_the_skin_keeps_its_air(phantom, anatomy, face):
    at = places(face.apron.array)[len(places(face.apron.array)) // 2] + np.array(face.apron.box.start)
    mask = np.zeros(phantom.ct.array.shape, dtype=bool)
    mask[tuple(slice(i - 2, i + 3) for i in at)] = True
    spared = find_face(Request(phantom.ct), anatomy, (tight("tube", mask),))
    new = refaced(phantom.ct, spared, 1)
    assert np.array_equal(new[mask], phantom.ct.array[mask])


def test_on_another_grid_only_voxels_with_their_centre_in_the_air_beyond_the_curve_follow(phantom, face):
    grid = phantom.ct.geometry
    thick = replace(grid, shape=(grid.shape[0] // 4, *grid.shape[1:]), ijk_to_lps=grid.ijk_to_lps @ np.diag([1, 1, 4.0, 1]))
    followed = follow_face(face, grid, thick, (), 2.0)
    assert followed.apron.voxels
    lps = thick.crop(followed.apron.box).to_lps(places(followed.apron.array))
    assert depth_of(face, lps).max() < max(grid.spacing)


@pytest.mark.parametrize("shift", [(2, 0, 0), (0, 2, 0), (0, 0, 2)])
def test_tissue_of_a_head_that_moved_is_not_taken_for_air(shift, phantom, face):
    moved = Volume(np.roll(phantom.ct.array, shift, axis=(0, 1, 2)), phantom.ct.geometry)
    old, new = (array[face.apron.box.slices][face.apron.array] for array in (moved.array, refaced(moved, face, 4)))
    assert (old > THIN_HU).any()
    assert np.array_equal(old[old > THIN_HU], new[old > THIN_HU])


def test_a_segment_that_was_made_here_and_edited_leaves_the_skin_beyond_the_curve(phantom, anatomy, face):
    mask = face.segment.full(phantom.ct.array.shape)
    mask[tuple(places(mask)[len(places(mask)) // 2])] = False
    edited = find_face(Request(phantom.ct, face_segment=Segment("own", Volume(mask, phantom.ct.geometry))), anatomy, ())
    assert edited.apron.voxels > 0.9 * face.apron.voxels
    assert not (edited.apron.inside(face.region.box) & face.region.array).any()
    for effect in ("mask", "reface"):
        old, new = (array[face.apron.box.slices][face.apron.array] for array in (phantom.ct.array, refaced(phantom.ct, edited, 4, effect)))
        assert (new >= old).all()


def test_what_a_user_adds_beyond_the_curve_is_hidden_with_the_air_beside_it(phantom, anatomy, face):
    mask = face.segment.full(phantom.ct.array.shape)
    at = places(face.apron.array) + np.array(face.apron.box.start)
    near = at[np.argmin(np.abs(depth_of(face, phantom.ct.geometry.to_lps(at))))]
    added = np.zeros_like(mask)
    added[tuple(slice(max(i - 2, 0), i + 3) for i in near)] = True
    skin = added & (phantom.ct.array > -850)
    assert (skin & ~mask).any()
    drawn = find_face(Request(phantom.ct, face_segment=Segment("own", Volume(mask | added, phantom.ct.geometry))), anatomy, ())
    assert (refaced(phantom.ct, drawn, 4, "mask")[skin] == -1000).all()


def test_a_series_that_shows_none_of_the_face_has_none_to_follow(phantom, face):
    only_air = replace(face, segment=face.apron)
    assert follow_face(only_air, phantom.ct.geometry, phantom.ct.geometry, (), 2.0) is None


def test_no_plate_of_bone_stands_far_beyond_the_curve(phantom, face):
    new = refaced(phantom.ct, face, 4, "reface-veil")
    at = np.argwhere((new > 1000) & (phantom.ct.array < 300))
    outside, _ = beyond(face, phantom.ct.geometry, at)
    assert (outside < 0).any()
    assert outside.max() < BEYOND_DEGREES + 1.0


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(0.0, 30.0))
def test_the_further_outside_the_less_of_the_height_is_left(degrees, other, run_out):
    inner, outer = (float(share_of_height(np.float64(at), 5.0, run_out)) for at in (max(degrees, other), min(degrees, other)))
    assert 0.0 <= outer <= inner <= 1.0


def test_directions_in_single_precision_are_those_in_double(phantom, face):
    at = np.argwhere(phantom.ct.array > 100)[::50]
    directions, distance = voxels_to_polar(face.frame, phantom.ct.geometry, at)
    expected, far = to_polar(face.frame, phantom.ct.geometry.to_lps(at))
    assert np.abs(distance - far).max() < 1e-3
    assert np.abs(directions - expected)[far > 5.0].max() < 1e-2
