"""The main job on real heads and a reference phantom, with the default settings and without help."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.case.records import CaseResult, Request
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.face.polar import skin_distance, to_polar, unit_vectors
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.coverage import feature_share
from FaceDeidLNLib.verify.verdict import Verdict

#: Where node blobs are planted: along these lines of sight (mm of the mean face), so far (mm) below the skin.
BLOBS = {
    "cheek left": (48.0, 74.0, -12.0),
    "cheek right": (-48.0, 74.0, -12.0),
    "under the chin": (0.0, 92.0, -75.0),
    "chin": (10.0, 104.0, -64.0),
}
BLOB_DEPTH_MM = 6.0
BLOB_RADIUS_MM = 5.0
#: The ICRP phantom's organ number of the lymph nodes of the head.
ICRP_NODES = 102


def blobs(ct: Volume) -> tuple[Segment, ...]:
    """Balls inside the face region of a head whose frame the pipeline itself found."""
    anatomy = deface(Request(ct)).anatomy
    frame = anatomy.frame
    points = ct.geometry.to_lps(np.argwhere(np.ones(ct.array.shape, dtype=bool)))
    segments = []
    for name, place in BLOBS.items():
        direction, _ = to_polar(frame, frame.to_lps(np.array([place])))
        distance = skin_distance(anatomy.depth, frame, direction) - BLOB_DEPTH_MM
        centre = frame.origin + unit_vectors(frame, direction)[0] * distance
        ball = np.linalg.norm(points - centre, axis=1) <= BLOB_RADIUS_MM
        if ball.any():  # the child's field of view ends at the chin
            segments.append(Segment(f"LN {name}", ct.with_array(ball.reshape(ct.array.shape))))
    assert len(segments) >= 3
    return tuple(segments)


@pytest.fixture(scope="module", params=["cthead_ct", "headsq_ct", "icrp110_female_pseudo_ct"])
def case(request, data_folder) -> tuple[Volume, tuple[Segment, ...], CaseResult]:
    """A head, its nodes and what came of it."""
    ct = read_ct(data_folder / "heads" / f"{request.param}.nrrd").volume
    if request.param.startswith("icrp"):
        organs = read_organs(data_folder / "heads" / "icrp110_female_organ_ids.nrrd", ct)
        nodes = (Segment("Lymph nodes of the head", ct.with_array(organs == ICRP_NODES)),)
    else:
        nodes = blobs(ct)
    return ct, nodes, deface(Request(ct, nodes))


def read_organs(path, ct: Volume) -> np.ndarray:
    """Organ numbers on the CT's grid."""
    organs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert organs.shape == ct.array.shape
    return organs


def test_the_head_passes_without_help(case):
    _, _, result = case
    assert result.reasons == ()
    assert result.verdict is Verdict.PASS


def test_every_node_voxel_is_bit_identical(case):
    ct, nodes, result = case
    for node in nodes:
        assert np.array_equal(result.result.array[node.mask.array], ct.array[node.mask.array])


def test_protection_had_something_to_do(case):
    ct, nodes, result = case
    if len(nodes) == 1:
        pytest.skip("the phantom's own nodes lie where they lie")
    bare = deface(Request(ct, (), parameters=replace(result.parameters, levels=())))
    for node in nodes:
        assert (bare.result.array[node.mask.array] != ct.array[node.mask.array]).any(), node.name


def test_everything_outside_the_face_segment_is_bit_identical(case):
    ct, _, result = case
    outside = ~result.face.segment.full(ct.array.shape)
    assert np.array_equal(result.result.array[outside], ct.array[outside])


def test_eyes_nose_and_mouth_are_covered(case):
    ct, _, result = case
    for name in ("pronasale", "stomion", "pogonion", "eye_right", "eye_left"):
        assert feature_share(ct, result.comparison.changed, result.face, result.landmarks.points[name]) >= 0.95, name


def test_a_partial_head_passes_as_a_partial_face(data_folder):
    ct = read_ct(data_folder / "heads" / "partial_head_ct.nii.gz").volume
    result = deface(Request(ct))
    assert result.verdict is Verdict.PASS
    assert {"stomion", "pogonion"} <= set(result.out_of_view)


@pytest.mark.parametrize("size", [0.55, 0.7])
def test_a_head_as_small_as_an_infants_is_found_as_the_same_head_in_full_size(data_folder, size):
    ct = read_ct(data_folder / "heads" / "headsq_ct.nrrd").volume
    small = replace(ct, geometry=replace(ct.geometry, ijk_to_lps=np.diag([size, size, size, 1.0]) @ ct.geometry.ijk_to_lps))
    whole, found = detect_landmarks(ct), detect_landmarks(small)
    certain = [point for point in whole if point.confidence > 0.8 and point.name in ("pronasale", "sellion", "stomion", "pogonion")]
    assert certain
    for point in certain:
        assert np.linalg.norm(found.position(point.name) / size - point.position) < 8.0, point.name


def test_a_head_as_small_as_an_infants_passes_without_help(data_folder):
    ct = read_ct(data_folder / "heads" / "headsq_ct.nrrd").volume
    small = replace(ct, geometry=replace(ct.geometry, ijk_to_lps=np.diag([0.6, 0.6, 0.6, 1.0]) @ ct.geometry.ijk_to_lps))
    result = deface(Request(small))
    assert result.verdict is Verdict.PASS, result.reasons


def test_a_childs_face_is_found_where_the_field_of_view_ends_at_the_mouth(data_folder):
    ct = read_ct(data_folder / "open-kbp" / "pt_3_ct.nrrd").volume
    marks = json.loads((data_folder / "open-kbp" / "landmarks.json").read_text())["patients"]["pt_3"]["landmarks"]
    mouth = int(ct.geometry.to_kji(np.array([marks["stomion"]]))[0, 0])
    part = ct.crop(Box((mouth, 0, 0), ct.array.shape))
    geometry = replace(part.geometry, ijk_to_lps=np.diag([0.7, 0.7, 0.7, 1.0]) @ part.geometry.ijk_to_lps)
    result = deface(Request(Volume(np.ascontiguousarray(part.array), geometry)))
    assert result.verdict is Verdict.PASS, result.reasons
    assert np.linalg.norm(result.landmarks.position("pronasale") / 0.7 - marks["pronasale"]) < 8.0
    for name in ("pronasale", "eye_right", "eye_left"):
        assert result.coverage.features[name] >= 0.95, name


def test_an_infants_mouth_and_chin_are_found_where_the_field_of_view_ends_at_the_nose(data_folder):
    ct = read_ct(data_folder / "open-kbp" / "pt_4_ct.nrrd").volume
    marks = json.loads((data_folder / "open-kbp" / "landmarks.json").read_text())["patients"]["pt_4"]["landmarks"]
    nose = int(ct.geometry.to_kji(np.array([marks["stomion"]]) + (0.0, 0.0, 24.0))[0, 0])
    part = ct.crop(Box((0, 0, 0), (nose, *ct.array.shape[1:])))
    geometry = replace(part.geometry, ijk_to_lps=np.diag([0.55, 0.55, 0.55, 1.0]) @ part.geometry.ijk_to_lps)
    result = deface(Request(Volume(np.ascontiguousarray(part.array), geometry)))
    assert result.verdict is Verdict.PASS, result.reasons
    for name in ("stomion", "pogonion"):
        assert np.linalg.norm(result.landmarks.position(name) / 0.55 - marks[name]) < 10.0, name
        assert result.coverage.features[name] >= 0.95, name
