"""The panel: landmarks found, loaded, placed, dragged and unset."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from FaceDeidLNLib.mrml.nodes import volume_from_node

from .person import ids, pythonqt

# Landmarks


def test_uncertain_and_missing_landmarks_stand_out(panel):
    panel.load_sample()
    panel.click("detectButton")
    node = panel.node.landmarks
    bold = lambda row: panel.ui.landmarksTable.item(row, 0).font().bold()  # noqa: E731
    assert not bold(0)
    node.UnsetNthControlPointPosition(0)
    assert bold(0)
    assert panel.ui.landmarksTable.item(0, 1).text() == "missing"


def test_a_click_on_a_row_jumps_there(panel):
    panel.load_sample()
    panel.click("detectButton")
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientationToAxial()
    pythonqt.unwrap(panel.ui.landmarksTable).cellClicked.emit(0, 0)
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    assert [view.GetSliceToRAS().GetElement(row, 3) for row in range(3)] == pytest.approx(place, abs=1e-3)


def test_a_dragged_landmark_is_the_users_and_stays_when_detecting_again(panel):
    panel.load_sample()
    panel.click("detectButton")
    node = panel.node.landmarks
    node.SetNthControlPointPositionWorld(2, 1.0, 100.0, 3.0)
    assert panel.ui.landmarksTable.item(2, 2).text() == "user"
    panel.click("detectButton")
    place = [0.0] * 3
    node.GetNthControlPointPositionWorld(2, place)
    assert place == pytest.approx([1.0, 100.0, 3.0])


def test_unset_and_undo(panel):
    panel.load_sample()
    panel.click("detectButton")
    node = panel.node.landmarks
    panel.ui.landmarksTable.selectRow(1)
    panel.click("unsetButton")
    assert node.GetNthControlPointPositionStatus(1) != slicer.vtkMRMLMarkupsNode.PositionDefined
    assert panel.ui.undoButton.text == f"Undo: Unset {node.GetNthControlPointLabel(1)}"
    panel.click("undoButton")
    assert node.GetNthControlPointPositionStatus(1) == slicer.vtkMRMLMarkupsNode.PositionDefined


def test_place_starts_slicers_place_mode_for_that_point(panel):
    panel.load_sample()
    panel.click("detectButton")
    panel.ui.landmarksTable.selectRow(3)
    panel.click("placeButton")
    node = panel.node.landmarks
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    assert node.GetControlPointPlacementStartIndex() == 3
    assert slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID() == node.GetID()
    interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)


def test_landmarks_are_loaded_from_markups_files(panel, tmp_path, phantom):
    from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
    from FaceDeidLNLib.output.markups import write_landmarks_json

    panel.load_sample()
    path = tmp_path / "mine.mrk.json"
    write_landmarks_json(path, Landmarks({"pronasale": Landmark("pronasale", np.array([1.0, -2.0, 3.0]), 1.0, "user")}))
    panel.host.qt.QFileDialog.answers = [str(path)]
    panel.click("loadLandmarksButton")
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    assert place == pytest.approx([-1.0, 2.0, 3.0])


def test_landmarks_are_loaded_from_nnlandmarks_result(panel, tmp_path):
    ct, _ = panel.load_sample()
    (tmp_path / "case.json").write_text('{"1": {"coordinates": [10, 20, 30], "likelihood": 0.4}}', encoding="utf-8")
    (tmp_path / "name_to_label.json").write_text('{"stomion": 1}', encoding="utf-8")
    panel.host.qt.QFileDialog.answers = [str(tmp_path / "case.json"), str(tmp_path / "name_to_label.json")]
    panel.click("loadLandmarksButton")
    expected = volume_from_node(ct).geometry.to_lps(np.array([[30, 20, 10]]))[0] * (-1, -1, 1)
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    assert place == pytest.approx(expected.tolist())
    assert panel.ui.landmarksTable.item(0, 1).text() == "40%"


@pytest.mark.parametrize(("name", "words"), [("bad.mrk.json", "no markups file"), ("bad.json", "no result of nnLandmark")])
def test_a_bad_landmark_file_is_one_message(panel, tmp_path, name, words):
    panel.load_sample()
    path = tmp_path / name
    path.write_text("{]", encoding="utf-8")
    panel.host.qt.QFileDialog.answers = [str(path), str(path)]
    before = ids()
    panel.click("loadLandmarksButton")
    assert len(panel.host.errors) == 1
    assert words in panel.host.errors[0]
    assert ids() == before
