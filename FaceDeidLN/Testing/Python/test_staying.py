"""What stays of a face, and the new face before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.find import find_anatomy, find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.effect.base import drawing
from FaceDeidLNLib.face.follow import follow_face
from FaceDeidLNLib.face.polar import signed_degrees, unit_vectors
from FaceDeidLNLib.face.relief import GROWTHS, SHOWN_MM2, random_surface
from FaceDeidLNLib.face.segment import Face
from FaceDeidLNLib.face.staying import shown_mm2
from FaceDeidLNLib.phantom.head import Phantom, make_phantom
from FaceDeidLNLib.phantom.options import PhantomOptions

SEEDS = range(6)
#: Elevation of the chin (degrees).
CHIN = -28.0


@pytest.fixture(scope="module")
def face(phantom) -> Face:
    return found(phantom)


@pytest.fixture(scope="module")
def large() -> tuple[Phantom, Face]:
    one = make_phantom((3.0, 3.0, 3.0), seed=1, options=PhantomOptions(scale=1.05))
    return one, found(one)


def found(phantom: Phantom) -> Face:
    return find_face(Request(phantom.ct), find_anatomy(phantom.ct, phantom.landmarks), ())


def with_bump(face: Face, surface: np.ndarray, mm: float, elevation: float) -> Face:
    """The face in which something stays around that elevation (degrees) in the midline, so far before that surface."""
    middle = np.abs(face.raster.directions() - (0.0, elevation)).max(axis=-1) <= 5.0
    return replace(face, staying=np.where(middle, surface + mm, 0.0))


def unaware(face: Face, seed: int) -> np.ndarray:
    return random_surface(replace(face, staying=None), drawing(seed))


@pytest.mark.parametrize("elevation", [-8.0, CHIN])
@pytest.mark.parametrize("seed", [0, 2, 3, 4, 5])  # the mouth of 1 stands out as far as any may
def test_a_new_face_is_larger_where_what_stays_would_stand_out_from_it(face, seed, elevation):
    plain = unaware(face, seed)
    bumpy = with_bump(face, plain, 3.0, elevation)
    assert shown_mm2(plain, bumpy) > SHOWN_MM2, "nothing stands out, so this proves nothing"
    assert shown_mm2(random_surface(bumpy, drawing(seed)), bumpy) <= SHOWN_MM2


def test_a_chin_grows_without_the_face_above_it(face):
    plain = unaware(face, 3)
    moved = np.abs(random_surface(with_bump(face, plain, 3.0, CHIN), drawing(3)) - plain)
    above = (face.raster.directions()[..., 1] > 0.0) & (signed_degrees(face.raster, face.inside) > 12.0)
    assert moved.max() > 3.0
    assert moved[above].max() < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stays_behind_a_new_face_does_not_change_it(face, seed):
    plain = unaware(face, seed)
    for mm in (0.0, -2.0, -20.0):
        assert np.array_equal(random_surface(with_bump(face, plain, mm, CHIN), drawing(seed)), plain)


def test_no_face_grows_for_what_none_could_hide(face):
    plain = unaware(face, 3)
    assert np.array_equal(random_surface(with_bump(face, plain, 200.0, 0.0), drawing(3)), plain)


def test_a_new_face_tells_of_what_stays_no_more_than_one_of_few_sizes(face):
    plain = unaware(face, 3)
    drawn = [random_surface(with_bump(face, plain, mm, CHIN), drawing(3)) for mm in np.arange(-4.0, 16.0, 0.5)]
    assert 1 < len({one.tobytes() for one in drawn}) <= 1 + len(GROWTHS)


def test_bone_stands_out_from_no_new_face_of_a_large_head(large):
    _, face = large
    assert max(shown_mm2(unaware(face, seed), face) for seed in SEEDS) > 5 * SHOWN_MM2, "nothing stands out, so this proves nothing"
    assert max(shown_mm2(random_surface(face, drawing(seed)), face) for seed in SEEDS) <= 2 * SHOWN_MM2


def test_the_foremost_tissue_that_stays_is_found_on_each_line_of_sight(large):
    phantom, face = large
    stays = face.region.full(phantom.ct.array.shape) & ~face.segment.full(phantom.ct.array.shape) & (phantom.ct.array > -250)
    known = face.staying > 0
    assert not (known & ~face.inside).any()
    assert known.sum() > 500
    unit, distance = unit_vectors(face.frame, face.raster.directions()[known]), face.staying[known]
    held = lambda mm: phantom.ct.with_array(stays.astype(np.float32)).at(face.frame.origin + unit * (distance + mm)[:, None])  # noqa: E731
    assert (held(0.0) > 0).all()
    assert (held(6.0) < 0.5).mean() > 0.97
    bare = face.inside & ~known & (signed_degrees(face.raster, face.inside) > 4.0)
    behind = face.frame.origin + unit_vectors(face.frame, face.raster.directions()[bare]) * face.membrane[bare][:, None]
    assert (phantom.ct.with_array(stays.astype(np.float32)).at(behind) < 1.0).all()


def test_a_protected_segment_counts_as_what_stays(phantom, face):
    cheek = np.argwhere(face.segment.array)[::7] + face.segment.box.start
    mask = np.zeros(phantom.ct.array.shape, dtype=bool)
    mask[tuple(cheek.T)] = True
    kept = find_face(Request(phantom.ct), find_anatomy(phantom.ct, phantom.landmarks), (tight("kept", mask),))
    assert (kept.staying > face.staying + 2.0).sum() > 100


def test_images_that_follow_get_the_same_new_face(large):
    phantom, face = large
    part = phantom.ct.geometry.crop(Box(face.segment.box.start, phantom.ct.array.shape))
    followed = follow_face(face, phantom.ct.geometry, part, (), 2.0)
    assert followed is not None
    assert followed.view is phantom.ct.geometry
    assert all(np.array_equal(random_surface(followed, drawing(seed)), random_surface(face, drawing(seed))) for seed in SEEDS)
