"""The synthetic head is what it says: right landmarks, right tissues, right sides, and options that do their thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.landmarks import LANDMARK_NAMES
from FaceDeidLNLib.phantom import ExtraNode, Phantom, PhantomOptions, make_phantom
from FaceDeidLNLib.phantom.options import NODE_PLACES
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

SKIN_HU = -300
COARSE_MM = (3.0, 3.0, 3.0)
PLAIN = PhantomOptions(couch=False, noise_hu=0.0)


@pytest.fixture(scope="module")
def plain() -> Phantom:
    """A coarse head without couch and noise."""
    return make_phantom(COARSE_MM, options=PLAIN)


@pytest.fixture(scope="module")
def opened() -> Phantom:
    """A head with an open mouth."""
    return make_phantom((2.0, 2.0, 2.0), options=replace(PLAIN, mouth_opening_deg=18))


@pytest.fixture(scope="module")
def of_seed_7() -> Phantom:
    """A head as coarse as can be."""
    return make_phantom((5.0, 5.0, 5.0), seed=7)


def skin_distance(made: Phantom) -> np.ndarray:
    """Distance in mm of each voxel to the body's surface, positive outside."""
    labels, _ = ndimage.label(made.ct.array > SKIN_HU)
    body = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    sampling = made.ct.geometry.sampling
    return ndimage.distance_transform_edt(~body, sampling) - ndimage.distance_transform_edt(body, sampling)


def centre(made: Phantom, name: str) -> np.ndarray:
    """LPS mm of the middle of a segment."""
    return made.ct.geometry.to_lps(np.argwhere(made.segment(name).mask.array)).mean(0)


def hu_at(made: Phantom, lps: tuple[float, float, float]) -> int:
    """HU of the voxel at a place."""
    k, j, i = np.rint(made.ct.geometry.to_kji(np.array([lps]))[0]).astype(int)
    return int(made.ct.array[k, j, i])


def test_every_landmark_name_has_a_position(phantom: Phantom):
    assert {mark.name for mark in phantom.landmarks if mark.position is not None} == set(LANDMARK_NAMES)


@pytest.mark.parametrize(
    "options", [PLAIN, replace(PLAIN, mouth_opening_deg=15), replace(PLAIN, rotation_deg=(8, -5, 12)), replace(PLAIN, scale=0.75)]
)
def test_landmarks_lie_on_the_skin(options: PhantomOptions):
    made = make_phantom((2.5, 2.5, 2.5), options=options)
    to_skin = skin_distance(made)
    for mark in made.landmarks:
        if not mark.name.startswith("eye"):
            at = made.ct.geometry.to_kji(mark.position).T
            off = float(ndimage.map_coordinates(to_skin, at, order=1)[0])
            assert abs(off) <= 3.0, f"{mark.name} is {off:.1f} mm off the skin"


def test_the_eye_landmark_is_in_the_middle_of_the_eyeball(phantom: Phantom):
    for side in ("left", "right"):
        assert np.linalg.norm(centre(phantom, f"Eye {side}") - phantom.landmarks.position(f"eye_{side}")) < 2.0


def test_face_measures_are_those_of_an_adult(phantom: Phantom):
    at = phantom.landmarks.position
    assert 110 <= np.linalg.norm(at("sellion") - at("menton")) <= 130
    assert 15 <= at("subnasale")[1] - at("pronasale")[1] <= 24
    assert 28 <= at("endocanthion_left")[0] - at("endocanthion_right")[0] <= 38
    assert 31 <= at("alare_left")[0] - at("alare_right")[0] <= 40
    assert 42 <= at("cheilion_left")[0] - at("cheilion_right")[0] <= 60
    assert at("sellion")[2] > at("pronasale")[2] > at("subnasale")[2] > at("stomion")[2] > at("pogonion")[2] > at("menton")[2]


def test_left_of_the_patient_is_positive_x(phantom: Phantom):
    for made in phantom.segments:
        if made.name.endswith(("left", "right")):
            assert (centre(phantom, made.name)[0] > 10) == made.name.endswith("left"), made.name
    for mark in phantom.landmarks:
        if mark.name.endswith(("left", "right")):
            assert (mark.position[0] > 10) == mark.name.endswith("left"), mark.name


def test_organs_stand_where_anatomy_puts_them(phantom: Phantom):
    jaw, hyoid = centre(phantom, "Mandible"), centre(phantom, "Hyoid")
    gland, node = centre(phantom, "Submandibular gland left"), centre(phantom, "LN Ib left")
    assert hyoid[2] < gland[2] < jaw[2], "the gland lies between the mandible and the hyoid"
    assert node[1] < gland[1], "level Ib nodes lie in front of the gland"
    assert abs(centre(phantom, "LN Ia")[0]) < 8, "level Ia lies in the middle"
    assert centre(phantom, "Parotid gland left")[0] > gland[0], "the parotid lies lateral"
    assert centre(phantom, "LN IIa left")[1] > gland[1], "level IIa lies behind the gland"


