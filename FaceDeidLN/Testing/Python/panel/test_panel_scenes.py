"""The panel: scenes saved, loaded and closed, two CTs, another scene."""

from __future__ import annotations

from unittest import mock

import numpy as np
import slicer
from FaceDeidLNLib.anatomy.skin import skin_surface
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import landmarks_from_node
from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache
from person import PanelTest, load_phantom, phantom

OWN = ("landmarks", "curve", "faceSegmentation", "resultVolume")


class ScenesTest(PanelTest):
    """What a scene keeps, and what it does not."""

    def setUp(self):
        """No real case is needed."""
        super().setUp()
        self.answer_at_once()

    def own(self):
        return [getattr(self.node, name) for name in OWN]

    def test_a_saved_scene_brings_everything_back(self):
        import qt

        folder, fields = self.folder(), ("inputVolume", *OWN)
        self.load_sample()
        self.ui.depthSlider.value = 9.0
        self.ui.segmentsList.item(1).setCheckState(qt.Qt.Unchecked)
        self.click("applyButton", "acceptCheckBox")
        names = {name: getattr(self.node, name).GetName() for name in fields}
        said = (self.ui.verdictLabel.text, self.ui.figuresTable.rowCount)
        saved = self.save()
        slicer.mrmlScene.Clear(False)
        self.widget.enter()
        self.assertEqual(self.ui.verdictLabel.text, "No result yet.")
        self.load(saved)
        self.widget.enter()
        self.assertEqual({name: getattr(self.node, name).GetName() for name in fields}, names)
        self.assertAlmostEqual(self.ui.depthSlider.value, 9.0)
        self.assertEqual((self.ui.verdictLabel.text, self.ui.figuresTable.rowCount), said)
        self.assertEqual(self.ui.segmentsList.item(1).checkState(), qt.Qt.Unchecked)
        self.answers = [str(folder / "again.nrrd")]
        self.click("nrrdButton")
        self.assertEqual(self.errors, [])
        self.assertTrue((folder / "again.nrrd").is_file())

    def test_a_scene_loaded_while_the_panel_is_open_shows_the_ct_that_was_chosen(self):
        self.load_sample()
        self.click("applyButton")
        second, nodes = self.load_sample()
        second.SetName("Second")
        nodes.SetName("its nodes")
        self.load(self.save())
        self.widget.enter()  # by itself where the module is the one that is shown
        self.assertEqual((self.node.inputVolume.GetName(), self.node.protectedSegmentation.GetName()), ("Second", "its nodes"))
        self.assertIs(self.ui.inputSelector.currentNode(), self.node.inputVolume)
        self.assertEqual(self.own(), [None] * len(OWN))

    def test_a_point_dragged_in_a_loaded_scene_needs_no_new_detection(self):
        for user in ("mrml.case", "steps.steps"):
            self.patch(f"FaceDeidLNLib.{user}.skin_surface", skin_surface)  # as fine as it is, as the point is to lie on it
        self.load_sample()
        self.click("detectButton", "curveButton", "faceButton")
        self.load(self.save())
        self.widget.enter()
        self.patch("FaceDeidLNLib.case.find.detect_landmarks", mock.Mock(side_effect=AssertionError("looked for again")))
        self.logic.cache = AnatomyCache()
        curve, place = self.node.curve, [0.0] * 3
        curve.GetNthControlPointPositionWorld(0, place)
        curve.SetNthControlPointPositionWorld(0, place[0], place[1] + 30.0, place[2])
        curve.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
        curve.GetNthControlPointPositionWorld(0, place)
        depth = self.logic.cache.anatomy(phantom().ct, landmarks_from_node(self.node.landmarks)).depth
        self.assertLess(abs(depth.at(np.array([place]) * (-1, -1, 1))[0]), 0.3)
        self.panel.face.follow()
        self.assertEqual(self.ui.statusLabel.text, "The face segment follows.")

    def test_another_scene_added_to_this_one_leaves_what_was_chosen(self):
        folder = self.folder()
        other = slicer.vtkMRMLScene()
        other.AddNewNodeByClass("vtkMRMLTextNode", "note")
        other.SetURL(str(folder / "other.mrml"))
        self.assertTrue(other.Commit())
        first, _ = self.load_sample()
        second, nodes = self.load_sample()
        self.click("applyButton")
        chosen = self.own()
        slicer.mrmlScene.SetURL(str(folder / "other.mrml"))
        self.assertTrue(slicer.mrmlScene.Import())
        self.widget.enter()
        self.assertIs(self.node.inputVolume, second)
        self.assertIs(self.node.protectedSegmentation, nodes)
        self.assertEqual(self.own(), chosen)

    def test_a_closed_scene_leaves_nothing_behind(self):
        self.load_sample()
        self.click("applyButton")
        slicer.mrmlScene.Clear(False)
        self.widget.enter()
        self.assertIsNone(self.node.inputVolume)
        self.assertEqual(self.enabled("applyButton", "undoButton"), [])

    def test_two_cts_keep_their_own_nodes(self):
        first, first_nodes = self.load_sample()
        self.click("applyButton")
        of_first = self.own()
        second, second_nodes = self.load_sample()
        self.assertIsNot(second, first)
        self.assertIs(self.node.protectedSegmentation, second_nodes)
        self.assertEqual(self.own(), [None] * len(OWN))
        self.click("applyButton")
        self.assertIsNot(self.node.resultVolume, of_first[-1])
        self.ui.inputSelector.setCurrentNode(first)
        self.assertEqual(self.own(), of_first)
        self.assertIs(self.node.protectedSegmentation, first_nodes)
        self.assertIsNot(linked(second, "result"), linked(first, "result"))

    def test_what_was_made_of_another_ct_is_not_seen_until_that_is_turned_to_again(self):
        first, first_nodes = self.load_sample()
        for button in ("detectButton", "curveButton", "faceButton"):
            self.click(button)
        made = [self.node.landmarks, self.node.curve, self.node.faceSegmentation]
        self.node.curve.SetDisplayVisibility(False)  # by the user
        self.load_sample()
        self.assertEqual([bool(node.GetDisplayVisibility()) for node in made], [False, False, False])
        self.assertTrue(first_nodes.GetDisplayVisibility(), "the user's own segments are his to hide")
        self.ui.inputSelector.setCurrentNode(first)
        self.assertEqual([bool(node.GetDisplayVisibility()) for node in made], [True, False, True])

    def test_what_went_with_its_ct_comes_back_after_the_other_one_left_the_scene(self):
        first, _ = self.load_sample()
        self.click("detectButton", "curveButton")
        made = [self.node.landmarks, self.node.curve]
        second, _ = self.load_sample()
        self.assertEqual([bool(node.GetDisplayVisibility()) for node in made], [False, False])
        slicer.mrmlScene.RemoveNode(second)
        self.ui.inputSelector.setCurrentNode(first)
        self.assertEqual([bool(node.GetDisplayVisibility()) for node in made], [True, True])

    def test_what_was_chosen_before_the_first_ct_stays(self):
        ct, nodes = load_phantom()
        self.node.inputVolume = self.node.protectedSegmentation = None
        self.node.protectedSegmentation = nodes
        self.node.inputVolume = ct
        self.assertIs(self.node.protectedSegmentation, nodes)

    def test_the_panel_starts_with_a_ct_and_not_with_a_label_map_or_a_result(self):
        self.widget.exit()
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "result").SetAttribute("FaceDeidLN.Released", "0")
        ct, _ = load_phantom()
        self.widget.enter()
        self.assertIs(self.node.inputVolume, ct)

    def test_a_removed_ct_is_forgotten(self):
        ct, _ = self.load_sample()
        others = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node is not ct]
        self.assertEqual(others, [])
        slicer.mrmlScene.RemoveNode(ct)
        self.assertIsNone(self.node.inputVolume)
        self.assertEqual(self.enabled("applyButton"), [])

    def test_a_node_that_leaves_the_scene_is_not_replaced_by_the_next_one(self):
        _, nodes = self.load_sample()
        self.click("applyButton")
        for field in ("faceSegmentation", "resultVolume", "protectedSegmentation", "inputVolume"):
            with self.subTest(field):
                slicer.mrmlScene.RemoveNode(getattr(self.node, field))
                self.assertIsNone(getattr(self.node, field))

    def test_the_panel_can_be_left_and_entered_again(self):
        ct, _ = self.load_sample()
        self.widget.exit()
        self.assertIsNone(self.node)
        self.widget.enter()
        self.assertIs(self.node.inputVolume, ct)
        self.assertEqual(self.errors, [])
