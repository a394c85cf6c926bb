"""The panel: cancel, undo, and one clear message for every error."""

from __future__ import annotations

import ast
import functools
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import slicer
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.input.names import choose_segments
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import add_ct, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.programs import engines
from FaceDeidLNLib.programs.engines import missing_engine
from FaceDeidLNLib.steps.words import in_keywords, without_options
from person import STEPS, PanelTest, changed_case, ids, load_phantom, phantom, phantom_case


def messages(*stages):
    """All texts of some of the library's folders, "X" for what is filled in; docstrings are none."""
    library = Path(engines.__file__).parents[1]
    for path in (path for stage in stages for path in (library / stage).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docs | within):
                yield node.value


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

    def once(self, act, fraction=0.0):
        """Let something happen as soon as the next step is at work, or so much of it is done."""
        waiting = [act]
        self.at(fraction, lambda dialog: waiting.pop()() if waiting else None)

    def test_a_step_goes_on_where_the_panel_is_left_meanwhile(self):
        self.load_sample()
        node = self.node
        for button, made in (("detectButton", "landmarks"), ("curveButton", "curve"), ("faceButton", "faceSegmentation")):
            with self.subTest(button):
                self.once(self.widget.exit)
                self.click(button)
                self.assertIsNone(self.node)
                self.widget.enter()
                self.assertIsNotNone(getattr(node, made))
        self.assertEqual(self.errors, [])

    def test_what_was_made_of_a_ct_is_not_taken_for_that_of_another_one_turned_to_meanwhile(self):
        first, _ = self.load_sample()
        second, _ = load_phantom()
        self.once(lambda: setattr(self.node, "inputVolume", second))
        self.click("detectButton")
        self.assertEqual((self.errors, self.node.inputVolume, self.node.landmarks), ([], second, None))
        self.assertIsNotNone(linked(first, "landmarks"))
        self.assertIsNone(linked(second, "landmarks"))

    def test_a_step_ends_where_its_ct_is_edited_or_moved_meanwhile(self):
        ct, _ = self.load_sample()
        before = ids()

        def edit():
            slicer.util.arrayFromVolume(ct)[0, 0, 0] += 7
            slicer.util.arrayFromVolumeModified(ct)

        def move():
            ct.SetOrigin(*(place + 1.0 for place in ct.GetOrigin()))

        for act in (edit, move):
            for name in STEPS:
                with self.subTest(name):
                    self.errors.clear()
                    self.once(act, 0.01)
                    self.click(name)
                    self.assertEqual(len(self.errors), 1)
                    self.assertIn("was edited or moved while it was worked on", self.errors[0])
                    self.assertEqual(ids(), before)

    def test_what_is_taken_out_while_it_is_filled_is_not_made_anew(self):
        self.load_sample()
        self.click("applyButton")
        filled = {
            "verifyButton": "resultVolume",
            "faceButton": "faceSegmentation",
            "curveButton": "curve",
            "detectButton": "landmarks",
        }
        for button, field in filled.items():
            with self.subTest(button):
                node, before = getattr(self.node, field), ids()
                self.once(functools.partial(slicer.mrmlScene.RemoveNode, node), 0.01)
                self.click(button)
                self.assertIn("cancelled", self.ui.statusLabel.text)
                self.assertIsNone(getattr(self.node, field))
                self.assertLess(ids(), before)
        self.assertEqual(self.errors, [])

    def test_a_face_segment_that_is_taken_out_while_it_follows_stays_away(self):
        self.patch("FaceDeidLNLib.widget.panel._APPEARS_MS", 0)
        self.load_sample()
        self.click("faceButton")
        self.node.depthMm = 4.0
        self.once(functools.partial(slicer.mrmlScene.RemoveNode, self.node.faceSegmentation), 0.01)
        self.panel.face.follow()
        self.assertIn("cancelled", self.ui.statusLabel.text)
        self.assertIsNone(self.node.faceSegmentation)

    def test_no_message_speaks_of_options_that_only_the_command_line_has(self):
        self.load_sample()
        self.choose("styleComboBox", "box")
        self.choose("effectComboBox", "reface")
        self.click("applyButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn("needs a curve", self.errors[0])
        self.assertNotIn("--", self.errors[0])

    def test_what_the_library_tells_those_who_type_is_left_out(self):
        told = [text for text in messages("anatomy", "verify", "face", "effect", "case", "output") if "--" in text]
        self.assertGreater(len(told), 8)
        for text in told:
            with self.subTest(text):
                self.assertNotIn("--", without_options(text))
                self.assertEqual(without_options(in_keywords(text)), without_options(text))
                self.assertNotRegex(without_options(text), r"(with|give|or|and)\W*$")

    def test_who_reads_in_the_panel_that_nothing_is_a_node_reads_what_can_be_done_there(self):
        with self.assertRaises(InputError) as refused:
            choose_segments([Segment("tongue", phantom().nodes[0].mask)])
        self.assertTrue(without_options(str(refused.exception)).endswith(": say which of them to keep, or keep the whole file."))

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
