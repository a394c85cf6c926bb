"""The landmark network: its layers, its geometry, and what it finds on real heads that it has not seen."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.anatomy.landmark import layers
from FaceDeidLNLib.anatomy.landmark.derived import DERIVED
from FaceDeidLNLib.anatomy.landmark.net import WEIGHTS_FILE, Face, Prediction, load_model, predict_face, predict_landmarks
from FaceDeidLNLib.anatomy.landmark.shape import MEAN_SHAPE, MIRROR, NET_LANDMARKS, fit_frame, robust_frame, rotation, shape_residuals
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import Volume
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

ANGLES = st.tuples(*[st.floats(-170, 170)] * 3)
#: The first three development patients of each fold.
PATIENTS = ("pt_2", "pt_3", "pt_4", "pt_20", "pt_60", "pt_100")


def random_layer(size: int, inputs: int, outputs: int) -> layers.Layer:
    rng = np.random.default_rng(size + inputs)
    weight = rng.normal(size=(size, size, size, inputs, outputs))
    return layers.Layer(weight.astype(np.float32), rng.normal(size=outputs).astype(np.float32))


def test_conv3_is_a_zero_padded_correlation():
    x = np.random.default_rng(0).normal(size=(4, 5, 6, 2)).astype(np.float32)
    layer = random_layer(3, 2, 3)
    for n in range(3):
        expected = sum(ndimage.correlate(x[..., c], layer.weight[..., c, n], mode="constant") for c in range(2)) + layer.bias[n]
        np.testing.assert_allclose(layers.conv3(x, layer)[..., n], expected, atol=1e-4)


def test_halve_reads_cells_in_array_order():
    x = np.random.default_rng(1).normal(size=(4, 2, 2, 3)).astype(np.float32)
    layer = random_layer(2, 3, 5)
    expected = np.einsum("kjic,kjico->o", x[2:4], layer.weight) + layer.bias
    np.testing.assert_allclose(layers.halve(x, layer)[1, 0, 0], expected, atol=1e-4)


def test_cells_and_voxels_are_inverse():
    x = np.random.default_rng(2).normal(size=(3, 4, 6, 8)).astype(np.float32)
    np.testing.assert_array_equal(layers.from_depth(layers.to_depth(x)), x)


@given(ANGLES, st.floats(-300, 300))
def test_frame_is_recovered_from_any_pose(angles, shift):
    axes = rotation(angles)
    frame = robust_frame(MEAN_SHAPE @ axes.T + shift, np.ones(len(MEAN_SHAPE)), 15.0)
    assert np.degrees(np.arccos(np.clip((np.trace(frame.axes.T @ axes) - 1) / 2, -1, 1))) < 1.0
    np.testing.assert_allclose(frame.origin, shift, atol=0.5)


def test_frame_ignores_one_wild_point():
    lps = MEAN_SHAPE.copy()
    lps[0] += 120.0
    frame = robust_frame(lps, np.ones(len(lps)), 10.0)
    assert np.abs(frame.origin).max() < 3.0


@given(st.floats(0.7, 1.2), ANGLES)
def test_a_scaled_mean_face_has_no_residuals(size, angles):
    assert shape_residuals(MEAN_SHAPE * size @ rotation(angles).T, np.ones(len(MEAN_SHAPE))).max() < 2.0


def test_mirror_swaps_sides():
    names = [NET_LANDMARKS[n] for n in MIRROR]
    assert [n.replace("right", "?").replace("left", "right").replace("?", "left") for n in names] == list(NET_LANDMARKS)
    np.testing.assert_allclose(MEAN_SHAPE[list(MIRROR)] * [-1, 1, 1], MEAN_SHAPE)


def test_fit_needs_no_more_than_one_point():
    weights = np.zeros(len(MEAN_SHAPE))
    weights[3] = 1.0
    frame = fit_frame(MEAN_SHAPE + 50.0, weights)
    np.testing.assert_allclose(frame.to_lps(MEAN_SHAPE[3:4])[0], MEAN_SHAPE[3] + 50.0, atol=1e-6)


def test_weights_are_small_and_say_who_was_seen():
    assert WEIGHTS_FILE.stat().st_size < 2_000_000
    model = load_model()
    for name in set().union(*(m.patients for m in model.members)):
        assert all(name not in m.patients for m in model.without(name).members)


@pytest.mark.parametrize("fill", [-1000, -3024, 0])
def test_nothing_is_found_where_nothing_is(fill):
    empty = Volume(np.full((40, 50, 60), fill, dtype=np.int16), Geometry((40, 50, 60), np.diag([3.0, 3.0, 4.0, 1.0])))
    found = predict_landmarks(empty)
    assert set(found) == {*NET_LANDMARKS, *DERIVED}
    assert all(p.position_lps is None and p.reason for p in found.values())


def test_the_head_is_found_at_the_end_of_a_whole_body(phantom):
    ct, steps = phantom.ct, round(1500 / phantom.ct.geometry.spacing[2])
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[2, 3] -= steps * ct.geometry.spacing[2]
    body = np.concatenate([np.repeat(ct.array[:1], steps, axis=0), ct.array])
    assert largest_difference(predict_landmarks(Volume(body, Geometry(body.shape, matrix))), predict_landmarks(ct)) < 5.0


@functools.lru_cache(maxsize=1)
def read_patient(folder: Path, name: str) -> tuple[Volume, dict[str, list[float] | None]]:
    """A patient's CT and the landmarks that a person placed; the last one is kept."""
    image = sitk.ReadImage(str(folder / "open-kbp" / f"{name}_ct.nrrd"))
    array = sitk.GetArrayFromImage(image)
    matrix = np.diag([*image.GetSpacing(), 1.0])
    matrix[:3, 3] = image.GetOrigin()
    marks = json.loads((folder / "open-kbp" / "landmarks.json").read_text())["patients"][name]["landmarks"]
    return Volume(array, Geometry(array.shape, matrix)), marks


