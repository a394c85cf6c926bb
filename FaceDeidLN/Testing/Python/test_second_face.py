"""A second head in the field of view: found in the rest of the CT, never passed over, and never seen where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy import second_face as module
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.anatomy.landmark.grids import reduced
from FaceDeidLNLib.anatomy.second_face import (
    BONE_HU,
    LEAST_FACE_ML,
    Bone,
    is_limb,
    is_plate,
    other_face,
    pieces_outside,
    second_face,
)
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import AIR_HU, Volume, canonical_grid, resample
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.phantom import Phantom, PhantomOptions, make_phantom
from scipy.spatial.transform import Rotation

SPACING_MM = 3.0
ADULT_MM = (230.0, 252.0, 282.0)
#: The second head's turn (degrees about x, y, z), size and shift (mm) against the first.
PLACES = {
    "beside": ((0, 0, 0), 1.0, (200, 0, 0)),
    "cheek to cheek": ((0, 0, 0), 1.0, (158, 0, 0)),
    "head to foot": ((0, 180, 0), 1.0, (-190, 0, 0)),
    "below": ((0, 0, 0), 1.0, (0, 0, -285)),
    "below and upside down": ((180, 0, 0), 1.0, (0, 0, -285)),
    "above": ((180, 0, 0), 1.0, (0, 0, 285)),
    "face to face": ((0, 0, 180), 1.0, (0, -260, 0)),
    "a child on the chest": ((0, 0, 90), 0.65, (0, -170, -150)),
    "a child at the shoulder": ((0, 0, -60), 0.6, (150, -60, -60)),
}


@pytest.fixture(scope="module")
def bare() -> Phantom:
    """A head without couch."""
    return make_phantom((SPACING_MM,) * 3, seed=1, options=PhantomOptions(couch=False))


def with_second(head: Phantom, turn: tuple[int, int, int], scale: float, shift: tuple[int, int, int]) -> Volume:
    """The head, and itself again at another place, on a grid that holds both."""
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * scale
    moved[:3, 3] = shift
    second = Volume(head.ct.array, Geometry(head.ct.geometry.shape, moved @ head.ct.geometry.ijk_to_lps))
    grid = canonical_grid(np.vstack([head.ct.geometry.corners(), second.geometry.corners()]), SPACING_MM)
    both = np.maximum(*(resample(ct, grid).array for ct in (head.ct, second)))
    return Volume(np.rint(both).astype(np.int16), grid)


@pytest.mark.parametrize("place", PLACES)
def test_a_second_head_is_seen_wherever_it_lies(bare, place):
    (said,) = second_face(with_second(bare, *PLACES[place]), fit_frame(bare.landmarks))
    assert "there is a second face in the field of view" in said


def test_half_a_second_head_is_seen(bare):
    both = with_second(bare, (0, 0, 0), 1.0, (220, 0, 0))
    middle = int(both.geometry.to_kji(np.array([220.0, 0.0, 0.0]))[0, 2])
    half = both.crop(Box((0, 0, 0), (*both.array.shape[:2], middle)))
    assert second_face(half, fit_frame(bare.landmarks))


@pytest.mark.parametrize("size", [0.55, 0.66])
def test_a_childs_head_at_the_shoulder_whose_cranium_the_field_of_view_cuts_is_seen(bare, size):
    both = with_second(bare, (90, 0, 0), size, (150, -60, -130))  # the crown lies in front
    ears = int(both.geometry.to_kji(np.array([150.0, -60.0, -130.0]))[0, 1])
    cut = both.crop(Box((0, ears, 0), both.array.shape))
    assert second_face(cut, fit_frame(bare.landmarks))


def test_one_head_alone_is_no_second_one(phantom):
    assert second_face(phantom.ct, fit_frame(phantom.landmarks)) == ()


def test_what_seems_a_head_in_voxels_that_stand_for_others_is_looked_for_in_their_means(bare, monkeypatch):
    grid = canonical_grid(bare.ct.geometry.corners(), 1.2)
    noise = np.random.default_rng(1).normal(0.0, 200.0, grid.shape).astype(np.float32)
    seen = []
    monkeypatch.setattr(module, "_elsewhere", lambda small, *_: seen.append(small.array.std()) or (np.zeros(3) if len(seen) == 1 else None))
    assert second_face(Volume(noise, grid), fit_frame(bare.landmarks)) == ()
    assert seen[1] < 0.5 * seen[0]


@pytest.mark.parametrize("change", ["arms", "water phantom", "frame", "table", "table of two plates"])
def test_arms_a_ball_of_water_a_frame_and_a_table_are_no_second_head(bare, change):
    grid = canonical_grid(np.array([(-260.0, -150.0, -150.0), (260.0, 150.0, 150.0)]), SPACING_MM)
    hu = resample(bare.ct, grid, fill=AIR_HU).array
    x, y, z = np.moveaxis(grid.to_lps(np.indices(grid.shape).reshape(3, -1).T), 1, 0).reshape(3, *grid.shape)
    if change == "arms":  # beside the head, elbows bent
        axis = np.hypot(np.abs(x) - 150.0 - 0.2 * z, y - 20.0)
        hu = np.where(axis < 45.0, np.where(axis < 13.0, np.where(axis < 7.0, 50.0, 1000.0), 40.0), hu)
    elif change == "water phantom":
        radius = np.sqrt((x - 190.0) ** 2 + y**2 + z**2)
        hu = np.where(radius < 65.0, np.where(radius > 60.0, 120.0, 0.0), hu)
    elif "table" in change:
        hollow = 0.0 if change == "table" else 9.0
        hu = np.where((np.abs(y - 130.0) < 15.0) & (np.abs(y - 130.0) >= hollow), 400.0, hu)
    else:
        hu = np.where((np.abs(np.abs(x) - 130.0) < 4.0) & (np.abs(y) < 60.0) & (np.abs(z) < 120.0), 400.0, hu)
    assert second_face(Volume(np.rint(hu).astype(np.int16), grid), fit_frame(bare.landmarks)) == ()


@pytest.mark.parametrize("name", ["cthead_ct", "headsq_ct", "icrp110_female_pseudo_ct"])
def test_a_real_head_has_no_second_one(data_folder, name):
    ct = read_ct(data_folder / "heads" / f"{name}.nrrd").volume
    assert second_face(ct, fit_frame(detect_landmarks(ct))) == ()


def small_with(dense: tuple[slice, ...], *others: tuple[slice, ...]) -> tuple[Volume, np.ndarray]:
    """A reduced CT of 400 x 400 x 200 mm with dense boxes, and the places of the dense."""
    geometry = canonical_grid(np.array([(0.0, 0.0, 0.0), (396.0, 396.0, 196.0)]), 4.0)
    hu = np.full(geometry.shape, AIR_HU, np.float32)
    for box in (dense, *others):
        hu[box] = 400.0
    return Volume(hu, geometry), hu > BONE_HU


PLATE = (slice(None), slice(80, 87), slice(5, 95))


def test_the_plate_of_a_table_is_no_work_for_the_network():
    assert is_plate(*small_with(PLATE))


@pytest.mark.parametrize("side_mm", [80, 120])
def test_a_head_that_lies_on_the_plate_is_no_part_of_it(side_mm):
    size = side_mm // 4
    head = (slice(10, 10 + size), slice(80 - size, 80), slice(30, 30 + size))
    assert not is_plate(*small_with(PLATE, head))


def test_a_table_as_wide_as_a_narrow_field_of_view_is_a_plate():
    small, dense = small_with(PLATE)
    box = Box((0, 0, 20), (*small.array.shape[:2], 80))
    assert is_plate(small.crop(box), dense[box.slices])


def test_a_slab_no_longer_than_a_head_is_no_plate():
    assert not is_plate(*small_with((slice(5, 45), slice(80, 87), slice(20, 60))))


def test_an_arm_is_no_work_for_the_network():
    assert is_limb(*small_with((slice(20, 30), slice(40, 50), slice(10, 85))))


def test_a_side_of_a_head_rest_is_no_work_for_the_network():
    assert is_limb(*small_with((slice(20, 50), slice(40, 44), slice(40, 48))))


def part_of_ball(radius_mm: float, thick_mm: float, half_angle: float) -> tuple[Volume, np.ndarray]:
    """A reduced CT with bone on that part of a ball, inside of its surface, and the places of the bone."""
    geometry = canonical_grid(np.array([(-120.0, -120.0, -120.0), (120.0, 120.0, 120.0)]), 4.0)
    at = geometry.to_lps(np.indices(geometry.shape).reshape(3, -1).T)
    off = np.linalg.norm(at, axis=1)
    dense = (off <= radius_mm) & (off > radius_mm - thick_mm) & (at[:, 0] >= off * np.cos(np.radians(half_angle)))
    hu = np.where(dense, 400.0, AIR_HU).astype(np.float32).reshape(geometry.shape)
    return Volume(hu, geometry), hu > BONE_HU


@pytest.mark.parametrize(
    ("radius_mm", "thick_mm", "half_angle", "is_one"),
    [
        (100.0, 4.0, 25.0, True),  # on few sides and wide, but small
        (110.0, 8.0, 33.0, False),  # ... and not small
        (55.0, 4.0, 75.0, False),  # small, but on many sides
    ],
)
def test_what_is_bent_as_a_face_is_a_limb_only_where_it_is_on_few_sides_and_small(radius_mm, thick_mm, half_angle, is_one):
    assert is_limb(*part_of_ball(radius_mm, thick_mm, half_angle)) == is_one


def test_a_thick_rod_on_few_sides_is_a_limb_though_it_is_not_small():
    small, rod = small_with((slice(20, 32), slice(40, 52), slice(5, 95)))
    assert np.count_nonzero(rod) * small.geometry.voxel_mm3 > 4000.0 * LEAST_FACE_ML
    assert is_limb(small, rod)


def test_the_front_half_of_a_second_head_is_work_for_the_network_and_seen_by_it(bare):
    both = with_second(bare, (0, 0, 0), 1.0, (220, 0, 0))
    frame = fit_frame(bare.landmarks)
    before = frame.to_face(both.geometry.to_lps(np.indices(both.array.shape).reshape(3, -1).T))[:, 1].reshape(both.array.shape) > 0.0
    face = reduced(both.with_array(np.where(before, both.array, AIR_HU).astype(np.int16)))
    (piece,) = pieces_outside(face, Bone.of(face, frame))
    assert not is_limb(face, piece)
    assert other_face(face, frame, piece) is not None
