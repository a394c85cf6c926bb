"""Landmarks and curves from and to Slicer's markups files."""

import json

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.input.markups import read_curve_json, read_landmarks_json
from FaceDeidLNLib.output.markups import write_curve_json, write_landmarks_json

FOUND = Landmarks(
    {
        "pronasale": Landmark("pronasale", np.array([1.25, -80.5, 30.125]), 0.83),
        "eye_right": Landmark("eye_right", np.array([-31.0, -60.0, 55.0]), 1.0, "user"),
        "menton": Landmark("menton", None, 0.0, reason="outside the field of view"),
    }
)
CURVE = np.array([[0, -80, 60], [50, -20, 30], [0, -70, -40], [-50, -20, 30]], dtype=float)


def markups(path, controls, kind="Fiducial", **keys):
    path.write_text(json.dumps({"markups": [{"type": kind, "coordinateSystem": "LPS", "controlPoints": controls, **keys}]}))
    return path


def edited(path, change):
    """The file with ``change`` done to its first control point."""
    content = json.loads(path.read_text())
    change(content["markups"][0]["controlPoints"][0])
    path.write_text(json.dumps(content))
    return path


def in_slicer(path, kind):
    """Slicer's own node of class ``kind``, read from the file by Slicer's own storage node; both, and the scene that holds them."""
    slicer = pytest.importorskip("slicer")
    scene, storage = slicer.vtkMRMLScene(), slicer.vtkMRMLMarkupsJsonStorageNode()
    node = getattr(slicer, kind)()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    return node, storage, scene