def test_nodes_are_soft_tissue_and_neither_air_nor_bone(plain: Phantom):
    for node in plain.nodes:
        inside = plain.ct.array[node.mask.array]
        assert len(inside) > 5, node.name
        assert inside.min() > -120, node.name
        assert inside.max() < 150, node.name


def test_nodes_lie_wholly_below_the_skin(plain: Phantom):
    outside = plain.ct.array < SKIN_HU
    for node in plain.nodes:
        assert not (node.mask.array & outside).any(), node.name


def test_segments_are_on_the_grid_of_the_ct(phantom: Phantom):
    for made in phantom.segments:
        assert made.mask.array.dtype == bool
        assert made.mask.geometry.same_as(phantom.ct.geometry)
        assert made.mask.array.any(), made.name


@pytest.mark.parametrize(
    ("lps", "low", "high"),
    [
        ((0, 30, 80), 20, 50),
        ((-31, -70, 13), 0, 60),
        ((24, -59, -15), -1024, -900),
        ((0, -13, -60), -1024, -900),
        ((0, -50, -68), 40, 80),
        ((30, -110, 90), -1024, -990),
        ((0, -86, -80), 300, 2500),
        ((0, 92, 47), -110, 120),
    ],
    ids=["brain", "eye", "maxillary sinus", "pharynx", "tongue", "air in front", "chin bone", "scalp"],
)
def test_tissues_have_their_hounsfield_units(fine_phantom: Phantom, lps: tuple[float, float, float], low: int, high: int):
    k, j, i = np.rint(fine_phantom.ct.geometry.to_kji(np.array([lps]))[0]).astype(int)
    around = fine_phantom.ct.array[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2]
    assert low <= np.median(around) <= high


@pytest.mark.parametrize(
    ("name", "start", "way", "low", "high"),
    [
        ("forehead", (0, -120, 65), (0, 1, 0), 3.0, 8.0),
        ("chin", (0, -120, -86), (0, 1, 0), 5.0, 12.0),
        ("zygomatic arch", (100, -30, -1), (-1, 0, 0), 4.0, 10.0),
        ("jaw line", (29, -58, -125), (0, 0, 1), 4.0, 14.0),
    ],
)
def test_bone_lies_at_its_depth_below_the_skin(fine_phantom: Phantom, name, start, way, low, high):
    steps = np.arange(0, 60, 0.25)
    at = fine_phantom.ct.geometry.to_kji(np.array(start) + steps[:, None] * np.array(way)).T
    line = ndimage.map_coordinates(fine_phantom.ct.array.astype(np.float32), at, order=1)
    depth = steps[np.argmax(line > 250)] - steps[np.argmax(line > SKIN_HU)]
    assert low <= depth <= high, f"{name}: {depth} mm"


def test_the_same_seed_gives_the_same_voxels(of_seed_7: Phantom):
    again = make_phantom((5.0, 5.0, 5.0), seed=7)
    assert np.array_equal(of_seed_7.ct.array, again.ct.array)


def test_another_seed_gives_other_noise_and_the_same_head(of_seed_7: Phantom):
    other = make_phantom((5.0, 5.0, 5.0), seed=8)
    assert not np.array_equal(of_seed_7.ct.array, other.ct.array)
    assert np.abs(of_seed_7.ct.array.astype(int) - other.ct.array).mean() < 25


def test_noise_has_the_asked_standard_deviation(plain: Phantom):
    quiet = plain.ct.array
    noisy = make_phantom(COARSE_MM, seed=1, options=replace(PLAIN, noise_hu=20.0)).ct.array
    soft = (quiet > -200) & (quiet < 2000)
    assert abs(float((noisy - quiet)[soft].std()) - 20.0) < 1.0


def test_the_couch_can_be_left_out(plain: Phantom):
    with_couch = make_phantom(COARSE_MM, options=replace(PLAIN, couch=True))
    added = with_couch.ct.array.astype(int) - plain.ct.array > 20
    behind = plain.ct.geometry.to_lps(np.argwhere(added))[:, 1]
    assert added.sum() > 1000
    assert behind.min() > 60, "the couch and head rest lie behind"
    assert plain.ct.array[:, -2:, :].max() < -900


def test_an_open_mouth_has_air_behind_the_lips_and_a_lower_chin(plain: Phantom, opened: Phantom):
    assert opened.landmarks.position("menton")[2] < plain.landmarks.position("menton")[2] - 10
    assert np.allclose(opened.landmarks.position("pronasale"), plain.landmarks.position("pronasale"))
    between = (opened.landmarks.position("stomion") + [0, 6, -6]).tolist()
    assert hu_at(opened, between) < -500 < hu_at(plain, between)
    assert centre(opened, "Mandible")[2] < centre(plain, "Mandible")[2] - 5


