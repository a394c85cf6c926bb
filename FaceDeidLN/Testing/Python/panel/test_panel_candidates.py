"""The panel: segmentations of the scene that nobody chose are chosen by themselves, asked for, or named."""

from __future__ import annotations

import numpy as np
import slicer
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.candidates import candidates
from FaceDeidLNLib.mrml.nodes import add_segmentation
from FaceDeidLNLib.mrml.scene import context
from person import PanelTest, load_phantom, phantom


def cheek(name="lymph node"):
    """A segmentation whose one node lies in the face."""
    node = next(segment for segment in phantom().nodes if "cheek" in segment.name)
    return add_segmentation(context(), [tight(name, node.mask.array)], phantom().ct.geometry, f"{name} of nobody")


class CandidatesTest(PanelTest):
    """What lies in the scene beside the CT."""

    def ct_alone(self):
        ct, nodes = load_phantom()
        slicer.mrmlScene.RemoveNode(nodes)
        self.node.inputVolume = ct
        return ct

    def test_the_only_segmentation_that_overlaps_the_ct_is_chosen_also_when_it_comes_later(self):
        self.ct_alone()
        self.assertIsNone(self.node.protectedSegmentation)
        node = cheek()
        self.assertTrue(self.panel._arrival.active)
        self.panel.update()
        self.assertIs(self.node.protectedSegmentation, node)

    def test_the_user_who_chooses_none_is_not_overruled(self):
        self.ct_alone()
        cheek()
        self.panel.update()
        self.node.protectedSegmentation = None
        self.panel.update()
        self.assertIsNone(self.node.protectedSegmentation)
        self.assertIn("lymph node of nobody", self.ui.protectHintLabel.text)

    def test_of_two_with_nodes_none_is_chosen_and_both_are_asked_for(self):
        self.ct_alone()
        cheek("lymph node 1"), cheek("lymph node 2")
        self.panel.update()
        self.assertIsNone(self.node.protectedSegmentation)
        for name in ("lymph node 1", "lymph node 2"):
            self.assertIn(name, self.ui.protectHintLabel.text)

    def test_one_that_lies_elsewhere_is_none_of_them(self):
        ct = self.ct_alone()
        away = np.array(phantom().ct.geometry.ijk_to_lps)
        away[:3, 3] += 1000.0
        mask = tight("lymph node", phantom().nodes[0].mask.array)
        add_segmentation(context(), [mask], Geometry(phantom().ct.geometry.shape, away), "elsewhere")
        self.assertEqual(candidates(ct), [])

    def test_a_node_of_the_scene_that_the_face_segment_holds_makes_a_review_that_names_it(self):
        self.ct_alone()
        cheek("cheek node")
        self.panel.update()
        self.node.protectedSegmentation = None
        self.node.levels = []
        self.click("applyButton")
        self.assertTrue(self.ui.verdictLabel.text.startswith("REVIEW"), self.ui.verdictLabel.text)
        self.assertIn("'cheek node'", self.ui.verdictLabel.text)
        self.assertNotIn("--", self.ui.verdictLabel.text)

    def test_where_nothing_is_named_the_sentence_does_not_speak_of_protected_segments(self):
        self.ct_alone()
        self.click("applyButton")
        self.click("acceptCheckBox")
        self.assertIn("no segment was named", self.ui.verdictLabel.text)