@functools.cache
def face_of(folder: Path, name: str) -> Face:
    """What all networks see of a patient."""
    return predict_face(read_patient(folder, name)[0])


@functools.cache
def unseen(folder: Path, name: str) -> dict[str, Prediction]:
    """What the networks find that did not see the patient before."""
    return predict_landmarks(read_patient(folder, name)[0], load_model().without(name))


def moved(ct: Volume, matrix: np.ndarray) -> Volume:
    return Volume(ct.array, replace(ct.geometry, ijk_to_lps=matrix @ ct.geometry.ijk_to_lps))


def largest_difference(found: dict, expected: dict, matrix: np.ndarray | None = None) -> float:
    matrix = np.eye(4) if matrix is None else matrix
    both = [n for n in expected if expected[n].confidence >= 0.5 and found[n].position_lps is not None]
    assert len(both) >= 8
    return max(float(np.linalg.norm(found[n].position_lps - (matrix @ [*expected[n].position_lps, 1])[:3])) for n in both)


@pytest.mark.parametrize("name", PATIENTS)
def test_unseen_patients(data_folder, name):
    marks, found = read_patient(data_folder, name)[1], unseen(data_folder, name)
    sure = [n for n, mark in marks.items() if mark and found[n].confidence >= 0.5]
    assert len(sure) >= 7
    assert max(np.linalg.norm(found[n].position_lps - marks[n]) for n in sure) < 15.0


@pytest.mark.parametrize("angles", [(25, 0, 0), (-25, 0, 0), (0, 25, 0), (0, 0, -25), (15, -15, 15)])
def test_a_turned_head_gives_turned_landmarks(data_folder, angles):
    ct, _ = read_patient(data_folder, "pt_4")
    model = load_model().without("pt_4")
    turn = np.eye(4)
    turn[:3, :3] = rotation(angles)
    assert largest_difference(predict_landmarks(moved(ct, turn), model), unseen(data_folder, "pt_4"), turn) < 7.0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns_are_seen_in_the_head_frame(data_folder, axis):
    ct, _ = read_patient(data_folder, "pt_4")
    turn = np.eye(4)
    turn[:3, :3] = rotation(180.0 * np.eye(3)[axis])
    before, after = face_of(data_folder, "pt_4"), predict_face(moved(ct, turn))
    assert np.trace((turn[:3, :3] @ before.frame.axes).T @ after.frame.axes) > 1 + 2 * np.cos(np.radians(10.0))
    assert largest_difference(after.landmarks, before.landmarks, turn) < 7.0


def test_derived_landmarks_lie_on_the_skin_between_their_neighbours(data_folder):
    ct, _ = read_patient(data_folder, "pt_4")
    face = face_of(data_folder, "pt_4")
    head = {name: face.frame.to_head(p.position_lps) for name, p in face.landmarks.items()}
    assert head["pronasale"][2] > head["subnasale"][2] > head["stomion"][2]
    assert head["cheilion_right"][0] < head["stomion"][0] < head["cheilion_left"][0]
    assert head["exocanthion_right"][0] < head["eye_right"][0] < head["endocanthion_right"][0] < head["endocanthion_left"][0]
    near_air = ndimage.minimum_filter(ct.array, 3) < -350
    on_skin = [near_air[tuple(np.round(ct.geometry.to_kji(face.landmarks[n].position_lps)[0]).astype(int))] for n in DERIVED]
    assert np.mean(on_skin) > 0.7


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_axes_change_nothing(data_folder, axis):
    ct, _ = read_patient(data_folder, "pt_4")
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += matrix[:3, 2 - axis] * (ct.array.shape[axis] - 1)
    matrix[:3, 2 - axis] *= -1
    flipped = Volume(np.flip(ct.array, axis), Geometry(ct.array.shape, matrix))
    assert largest_difference(predict_landmarks(flipped), face_of(data_folder, "pt_4").landmarks) < 1.5


def test_padding_and_number_type_change_nothing(data_folder):
    ct, _ = read_patient(data_folder, "pt_4")
    padded = np.pad(ct.array.astype(np.float32), 6, constant_values=-3024.0)
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] -= matrix[:3, :3].sum(1) * 6
    assert (
        largest_difference(predict_landmarks(Volume(padded, Geometry(padded.shape, matrix))), face_of(data_folder, "pt_4").landmarks) < 2.0
    )


@pytest.mark.parametrize("name", PATIENTS[:3])
@pytest.mark.parametrize("level", ["sellion", "pronasale", "stomion"])
@pytest.mark.parametrize("keep_below", [True, False])
def test_cut_off_landmarks_are_not_claimed(data_folder, name, level, keep_below):
    ct, marks = read_patient(data_folder, name)
    if marks[level] is None:
        pytest.skip(f"{name} ends below the {level}")
    cut = int(round(float(ct.geometry.to_kji(marks[level])[0, 0])))
    k, j, i = ct.array.shape
    box = Box((0, 0, 0), (cut, j, i)) if keep_below else Box((cut, 0, 0), (k, j, i))
    found = predict_landmarks(ct.crop(box), load_model().without(name))
    edge = marks[level][2]
    gone = [n for n, mark in marks.items() if mark and (mark[2] - edge > 12 if keep_below else edge - mark[2] > 12)]
    assert all(found[n].confidence < 0.5 for n in gone)
