"""The panel: a verdict goes by the CT, what is to stay and what was drawn; what a person changed since is told, and nothing leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import slicer
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.mrml.links import link
from FaceDeidLNLib.mrml.since import require_as_judged
from FaceDeidLNLib.mrml.verdicts import read_verdict
from person import EXPORTS, PanelTest, changed_case, phantom_case
from vtk import vtkMatrix4x4
from vtk.util.numpy_support import vtk_to_numpy


class SinceTest(PanelTest):
    """What was changed after the verdict."""

    def apply(self, *cases):
        """The sample, judged at once and released."""
        self.answer_at_once(*cases)
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
        moved = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode").GetID()
        for change in (
            lambda: landmarks.SetNthControlPointPosition(0, 1.0, 2.0, 3.0),
            lambda: curve.RemoveNthControlPoint(0),
            lambda: landmarks.SetAndObserveTransformNodeID(moved),
            lambda: curve.SetAndObserveTransformNodeID(moved),
        ):
            arrival.stop()
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

    def test_a_drawing_that_a_person_had_a_part_in_is_named_when_it_is_taken_away_and_one_that_was_found_is_not(self):
        self.apply()
        own = {name: getattr(self.node, name) for name in ("landmarks", "curve", "faceSegmentation")}
        for name in own:
            setattr(self.node, name, None)
            self.assertEqual(self.not_judged(), "")
            setattr(self.node, name, own[name])
        own["landmarks"].SetNthControlPointLocked(0, True)
        place = [0.0] * 3
        own["curve"].GetNthControlPointPosition(0, place)
        own["curve"].SetNthControlPointPosition(0, place[0], place[1] + 5.0, place[2])
        image = own["faceSegmentation"].GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
        voxels = vtk_to_numpy(image.GetPointData().GetScalars())
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()
        self.click("verifyButton")
        for name, words in (("landmarks", "landmarks"), ("curve", "face curve"), ("faceSegmentation", "face segment")):
            setattr(self.node, name, None)
            self.assertEqual(self.not_judged(), words)
            self.assertEqual(self.enabled(*EXPORTS), [])
            setattr(self.node, name, own[name])
            self.assertEqual(self.not_judged(), "")
        slicer.mrmlScene.RemoveNode(own["landmarks"])
        self.assertEqual(self.not_judged(), "landmarks")

    def test_a_checked_segment_that_a_script_left_out_is_named_in_the_panel_until_it_is_judged(self):
        import qt

        self.apply()
        nodes = self.node.protectedSegmentation.GetSegmentation()
        left, *asked = nodes.GetSegmentIDs()
        given = {"protectedSegmentation": self.node.protectedSegmentation, "segmentIDs": asked, "acceptRecognisable": True}
        self.node.resultVolume = self.logic.process(self.node.inputVolume, **given).nodes.result
        self.assertEqual(self.not_judged(), nodes.GetSegment(left).GetName())
        self.assertEqual(self.enabled(*EXPORTS), [])
        self.ui.segmentsList.item(0).setCheckState(qt.Qt.Unchecked)
        self.assertEqual(self.not_judged(), "")
        self.ui.segmentsList.item(0).setCheckState(qt.Qt.Checked)
        self.click("verifyButton")
        self.assertEqual(self.not_judged(), "")
        self.assertIn("nrrdButton", self.enabled(*EXPORTS))

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

    def test_a_node_that_is_drawn_after_the_verdict_is_named_until_it_is_judged(self):
        self.apply()
        nodes = self.node.protectedSegmentation.GetSegmentation()
        nodes.AddEmptySegment("late", "late lymph node")
        self.panel.update()
        self.assertIn("late lymph node", self.ui.verdictLabel.text)
        self.assertNotIn("#1b7f3b", self.ui.verdictLabel.styleSheet)
        nodes.RemoveSegment("late")
        self.panel.update()
        self.assertIn("#1b7f3b", self.ui.verdictLabel.styleSheet)

    def test_nodes_that_nobody_chose_and_that_come_or_move_after_the_verdict_are_named_until_they_are_judged(self):
        self.apply()
        late = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "of another reader")
        late.GetSegmentation().CopySegmentFromSegmentation(self.node.protectedSegmentation.GetSegmentation(), self.first_node())
        late.GetSegmentation().GetNthSegment(0).SetName("late lymph node")
        move = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        matrix = vtkMatrix4x4()
        matrix.SetElement(1, 3, 5.0)
        for change in (lambda: None, lambda: (move.SetMatrixTransformToParent(matrix), late.SetAndObserveTransformNodeID(move.GetID()))):
            change()
            self.assertEqual(self.not_judged(), "late lymph node")
            self.assertEqual(self.enabled(*EXPORTS), [])
            self.click("verifyButton")
            self.assertEqual(self.not_judged(), "")
            self.assertIn("nrrdButton", self.enabled(*EXPORTS))
        self.node.protectedSegmentation = late
        self.assertEqual(self.not_judged(), "late lymph node")  # it was looked at, and is to be kept only now

    def test_a_segment_that_is_not_kept_by_its_name_and_is_drawn_on_after_the_verdict_is_named_until_it_is_judged(self):
        self.load_sample()
        nodes = self.node.protectedSegmentation.GetSegmentation()
        nodes.CopySegmentFromSegmentation(nodes, self.first_node())
        added = nodes.GetNthSegment(nodes.GetNumberOfSegments() - 1)
        added.SetName("Brainstem")
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.click("applyButton")
        self.assertEqual(self.not_judged(), "")
        image, voxels = self.voxels_of(nodes.GetNumberOfSegments() - 1)
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()
        self.assertEqual(self.not_judged(), "Brainstem")
        self.assertEqual(self.enabled(*EXPORTS), [])
        self.click("verifyButton")
        self.assertEqual(self.not_judged(), "")

    def test_a_script_that_chose_by_itself_is_not_told_of_what_it_did_not_choose_until_that_changes(self):
        self.apply()
        nodes = self.node.protectedSegmentation.GetSegmentation()
        asked = list(nodes.GetSegmentIDs())
        nodes.CopySegmentFromSegmentation(nodes, self.first_node())
        nodes.GetNthSegment(len(asked)).SetName("Brainstem")
        for chosen in (asked, asked[1:]):
            given = {"protectedSegmentation": self.node.protectedSegmentation, "segmentIDs": chosen, "acceptRecognisable": True}
            result = self.logic.process(self.node.inputVolume, **given).nodes.result
            require_as_judged(result, read_verdict(result))
        image, voxels = self.voxels_of(len(asked))
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()
        with self.assertRaisesRegex(InputError, "Brainstem"):
            require_as_judged(result, read_verdict(result))

    def test_nodes_of_another_ct_that_come_after_the_verdict_are_named_where_nothing_was_chosen(self):
        self.load_sample()
        self.node.protectedSegmentation, late = None, self.node.protectedSegmentation
        nodes = late.GetSegmentation()
        other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other CT")
        link(other, "protected", late)
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.click("applyButton")
        self.assertEqual(self.not_judged(), "")
        nodes.CopySegmentFromSegmentation(nodes, nodes.GetNthSegmentID(0))
        nodes.GetNthSegment(nodes.GetNumberOfSegments() - 1).SetName("late lymph node")
        self.assertEqual(self.not_judged(), "late lymph node")

    def first_node(self):
        """The identifier of the first of the sample's nodes."""
        return self.node.protectedSegmentation.GetSegmentation().GetNthSegmentID(0)

    def voxels_of(self, segment):
        """The voxels of one of the sample's nodes, which can be written into."""
        image = self.node.protectedSegmentation.GetSegmentation().GetNthSegment(segment).GetRepresentation("Binary labelmap")
        return image, vtk_to_numpy(image.GetPointData().GetScalars())

    def test_a_node_that_is_drawn_on_after_the_verdict_is_named_until_it_is_judged_so(self):
        self.apply()
        self.assertEqual(self.not_judged(), "")
        image, voxels = self.voxels_of(0)
        name = self.node.protectedSegmentation.GetSegmentation().GetNthSegment(0).GetName()
        before = voxels.copy()
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()
        self.assertEqual(self.not_judged(), name)
        self.assertEqual(self.enabled(*EXPORTS), [])
        self.click("verifyButton")
        self.assertEqual(self.not_judged(), "")
        self.assertIn("nrrdButton", self.enabled(*EXPORTS))
        voxels[:] = before
        image.Modified()
        self.assertEqual(self.not_judged(), name)

    def test_what_is_not_judged_so_follows_the_verdict_as_a_sentence_of_its_own(self):
        self.apply(changed_case("REVIEW", "stomion is uncertain"))
        self.node.protectedSegmentation.GetSegmentation().AddEmptySegment("", "late")
        self.panel.update()
        self.assertIn("stomion is uncertain. Drawn", self.ui.verdictLabel.text)

    def test_a_second_node_of_the_name_of_a_judged_one_is_named(self):
        self.apply()
        nodes = self.node.protectedSegmentation.GetSegmentation()
        nodes.AddEmptySegment("", nodes.GetNthSegment(1).GetName())
        self.assertEqual(self.not_judged(), nodes.GetNthSegment(1).GetName())

    def test_nodes_that_are_moved_after_the_verdict_are_named(self):
        self.apply()
        nodes, move = self.node.protectedSegmentation, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        nodes.SetAndObserveTransformNodeID(move.GetID())
        self.assertEqual(self.not_judged(), "")
        matrix = vtkMatrix4x4()
        matrix.SetElement(1, 3, 5.0)
        move.SetMatrixTransformToParent(matrix)
        self.assertEqual(len(self.not_judged().split(", ")), nodes.GetSegmentation().GetNumberOfSegments())

    def test_a_ct_that_is_edited_after_the_verdict_is_named_until_it_is_as_it_was(self):
        self.apply()
        ct = self.node.inputVolume
        voxels = vtk_to_numpy(ct.GetImageData().GetPointData().GetScalars())
        for change, words in ((5, '"Head" was edited or moved since'), (-5, "")):
            voxels[0] += change
            self.panel._arrival.stop()
            slicer.util.arrayFromVolumeModified(ct)
            self.assertTrue(self.panel._arrival.active)
            self.panel.update()
            self.assertIn(words, self.ui.verdictLabel.text)
            self.assertEqual("#1b7f3b" in self.ui.verdictLabel.styleSheet, not words)

    def test_what_a_saved_scene_holds_is_as_it_was_judged(self):
        self.apply()
        self.load(self.save())
        self.panel.update()
        self.assertIn("PASS", self.ui.verdictLabel.text)
        self.assertNotIn("since", self.ui.verdictLabel.text)
        self.assertIn("#1b7f3b", self.ui.verdictLabel.styleSheet)

    def test_a_level_that_is_checked_after_the_verdict_is_named(self):
        self.node.levels = ["Ia", "Ib"]
        self.apply(replace(phantom_case(), parameters=replace(phantom_case().parameters, levels=("Ia", "Ib"))))
        self.assertEqual(self.not_judged(), "")
        self.node.levels = ["Ia", "Ib", "VIII"]
        self.assertEqual(self.not_judged(), "node level VIII")