def test_landmarks_come_back_as_they_were_written(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    again = read_landmarks_json(tmp_path / "a.mrk.json")
    assert list(again.points) == list(FOUND.points)
    assert np.array_equal(again.position("pronasale"), FOUND.position("pronasale"))
    assert (again.confidence("pronasale"), again.points["pronasale"].source) == (0.83, "automatic")
    assert (again.position("menton"), again.points["menton"].reason) == (None, "outside the field of view")


def test_a_landmark_that_the_user_unset_does_not_tell_where_it_was_found(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    again = read_landmarks_json(edited(tmp_path / "a.mrk.json", lambda point: point.update(positionStatus="undefined")))
    assert (again.position("pronasale"), again.points["pronasale"].reason) == (None, "not defined in the markups file")


def test_a_landmark_that_the_user_moved_has_full_confidence(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    again = read_landmarks_json(edited(tmp_path / "a.mrk.json", lambda point: point["position"].__setitem__(0, 2.0)))
    assert (again.confidence("pronasale"), again.points["pronasale"].source) == (1.0, "user")


def test_a_landmark_that_the_user_locked_has_full_confidence(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    again = read_landmarks_json(edited(tmp_path / "a.mrk.json", lambda point: point.update(locked=True)))
    assert (again.confidence("pronasale"), again.points["pronasale"].source) == (1.0, "user")


@pytest.mark.parametrize("label", ["Eye_Right", "eye right", " EYE-RIGHT "])
def test_names_are_read_without_regard_to_case_and_separators(tmp_path, label):
    path = markups(tmp_path / "a.mrk.json", [{"label": label, "position": [1, 2, 3]}])
    assert read_landmarks_json(path).position("eye_right").tolist() == [1, 2, 3]


@pytest.mark.parametrize("system", ["RAS", "0"])
def test_ras_coordinates_are_turned_into_lps(tmp_path, system):
    path = markups(tmp_path / "a.mrk.json", [{"label": "menton", "position": [1, 2, 3]}], coordinateSystem=system)
    assert read_landmarks_json(path).position("menton").tolist() == [-1, -2, 3]


def test_an_unknown_name_is_refused_with_all_known_ones(tmp_path):
    path = markups(tmp_path / "a.mrk.json", [{"label": "F-1", "position": [1, 2, 3]}])
    with pytest.raises(InputError, match=r"unknown landmarks \(F-1\); known are: pronasale, sellion"):
        read_landmarks_json(path)


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    path = markups(tmp_path / "a.mrk.json", [{"label": "menton", "position": [1, 2, 3]}] * 2)
    with pytest.raises(InputError, match="'menton' twice"):
        read_landmarks_json(path)


@pytest.mark.parametrize("position", [[1, 2], ["a", 1, 2], [1, 2, float("nan")], None])
def test_a_point_without_three_numbers_is_refused(tmp_path, position):
    path = markups(tmp_path / "a.mrk.json", [{"label": "menton", "position": position}])
    with pytest.raises(InputError, match="three numbers"):
        read_landmarks_json(path)


@pytest.mark.parametrize("controls", ["x", 3, {}, [None], ["x"], [[1, 2, 3]]])
@pytest.mark.parametrize(("read", "kind"), [(read_landmarks_json, "Fiducial"), (read_curve_json, "ClosedCurve")])
def test_control_points_that_are_none_are_refused(tmp_path, controls, read, kind):
    with pytest.raises(InputError, match="control points that are none"):
        read(markups(tmp_path / "a.mrk.json", controls, kind))


@pytest.mark.parametrize(
    "told", ["1.2.3, found at (1, 2, 3)", "7.0, found at (1, 2, 3)", "0.9, found at (1, 2)", "0.9, found at (a, b, c)"]
)
def test_a_description_that_was_not_written_here_is_the_persons_own(tmp_path, told):
    control = {"label": "menton", "position": [1, 2, 3], "description": f"automatic, confidence {told} LPS mm"}
    assert read_landmarks_json(markups(tmp_path / "a.mrk.json", [control])).points["menton"].source == "user"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"markups": 3}', "\x00\x01"])
def test_a_file_that_holds_no_markups_is_refused(tmp_path, content):
    (tmp_path / "a.mrk.json").write_text(content)
    with pytest.raises(InputError, match="no markups file"):
        read_landmarks_json(tmp_path / "a.mrk.json")


def test_a_missing_markups_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_curve_json(tmp_path / "a.mrk.json")


def test_other_units_than_mm_are_refused(tmp_path):
    path = markups(tmp_path / "a.mrk.json", [{"label": "menton", "position": [1, 2, 3]}], coordinateUnits="cm")
    with pytest.raises(InputError, match="in mm"):
        read_landmarks_json(path)


def test_a_curve_comes_back_as_it_was_written(tmp_path):
    write_curve_json(tmp_path / "a.mrk.json", CURVE)
    assert np.array_equal(read_curve_json(tmp_path / "a.mrk.json"), CURVE)


def test_points_are_refused_where_a_curve_is_needed(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    with pytest.raises(InputError, match="type ClosedCurve is needed"):
        read_curve_json(tmp_path / "a.mrk.json")


@pytest.mark.parametrize("points", [CURVE[:2], CURVE[:3], CURVE[[0, 1, 2, 0, 1]], CURVE[[0] * 5]])
def test_a_curve_of_fewer_places_than_enclose_a_face_is_refused(tmp_path, points):
    write_curve_json(tmp_path / "a.mrk.json", points)
    with pytest.raises(InputError, match="at least 4"):
        read_curve_json(tmp_path / "a.mrk.json")


def test_slicer_reads_the_curve_with_its_points(tmp_path):
    write_curve_json(tmp_path / "a.mrk.json", CURVE)
    node, _storage, _scene = in_slicer(tmp_path / "a.mrk.json", "vtkMRMLMarkupsClosedCurveNode")
    points = np.array([node.GetNthControlPointPosition(n) for n in range(node.GetNumberOfControlPoints())])
    assert np.allclose(points, CURVE * (-1, -1, 1))


def test_slicer_reads_the_landmarks_with_names_descriptions_and_missing_points(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    node, _storage, _scene = in_slicer(tmp_path / "a.mrk.json", "vtkMRMLMarkupsFiducialNode")
    assert [node.GetNthControlPointLabel(n) for n in range(3)] == ["pronasale", "eye_right", "menton"]
    assert "confidence 0.83" in node.GetNthControlPointDescription(0)
    assert [node.GetNthControlPointPositionStatus(n) == node.PositionDefined for n in range(3)] == [True, True, False]


def test_landmarks_saved_by_slicer_after_a_look_are_read_back(tmp_path):
    write_landmarks_json(tmp_path / "a.mrk.json", FOUND)
    node, storage, _scene = in_slicer(tmp_path / "a.mrk.json", "vtkMRMLMarkupsFiducialNode")
    node.SetNthControlPointPosition(1, 30.0, 60.0, 55.0)
    storage.SetFileName(str(tmp_path / "b.mrk.json"))
    assert storage.WriteData(node)
    again = read_landmarks_json(tmp_path / "b.mrk.json")
    assert again.position("eye_right").tolist() == [-30, -60, 55]
    assert (again.confidence("pronasale"), again.confidence("eye_right")) == (0.83, 1.0)
    assert again.position("menton") is None
