"""The panel: a volume that was cloned in the Volumes module brings references to its original's nodes, which are not its own; one that
was cloned in the Data module brings none."""

from __future__ import annotations

import numpy as np
import slicer
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.verdicts import read_verdict
from person import PanelTest, phantom

OWN = ("landmarks", "curve", "faceSegmentation", "resultVolume")


class ClonesTest(PanelTest):
    """What a clone has, and what its original keeps."""

    def setUp(self):
        """No real case is needed."""
        super().setUp()
        self.answer_at_once()

    def clone(self, node, name="clone"):
        """What "Clone volume" in the Volumes module makes of a volume."""
        return context().logics["volumes"].CloneVolume(slicer.mrmlScene, node, name)

    def own(self):
        return [getattr(self.node, name) for name in OWN]

    def test_a_clone_of_a_ct_begins_with_nothing_but_the_segments_to_keep(self):
        ct, nodes = self.load_sample()
        self.click("applyButton")
        of_the_original = self.own()
        clone = self.clone(ct)
        self.ui.inputSelector.setCurrentNode(clone)
        self.assertEqual(self.own(), [None] * len(OWN))
        self.assertEqual(self.ui.verdictLabel.text, "No result yet.")
        self.assertIs(self.node.protectedSegmentation, nodes)
        self.assertFalse(of_the_original[0].GetDisplayVisibility(), "it belongs to the other one")
        self.click("applyButton")
        self.assertFalse({node.GetID() for node in self.own()} & {node.GetID() for node in of_the_original})
        self.ui.inputSelector.setCurrentNode(ct)
        self.assertEqual(self.own(), of_the_original)

    def content_of(self, node):
        """What "Clone" in the Data module makes of a volume: all that it holds, and no references."""
        clone = slicer.mrmlScene.AddNewNodeByClass(node.GetClassName(), f"{node.GetName()} Copy")
        clone.CopyContent(node)
        return clone

    def test_what_is_kept_of_a_ct_is_asked_for_where_nothing_is_kept_of_another_one_there(self):
        requests = self.answer_at_once()
        ct, nodes = self.load_sample()
        self.click("applyButton")
        clone = self.content_of(ct)
        self.ui.inputSelector.setCurrentNode(clone)
        self.assertIsNone(self.node.protectedSegmentation, "it may be another patient's")
        self.assertIn(nodes.GetName(), self.ui.protectHintLabel.text)
        self.click("applyButton")
        kept = [segment.name for segment in requests[0].protected]
        self.assertEqual([segment.name for segment in requests[-1].left_out], [f"{name} (of another CT)" for name in kept])
        self.node.protectedSegmentation = own = self.content_of(nodes)
        self.click("applyButton")
        self.assertEqual((requests[-1].left_out, [segment.name for segment in requests[-1].protected]), ((), kept))
        self.ui.inputSelector.setCurrentNode(ct)
        self.click("applyButton")
        self.assertEqual(requests[-1].left_out, ())
        self.assertIsNot(self.node.protectedSegmentation, own)

    def test_who_says_once_that_nothing_of_another_ct_is_to_be_kept_is_asked_no_more(self):
        requests = self.answer_at_once()
        ct, nodes = self.load_sample()
        nodes.SetName("of <b>A</b>")
        clone = self.content_of(ct)
        self.ui.inputSelector.setCurrentNode(clone)
        self.assertIn("of &lt;b&gt;A&lt;/b&gt;", self.ui.protectHintLabel.text)
        self.ui.protectHintLabel.linkActivated.emit("none")
        self.assertIn("as you chose", self.ui.protectHintLabel.text)
        self.click("applyButton")
        self.assertEqual(requests[-1].left_out, ())
        self.ui.inputSelector.setCurrentNode(ct)
        self.assertIs(self.node.protectedSegmentation, nodes)
        self.ui.inputSelector.setCurrentNode(clone)
        self.click("applyButton")
        self.assertEqual(requests[-1].left_out, ())
        self.node.protectedSegmentation = nodes
        self.click("applyButton")
        self.assertEqual([segment.name for segment in requests[-1].protected], [segment.name for segment in phantom().nodes])

    @staticmethod
    def put_under(patient, *nodes):
        """What an import from Slicer's DICOM database makes of nodes: the patient's ID stands above them."""
        terms = slicer.vtkMRMLSubjectHierarchyConstants
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        item = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
        hierarchy.SetItemUID(item, terms.GetDICOMUIDName(), patient)
        study = hierarchy.CreateStudyItem(item, "study")
        for node in nodes:
            known = hierarchy.GetItemByDataNode(node)  # the application has one for each node
            hierarchy.SetItemParent(known, study) if known else hierarchy.CreateItem(study, node)

    def test_what_is_another_patients_is_named_and_passed_over(self):
        requests = self.answer_at_once()
        ct, nodes = self.load_sample()
        for mine, theirs, other in (("1", "2", True), ("1", "", False), ("1", "1", False), ("Patient-1.2", "Patient-1.3", False)):
            for owned in ((ct,), (ct, nodes)):
                with self.subTest(f"{mine} and {theirs}, {len(owned)}"):
                    second = self.content_of(ct)
                    self.put_under(mine, second)
                    self.put_under("", nodes)
                    self.put_under(theirs, *owned)
                    self.ui.inputSelector.setCurrentNode(second)
                    self.assertEqual("another patient's" in self.ui.protectHintLabel.text, other)
                    self.assertIn(nodes.GetName(), self.ui.protectHintLabel.text)
                    self.click("applyButton")
                    self.assertEqual(not requests[-1].left_out, other)
        self.assertEqual(self.errors, [])

    def test_a_segmentation_of_another_patient_is_not_chosen_by_itself(self):
        ct, nodes = self.load_sample()
        self.node.protectedSegmentation = None
        self.put_under("1", nodes)
        second = self.content_of(ct)
        self.put_under("2", second)
        self.ui.inputSelector.setCurrentNode(second)
        self.assertIsNone(self.node.protectedSegmentation)

    def test_apply_makes_a_result_of_its_own_where_another_cts_is_looked_at(self):
        ct, _ = self.load_sample()
        clone = self.content_of(ct)
        self.ui.inputSelector.setCurrentNode(clone)
        self.click("applyButton")
        others = self.node.resultVolume
        self.assertIn("NOT RELEASED", others.GetName())
        self.ui.inputSelector.setCurrentNode(ct)
        self.node.resultVolume = others
        self.panel.update()
        self.click("applyButton")
        self.assertEqual(self.errors, [])
        self.assertIsNot(self.node.resultVolume, others)

    def test_a_clone_that_is_turned_to_after_its_original_is_gone_takes_nothing_over(self):
        ct, _ = self.load_sample()
        self.click("applyButton")
        clone = self.clone(ct)
        slicer.mrmlScene.RemoveNode(ct)
        self.ui.inputSelector.setCurrentNode(clone)
        self.assertEqual(self.own(), [None] * len(OWN))

    def edited(self, volume):
        """A volume with one voxel changed outside the face, as a script changes it."""
        slicer.util.arrayFromVolume(volume)[0, 0, 0] += 7
        slicer.util.arrayFromVolumeModified(volume)
        return volume

    def test_a_clone_of_a_result_has_a_verdict_of_its_own(self):
        self.load_sample()
        self.node.acceptRecognisable = True
        self.click("applyButton")
        result, said = self.node.resultVolume, self.ui.verdictLabel.text
        clone = self.edited(self.clone(result))
        self.node.resultVolume = clone
        self.assertEqual(self.ui.verdictLabel.text, "This volume was not verified: NOT RELEASED.")
        self.assertEqual(self.enabled("nrrdButton", "niftiButton"), [])
        self.click("verifyButton")
        self.assertIn("FAIL", self.ui.verdictLabel.text)
        self.node.resultVolume = result
        self.assertEqual(self.ui.verdictLabel.text, said)
        self.click("verifyButton")
        self.assertEqual((read_verdict(result).verdict, read_verdict(clone).verdict), ("PASS", "FAIL"))
        self.click("undoButton", "undoButton")
        self.assertIsNone(read_verdict(clone))
        self.assertEqual(read_verdict(result).verdict, "PASS")

    def test_one_certificate_for_a_result_and_its_clone_in_a_scene_of_before_becomes_two(self):
        self.node.acceptRecognisable = True
        self.load_sample()
        self.click("applyButton")
        result = self.node.resultVolume
        result.SetAttribute("FaceDeidLN.Claimed", None)
        result.SetNodeReferenceID("FaceDeidLN.self", None)
        clone = self.edited(self.clone(result))
        self.node.resultVolume = clone
        self.assertIn("was changed after it was verified", self.ui.verdictLabel.text)
        self.click("verifyButton")
        self.assertEqual((read_verdict(result).verdict, read_verdict(clone).verdict), ("PASS", "FAIL"))

    def test_a_result_that_was_edited_or_moved_is_green_no_more(self):
        self.node.acceptRecognisable = True
        self.load_sample()
        self.click("applyButton")
        result, green = self.node.resultVolume, self.ui.verdictLabel.styleSheet
        move = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        shift = np.eye(4)
        shift[0, 3] = 5.0
        move.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(shift))
        result.SetAndObserveTransformNodeID(move.GetID())
        self.assertTrue(self.panel._arrival.active)
        self.panel.update()
        self.assertIn("was changed after it was verified", self.ui.verdictLabel.text)
        result.SetAndObserveTransformNodeID(None)
        self.panel.update()
        self.assertEqual(self.ui.verdictLabel.styleSheet, green)
        self.panel._arrival.stop()
        self.edited(result)
        self.assertTrue(self.panel._arrival.active)
        self.panel.update()
        self.assertIn("was changed after it was verified", self.ui.verdictLabel.text)
        self.assertNotEqual(self.ui.verdictLabel.styleSheet, green)

    def test_a_scene_of_before_clones_were_told_apart_has_its_nodes(self):
        ct, _ = self.load_sample()
        self.click("applyButton")
        for node in (ct, self.node.resultVolume):
            node.SetAttribute("FaceDeidLN.Claimed", None)
            node.SetNodeReferenceID("FaceDeidLN.self", None)
        self.load(self.save())
        self.widget.enter()
        self.assertNotIn(None, self.own())
        self.assertIn("PASS", self.ui.verdictLabel.text)
