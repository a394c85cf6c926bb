"""The logic from Python: values of another kind are one sentence that names the keyword, and never taken for something else."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import slicer
from FaceDeidLNLib.core.errors import FaceDeidError
from person import PanelTest, changed_case, ids, load_phantom

#: What is typed for a keyword that takes something else.
WRONG = {
    "ears": ("yes", 1, None),
    "lips": ("no",),
    "acceptRecognisable": ("no", 0, None),
    "watermark": (3, None, b"x", ["A"], "x" * 99),
    "style": (3, ["full"], ""),
    "effect": (["mask"], ""),
    "levels": ("Ia", "", 3, [["Ia"]], ["XX"]),
    "depthMm": ("12", None, True, float("nan"), 100.0, 10 + 2j, [12]),
    "fillHu": ("air",),
    "segmentIDs": ("", 3),
    "wrapEngine": (None, ["built-in"]),
    "alsoVolumes": (None, 3, "PET", [["PET"]]),
    "progress": (3,),
    "seed": ("1", 1.5, -1, True),
    "reuse": ("no", 1, None),
    "renew": ("no", 0),
    "draft": ("yes",),
}
#: Keywords whose values are names, of which those that there are are listed.
NAMES = {"style": "style|region", "effect": "effect", "levels": "level"}


class ConsoleTest(PanelTest):
    """What is typed at Slicer's Python console."""

    def refused(self, words, work, *arguments, **keywords):
        """A call is answered by one sentence, and leaves the scene's nodes as they were."""
        with self.assertRaisesRegex(FaceDeidError, words) as raised:
            work(*arguments, **keywords)
        self.assertNotIn("\n", str(raised.exception))

    def reviewed(self):
        """A result that waits for a person."""
        self.answer_at_once(changed_case("REVIEW", "look at it"))
        ct, nodes = self.load_sample()
        return ct, self.logic.process(ct, protectedSegmentation=nodes).nodes.result

    def test_a_value_of_another_kind_is_named_with_its_keyword(self):
        ct, nodes = self.load_sample()
        for keyword, values in WRONG.items():
            for value in values:
                with self.subTest(keyword, value=value):
                    words = f"{keyword}|{NAMES[keyword]}" if keyword in NAMES else keyword
                    self.refused(words, self.logic.asked, ct, **{"protectedSegmentation": nodes, keyword: value})

    def test_a_node_in_place_of_a_list_is_named(self):
        ct, _ = self.load_sample()
        self.refused("alsoVolumes takes a list of .* and not vtkMRMLScalarVolumeNode", self.logic.process, ct, alsoVolumes=ct)

    def test_a_label_map_takes_no_result(self):
        ct, _ = self.load_sample()
        label_map = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        self.refused("outputVolume takes .* and not vtkMRMLLabelMapVolumeNode", self.logic.process, ct, outputVolume=label_map)

    def test_a_number_out_of_its_range_has_the_name_that_was_typed(self):
        ct, _ = self.load_sample()
        self.refused("depthMm is 100, and must be a number between 0.5 and 50 mm", self.logic.process, ct, depthMm=100)

    def test_numbers_of_numpy_are_those_of_python(self):
        ct, _ = self.load_sample()
        typed = {"depthMm": np.float32(10), "outsideMm": np.int16(5), "fillHu": np.float32(-900), "ears": np.True_}
        plain = {"depthMm": 10, "outsideMm": 5, "fillHu": -900.0, "ears": True}
        ours, theirs = (self.logic.asked(ct, effect=np.str_("mask"), **keywords).parameters for keywords in (typed, plain))
        self.assertEqual(repr(ours), repr(theirs))
        json.dumps([ours.depth_mm, ours.outside_mm, ours.own, ours.ears, ours.effect])

    def test_an_image_that_is_given_twice_follows_once(self):
        ct, _ = self.load_sample()
        pet = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET")
        self.assertEqual(self.logic.asked(ct, alsoVolumes=[pet, pet]).also, (pet,))

    def test_a_keyword_that_there_is_not_is_named(self):
        ct, _ = self.load_sample()
        for keyword in ("landmark", "own"):
            with self.subTest(keyword), self.assertRaisesRegex(TypeError, f"no keyword '{keyword}'"):
                self.logic.detectLandmarks(ct, **{keyword: 3})

    def test_an_open_curve_is_no_curve_around_a_face(self):
        ct, _ = self.load_sample()
        curve = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode")
        self.refused("curve takes a vtkMRMLMarkupsClosedCurveNode and not vtkMRMLMarkupsCurveNode", self.logic.createCurve, ct, curve=curve)
        self.assertEqual(curve.GetNumberOfControlPoints(), 0)

    def test_no_curve_is_put_onto_the_skin(self):
        ct, _ = self.load_sample()
        self.refused("There is no curve", self.logic.snapCurve, ct)

    def test_nothing_is_released_by_what_is_neither_true_nor_false(self):
        _, result = self.reviewed()
        self.logic.signOff(result, "Looked at.")
        self.refused("accepted is True or False, and not 'no'", self.logic.acceptRecognisable, result, "no")
        self.refused("not released", self.logic.exportResult, result, str(self.folder() / "out.nrrd"))

    def test_what_is_no_result_is_neither_signed_accepted_nor_exported(self):
        path = str(self.folder() / "out.nrrd")
        for node in ("result", 3, [None], self.logic):
            with self.subTest(node):
                self.refused("resultNode takes a vtkMRMLScalarVolumeNode", self.logic.signOff, node, "Looked at.")
                self.refused("resultNode takes a vtkMRMLScalarVolumeNode", self.logic.acceptRecognisable, node, True)
                self.refused("resultNode takes a vtkMRMLScalarVolumeNode", self.logic.exportResult, node, path)

    def test_a_result_that_left_the_scene_is_said(self):
        _, result = self.reviewed()
        slicer.mrmlScene.RemoveNode(result)
        self.refused("not in the scene any more", self.logic.signOff, result, "Looked at.")
        self.refused("not in the scene any more", self.logic.exportResult, result, str(self.folder() / "out.nrrd"))

    def test_a_remark_is_a_text(self):
        _, result = self.reviewed()
        self.refused("remark takes a text, and not None", self.logic.signOff, result, None)

    def test_an_export_says_which_of_its_values_is_of_another_kind(self):
        _, result = self.reviewed()
        path = str(self.folder() / "out.nrrd")
        self.refused("path takes the name of a file or folder, and not 3", self.logic.exportResult, result, 3)
        self.refused("path is empty", self.logic.exportResult, result, "")
        for keyword, value in {"overwrite": "no", "header": None, "keyFile": 3, "signingKey": ["k"], "progress": 3}.items():
            with self.subTest(keyword):
                self.refused(keyword, self.logic.exportResult, result, path, **{keyword: value})

    def test_a_place_that_no_file_can_have_is_one_sentence(self):
        self.answer_at_once()
        ct, nodes = self.load_sample()
        result = self.logic.process(ct, protectedSegmentation=nodes, acceptRecognisable=True).nodes.result
        folder = self.folder()
        self.refused("path takes the name of a file", self.logic.exportResult, result, str(folder / "a\0.nrrd"))
        self.refused("(?i)too long|cannot be written", self.logic.exportResult, result, str(folder / f"{'a' * 300}.nrrd"))

    def test_a_place_that_fits_no_export_is_told_as_that(self):
        self.answer_at_once()
        ct, nodes = self.load_sample()
        result = self.logic.process(ct, protectedSegmentation=nodes, acceptRecognisable=True).nodes.result
        folder = self.folder()
        for name in (".nrrd", ".nii.gz"):
            self.refused(f"path .*{name} has no name before its ending", self.logic.exportResult, result, str(folder / name))
        self.refused("names no file .* not loaded from DICOM: name one", self.logic.exportResult, result, str(folder))
        self.assertEqual(list(folder.iterdir()), [])

    def test_what_is_said_names_keywords_and_no_options(self):
        self.answer_at_once()
        ct, nodes = self.load_sample()
        result = self.logic.process(ct, protectedSegmentation=nodes, acceptRecognisable=True).nodes.result
        place = str(self.folder() / "out.nrrd")
        self.logic.exportResult(result, place)
        folder = str(self.folder() / "out")
        self.refused(r"overwrite=True\b", self.logic.exportResult, result, place)
        self.refused("^header=magic: choose keep", self.logic.exportResult, result, folder, header="magic")
        self.refused("with keyFile=FILE", self.logic.exportResult, result, folder, header="basic")
        self.refused("^keyFile=.* header=.* is 'keep'", self.logic.exportResult, result, folder, keyFile=folder)

    def test_a_keyword_and_its_value_are_named(self):
        ct, _ = self.load_sample()
        self.refused(r"\(effect=mask\)", self.logic.process, ct, style="box", effect="reface")

    def test_reasons_name_keywords_and_the_panel_neither(self):
        reason = "left_tragion is uncertain (10%): check it in Slicer and give it with --landmarks"
        self.answer_at_once(changed_case("REVIEW", reason))
        ct, nodes = self.load_sample()
        self.assertIn("give it with landmarks=...", self.logic.process(ct, protectedSegmentation=nodes).reasons[0])
        self.click("applyButton")
        self.assertRegex(self.ui.verdictLabel.text, r"check it\b")
        self.assertNotRegex(self.ui.verdictLabel.text, "landmarks|--|=")

    def test_from_another_thread_nothing_is_done_in_the_scene(self):
        ct, nodes = self.load_sample()
        before = ids()
        with ThreadPoolExecutor(1) as pool:
            for name, *given in (("process", ct, nodes), ("exportResult", ct, "out.nrrd"), ("signOff", ct, "x")):
                with self.subTest(name):
                    self.refused("call this from there", pool.submit(getattr(self.logic, name), *given).result)
        self.assertEqual(ids(), before)

    def test_a_tilde_is_the_users_own_folder(self):
        self.answer_at_once()
        ct, nodes = self.load_sample()
        result = self.logic.process(ct, protectedSegmentation=nodes, acceptRecognisable=True).nodes.result
        folder = self.folder()
        with mock.patch.dict("os.environ", {"HOME": str(folder), "USERPROFILE": str(folder)}):
            self.logic.exportResult(result, "~/mine.nrrd")
        self.assertTrue((folder / "mine.nrrd").is_file())

    def test_a_synthetic_head_has_voxels(self):
        load = sys.modules[type(self.widget).__module__].loadPhantom
        for wrong in ((0, 1, 1), (-2.0, 1.0, 1.0), 2.0, None, "abc", (1.0, 1.0), (900.0,) * 3):
            with self.subTest(wrong):
                self.refused("spacingMm", load, spacingMm=wrong)

    def test_what_is_chosen_is_that_of_the_modules_parameter_node(self):
        for given in (None, self.node.parameterNode, 3):
            with self.subTest(given):
                self.refused("parameterNode takes what getParameterNode", self.logic.chosen, given)

    def passed(self, **chosen):
        """A result that may leave."""
        self.answer_at_once()
        ct, nodes = self.load_sample()
        result = self.logic.process(ct, protectedSegmentation=nodes, acceptRecognisable=True, **chosen)
        return ct, nodes.GetSegmentation(), result.nodes.result

    def test_what_was_changed_after_the_verdict_is_not_exported(self):
        ct, nodes, result = self.passed()
        path = self.folder() / "out.nrrd"
        nodes.AddEmptySegment("late", "late lymph node")
        self.refused("not judged so: late lymph node", self.logic.exportResult, result, path)
        nodes.RemoveSegment("late")
        slicer.util.arrayFromVolume(ct)[0, 0, 0] += 5
        slicer.util.arrayFromVolumeModified(ct)
        self.refused('"Head" was edited or moved since', self.logic.exportResult, result, path)
        self.assertFalse(path.exists())
        slicer.util.arrayFromVolume(ct)[0, 0, 0] -= 5
        slicer.util.arrayFromVolumeModified(ct)
        self.logic.exportResult(result, path)
        self.assertTrue(path.exists())

    def test_what_was_changed_after_the_verdict_is_not_signed_off(self):
        _, result = self.reviewed()
        self.node.protectedSegmentation.GetSegmentation().AddEmptySegment("late", "late lymph node")
        self.refused("not judged so: late lymph node", self.logic.signOff, result, "Looked at.")

    def test_a_segment_that_a_script_leaves_out_does_not_keep_its_result_from_leaving(self):
        ct, nodes, result = self.passed()
        nodes.AddEmptySegment("other", "other lymph node")
        asked = [name for name in nodes.GetSegmentIDs() if name != "other"]
        given = {"protectedSegmentation": self.node.protectedSegmentation, "segmentIDs": asked, "acceptRecognisable": True}
        result = self.logic.process(ct, **given).nodes.result
        path = self.folder() / "out.nrrd"
        self.logic.exportResult(result, path)
        self.assertTrue(path.exists())

    def test_a_protected_segment_that_is_called_as_one_that_a_script_leaves_out_is_told_when_it_is_changed(self):
        ct, nodes, _ = self.passed()
        asked = list(nodes.GetSegmentIDs())
        name = nodes.GetSegment(asked[0]).GetName()
        nodes.AddEmptySegment("other", name)
        given = {"protectedSegmentation": self.node.protectedSegmentation, "segmentIDs": asked, "acceptRecognisable": True}
        result = self.logic.process(ct, **given).nodes.result
        slicer.util.arrayFromSegmentBinaryLabelmap(self.node.protectedSegmentation, asked[0])[:] = 0
        nodes.GetSegment(asked[0]).GetRepresentation("Binary labelmap").Modified()
        self.refused(f"not judged so: {name}", self.logic.exportResult, result, self.folder() / "out.nrrd")

    def test_certificates_of_results_that_were_taken_out_of_the_scene_do_not_pile_up_without_a_panel(self):
        self.widget.exit()
        self.answer_at_once()
        for _ in range(3):
            ct, nodes = load_phantom()
            result = self.logic.process(ct, protectedSegmentation=nodes).nodes.result
            certificates = [node for node in slicer.util.getNodesByClass("vtkMRMLTextNode") if "certificate" in node.GetName()]
            self.assertEqual(certificates, [result.GetNodeReference("FaceDeidLN.certificate")])
            for node in (result, nodes, ct):
                slicer.mrmlScene.RemoveNode(node)
