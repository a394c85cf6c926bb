"""The review folder: complete, readable by Slicer, marked as holding the face, and fit to be given back."""

from __future__ import annotations

import os
import stat
import zipfile

import numpy as np
import pytest
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.segment import Segment, tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.markups import read_curve_json, read_landmarks_json
from FaceDeidLNLib.mrml import review_scene
from FaceDeidLNLib.mrml.as_made import is_as_made
from FaceDeidLNLib.mrml.case import CaseMaterial, material_of
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import curve_points_from_node, landmarks_from_node, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.protection import checked_segments
from FaceDeidLNLib.mrml.review_scene import write_review
from FaceDeidLNLib.mrml.scene import new_context
from FaceDeidLNLib.output.review_folder import README_FIRST_LINE, REVIEW_FILES, SEEN_FILE
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.steps.asked import asked_from


@pytest.fixture(scope="module")
def case(phantom):
    """The phantom after the pipeline."""
    return deface(Request(phantom.ct, phantom.nodes))


@pytest.fixture(scope="module")
def folder(phantom, case, tmp_path_factory):
    """The review folder of the phantom."""
    folder = tmp_path_factory.mktemp("case") / "review"
    write_review(folder, material_of(phantom.ct, case, released=True))
    return folder


@pytest.fixture(scope="module")
def scene(folder, tmp_path_factory):
    """The scene of the folder, read again into a fresh one."""
    return opened(folder, tmp_path_factory.mktemp("mrb"))


def opened(folder, unpacked):
    """The scene of a review, read into a fresh one; its files are put into the folder ``unpacked``."""
    with zipfile.ZipFile(folder / "scene.mrb") as archive:
        archive.extractall(unpacked)
    context = new_context()
    context.scene.SetURL(str(next(unpacked.rglob("*.mrml"))))
    assert context.scene.Import()
    return context


def first(context, kind, ending):
    nodes = context.scene.GetNodesByClass(kind)
    nodes.UnRegister(None)
    found = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
    return next(node for node in found if node.GetName().endswith(ending))


def small_material(**parts):
    array = np.full((12, 14, 16), -1000, dtype=np.int16)
    array[2:-2, 2:-2, 2:-2] = 40
    from FaceDeidLNLib.core.geometry import Geometry

    return CaseMaterial(Volume(array, Geometry(array.shape, np.diag((3.0, 3.0, 3.0, 1.0)))), **parts)


def test_the_panel_takes_up_what_the_scene_holds(scene):
    ct = first(scene, "vtkMRMLScalarVolumeNode", "CT")
    names = {role: linked(ct, role).GetName() for role in ("landmarks", "curve", "face", "skin", "protected")}
    assert names == {
        "landmarks": "CT landmarks",
        "curve": "CT face curve",
        "face": "CT face",
        "skin": "CT skin",
        "protected": "CT protected",
    }
    assert is_as_made(linked(ct, "curve"), ct)
    assert is_as_made(linked(ct, "face"), ct)


@pytest.mark.parametrize("role", ["curve", "face"])
def test_a_curve_or_face_segment_of_a_persons_own_stays_his_in_the_scene(role, phantom, case, tmp_path):
    segment = Segment("drawn", Volume(case.face.segment.full(phantom.ct.array.shape), phantom.ct.geometry))
    own = {"curve": {"curve": case.face.curve.control}, "face": {"face_segment": segment}}[role]
    mended = deface(Request(phantom.ct, phantom.nodes, case.landmarks, **own))
    write_review(tmp_path / "review", material_of(phantom.ct, mended, released=True))
    scene = opened(tmp_path / "review", tmp_path / "mrb")
    ct = first(scene, "vtkMRMLScalarVolumeNode", "CT")
    nodes = {"curve": linked(ct, "curve"), "face": linked(ct, "face")}
    asked, *_ = asked_from(ct, curve=nodes["curve"], faceSegmentation=nodes["face"], renew=True)
    assert {"curve": asked.curve, "face": asked.face} == {"curve": None, "face": None, role: nodes[role]}


def test_of_the_segments_in_the_scene_those_that_were_named_are_checked(scene, phantom):
    ct = first(scene, "vtkMRMLScalarVolumeNode", "CT")
    checked = [segment.name for segment in segments_from_node(linked(ct, "protected"), checked_segments(linked(ct, "protected")))]
    assert checked == [segment.name for segment in phantom.nodes]


def test_where_no_segment_was_named_nothing_of_the_scene_is_chosen_to_be_protected():
    context, mask = new_context(), np.zeros((12, 14, 16), dtype=bool)
    mask[4:6, 4:6, 4:6] = True
    material = small_material(protected=(tight("node level Ia", mask),), levels=1)
    ct = review_scene._add_to(context, material).ct
    assert (linked(ct, "protected"), linked(ct, "kept").GetName()) == (None, "CT protected")


def test_every_file_of_the_review_is_there(folder):
    assert {p.name for p in folder.iterdir()} == set(REVIEW_FILES) - {SEEN_FILE}  # which whoever offers a sign-off writes


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("there", [False, True])
def test_nobody_but_its_owner_can_read_it_whatever_the_umask(there, tmp_path):
    folder = tmp_path / "qa" / "case"
    before = os.umask(0)
    try:
        if there:
            folder.mkdir(parents=True)
        write_review(folder, small_material(figures={"moved": 5.96}))
    finally:
        os.umask(before)
    made = [folder, *folder.iterdir()] + ([] if there else [folder.parent])
    assert {path.name for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_folder_with_other_files_keeps_its_mode_and_the_reviews_files_are_private(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "theirs").touch()
    written = write_review(tmp_path, small_material())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)


def test_the_folder_says_that_it_holds_the_face(folder):
    assert (folder / "README.txt").read_text().startswith("THIS FOLDER CONTAINS THE FACE. DO NOT SHARE IT.")


