"""The panel: a verdict goes by landmarks, curve and face segment; what a person changed of them since is told, and nothing leaves."""

from __future__ import annotations

import numpy as np
import slicer
from person import PanelTest
from vtk import vtkMatrix4x4
from vtk.util.numpy_support import vtk_to_numpy


class SinceTest(PanelTest):
    """What was drawn after the verdict."""

    def apply(self):
        """The sample, judged at once and released."""
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.load_sample()
        self.click("applyButton")

    def not_judged(self):
        """Whether the verdict is not green and tells what was not judged, and what it tells."""
        self.panel.update()
        self.assertEqual("#1b7f3b" in self.ui.verdictLabel.styleSheet, "not judged so" not in self.ui.verdictLabel.text)
        return self.ui.verdictLabel.text.partition("not judged so: ")[2].partition(".")[0]

    def test_a_landmark_a_curve_or_a_face_segment_that_is_changed_after_the_verdict_is_named_until_it_is_judged(self):
        self.apply()
        self.assertEqual(self.not_judged(), "")
        place = [0.0] * 3
        for drawing in (self.node.landmarks, self.node.curve):
            drawing.GetNthControlPointPosition(0, place)
            for moved, words in ((5.0, drawing.GetName()), (0.0, "")):
                drawing.SetNthControlPointPosition(0, place[0], place[1] + moved, place[2])
                self.assertEqual(self.not_judged(), words)
                self.assertEqual(self.ui.nrrdButton.enabled, not words)
        image = self.node.faceSegmentation.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
        voxels = vtk_to_numpy(image.GetPointData().GetScalars())
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()
        self.assertEqual(self.not_judged(), self.node.faceSegmentation.GetName())
        self.click("applyButton")
        self.assertEqual(self.not_judged(), "")

    def test_points_that_are_moved_or_taken_away_let_the_panel_look_again_by_itself(self):
        self.apply()
        landmarks, curve, arrival = self.node.landmarks, self.node.curve, self.panel._arrival
        arrival.stop()
        for change in (lambda: landmarks.SetNthControlPointPosition(0, 1.0, 2.0, 3.0), lambda: curve.RemoveNthControlPoint(0)):
            change()
            self.assertTrue(arrival.active)
            arrival.stop()

    def test_what_is_moved_by_a_transform_of_its_own_is_named_and_what_is_moved_with_its_ct_is_not(self):
        self.apply()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        matrix = vtkMatrix4x4()
        matrix.SetElement(1, 3, 5.0)
        transform.SetMatrixTransformToParent(matrix)
        drawings = (self.node.landmarks, self.node.curve, self.node.faceSegmentation)
        for drawing in drawings:
            drawing.SetAndObserveTransformNodeID(transform.GetID())
            self.assertEqual(self.not_judged(), drawing.GetName())
            drawing.SetAndObserveTransformNodeID(None)
        for node in (self.node.inputVolume, self.node.resultVolume, *drawings):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.panel.update()
        self.assertNotIn("not judged so", self.ui.verdictLabel.text)

    def test_a_face_segment_that_the_panel_makes_anew_does_not_keep_a_result_from_leaving(self):
        self.apply()
        self.click("faceButton")
        self.assertEqual(self.not_judged(), "")

    def test_a_scene_that_is_loaded_again_has_nothing_that_was_changed_after_the_verdict(self):
        self.apply()
        self.load(self.save())
        self.assertEqual(self.errors, [])
        self.assertEqual(self.not_judged(), "")
        self.assertIn("#1b7f3b", self.ui.verdictLabel.styleSheet)
