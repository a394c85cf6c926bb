"""The panel: what a person drew or edited is never lost to a face segment that is made anew."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import add_segmentation, segments_from_node
from FaceDeidLNLib.mrml.scene import context
from person import PanelTest, face_voxels, ids, phantom


def names(segmentation):
    """The names of its segments."""
    return [segment.name for segment in segments_from_node(segmentation)]


def face_display(segmentation):
    """Its display nodes."""
    return [segmentation.GetNthDisplayNode(n) for n in range(segmentation.GetNumberOfDisplayNodes())]


def turned():
    """The matrix of a rotation and a translation."""
    transform = vtk.vtkTransform()
    transform.Translate(3.0, 20.0, -7.0)
    transform.RotateX(20.0)
    return transform.GetMatrix()


class DrawingsTest(PanelTest):
    """Segmentations that the face segment could be put into."""

    def erase_half(self):
        """Erase half of the face segment, as a person does in the Segment Editor; returns the number of voxels left."""
        face = self.node.faceSegmentation
        segment = face.GetSegmentation().GetNthSegmentID(0)
        voxels = slicer.util.arrayFromSegmentBinaryLabelmap(face, segment, self.node.inputVolume).copy()
        voxels[: np.argwhere(voxels).mean(axis=0).astype(int)[0]] = 0
        slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, face, segment, self.node.inputVolume)
        return face_voxels(self.node)

    def test_the_live_preview_leaves_an_edited_face_segment_and_says_so(self):
        self.load_sample()
        self.click("faceButton", "liveCheckBox")
        left = self.erase_half()
        self.ui.depthSlider.value = 9.0
        self.panel.face.follow()
        self.assertEqual(face_voxels(self.node), left)
        self.assertIn("Create segment", self.ui.statusLabel.text)

    def test_the_live_preview_leaves_a_face_segment_that_a_transform_bends_and_says_so(self):
        self.load_sample()
        self.click("faceButton", "liveCheckBox")
        bent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
        bent.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
        self.node.faceSegmentation.SetAndObserveTransformNodeID(bent.GetID())
        self.ui.depthSlider.value = 9.0
        self.panel.face.follow()
        self.assertIn("does not follow", self.ui.statusLabel.text)
        self.click("faceButton")
        self.assertIsNone(self.node.faceSegmentation.GetParentTransformNode())

    def test_undo_leaves_a_face_segment_that_was_edited_since_and_names_it(self):
        for is_new in (True, False):
            with self.subTest(is_new=is_new):
                slicer.mrmlScene.Clear(False)
                self.load_sample()
                self.click(*(["applyButton"] if is_new else ["faceButton", "applyButton"]))
                face, left = self.node.faceSegmentation, self.erase_half()
                self.click("undoButton")
                self.assertIsNone(self.node.resultVolume)
                self.assertIs(self.node.faceSegmentation, face)
                self.assertEqual(int(segments_from_node(face)[0].mask.array.sum()), left)
                self.assertIn(face.GetName(), self.ui.statusLabel.text)
                self.assertEqual(len(face_display(face)), 1)

    def test_undo_leaves_points_and_a_curve_that_were_dragged_since(self):
        self.load_sample()
        self.click("detectButton", "curveButton")
        landmarks, curve = self.node.landmarks, self.node.curve
        for markups in (landmarks, curve):
            markups.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0)
        self.click("undoButton")
        self.assertIs(self.node.curve, curve)
        self.assertIn(curve.GetName(), self.ui.statusLabel.text)
        self.assertNotIn(landmarks.GetName(), self.ui.statusLabel.text)
        self.click("undoButton")
        self.assertIs(self.node.landmarks, landmarks)

    def test_undo_leaves_landmarks_that_were_moved_since_whichever_step_it_takes_back(self):
        self.load_sample()
        self.click("detectButton")
        for button, left in (("detectButton", 1.0), ("applyButton", 2.0)):
            self.click(button)
            landmarks, now = self.node.landmarks, [0.0] * 3
            landmarks.SetNthControlPointPositionWorld(0, left, 2.0, 3.0)
            self.click("undoButton")
            landmarks.GetNthControlPointPositionWorld(0, now)
            self.assertEqual(now, [left, 2.0, 3.0])
            self.assertIn(landmarks.GetName(), self.ui.statusLabel.text)

    def test_undo_takes_back_a_point_that_was_placed_in_its_step(self):
        self.load_sample()
        self.click("detectButton")
        before, landmarks = [0.0] * 3, self.node.landmarks
        landmarks.GetNthControlPointPositionWorld(0, before)
        self.ui.landmarksTable.setCurrentCell(0, 0)
        self.click("placeButton")
        landmarks.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0)
        self.click("undoButton")
        now = [0.0] * 3
        landmarks.GetNthControlPointPositionWorld(0, now)
        np.testing.assert_allclose(now, before)

    def test_what_was_moved_with_its_ct_or_followed_by_itself_is_undone(self):
        self.load_sample()
        before = ids()
        self.click("applyButton", "liveCheckBox")
        self.ui.depthSlider.value = 9.0
        self.panel.face.follow()
        moved = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
        moved.SetMatrixTransformToParent(turned())
        for node in (self.node.inputVolume, self.node.landmarks, self.node.curve, self.node.faceSegmentation):
            node.SetAndObserveTransformNodeID(moved.GetID())
        self.click("undoButton")
        self.assertEqual(ids() - {moved.GetID()}, before)

    def test_a_face_segment_made_anew_takes_the_first_place_and_those_behind_it_stay(self):
        self.load_sample()
        self.click("faceButton")
        self.node.faceSegmentation.GetSegmentation().AddEmptySegment("extra", "extra")
        self.click("faceButton")
        self.assertEqual(names(self.node.faceSegmentation), ["Face", "extra"])

    def test_a_face_segment_is_never_put_into_what_is_protected(self):
        _, nodes = self.load_sample()
        before = names(nodes)
        self.node.faceSegmentation = nodes
        self.click("faceButton")
        self.assertEqual(names(nodes), before)
        self.assertIn("is to be protected", self.errors[0])

    def test_what_was_kept_stays_as_it_is_where_the_user_chooses_it_to_be_protected(self):
        self.load_sample()
        self.answer_at_once()
        self.click("applyButton")
        kept = linked(self.node.inputVolume, "kept")
        self.node.protectedSegmentation = kept
        kept.GetSegmentation().AddEmptySegment("mine", "my node")
        before = names(kept)
        self.click("applyButton")
        self.assertEqual(names(kept), before)

    def test_a_face_segment_is_never_put_among_several_segments_that_others_made(self):
        self.load_sample()
        masks = [tight(segment.name, segment.mask.array) for segment in phantom().nodes[:2]]
        others = add_segmentation(context(), masks, phantom().ct.geometry, "organs")
        self.node.faceSegmentation = others
        self.click("faceButton")
        self.assertEqual(names(others), [mask.name for mask in masks])
        self.assertIn("holds 2 segments", self.errors[0])
