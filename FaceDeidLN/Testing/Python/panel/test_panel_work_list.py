"""The panel: the cases of a batch that wait for a person, one after the other."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import slicer
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.mrml.nodes import ras
from FaceDeidLNLib.mrml.verdicts import read_verdict
from FaceDeidLNLib.output.certificate import certificate_hash
from FaceDeidLNLib.output.images import write_image
from FaceDeidLNLib.output.signing import is_own_release, public_text
from FaceDeidLNLib.output.worklist import read_worklist, write_worklist
from FaceDeidLNLib.steps.worklist import doubt_place
from person import PanelTest, changed_case, ids, key_file, phantom, phantom_case
from vtk.util.numpy_support import vtk_to_numpy
from waiting import waiting_batch


class WorkListTest(PanelTest):
    """Open, look, mend, release or reject, next."""

    def batch(self, *names, reasons="stomion is uncertain", **more):
        """The results folder of a batch whose cases are all the phantom, and wait."""
        return waiting_batch(self.folder(), names, reasons, **more)

    def clicks(self, *buttons):
        """Click and count."""
        self.pressed = getattr(self, "pressed", 0) + len(buttons)
        self.click(*buttons)

    def open(self, results):
        self.answers = [str(results)]
        self.click("openWorkListButton")
        self.assertEqual(self.errors, [])

    def looked_at(self, **more):
        """The results folder of a batch whose only case, a REVIEW, is open with a remark."""
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        self.node.acceptRecognisable = True
        results = self.batch("one", **more)
        self.open(results)
        self.click("nextCaseButton")
        self.ui.remarkEdit.text = "Looked at."
        return results

    def test_a_case_that_only_needs_a_look_takes_two_clicks_and_a_remark(self):
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        self.node.acceptRecognisable = True
        results = self.batch("one", "two")
        self.open(results)
        self.clicks("nextCaseButton")
        self.assertEqual(self.node.inputVolume.GetName(), "one")
        self.assertEqual(self.node.protectedSegmentation.GetSegmentation().GetNumberOfSegments(), len(phantom().nodes))
        self.assertIn("stomion is uncertain", self.ui.statusLabel.text)
        self.assertEqual(self.enabled("doneCaseButton"), [])
        self.ui.remarkEdit.text = "Mouth looked at in all planes."
        self.clicks("doneCaseButton")
        self.assertEqual(self.errors, [])
        self.assertEqual(self.pressed, 2)
        self.assertTrue(np.array_equal(read_volume(results / "one.nrrd").array, phantom_case().result.array))
        self.assertIn("Mouth looked at", (results / "one.certificate.json").read_text(encoding="utf-8"))
        self.assertEqual(self.node.inputVolume.GetName(), "two")  # the next one is open already

    def test_a_case_that_was_released_before_the_list_was_opened_again_does_not_wait(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        results = self.batch("one", "two")
        self.open(results)
        self.click("nextCaseButton", "doneCaseButton")
        self.open(results)
        self.assertEqual(self.ui.statusLabel.text, "Cases that wait: 1.")
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "released")
        self.click("nextCaseButton")
        self.assertEqual(self.node.inputVolume.GetName(), "two")

    def test_a_case_that_is_released_already_is_left_to_the_batch_which_takes_it_over(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        results = self.batch("one", header="keep")
        self.open(results)
        self.click("nextCaseButton", "doneCaseButton")
        self.ui.workListTable.cellDoubleClicked.emit(0, 0)
        self.click("doneCaseButton")
        self.assertIn("is released already: run the batch again", self.errors.pop())
        (results.parent / "head.nrrd").unlink()
        another = phantom().ct.with_array(phantom().ct.array + 100)
        write_image(CtInput(another, results.parent / "scanner", "node"), another, results.parent / "head.nrrd")
        self.click("doneCaseButton")
        self.assertIn("is not a release of this batch", self.errors.pop())

    def test_a_list_is_opened_with_no_ct_read(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        results = self.batch("one")
        self.open(results)
        self.click("nextCaseButton", "doneCaseButton")
        (results.parent / "head.nrrd").unlink()
        self.open(results)
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "released")

    def test_what_lies_there_and_is_no_release_of_the_batch_waits_and_is_neither_replaced_nor_signed(self):
        results = self.looked_at(header="keep")
        self.click("doneCaseButton")
        self.assertEqual(self.errors, [])
        certificate = results / "one.certificate.json"
        said = json.loads(certificate.read_text(encoding="utf-8"))
        spoilt = {
            "of another": {**said, "output": {**said["output"], "sha256": "0" * 64}},
            "other headers": {**said, "header": {"profile": "basic"}},
            "a study": {**said, "schema": "facedeidln-study/1"},
        }
        for what, content in spoilt.items():
            with self.subTest(what):
                certificate.write_text(json.dumps(content), encoding="utf-8")
                self.waits(results)
        certificate.write_text(json.dumps(said), encoding="utf-8")
        with self.subTest("it lay there when the case ended"):
            items = [replace(item, left=certificate_hash(item.output)) for item in read_worklist(results.parent / "results-worklist.csv")]
            write_worklist(items, results.parent / "results-worklist.csv")
            self.waits(results)
        self.click("nextCaseButton")
        self.ui.remarkEdit.text = "Looked at again."
        self.click("doneCaseButton")
        self.assertIn("is not a release of this batch", self.errors.pop())
        self.assertEqual(read_verdict(self.node.resultVolume).remark, "")
        self.assertEqual(json.loads(certificate.read_text(encoding="utf-8")), said)

    def waits(self, results):
        """The first case of a list waits."""
        self.open(results)
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "REVIEW")

    def test_a_batch_that_signs_gets_releases_that_are_signed_with_its_key_alone(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.addCleanup(setattr, self.ui.signCheckBox, "checked", False)
        own, other = key_file(self.folder()), key_file(self.folder())
        results = self.batch("one", signed=public_text(own), header="keep")
        self.open(results)
        self.click("nextCaseButton")
        self.assertIn("The batch signs its certificates", self.ui.statusLabel.text)
        for key, can_leave in ((other, []), (own, ["doneCaseButton"])):
            self.answers = [str(key)]
            self.ui.signCheckBox.checked = False
            self.assertEqual(self.enabled("doneCaseButton"), [])
            self.assertIn("The batch signs its certificates", self.ui.doneCaseButton.toolTip)
            self.ui.signCheckBox.checked = True
            self.assertEqual(self.enabled("doneCaseButton"), can_leave)
        self.click("doneCaseButton")
        self.assertEqual(self.errors, [])
        self.assertTrue(is_own_release(results / "one.nrrd", own))
        self.open(results)
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "released")

    def test_a_case_that_was_rejected_before_the_list_was_opened_again_does_not_wait(self):
        self.answer_at_once()
        results = self.batch("one", "two")
        self.open(results)
        self.click("nextCaseButton", "rejectCaseButton")
        self.open(results)
        self.assertEqual(self.ui.statusLabel.text, "Cases that wait: 1.")
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "rejected")
        self.click("nextCaseButton")
        self.assertEqual(self.node.inputVolume.GetName(), "two")

    def test_a_case_that_was_rejected_and_is_to_be_mended_by_a_later_line_waits(self):
        results = self.batch("one")
        (results.parent / "results-decisions.csv").write_text("case,decision,remark\none,reject,x\none,mend,no\n")
        self.open(results)
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "REVIEW")

    def test_the_result_of_another_ct_cannot_leave_as_the_open_case(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.load_sample()
        self.click("applyButton")
        others = self.node.resultVolume
        self.open(self.batch("one"))
        self.click("nextCaseButton")
        self.assertEqual(self.enabled("doneCaseButton"), ["doneCaseButton"])
        self.node.resultVolume = others
        self.assertEqual(self.enabled("doneCaseButton"), [])

    def test_return_in_the_remark_is_the_second_click(self):
        results = self.looked_at()
        self.ui.remarkEdit.returnPressed.emit()
        self.assertTrue((results / "one.nrrd").is_file())

    def test_the_case_before_leaves_the_scene_and_nothing_of_it_stays(self):
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        self.open(self.batch("one", "two", "three"))
        self.click("nextCaseButton")
        nodes = len(ids())
        for name in ("two", "three"):
            self.click("nextCaseButton")
            self.assertEqual((self.node.inputVolume.GetName(), len(ids())), (name, nodes))
        self.assertIsNone(slicer.mrmlScene.GetFirstNodeByName("one"))

    def test_a_case_that_was_released_is_not_said_to_be_rejected_before_its_release_is_taken_away(self):
        results = self.looked_at()
        self.click("doneCaseButton")
        self.assertTrue((results / "one.nrrd").exists())
        self.panel.work_list.open_case(self.panel.work_list._items[0])
        self.click("rejectCaseButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn(f"take away {results / 'one.nrrd'}", self.errors[0])
        self.assertFalse(results.with_name("results-decisions.csv").exists())
        for made in results.iterdir():
            made.unlink()
        self.click("rejectCaseButton")
        self.assertIn("one,reject", results.with_name("results-decisions.csv").read_text())

    def test_a_case_whose_landmark_was_moved_is_not_released_before_that_is_applied(self):
        self.looked_at()
        landmarks, place = self.node.landmarks, [0.0] * 3
        landmarks.GetNthControlPointPosition(0, place)
        self.panel._arrival.stop()
        landmarks.SetNthControlPointPosition(0, place[0], place[1] + 5.0, place[2])
        self.assertTrue(self.panel._arrival.active)
        self.panel.update()
        self.assertEqual(self.enabled("doneCaseButton", "signOffButton"), [])
        self.assertIn(landmarks.GetName(), self.ui.doneCaseButton.toolTip)
        self.click("applyButton")
        self.ui.remarkEdit.text = "Moved, looked at."
        self.assertEqual(self.enabled("doneCaseButton"), ["doneCaseButton"])

    def test_a_rejected_case_is_written_beside_the_list_and_its_result_is_not(self):
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        results = self.batch("one", "two")
        self.open(results)
        self.click("nextCaseButton")
        self.ui.remarkEdit.text = "Two patients\nin one file"
        self.click("rejectCaseButton")
        with (results.parent / "results-decisions.csv").open(encoding="utf-8") as file:
            self.assertEqual(list(csv.reader(file)), [["case", "decision", "remark"], ["one", "reject", "Two patients in one file"]])
        self.assertEqual(list(results.iterdir()), [])
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "rejected")

    def test_a_case_whose_nodes_were_mended_leaves_when_it_was_applied_again(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.open(self.batch("one"))
        self.click("nextCaseButton")
        self.assertEqual(self.enabled("doneCaseButton"), ["doneCaseButton"])
        self.node.protectedSegmentation.GetSegmentation().AddEmptySegment("", "late lymph node")
        self.panel.update()
        self.assertEqual(self.enabled("doneCaseButton"), [])
        self.assertIn("late lymph node", self.ui.doneCaseButton.toolTip)
        self.click("applyButton")
        self.assertEqual(self.enabled("doneCaseButton"), ["doneCaseButton"])

    def test_a_node_that_was_drawn_on_a_moment_before_the_click_keeps_a_case_from_leaving(self):
        results = self.looked_at()
        node = self.node.protectedSegmentation.GetSegmentation().GetNthSegment(0)
        image = node.GetRepresentation("Binary labelmap")
        voxels = vtk_to_numpy(image.GetPointData().GetScalars())
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()
        self.click("doneCaseButton")
        self.assertIn(node.GetName(), self.errors.pop())
        self.assertEqual((list(results.iterdir()), read_verdict(self.node.resultVolume).remark), ([], ""))

    def test_a_fail_cannot_leave(self):
        self.answer_at_once(changed_case("FAIL", "3 voxels changed outside the face segment"))
        results = self.batch("one")
        self.open(results)
        self.click("nextCaseButton")
        self.ui.remarkEdit.text = "I want it"
        self.assertEqual(self.enabled("doneCaseButton"), [])
        self.ui.remarkEdit.returnPressed.emit()
        self.assertEqual(list(results.iterdir()), [])

    def test_the_filter_says_which_case_is_the_next(self):
        self.addCleanup(setattr, self.ui.workListFilterEdit, "text", "")
        self.answer_at_once()
        self.open(self.batch("one", "two"))
        self.ui.workListFilterEdit.text = "TWO review"
        self.click("nextCaseButton")
        self.assertEqual(self.node.inputVolume.GetName(), "two")
        self.assertEqual(self.enabled("nextCaseButton"), [])

    def test_a_case_whose_file_is_gone_is_one_message_and_the_open_case_stays(self):
        self.answer_at_once()
        results = self.batch("one")
        self.open(results)
        (results.parent / "head.nrrd").unlink()
        before = ids()
        self.click("nextCaseButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn("does not exist", self.errors[0])
        self.assertEqual(ids(), before)

    def test_a_case_that_cannot_be_read_is_passed_over_and_can_be_tried_again(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        results = self.batch("one", "two", "three")
        self.open(results)
        self.click("nextCaseButton")
        away = (results.parent / "nodes.seg.nrrd").rename(results.parent / "away")
        self.click("nextCaseButton")
        self.assertEqual(self.ui.workListTable.item(1, 1).text(), "cannot be read")
        away.rename(results.parent / "nodes.seg.nrrd")
        self.click("nextCaseButton")
        self.assertEqual(self.node.inputVolume.GetName(), "three")
        self.ui.workListTable.cellDoubleClicked.emit(1, 0)
        self.assertEqual((self.node.inputVolume.GetName(), self.ui.workListTable.item(1, 1).text()), ("two", "REVIEW"))
        self.click("doneCaseButton")
        self.assertTrue((results / "two.nrrd").is_file())

    def test_a_case_whose_loading_was_cancelled_still_waits(self):
        self.open(self.batch("one"))
        self.cancel_at(0.0)
        self.click("nextCaseButton")
        self.assertIn("cancelled", self.ui.statusLabel.text)
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "REVIEW")
        self.assertEqual(self.enabled("nextCaseButton"), ["nextCaseButton"])

    def test_a_case_leaves_once_also_where_there_is_no_next_one(self):
        self.answer_at_once()
        self.node.acceptRecognisable = True
        self.open(self.batch("one"))
        self.click("nextCaseButton", "rejectCaseButton")
        self.assertEqual(self.enabled("doneCaseButton", "rejectCaseButton"), [])

    def test_a_folder_without_a_list_is_one_message(self):
        self.answers = [str(self.folder())]
        self.click("openWorkListButton")
        self.assertIn("There is no work list", self.errors[0])

    def test_the_place_in_view_is_that_of_the_landmark_or_segment_that_the_reasons_name(self):
        self.answer_at_once()
        self.load_sample()
        self.click("applyButton")
        places = phantom_case().landmarks.points
        at = doubt_place("tragion_left is uncertain", self.node.landmarks, (), None)
        self.assertTrue(np.allclose(at, ras(places["tragion_left"].position)[0], atol=1e-3))
        first = phantom().nodes[0]
        at = doubt_place(f"the segment '{first.name}' was not taken", None, (self.node.protectedSegmentation,), None)
        middle = first.mask.geometry.to_lps(np.argwhere(first.mask.array)).mean(0)
        self.assertTrue(np.allclose(at, ras(middle)[0], atol=2.0))
        self.assertIsNotNone(doubt_place("something else", self.node.landmarks, (), self.node.resultVolume))