def test_the_scene_opens_with_the_ct_and_the_result_bit_for_bit(scene, phantom, case):
    for ending, expected in (("CT", phantom.ct), ("de-identified", case.result)):
        volume = volume_from_node(first(scene, "vtkMRMLScalarVolumeNode", ending))
        assert volume.array.dtype == expected.array.dtype
        assert np.array_equal(volume.array, expected.array)
        assert volume.geometry.same_as(expected.geometry)


def test_the_scene_holds_the_face_segment_voxel_by_voxel(scene, phantom, case):
    segment = segments_from_node(first(scene, "vtkMRMLSegmentationNode", "face"))[0]
    places = np.rint(phantom.ct.geometry.to_kji(segment.mask.geometry.to_lps(np.argwhere(segment.mask.array)))).astype(int)
    mask = np.zeros(phantom.ct.array.shape, dtype=bool)
    mask[tuple(places.T)] = True
    assert np.array_equal(mask, case.face.segment.full(phantom.ct.array.shape))


def test_the_scene_holds_every_protected_segment_and_node_level(scene, phantom, case):
    names = [s.name for s in segments_from_node(first(scene, "vtkMRMLSegmentationNode", "protected"))]
    assert names == [*(node.name for node in phantom.nodes), *(level.mask.name for level in case.levels)]


def test_landmarks_come_back_from_scene_and_file_with_their_confidence(scene, folder, case):
    found = [
        landmarks_from_node(first(scene, "vtkMRMLMarkupsFiducialNode", "landmarks")),
        read_landmarks_json(folder / "landmarks.mrk.json"),
    ]
    for landmarks in found:
        for known in case.landmarks:
            if known.position is None:
                assert landmarks.position(known.name) is None
            else:
                assert landmarks.position(known.name) == pytest.approx(known.position, abs=0.01)
                assert landmarks.confidence(known.name) == pytest.approx(known.confidence, abs=1e-3)


def test_the_curve_comes_back_from_scene_and_file_and_its_path_lies_on_the_skin(scene, folder, case):
    control, path = curve_points_from_node(first(scene, "vtkMRMLMarkupsClosedCurveNode", "curve"))
    assert control == pytest.approx(case.face.curve.control, abs=0.01)
    assert read_curve_json(folder / "curve.mrk.json") == pytest.approx(case.face.curve.control, abs=0.01)

    depth = case.anatomy.depth
    assert np.abs(depth.at(path)).max() < 0.5


def test_a_result_that_is_not_released_says_so_in_the_scene(tmp_path):
    material = small_material()
    write_review(tmp_path, CaseMaterial(material.ct, result=material.ct))
    with zipfile.ZipFile(tmp_path / "scene.mrb") as archive:
        assert any("NOT%20RELEASED" in name or "NOT RELEASED" in name for name in archive.namelist())


def test_a_case_that_came_to_nothing_has_a_review_all_the_same(tmp_path):
    written = write_review(tmp_path, small_material(title="REVIEW: no face was found"))
    assert sorted(p.name for p in written) == ["README.txt", "before.png", "review.png", "scene.mrb"]
    assert "REVIEW: no face was found" in (tmp_path / "README.txt").read_text()


def test_files_of_an_earlier_review_do_not_stay(tmp_path):
    landmarks = Landmarks({"menton": Landmark("menton", np.zeros(3))})
    mask = np.zeros((12, 14, 16), dtype=bool)
    mask[4:6, 4:6, 4:6] = True
    write_review(tmp_path, small_material(landmarks=landmarks, face=tight("face", mask)))
    assert (tmp_path / "landmarks.mrk.json").is_file()
    write_review(tmp_path, small_material())
    assert not (tmp_path / "landmarks.mrk.json").exists()
    assert not (tmp_path / "face.seg.nrrd").exists()


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_review(tmp_path, small_material())
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", REVIEW_FILES)
def test_somebody_elses_files_of_the_same_names_are_left_alone(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="not of an earlier review"):
        write_review(tmp_path, small_material())
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_review(tmp_path / "file" / "review", small_material())


def test_a_scene_that_cannot_be_written_is_an_output_error(tmp_path):
    (tmp_path / "scene.mrb").mkdir()
    (tmp_path / "README.txt").write_text(f"{README_FIRST_LINE}\n")
    with pytest.raises(OutputError, match="cannot be written"):
        write_review(tmp_path, small_material())


@pytest.mark.skipif(os.name == "nt", reason="a folder with open files cannot be renamed there")
def test_a_folder_that_is_swapped_for_a_link_meanwhile_gets_nothing_and_keeps_nothing(tmp_path, monkeypatch):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    picture = review_scene.review_picture

    def swapped(*words):
        (tmp_path / "review").rename(tmp_path / "moved")
        (tmp_path / "review").symlink_to(theirs)
        picture(*words)

    monkeypatch.setattr(review_scene, "review_picture", swapped)
    with pytest.raises(OutputError, match="became another folder"):
        write_review(tmp_path / "review", small_material())
    assert list(theirs.iterdir()) == []
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["README.txt"]


def test_a_scene_that_fails_leaves_no_part_of_it(tmp_path, monkeypatch):
    def broken(context, path):
        (path.parent / "_tmp").mkdir()
        raise OutputError(f"{path} cannot be written: is the disk full?")

    monkeypatch.setattr(review_scene, "_write_scene", broken)
    with pytest.raises(OutputError) as raised:
        write_review(tmp_path / "review", small_material())
    assert str(raised.value) == f"{tmp_path / 'review' / 'scene.mrb'} cannot be written: is the disk full?"
    assert [path.name for path in (tmp_path / "review").iterdir()] == ["README.txt"]
