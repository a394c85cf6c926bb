"""The panel, step by step: what is protected, curve, face segment, effect."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import numpy as np
import slicer
from FaceDeidLNLib.mrml.nodes import curve_points_from_node, drafts, segments_from_node, volume_from_node
from FaceDeidLNLib.programs.engines import missing_engine
from person import STEPS, PanelTest, face_voxels, phantom
from vtk.util.numpy_support import vtk_to_numpy

EXPORTS = ("nrrdButton", "niftiButton", "dicomButton")


class StepsTest(PanelTest):
    """One step after the other."""

    def test_without_a_ct_nothing_can_be_done(self):
        self.assertEqual(self.enabled(*STEPS, *EXPORTS, "undoButton", "signOffButton"), [])
        self.assertEqual(self.ui.verdictLabel.text, "No result yet.")

    def test_the_sample_is_one_click_away(self):
        ct, nodes = self.load_sample()
        self.assertIsNotNone(ct)
        self.assertEqual(self.ui.segmentsList.count, nodes.GetSegmentation().GetNumberOfSegments())
        self.assertEqual(self.enabled("applyButton"), ["applyButton"])

    def test_every_step_can_be_done_alone_and_leads_to_a_verdict(self):
        ct, nodes = self.load_sample()
        before = volume_from_node(ct).array.copy()
        self.click(*STEPS)
        self.assertEqual(self.errors, [])
        self.assertGreaterEqual(self.node.landmarks.GetNumberOfDefinedControlPoints(), 15)
        self.assertGreater(self.node.curve.GetNumberOfControlPoints(), 8)
        self.assertIn("NOT RELEASED", self.node.resultVolume.GetName())
        self.click("acceptCheckBox")
        self.assertEqual(self.node.resultVolume.GetName(), f"{ct.GetName()} full reface de-identified")
        self.assertTrue(self.ui.verdictLabel.text.startswith("PASS: "))
        self.assertIn(f"{len(phantom().nodes)} protected segments", self.ui.verdictLabel.text)
        self.assertTrue(np.array_equal(before, volume_from_node(ct).array))
        changed = before != volume_from_node(self.node.resultVolume).array
        for segment in phantom().nodes:
            self.assertFalse(changed[segment.mask.array].any(), segment.name)

    def test_a_dragged_curve_point_goes_back_onto_the_skin_and_the_preview_follows(self):
        self.load_sample()
        self.click("detectButton", "curveButton", "faceButton")
        self.node.liveFace = True
        voxels, curve, place, outside = face_voxels(self.node), self.node.curve, [0.0] * 3, []
        for index in range(6):
            curve.GetNthControlPointPositionWorld(index, place)
            outside.append(np.array(place) + (0, 6, -25))
            curve.SetNthControlPointPositionWorld(index, *outside[-1])
        curve.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
        curve.GetNthControlPointPositionWorld(0, place)
        self.assertGreater(np.linalg.norm(np.array(place) - outside[0]), 1.0)
        self.assertTrue(self.panel.face.timer.active)
        self.panel.face.follow()
        self.assertNotEqual(face_voxels(self.node), voxels)

    def test_a_length_that_changes_moves_the_live_preview(self):
        self.load_sample()
        self.click("detectButton", "curveButton", "faceButton")
        thick = face_voxels(self.node)
        self.ui.depthSlider.value = 5.0
        self.assertFalse(self.panel.face.timer.active)
        self.click("liveCheckBox")
        self.ui.depthSlider.value = 4.0
        self.assertTrue(self.panel.face.timer.active)
        self.panel.face.follow()
        self.assertLess(face_voxels(self.node), thick)

    def preview(self, depth):
        """Let the face segment follow a length; returns it, and how many triangles the draft of its surface has."""
        self.ui.depthSlider.value = depth
        self.panel.face.follow()
        self.assertTrue(self.panel.face.drawing.active)
        return self.node.faceSegmentation, self.triangles()

    @mock.patch("FaceDeidLNLib.mrml.draft._DRAFT_MM", 9.0)
    def test_the_surface_that_follows_is_a_draft_until_nothing_moves(self):
        self.load_sample()
        self.click("faceButton", "liveCheckBox")
        _, draft = self.preview(9.0)
        self.panel.face.draw_whole()
        self.assertGreater(self.triangles(), 2 * draft)
        self.assertEqual(drafts(slicer.mrmlScene), ())

    @mock.patch("FaceDeidLNLib.mrml.draft._DRAFT_MM", 9.0)
    def test_a_draft_that_undo_brings_back_does_not_stay(self):
        self.load_sample()
        self.click("faceButton", "liveCheckBox")
        face, draft = self.preview(9.0)
        self.click("faceButton")
        self.panel.face.draw_whole()
        self.panel.face.drawing.stop()
        self.click("undoButton")
        self.assertEqual(drafts(slicer.mrmlScene), (face,))
        self.assertTrue(self.panel.face.drawing.active)
        self.panel.face.draw_whole()
        self.assertGreater(self.triangles(), 2 * draft)

    @mock.patch("FaceDeidLNLib.mrml.draft._DRAFT_MM", 9.0)
    def test_a_draft_of_a_preview_that_failed_does_not_stay(self):
        self.load_sample()
        self.click("faceButton", "liveCheckBox")
        self.ui.depthSlider.value = 9.0
        with mock.patch("FaceDeidLNLib.mrml.case.note_as_made", side_effect=RuntimeError("no")):
            self.panel.face.follow()
        self.assertEqual(len(drafts(slicer.mrmlScene)), 1)
        self.assertTrue(self.panel.face.drawing.active)

    def triangles(self):
        """How many triangles the surface of the face segment has."""
        segmentation = self.node.faceSegmentation.GetSegmentation()
        return segmentation.GetSegment(segmentation.GetNthSegmentID(0)).GetRepresentation("Closed surface").GetNumberOfCells()

    def test_the_live_preview_waits_while_a_step_is_at_work(self):
        self.load_sample()
        self.click("faceButton")
        with mock.patch.object(self.logic, "createFaceSegment", side_effect=AssertionError("two steps at once")) as made:
            self.panel.run("Step", lambda progress: self.panel.face.follow())
        made.assert_not_called()
        self.assertTrue(self.panel.face.timer.active)

    def test_a_step_does_not_begin_within_another_one(self):
        begun = []
        self.panel.run("Step", lambda progress: begun.append(self.panel.run("Another", lambda inner: begun.append("inner"))))
        self.assertEqual(begun, [False])

    def voxels(self):
        """How many voxels the face segment has."""
        return sum(int(segment.mask.array.sum()) for segment in segments_from_node(self.node.faceSegmentation))

    def test_what_nobody_edited_follows_the_region_and_what_somebody_did_stays(self):
        self.load_sample()
        self.click("curveButton")
        self.click("faceButton")
        whole, points = self.voxels(), curve_points_from_node(self.node.curve)[0]
        self.choose("styleComboBox", "eyes")
        self.click("faceButton")
        self.assertLess(self.voxels(), whole / 2)
        self.assertFalse(np.array_equal(curve_points_from_node(self.node.curve)[0], points))
        self.click("undoButton")
        self.assertEqual(self.voxels(), whole)
        self.assertTrue(np.array_equal(curve_points_from_node(self.node.curve)[0], points))
        place = [0.0] * 3
        self.node.curve.GetNthControlPointPositionWorld(0, place)
        self.node.curve.SetNthControlPointPositionWorld(0, place[0], place[1], place[2] - 4.0)
        mine = curve_points_from_node(self.node.curve)[0]
        self.click("faceButton")
        self.assertTrue(np.array_equal(curve_points_from_node(self.node.curve)[0], mine))

    def test_apply_makes_an_old_face_segment_anew_unless_it_was_edited(self):
        self.load_sample()
        self.answer_at_once()
        self.click("applyButton")
        face, curve = self.node.faceSegmentation, self.node.curve
        asked = []
        for cut in (0, 1):
            vtk_to_numpy(face.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").GetPointData().GetScalars())[::2] *= (
                1 - cut
            )
            requests = self.answer_at_once()
            self.click("applyButton")
            asked.append(requests[-1].face_segment)
            self.assertIs(self.node.faceSegmentation, face)
            self.assertIs(self.node.curve, curve)
        self.assertIsNone(asked[0])
        self.assertIsNotNone(asked[1])

    def test_an_edited_face_segment_is_the_one_that_is_hidden(self):
        ct, _ = self.load_sample()
        self.click("detectButton", "curveButton", "faceButton")
        face = self.node.faceSegmentation
        identifier = face.GetSegmentation().GetNthSegmentID(0)
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(face, identifier, ct)
        mask[: mask.shape[0] // 2] = 0
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, face, identifier, ct)
        self.click("applyButton")
        changed = volume_from_node(ct).array != volume_from_node(self.node.resultVolume).array
        self.assertTrue(changed.any())
        self.assertFalse(changed[mask == 0].any())

    def test_the_segment_editor_opens_with_the_face_and_the_ct(self):
        ct, _ = self.load_sample()
        self.click("faceButton")
        editor, selected = mock.Mock(), []

        def select(name):
            selected.append(name)
            self.widget.exit()

        self.patch("slicer.util.getModuleWidget", lambda name: {"SegmentEditor": SimpleNamespace(editor=editor)}[name])
        self.patch("slicer.util.selectModule", select)
        self.patch("FaceDeidLNLib.widget.dialogs.has_window", lambda: True)
        self.click("editFaceButton")
        self.widget.enter()
        self.assertEqual((selected, self.errors), (["SegmentEditor"], []))
        editor.setSegmentationNode.assert_called_once_with(self.node.faceSegmentation)
        editor.setSourceVolumeNode.assert_called_once_with(ct)
        parameters = editor.mrmlSegmentEditorNode.return_value
        parameters.SetAttribute.assert_any_call("Mask volume.Operation", "FILL_INSIDE")

    def test_an_application_without_a_segment_editor_says_so(self):
        self.load_sample()
        self.click("faceButton")
        self.patch("slicer.util.getModuleWidget", mock.Mock(side_effect=RuntimeError("Could not find module")))
        self.patch("slicer.util.selectModule", mock.Mock(side_effect=AssertionError("the panel is left for nothing")))
        self.patch("FaceDeidLNLib.widget.dialogs.has_window", lambda: True)
        self.click("editFaceButton")
        self.assertEqual(self.errors, ["The module Segment Editor is not in this Slicer."])

    def test_without_a_main_window_an_edit_says_so(self):
        self.load_sample()
        self.click("faceButton")
        self.patch("FaceDeidLNLib.widget.dialogs.has_window", lambda: False)
        self.click("editFaceButton")
        self.assertIn("main window", self.ui.statusLabel.text)

    def test_slicers_own_tools_lead_to_a_verdict_where_they_are_installed(self):
        """Inside Slicer this runs the real Mask volume and Curve cut, and Wrap Solidify where its extension is there."""
        entries = {"mask": "Mask volume", "cut": "Dynamic Modeler", "wrap": "SurfaceWrapSolidify"}
        installed = [name for name in entries if not missing_engine(name)]
        if not installed:
            self.skipTest("none of Mask volume, Dynamic Modeler, SurfaceWrapSolidify is here")
        self.load_sample()
        self.choose("effectComboBox", "mask")  # the one that Mask volume can do
        for name in installed:
            with self.subTest(name):
                self.choose(f"{name}ComboBox", entries[name])
                self.node.curve = self.node.faceSegmentation = None
                self.click("faceButton", "applyButton")
                self.assertEqual(self.errors, [])
                self.assertTrue(self.ui.verdictLabel.text.startswith(("PASS", "REVIEW")), self.ui.verdictLabel.text)
                self.choose(f"{name}ComboBox", "built-in")
