"""The panel: a volume that was cloned in the Data module brings references to its original's nodes; they are not its own."""

from __future__ import annotations

import slicer
from FaceDeidLNLib.mrml.scene import context
from person import PanelTest

OWN = ("landmarks", "curve", "faceSegmentation", "resultVolume")


class ClonesTest(PanelTest):
    """What a clone has, and what its original keeps."""

    def setUp(self):
        """No real case is needed."""
        super().setUp()
        self.answer_at_once()

    def clone(self, node, name="clone"):
        """What "Clone" in the Data module makes of a volume."""
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

    def test_a_clone_that_is_turned_to_after_its_original_is_gone_takes_nothing_over(self):
        ct, _ = self.load_sample()
        self.click("applyButton")
        clone = self.clone(ct)
        slicer.mrmlScene.RemoveNode(ct)
        self.ui.inputSelector.setCurrentNode(clone)
        self.assertEqual(self.own(), [None] * len(OWN))

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
