"""The panel: cancel, undo, and one clear message for every error."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import slicer
from FaceDeidLNLib.mrml.nodes import add_ct, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.programs.engines import missing_engine
from person import STEPS, PanelTest, changed_case, ids, phantom, phantom_case

BROKEN = ZeroDivisionError("division by zero")


class SafetyTest(PanelTest):
    """What can go wrong, and what can be taken back."""

    def test_cancel_leaves_the_scene_as_it_was(self):
        self.load_sample()
        before = ids()
        self.cancel_at(0.05)
        for name in STEPS:
            with self.subTest(name):
                self.click(name)
                self.assertEqual(ids(), before)
                self.assertIn("cancelled, nothing was changed", self.ui.statusLabel.text)
                self.assertEqual(self.errors, [])

    def test_the_synthetic_head_can_be_cancelled(self):
        self.panel.load_sample = self.real_sample
        before = ids()
        self.cancel_at(0.1)
        self.ui.tryItLabel.linkActivated.emit("sample")
        self.assertEqual(ids(), before)
        self.assertIn("cancelled, nothing was changed", self.ui.statusLabel.text)

    def test_the_live_preview_can_be_cancelled_where_it_takes_long(self):
        self.patch("FaceDeidLNLib.widget.panel._APPEARS_MS", 0)
        self.load_sample()
        self.click("faceButton")
        voxels = segments_from_node(self.node.faceSegmentation)[0].mask.array.sum()
        self.node.depthMm = 4.0
        self.cancel_at(0.4)
        self.panel.face.follow()
        self.assertEqual(segments_from_node(self.node.faceSegmentation)[0].mask.array.sum(), voxels)
        self.assertIn("cancelled, nothing was changed", self.ui.statusLabel.text)

    def test_looking_and_exporting_can_be_cancelled(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.load_sample()
        self.click("applyButton")
        before, folder = ids(), self.folder()
        for name, fraction in (("compareButton", 0.5), ("jumpButton", 0.5), ("nrrdButton", 0.5), ("niftiButton", 0.05)):
            with self.subTest(name):
                self.answers = [str(folder / "out")]
                self.cancel_at(fraction)
                self.click(name)
                self.assertEqual(ids(), before)
                self.assertEqual(list(folder.iterdir()), [])
                self.assertIn("cancelled, nothing was changed", self.ui.statusLabel.text)
        self.assertEqual(self.errors, [])

    def test_a_step_can_be_undone(self):
        self.answer_at_once()
        start, before = self.load_sample(), ids()
        self.click("applyButton")
        self.assertIsNotNone(self.node.resultVolume)
        self.click("undoButton")
        self.assertEqual(ids(), before)
        self.assertIsNone(self.node.resultVolume)
        self.assertEqual((self.node.inputVolume, self.node.protectedSegmentation), start)

    def test_undo_takes_the_skin_of_a_result_with_it(self):
        self.answer_at_once()
        self.load_sample()
        self.click("applyButton", "compareButton")
        after = f"{self.node.resultVolume.GetName()} skin after"
        self.assertIsNotNone(slicer.mrmlScene.GetFirstNodeByName(after))
        self.click("undoButton")
        self.assertIsNone(slicer.mrmlScene.GetFirstNodeByName(after))

    def test_undo_gives_a_filled_output_volume_its_voxels_back(self):
        self.answer_at_once()
        self.load_sample()
        mine = add_ct(context(), phantom().ct.with_array(phantom().ct.array * 0), "mine")
        self.node.outputVolume = mine
        self.click("applyButton")
        self.assertIs(self.node.resultVolume, mine)
        self.assertTrue(volume_from_node(mine).array.any())
        self.click("undoButton")
        self.assertFalse(volume_from_node(mine).array.any())
        self.assertEqual(mine.GetName(), "mine")

    def test_undo_gives_a_filled_output_volume_its_place_and_its_window_back(self):
        self.answer_at_once()
        self.load_sample()
        mine, transform = add_ct(context(), phantom().ct, "mine"), slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        mine.SetAndObserveTransformNodeID(transform.GetID())
        mine.GetDisplayNode().SetWindowLevel(1234.0, 56.0)
        self.node.outputVolume = mine
        self.click("applyButton")
        self.assertIsNone(mine.GetParentTransformNode())
        self.click("undoButton")
        self.assertIs(mine.GetParentTransformNode(), transform)
        self.assertEqual((mine.GetDisplayNode().GetWindow(), mine.GetDisplayNode().GetLevel()), (1234.0, 56.0))

    def test_undo_of_a_second_apply_brings_the_first_verdict_back(self):
        self.answer_at_once(phantom_case(), changed_case("FAIL", "3 voxels changed outside the face segment"))
        self.load_sample()
        self.click("applyButton")
        said = self.ui.verdictLabel.text
        self.node.outputVolume = self.node.resultVolume
        self.click("applyButton")
        self.assertTrue(self.ui.verdictLabel.text.startswith("FAIL"))
        self.click("undoButton")
        self.assertEqual(self.ui.verdictLabel.text, said)

    def test_attempts_that_were_not_released_take_one_volume_named_by_region_and_effect(self):
        self.answer_at_once(*(self.made_with(effect) for effect in ("blur", "mask", "scramble")))
        ct, _ = self.load_sample()
        for _ in range(3):
            self.click("applyButton")
        made = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node is not ct]
        self.assertEqual([node.GetName() for node in made], [f"{ct.GetName()} full scramble NOT RELEASED"])

    @staticmethod
    def made_with(effect):
        """The phantom's case as if another effect had been chosen."""
        return replace(phantom_case(), parameters=replace(phantom_case().parameters, effect=effect))

    def test_undo_of_a_sign_off_copies_no_voxels(self):
        self.answer_at_once()
        self.load_sample()
        self.click("applyButton")
        image = self.node.resultVolume.GetImageData()
        self.click("acceptCheckBox", "undoButton")
        self.assertIs(self.node.resultVolume.GetImageData(), image)
        self.assertIn("NOT RELEASED", self.node.resultVolume.GetName())

    def test_an_input_error_is_one_clear_sentence(self):
        ct, _ = self.load_sample()
        self.node.outputVolume = ct
        self.click("applyButton")
        self.assertEqual(self.errors, ["The result would overwrite the CT: choose another output volume."])
        self.assertEqual(self.ui.statusLabel.text, self.errors[0])

    def test_no_message_speaks_of_options_that_only_the_command_line_has(self):
        self.load_sample()
        self.choose("styleComboBox", "box")
        self.choose("effectComboBox", "reface")
        self.click("applyButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn("needs a curve", self.errors[0])
        self.assertNotIn("--", self.errors[0])

    def test_an_unexpected_error_is_one_sentence_and_the_log_has_the_rest(self):
        self.load_sample()
        before = ids()
        with (
            mock.patch.object(self.logic, "process", side_effect=BROKEN),
            self.assertLogs(level="ERROR") as logged,
        ):
            self.click("applyButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn("stopped unexpectedly: division by zero", self.errors[0])
        self.assertIn("Traceback", logged.output[0])
        self.assertEqual(ids(), before)

    def test_an_unexpected_error_in_the_live_preview_is_one_sentence(self):
        self.load_sample()
        self.click("faceButton")
        with (
            mock.patch.object(self.logic, "createFaceSegment", side_effect=BROKEN),
            self.assertLogs(level="ERROR"),
        ):
            self.panel.face.follow()
        self.assertIn("Live preview stopped unexpectedly", self.ui.statusLabel.text)
        self.assertEqual(self.errors, [])

    def test_a_volume_that_is_no_ct_is_refused(self):
        self.node.inputVolume = add_ct(context(), phantom().ct.with_array(np.abs(phantom().ct.array) + np.int16(500)), "MR")
        for name in STEPS:
            self.click(name)
        self.assertEqual(len(self.errors), len(STEPS))
        for text in self.errors:
            self.assertIn("does not look like a CT", text)

    def test_an_engine_that_is_not_installed_is_named(self):
        self.load_sample()
        for name, entry in (("wrap", "SurfaceWrapSolidify"), ("cut", "Dynamic Modeler")):
            with self.subTest(entry):
                if not missing_engine(name):
                    self.skipTest(f"{entry} is installed here")
                self.errors.clear()
                self.choose(f"{name}ComboBox", entry)
                self.click("faceButton")
                self.choose(f"{name}ComboBox", "built-in")
                self.assertEqual(len(self.errors), 1)
                self.assertIn(entry, self.errors[0])
                self.assertIsNone(self.node.faceSegmentation)
