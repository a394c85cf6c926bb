"""The panel: the scene is closed, or the CT removed, while a step is at work."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import slicer
from FaceDeidLNLib.core.errors import Cancelled
from FaceDeidLNLib.mrml.removal import remove_nodes
from person import PanelTest, changed_case, ids

_KINDS = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLMarkupsNode", "vtkMRMLModelNode", "vtkMRMLTextNode")


def left():
    """What a closed scene must not hold; the planes of the application's slice views are models, too."""
    is_plane = slicer.vtkMRMLSliceLogic.IsSliceModelNode
    return [node.GetName() for kind in _KINDS for node in slicer.util.getNodesByClass(kind) if not is_plane(node)]


class ClosingTest(PanelTest):
    """Nothing of the old scene reaches the new one."""

    def test_a_scene_closed_while_the_sample_is_made_stays_empty(self):
        self.panel.load_sample = self.real_sample
        self.close_scene_at(0.1)
        self.ui.tryItLabel.linkActivated.emit("sample")
        self.assertEqual((left(), self.errors), ([], []))

    def test_a_scene_closed_in_mid_step_stays_empty_and_the_panel_goes_on(self):
        for button in ("detectButton", "curveButton", "faceButton", "applyButton"):
            with self.subTest(button):
                self.load_sample()
                self.close_scene_at(0.05)
                self.click(button)
                self.assertEqual((left(), self.errors), ([], []))
                self.assertIn("cancelled", self.ui.statusLabel.text)
                self.assertEqual(self.enabled("undoButton", button), [])

    def test_a_panel_whose_parameter_node_is_taken_out_of_the_scene_goes_on_with_another_one(self):
        self.answer_at_once()
        ct, nodes = self.load_sample()
        self.click("applyButton")
        result, gone = self.node.resultVolume, self.node.parameterNode
        slicer.mrmlScene.RemoveNode(gone)
        self.assertIsNotNone(self.node)
        self.assertIsNot(self.node.parameterNode, gone)
        self.assertEqual((self.node.inputVolume, self.node.protectedSegmentation, self.node.resultVolume), (ct, nodes, result))
        self.node.protectedSegmentation = None
        self.assertIsNone(self.node.protectedSegmentation)
        self.click("detectButton")
        self.assertIsNotNone(self.node.landmarks)

    def test_from_the_console_work_on_a_ct_that_is_gone_ends(self):
        ct, nodes = self.load_sample()

        def close(fraction, message):
            if fraction >= 0.05 and ct.GetScene() is not None:
                slicer.mrmlScene.Clear(False)

        with self.assertRaises(Cancelled):
            self.logic.process(ct, protectedSegmentation=nodes, progress=close)
        self.assertEqual(left(), [])

    def test_what_somebody_removes_while_a_step_is_at_work_is_made_anew(self):
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        ct, nodes = self.load_sample()
        self.click("applyButton")
        fields = ("landmarks", "curve", "faceSegmentation", "resultVolume")
        for field in fields:
            with self.subTest(field):
                leaving = getattr(self.node, field)
                chosen = {**self.panel.chosen(), "outputVolume": self.node.resultVolume, "reuse": True, "renew": True}

                def remove(fraction, message, leaving=leaving):
                    if fraction >= 0.9 and leaving.GetScene() is not None:
                        slicer.mrmlScene.RemoveNode(leaving)

                made = self.logic.process(ct, progress=remove, **chosen).nodes
                self.assertIsNone(leaving.GetScene())
                for node in (made.landmarks, made.curve, made.face, made.result):
                    self.assertTrue(slicer.mrmlScene.IsNodePresent(node))
                found = (made.landmarks, made.curve, made.face, made.result)
                for name, node in zip(fields, found, strict=True):
                    setattr(self.node, name, node)

    def test_a_result_that_somebody_removes_while_it_is_verified_takes_its_certificate_along(self):
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        self.load_sample()
        self.click("applyButton")
        result = self.node.resultVolume
        verify = self.logic.verify

        def removed_in_between(ct, **chosen):
            slicer.mrmlScene.RemoveNode(result)
            return verify(ct, **chosen)

        with mock.patch.object(self.logic, "verify", removed_in_between):
            self.click("verifyButton")
        self.assertIsNone(result.GetScene())
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTextNode"), 0)

    def test_a_display_node_of_a_segmentation_that_stays_is_not_removed(self):
        """The application's 3D view asks it for its segmentation, and crashes where there is none."""
        _, nodes = self.load_sample()
        before = ids()
        remove_nodes(slicer.mrmlScene, [nodes.GetDisplayNodeID()])
        self.assertEqual(ids(), before)

    def test_the_panel_is_left_without_a_module_as_at_the_applications_end(self):
        """Slicer takes a module out of ``slicer.modules`` when it unloads it, before it leaves the panel that is open."""
        self.load_sample()
        self.click("detectButton")
        unloaded = [name for name in ("volumes", "segmentations", "markups", "models") if hasattr(slicer.modules, name)]
        left_over = SimpleNamespace(**{name: value for name, value in vars(slicer.modules).items() if name not in unloaded})
        with mock.patch.object(slicer, "modules", left_over):
            self.widget.exit()
        self.assertIsNone(self.node)
        self.widget.enter()
        self.assertIsNotNone(self.node.landmarks)
