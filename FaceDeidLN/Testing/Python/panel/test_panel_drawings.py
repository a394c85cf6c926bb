"""The panel: what a person drew or edited is never lost to a face segment that is made anew."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import add_segmentation, segments_from_node
from FaceDeidLNLib.mrml.scene import context
from person import PanelTest, face_voxels, phantom


def names(segmentation):
    """The names of its segments."""
    return [segment.name for segment in segments_from_node(segmentation)]


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
