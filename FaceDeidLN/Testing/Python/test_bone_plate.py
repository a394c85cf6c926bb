"""The plate of bone: from the front no threshold shows the old skull, and not a voxel of it is changed."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.attack.depth_maps import BONE_HU, lines_inside, second_crossing
from FaceDeidLNLib.attack.surfaces import coarse, first_hit, sample_lines
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.face.segment import Face
from scipy import ndimage

#: No partial volume of bone reads as much.
DENSE_HU = 350.0


@pytest.fixture(scope="module")
def face(phantom, phantom_anatomy) -> Face:
    return find_face(Request(phantom.ct), phantom_anatomy, ())


@pytest.fixture(scope="module")
def seen(phantom, face):
    """The distance (draw, level, line) to the surface at every level of bone along lines of sight, for two draws; and of the original."""
    window = lines_inside(face_window(phantom.landmarks))

    def maps(ct):
        lines = sample_lines(coarse(ct, window), window)
        return np.array([first_hit(lines, level, window) for level in BONE_HU])

    made = [apply_effect(EFFECTS["reface-veil"], phantom.ct, face, Parameters(seed=seed)) for seed in (1, 2)]
    return made, np.array([maps(ct) for ct in made]), maps(phantom.ct)


def test_no_voxel_of_bone_changes(phantom, face, seen):
    made, _, _ = seen
    bone = ndimage.binary_opening(face.region.array & (phantom.ct.array[face.region.box.slices] > DENSE_HU))
    assert bone.sum() > 1000
    for ct in made:
        assert np.array_equal(ct.array[face.region.box.slices][bone], phantom.ct.array[face.region.box.slices][bone])


def test_what_a_threshold_of_bone_shows_lies_before_the_old_bone_and_is_drawn(seen):
    _, maps, original = seen
    known = ~np.isnan(original).all(axis=0)
    old = np.zeros(known.shape)
    old[known] = np.nanmax(original[:, known], axis=0)
    before = maps[:, :, known] > old[known] + 1.5
    assert before.mean() > 0.9
    assert np.nanmedian(np.abs(maps[0] - maps[1])) > 1.5


def test_the_second_surface_is_the_one_behind_the_first(phantom):
    window = face_window(phantom.landmarks)
    lines = np.full((1, len(window.radii)), -1000.0)
    lines[0, 10:20], lines[0, 30:40] = 500.0, 500.0
    assert second_crossing(lines, 150.0, window) == window.radii[30]
    lines[0, 30:40] = -1000.0
    assert np.isnan(second_crossing(lines, 150.0, window)).all()
