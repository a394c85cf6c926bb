"""The panel: landmarks found, loaded, placed, dragged and unset."""

from __future__ import annotations

import numpy as np
import slicer
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.mrml.nodes import add_ct, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.verdicts import read_verdict
from FaceDeidLNLib.output.markups import write_landmarks_json
from person import PanelTest, ids, phantom


class LandmarksTest(PanelTest):
    """The table and its buttons."""

    def detected(self):
        """The sample with its landmarks."""
        self.load_sample()
        self.click("detectButton")
        return self.node.landmarks

    def place(self, index):
        place = [0.0] * 3
        self.node.landmarks.GetNthControlPointPositionWorld(index, place)
        return place

    def assert_near(self, place, expected, mm=1e-3):
        self.assertLess(np.linalg.norm(np.subtract(place, expected)), mm)

    def test_uncertain_and_missing_landmarks_stand_out(self):
        node, table = self.detected(), self.ui.landmarksTable
        self.assertFalse(table.item(0, 0).font().bold())
        node.UnsetNthControlPointPosition(0)
        self.assertTrue(table.item(0, 0).font().bold())
        self.assertEqual(table.item(0, 1).text(), "missing")

    def test_a_click_on_a_row_jumps_there(self):
        self.detected()
        view = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceNode") or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
        view.SetOrientationToAxial()
        self.ui.landmarksTable.cellClicked.emit(0, 0)
        matrix = view.GetSliceToRAS()
        self.assert_near([matrix.GetElement(row, 3) for row in range(3)], self.place(0))

    def test_a_dragged_landmark_is_the_users_and_stays_when_detecting_again(self):
        node = self.detected()
        node.SetNthControlPointPositionWorld(2, 1.0, 100.0, 3.0)
        self.assertEqual(self.ui.landmarksTable.item(2, 2).text(), "user")
        self.click("detectButton")
        self.assert_near(self.place(2), [1.0, 100.0, 3.0])

    def test_unset_and_undo(self):
        node = self.detected()
        self.ui.landmarksTable.selectRow(1)
        self.click("unsetButton")
        self.assertNotEqual(node.GetNthControlPointPositionStatus(1), slicer.vtkMRMLMarkupsNode.PositionDefined)
        self.assertEqual(self.ui.undoButton.text, f"Undo: Unset {node.GetNthControlPointLabel(1)}")
        self.click("undoButton")
        self.assertEqual(node.GetNthControlPointPositionStatus(1), slicer.vtkMRMLMarkupsNode.PositionDefined)

    def test_place_starts_slicers_place_mode_for_that_point(self):
        node = self.detected()
        self.ui.landmarksTable.selectRow(3)
        self.click("placeButton")
        interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        self.addCleanup(interaction.SetCurrentInteractionMode, slicer.vtkMRMLInteractionNode.ViewTransform)
        self.assertEqual(interaction.GetCurrentInteractionMode(), slicer.vtkMRMLInteractionNode.Place)
        self.assertEqual(node.GetControlPointPlacementStartIndex(), 3)
        self.assertEqual(slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID(), node.GetID())

    def test_a_click_places_no_point_of_landmarks_that_are_not_shown_any_more(self):
        interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        self.addCleanup(interaction.SetCurrentInteractionMode, slicer.vtkMRMLInteractionNode.ViewTransform)
        self.detected()
        other = add_ct(context(), phantom().ct, "Other")
        for name, turn_away in (("another CT", lambda: setattr(self.node, "inputVolume", other)), ("another module", self.widget.exit)):
            with self.subTest(name):
                self.node.inputVolume = slicer.mrmlScene.GetFirstNodeByName("Head")
                self.ui.landmarksTable.selectRow(3)
                self.click("placeButton")
                turn_away()
                self.assertEqual(interaction.GetCurrentInteractionMode(), slicer.vtkMRMLInteractionNode.ViewTransform)

    def test_landmarks_are_loaded_from_markups_files(self):
        self.load_sample()
        path = self.folder() / "mine.mrk.json"
        write_landmarks_json(path, Landmarks({"pronasale": Landmark("pronasale", np.array([1.0, -2.0, 3.0]), 1.0, "user")}))
        self.answers = [str(path)]
        self.click("loadLandmarksButton")
        self.assert_near(self.place(0), [-1.0, 2.0, 3.0])

    def test_landmarks_are_loaded_from_nnlandmarks_result(self):
        ct, _ = self.load_sample()
        folder = self.folder()
        (folder / "case.json").write_text('{"1": {"coordinates": [10, 20, 30], "likelihood": 0.4}}', encoding="utf-8")
        (folder / "name_to_label.json").write_text('{"stomion": 1}', encoding="utf-8")
        self.answers = [str(folder / "case.json"), str(folder / "name_to_label.json")]
        self.click("loadLandmarksButton")
        self.assert_near(self.place(0), volume_from_node(ct).geometry.to_lps(np.array([[30, 20, 10]]))[0] * (-1, -1, 1))
        self.assertEqual(self.ui.landmarksTable.item(0, 1).text(), "40%")

    def test_a_bad_landmark_file_is_one_message(self):
        self.load_sample()
        folder = self.folder()
        for name, words in (("bad.mrk.json", "no markups file"), ("bad.json", "no result of nnLandmark")):
            with self.subTest(name):
                (folder / name).write_text("{]", encoding="utf-8")
                self.answers, self.errors[:] = [str(folder / name)] * 2, []
                before = ids()
                self.click("loadLandmarksButton")
                self.assertEqual(len(self.errors), 1)
                self.assertIn(words, self.errors[0])
                self.assertEqual(ids(), before)

    def test_a_ct_that_was_moved_after_its_steps_is_worked_on_where_it_lies_now(self):
        """With its nodes or without them: nobody drew anything."""
        for together in (True, False):
            with self.subTest(together=together):
                slicer.mrmlScene.Clear(False)
                self.widget.enter()
                ct, nodes = self.load_sample()
                self.click("detectButton", "curveButton", "faceButton")
                own = [self.node.landmarks, self.node.curve, self.node.faceSegmentation]
                move = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
                shift = np.eye(4)
                shift[:3, 3] = 15.0, -4.0, 30.0
                move.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(shift))
                for node in (ct, nodes, *(own if together else ())):
                    node.SetAndObserveTransformNodeID(move.GetID())
                before = nose(self.node.landmarks)
                self.click("applyButton")
                self.assertEqual(self.errors, [])
                stored = read_verdict(self.node.resultVolume)
                self.assertEqual((stored.verdict, drawn(stored)), ("PASS", []))
                self.assertEqual([self.node.landmarks, self.node.curve, self.node.faceSegmentation], own)
                moved = nose(self.node.landmarks) - before
                np.testing.assert_allclose(moved, (0, 0, 0) if together else (15.0, -4.0, 30.0), atol=1.5)
                self.click("undoButton")
                np.testing.assert_allclose(nose(self.node.landmarks), before, atol=0.01)

    def test_landmarks_of_voxels_that_are_others_now_are_told_as_such(self):
        """As a browser of sequences changes them: nobody touched a point."""
        ct, _ = self.load_sample()
        self.click("detectButton")
        slicer.util.updateVolumeFromArray(ct, np.roll(slicer.util.arrayFromVolume(ct), 4, axis=2))
        self.click("applyButton")
        stored = read_verdict(self.node.resultVolume)
        self.assertIn("the CT's voxels changed since", " ".join(stored.facts["privacy_causes"]))
        self.assertFalse(stored.released)


def nose(landmarks):
    """Where the tip of the nose lies, in world RAS mm."""
    place = [0.0] * 3
    landmarks.GetNthControlPointPositionWorld(landmarks.GetControlPointIndexByLabel("pronasale"), place)
    return np.array(place)


def drawn(stored):
    """Of the causes of a verdict's class, those that blame a person."""
    return [cause for cause in stored.facts.get("privacy_causes", ()) if "person" in cause or "moved" in cause]
