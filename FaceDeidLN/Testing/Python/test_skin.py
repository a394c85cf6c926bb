"""The patient's body and skin: on the phantom with everything that misleads, on simple shapes, and on real heads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.grids import fill_holes, is_above, sample
from FaceDeidLNLib.anatomy.skin import skin_depth, skin_surface, snap_to_skin
from FaceDeidLNLib.core.errors import FaceNotFoundError, InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import Phantom, PhantomOptions, make_phantom
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_fill_holes
from vtk.util.numpy_support import vtk_to_numpy

SPACING = (2.5, 2.4, 3.0)
MARKS = ("pronasale", "sellion", "subnasale", "stomion", "pogonion", "menton")
HARD = {
    "mask sheet": PhantomOptions(mask_sheet=True),
    "tube": PhantomOptions(tube=True),
    "dental metal": PhantomOptions(dental_metal=True),
    "noise": PhantomOptions(noise_hu=40.0),
    "pitch": PhantomOptions(rotation_deg=(20.0, 0.0, 0.0)),
    "roll": PhantomOptions(rotation_deg=(0.0, -20.0, 0.0)),
    "yaw": PhantomOptions(rotation_deg=(0.0, 0.0, 20.0)),
    "child": PhantomOptions(scale=0.75),
}


@pytest.fixture(scope="module")
def bare() -> Phantom:
    """A head with nothing around it: all that is not air is the patient."""
    return make_phantom(SPACING, seed=1, options=PhantomOptions(couch=False, noise_hu=0.0))


@pytest.fixture(scope="module")
def bare_body(bare: Phantom) -> Volume:
    return find_body(bare.ct)


@pytest.fixture(scope="module")
def bare_depth(bare: Phantom, bare_body: Volume) -> Volume:
    return skin_depth(bare.ct, bare_body, face_box(bare))


def positions(phantom: Phantom, names: tuple[str, ...] = MARKS) -> np.ndarray:
    return np.array([phantom.landmarks.position(name) for name in names])


def face_box(phantom: Phantom) -> np.ndarray:
    marks = positions(phantom)
    return np.array([marks.min(0) - [90, 40, 60], marks.max(0) + [90, 80, 60]])


def depth_of(depth: Volume, lps: np.ndarray) -> np.ndarray:
    return depth.at(lps)


def ball(radius: float, centre: np.ndarray, spacing: float, size: int) -> Volume:
    """A ball of water in air with partial volume at its surface."""
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    geometry = Geometry((size, size, size), matrix)
    kji = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = radius - np.linalg.norm(geometry.to_lps(kji) - centre, axis=1)
    share = np.clip(distance / spacing + 0.5, 0.0, 1.0)
    return Volume((share * 1000 - 1000).reshape(geometry.shape).astype(np.int16), geometry)


def inside(body: Volume, lps: np.ndarray) -> np.ndarray:
    """Bool (N,): the points that lie in a voxel of the body."""
    kji = np.clip(np.rint(body.geometry.to_kji(lps)).astype(int), 0, np.array(body.array.shape) - 1)
    return body.array[tuple(kji.T)]


def tissue_points(phantom: Phantom) -> np.ndarray:
    """LPS of the voxels that are tissue for more than half."""
    return phantom.ct.geometry.to_lps(np.argwhere(phantom.ct.array > -300))


def flipped(volume: Volume, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Volume:
    """The same voxels at the same places, stored in another order."""
    array, matrix = volume.array.transpose(axes), volume.geometry.ijk_to_lps.copy()
    matrix[:3, :3] = matrix[:3, [2 - axes[2], 2 - axes[1], 2 - axes[0]]]
    for axis in np.flatnonzero(flips):
        matrix[:3, 3] += matrix[:3, 2 - axis] * (array.shape[axis] - 1)
        matrix[:3, 2 - axis] *= -1
        array = np.flip(array, axis)
    return Volume(array, Geometry(array.shape, matrix))


def test_depth_of_a_ball_is_its_distance_to_the_surface():
    centre, radius = np.array([91.3, 88.7, 90.4]), 60.2
    ct = ball(radius, centre, 1.5, 120)
    depth = skin_depth(ct, find_body(ct), np.array([[0, 0, 0], [180, 180, 180]]))
    lps = depth.geometry.to_lps(np.argwhere(np.abs(depth.array) < 1.5))
    error = depth_of(depth, lps) - (radius - np.linalg.norm(lps - centre, axis=1))
    assert np.abs(error).mean() < 0.4
    assert np.abs(error).max() < 1.6


@pytest.mark.parametrize("off_mm", [150.0, 250.0, 5000.0])
def test_a_face_that_is_looked_for_outside_of_the_ct_is_told_by_its_landmarks(bare, bare_body, off_mm):
    with pytest.raises(FaceNotFoundError, match="the landmarks put the face.*: check them"):
        skin_depth(bare.ct, bare_body, face_box(bare) + (0.0, 0.0, 150.0 + off_mm))


def test_the_whole_patient_is_in_the_body(bare, bare_body):
    assert inside(bare_body, tissue_points(bare)).mean() > 0.99


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_ears_are_in_the_body(bare, bare_body, side):
    away = tissue_points(bare) - bare.landmarks.position(f"tragion_{side}")
    outward = away[:, 0] * (1 if side == "left" else -1)
    ear = (outward > 4) & (np.abs(away[:, 2]) < 40)
    assert ear.sum() > 50
    assert inside(bare_body, tissue_points(bare)[ear]).mean() > 0.8


def test_the_tip_of_the_nose_is_in_the_body(bare, bare_body):
    tip = np.linalg.norm(tissue_points(bare) - bare.landmarks.position("pronasale"), axis=1) < 10
    assert inside(bare_body, tissue_points(bare)[tip]).mean() > 0.85


def test_airways_are_filled(bare, bare_body):
    airway = bare.landmarks.position("stomion") + np.array([[0, y, 0] for y in range(8, 90, 2)])
    assert inside(bare_body, airway).all()


@pytest.mark.parametrize("name", HARD)
def test_marks_lie_on_the_skin_whatever_is_around(name):
    phantom = make_phantom(SPACING, seed=1, options=HARD[name])
    depth = skin_depth(phantom.ct, find_body(phantom.ct), face_box(phantom))
    assert np.abs(depth_of(depth, positions(phantom))).max() < 2.0


@pytest.mark.parametrize("gap_mm", [5.0, 8.0, 12.0, 15.0])
def test_a_closed_sheet_in_front_of_the_face_is_not_skin(bare, gap_mm):
    ct = with_sheet(bare, gap_mm)
    depth = skin_depth(ct, find_body(ct), face_box(bare))
    assert np.abs(depth_of(depth, positions(bare))).max() < 2.0


def with_sheet(phantom: Phantom, gap_mm: float) -> Volume:
    """A sheet of plastic, one voxel thick, in front of the whole patient."""
    ct = phantom.ct
    solid = np.cumsum(ct.array > -300, axis=1) > 0
    image = sitk.GetImageFromArray(solid.astype(np.uint8))
    image.SetSpacing(ct.geometry.spacing)
    away = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image, False, False, True))
    sheet = (away >= gap_mm) & (away < gap_mm + 2.6)
    return ct.with_array(np.where(sheet, 50, ct.array).astype(np.int16))


@pytest.mark.parametrize("gap_mm", [-6.0, 0.0, 6.0])
def test_a_massive_couch_is_no_part_of_the_body(bare, bare_body, gap_mm):
    body = find_body(with_couch(bare.ct, gap_mm))
    assert body.array.sum() < 1.02 * bare_body.array.sum()


def with_couch(ct: Volume, gap_mm: float) -> Volume:
    """A slab of 40 mm under the back of the patient, as wide as the field of view."""
    step = ct.geometry.sampling[1]
    back = int(np.flatnonzero((ct.array > -300).any(axis=(0, 2)))[-1] + gap_mm / step)
    array = np.pad(ct.array, ((0, 0), (0, 30), (0, 0)), constant_values=-1000)
    slab = array[:, back : back + int(40 / step)]
    np.maximum(slab, -50, out=slab)
    return Volume(array, Geometry(array.shape, ct.geometry.ijk_to_lps))


@settings(max_examples=6, deadline=None)
@given(st.permutations([0, 1, 2]), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_the_order_of_the_axes_does_not_matter(bare, bare_body, bare_depth, axes, flips):
    ct = flipped(bare.ct, tuple(axes), flips)
    body = find_body(ct)
    depth = skin_depth(ct, body, face_box(bare))
    assert np.abs(depth_of(depth, positions(bare)) - depth_of(bare_depth, positions(bare))).max() < 0.5
    assert np.count_nonzero(body.array) == pytest.approx(np.count_nonzero(bare_body.array), rel=0.01)


def test_gantry_tilt_does_not_matter(bare):
    matrix = bare.ct.geometry.ijk_to_lps.copy()
    matrix[1, 2] = np.tan(np.radians(15)) * matrix[2, 2]
    sheared = Geometry(bare.ct.array.shape, matrix)
    lps = sheared.to_lps(bare.ct.geometry.to_kji(positions(bare)))
    ct = Volume(bare.ct.array, sheared)
    depth = skin_depth(ct, find_body(ct), np.array([lps.min(0) - 60, lps.max(0) + 60]))
    assert np.abs(depth_of(depth, lps)).max() < 2.0


@pytest.mark.parametrize("end", ["top", "bottom"])
def test_a_cut_plane_of_the_field_of_view_is_not_skin(bare, end):
    k = int(bare.ct.geometry.to_kji(bare.landmarks.position("subnasale"))[0, 0])
    keep = slice(None, k) if end == "top" else slice(k, None)
    array = np.full_like(bare.ct.array, -1000)
    array[keep] = bare.ct.array[keep]
    ct = bare.ct.with_array(array)
    depth = skin_depth(ct, find_body(ct), face_box(bare))
    point = bare.landmarks.position("subnasale") + np.array([0, 30.0, -2.0 if end == "top" else 2.0])
    assert depth_of(depth, point)[0] > 20.0


def test_padding_far_below_air_does_not_matter(bare, bare_depth):
    array = np.full((bare.ct.array.shape[0] + 20, *bare.ct.array.shape[1:]), -3024, dtype=np.int16)
    array[:-20] = bare.ct.array
    ct = Volume(array, Geometry(array.shape, bare.ct.geometry.ijk_to_lps))
    depth = skin_depth(ct, find_body(ct), face_box(bare))
    assert np.abs(depth_of(depth, positions(bare)) - depth_of(bare_depth, positions(bare))).max() < 0.5


def test_a_nose_that_touches_the_field_of_view_ends_there(bare):
    front = int(bare.ct.geometry.to_kji(bare.landmarks.position("pronasale"))[0, 1]) + 1
    matrix = bare.ct.geometry.ijk_to_lps.copy()
    matrix[1, 3] += front * matrix[1, 1]
    array = bare.ct.array[:, front:]
    ct = Volume(array, Geometry(array.shape, matrix))
    depth = skin_depth(ct, find_body(ct), face_box(bare))
    assert depth_of(depth, bare.landmarks.position("pronasale") - [0, 6.0, 0])[0] < 0.0


def test_the_surface_lies_where_the_depth_is_zero(bare_depth):
    points = vtk_to_numpy(skin_surface(bare_depth).GetPoints().GetData())
    assert np.abs(depth_of(bare_depth, points)).max() < 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_points_within_30_mm_are_snapped_onto_the_skin(bare_depth, seed):
    rng = np.random.default_rng(seed)
    skin = vtk_to_numpy(skin_surface(bare_depth).GetPoints().GetData())
    points = skin[rng.integers(0, len(skin), 50)] + rng.uniform(-17, 17, (50, 3))
    assert np.abs(depth_of(bare_depth, snap_to_skin(bare_depth, points))).max() < 0.1


def test_a_point_on_the_skin_stays_where_it_is(bare_depth):
    skin = vtk_to_numpy(skin_surface(bare_depth).GetPoints().GetData())[::500].astype(float)
    assert np.abs(snap_to_skin(bare_depth, skin) - skin).max() < 0.1


def test_a_ct_of_air_has_no_body(bare):
    with pytest.raises(FaceNotFoundError, match="air"):
        find_body(bare.ct.with_array(np.full_like(bare.ct.array, -1000)))


def test_a_couch_alone_is_no_body(bare):
    array = np.full_like(bare.ct.array, -1000)
    array[:, -6:-3] = 50
    with pytest.raises(FaceNotFoundError, match="patient"):
        find_body(bare.ct.with_array(array))


def test_a_single_slice_is_refused(bare):
    with pytest.raises(InputError, match="3-D"):
        find_body(bare.ct.with_array(bare.ct.array[:1]))


def test_a_box_beside_the_ct_is_refused(bare, bare_body):
    with pytest.raises(FaceNotFoundError, match="outside"):
        skin_depth(bare.ct, bare_body, np.array([[900.0, 0, 0], [1000, 100, 100]]))


@pytest.mark.parametrize("number", [31, 55, 72, 87, 157])
def test_marks_of_real_patients_lie_near_the_skin(data_folder: Path, number):
    marks = json.loads((data_folder / "open-kbp" / "landmarks.json").read_text())["patients"][f"pt_{number}"]["landmarks"]
    lps = np.array([marks[name] for name in ("pronasale", "sellion", "pogonion", "menton") if marks[name] is not None])
    image = sitk.ReadImage(str(data_folder / "open-kbp" / f"pt_{number}_ct.nrrd"))
    matrix = np.diag([*image.GetSpacing(), 1.0])
    matrix[:3, 3] = image.GetOrigin()
    array = sitk.GetArrayFromImage(image)
    ct = Volume(array, Geometry(array.shape, matrix))
    depth = skin_depth(ct, find_body(ct), np.array([lps.min(0) - 60, lps.max(0) + 60]))
    assert np.abs(depth_of(depth, lps)).max() < 6.0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 0.9))
def test_holes_are_filled_slice_by_slice(seed, share):
    mask = np.random.default_rng(seed).random((4, 9, 11)) < share
    np.testing.assert_array_equal(fill_holes(mask), [binary_fill_holes(section) for section in mask])


@pytest.mark.parametrize("kind", [bool, np.int16, np.float32])
def test_what_is_above_a_level_is_what_the_sampled_values_tell(kind):
    values = np.random.default_rng(3).normal(0.5, 1.0, (7, 8, 9))
    volume = Volume(values > 0.5 if kind is bool else values.astype(kind), Geometry((7, 8, 9), np.diag([0.7, 0.8, 2.0, 1.0])))
    target = Geometry((12, 11, 10), np.diag([0.6, 0.6, 1.1, 1.0]))
    assert np.array_equal(is_above(volume, target, 0.25), sample(volume, target) > 0.25)
    assert 0 < np.count_nonzero(is_above(volume, target, 0.25)) < 12 * 11 * 10