def test_the_mask_sheet_stands_in_front_of_the_skin(plain: Phantom):
    masked = make_phantom(COARSE_MM, options=replace(PLAIN, mask_sheet=True))
    added = masked.ct.array.astype(int) - plain.ct.array > 100
    away = skin_distance(plain)[added]
    assert added.sum() > 500
    assert away.min() > 0
    assert np.median(away) < 9
    assert away.max() < 20


def test_the_tube_leaves_the_mouth(plain: Phantom):
    tubed = make_phantom(COARSE_MM, options=replace(PLAIN, tube=True))
    added = plain.ct.geometry.to_lps(np.argwhere(tubed.ct.array.astype(int) - plain.ct.array > 300))
    assert added[:, 1].min() < -125
    assert added[:, 2].min() < -100


def test_dental_metal_saturates_and_streaks_only_the_slices_of_the_teeth(plain: Phantom):
    metal = make_phantom(COARSE_MM, seed=3, options=replace(PLAIN, dental_metal=True))
    change = np.abs(metal.ct.array.astype(int) - plain.ct.array)
    z = plain.ct.geometry.to_lps(np.argwhere(change > 0))[:, 2]
    assert metal.ct.array.max() == 3071
    assert (change > 100).sum() > 2000
    assert z.min() > -75
    assert z.max() < -35


def test_a_turned_head_carries_its_landmarks_along(plain: Phantom):
    turned = make_phantom(COARSE_MM, options=replace(PLAIN, rotation_deg=(0, 0, 20)))
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    expected = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ plain.landmarks.position("pronasale")
    assert np.allclose(turned.landmarks.position("pronasale"), expected)
    assert np.linalg.norm(centre(turned, "Eye left") - turned.landmarks.position("eye_left")) < 2.0


def test_a_child_is_smaller_all_over(plain: Phantom):
    child = make_phantom(COARSE_MM, options=replace(PLAIN, scale=0.75))
    for name in LANDMARK_NAMES:
        assert np.allclose(child.landmarks.position(name), 0.75 * plain.landmarks.position(name))
    volumes = [made.segment("Mandible").mask.array.sum() for made in (child, plain)]
    assert 0.75**3 * 0.75 < volumes[0] / volumes[1] < 0.75**3 * 1.25


def test_the_field_of_view_is_cut_where_asked():
    cut = make_phantom(COARSE_MM, options=replace(PLAIN, z_range_mm=(-120.0, 0.0)))
    corners = cut.ct.geometry.corners()
    assert corners[:, 2].min() == pytest.approx(-118.5)
    assert corners[:, 2].max() == pytest.approx(-1.5)
    assert cut.landmarks.position("sellion")[2] > 0, "the truth is known outside the field of view, too"


@pytest.fixture(scope="module")
def with_every_node() -> tuple[Phantom, np.ndarray]:
    """A head with a node at every place, and the distance (mm) of its voxels from the skin."""
    made = make_phantom((2.0, 2.0, 2.0), options=replace(PLAIN, extra_nodes=tuple(ExtraNode(place, 3.0) for place in NODE_PLACES)))
    return made, skin_distance(made)


@pytest.mark.parametrize(("number", "place"), list(enumerate(NODE_PLACES, start=1)))
def test_an_extra_node_lies_at_the_asked_depth(number: int, place: str, with_every_node):
    made, distance = with_every_node
    node = made.segment(f"LN extra {number} {place}")
    depth = -distance[node.mask.array]
    assert abs(depth.min() - 3.0) <= 2.5
    assert made.ct.array[node.mask.array].min() > -150


def test_an_unknown_node_place_is_refused():
    with pytest.raises(InputError, match="No such node place"):
        make_phantom((8.0, 8.0, 8.0), options=replace(PLAIN, extra_nodes=(ExtraNode("elbow", 3.0),)))


def test_a_mouth_too_far_open_is_refused():
    with pytest.raises(InputError, match="mouth_opening_deg"):
        make_phantom((8.0, 8.0, 8.0), options=replace(PLAIN, mouth_opening_deg=40))


def test_nodes_stay_in_soft_tissue_with_an_open_mouth(opened: Phantom):
    for node in opened.nodes:
        inside = opened.ct.array[node.mask.array]
        assert len(inside) > 20, node.name
        assert -150 < np.median(inside) < 150, node.name


@settings(max_examples=3, deadline=None)
@given(st.tuples(*[st.floats(2.0, 4.5)] * 3))
def test_volumes_do_not_depend_on_the_spacing(fine_phantom: Phantom, spacing: tuple[float, float, float]):
    made = make_phantom(spacing, options=PLAIN)
    for name in ("Mandible", "Eye left", "Parotid gland right"):
        assert millilitres(made, name) == pytest.approx(millilitres(fine_phantom, name), rel=0.3), name


def millilitres(made: Phantom, name: str) -> float:
    """Volume of a segment."""
    return made.segment(name).mask.array.sum() * made.ct.geometry.voxel_mm3 / 1000
