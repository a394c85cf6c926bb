"""The panel: verdict, sign-off, export, and looking at the result."""

from __future__ import annotations

import numpy as np
import slicer
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.mrml.nodes import add_ct, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.output.signing import Signature, signature_state
from person import EXPORTS, PanelTest, changed_case, key_file, load_phantom, phantom, phantom_case

RENDERING = "vtkMRMLGPURayCastVolumeRenderingDisplayNode"


class ReviewTest(PanelTest):
    """What is said of a result, and what may be done with it."""

    def apply(self, *cases):
        """The sample, judged at once."""
        self.answer_at_once(*cases)
        self.load_sample()
        self.click("applyButton")
        return self.node.resultVolume

    def test_where_the_face_is_still_to_be_seen_is_said_after_apply(self):
        self.apply()
        ct = self.node.inputVolume
        self.assertEqual(self.ui.statusLabel.text, "A saved scene holds the CT with its face: give away what you export.")
        if not hasattr(slicer, RENDERING):
            self.skipTest("the application was built without Volume Rendering")
        rendering = slicer.mrmlScene.AddNode(getattr(slicer, RENDERING)())
        ct.AddAndObserveDisplayNodeID(rendering.GetID())
        for shown in (False, True):
            rendering.SetVisibility(shown)
            self.click("applyButton")
            self.assertEqual("The volume rendering in 3D is of the CT" in self.ui.statusLabel.text, shown)

    def test_a_release_that_was_accepted_as_recognisable_does_not_say_that_the_face_is_hidden(self):
        self.node.acceptRecognisable = True
        self.apply()
        self.assertTrue(self.ui.verdictLabel.text.startswith("PASS: "), self.ui.verdictLabel.text)
        self.assertNotIn("hidden", self.ui.verdictLabel.text)
        self.assertIn("may still be recognised", self.ui.verdictLabel.text)

    def test_a_fail_is_red_and_can_never_be_signed_off(self):
        result = self.apply(changed_case("FAIL", "3 voxels changed outside the face segment"))
        self.assertEqual(self.ui.verdictLabel.text, "FAIL, NOT RELEASED: 3 voxels changed outside the face segment")
        self.assertIn("#b3261e", self.ui.verdictLabel.styleSheet)
        self.ui.remarkEdit.text = "I want it"
        self.assertEqual(self.enabled("signOffButton", *EXPORTS), [])
        with self.assertRaisesRegex(FaceDeidError, "FAIL cannot be signed off"):
            self.logic.signOff(result, "I want it")

    def test_a_review_is_lifted_by_a_sign_off_with_a_remark(self):
        self.node.acceptRecognisable = True
        result, path = self.apply(changed_case("REVIEW", "stomion is uncertain")), self.folder() / "out.nrrd"
        self.assertIn("NOT RELEASED", result.GetName())
        self.assertEqual(self.enabled("signOffButton"), [])
        self.ui.remarkEdit.text = "Mouth looked at in all planes."
        self.click("signOffButton")
        self.assertTrue(result.GetName().endswith("de-identified"))
        self.assertEqual(self.ui.verdictLabel.text, "REVIEW, signed off: Mouth looked at in all planes.")
        self.answers = [str(path)]
        self.click("nrrdButton")
        self.assertIn("Mouth looked at in all planes.", (path.parent / "out.certificate.json").read_text(encoding="utf-8"))
        self.click("undoButton")
        self.assertIn("NOT RELEASED", result.GetName())
        self.assertEqual(self.enabled("nrrdButton"), [])

    def test_a_remark_is_meant_for_one_result_only(self):
        self.apply(changed_case("REVIEW", "stomion is uncertain"))
        self.ui.remarkEdit.text = "Looked at."
        self.click("applyButton")
        self.assertEqual(self.ui.remarkEdit.text, "")

    def test_a_released_result_is_exported_with_its_certificate(self):
        self.node.acceptRecognisable = True
        self.apply()
        for button, extension in (("nrrdButton", ".nrrd"), ("niftiButton", ".nii.gz")):
            with self.subTest(extension):
                folder = self.folder()
                self.answers = [str(folder / "out")]
                self.click(button)
                self.assertEqual(self.errors, [])
                self.assertTrue(np.array_equal(read_volume(folder / f"out{extension}").array, phantom_case().result.array))
                self.assertIn('"verdict": "PASS"', (folder / "out.certificate.json").read_text(encoding="utf-8"))

    def test_with_a_key_the_certificate_is_signed(self):
        self.node.acceptRecognisable = True
        self.apply()
        folder = self.folder()
        key = key_file(folder)
        self.answers = [str(key), str(folder / "out")]
        self.ui.signCheckBox.checked = True
        self.click("nrrdButton")
        self.assertIn("(signed)", self.ui.statusLabel.text)
        self.assertIs(signature_state(folder / "out.certificate.json", key), Signature.VALID)

    def test_what_is_no_key_signs_nothing(self):
        key_file(self.folder())  # skips where no key can be read
        file = self.folder() / "notes.pem"
        file.write_text("no key")
        self.answers = [str(file)]
        self.ui.signCheckBox.checked = True
        self.assertIn("no private Ed25519 key", self.errors[0])
        self.assertFalse(self.ui.signCheckBox.checked)

    def test_the_next_question_begins_where_the_last_file_was_written(self):
        self.node.acceptRecognisable = True
        self.apply()
        folder = self.folder()
        self.answers = [str(folder / "one"), str(folder / "two")]
        self.click("nrrdButton", "nrrdButton")
        self.assertEqual(self.asked[1], str(folder))

    def test_a_file_that_nobody_was_asked_about_is_not_replaced(self):
        self.node.acceptRecognisable = True
        self.apply()
        there = self.folder() / "out.nrrd"
        there.write_text("mine")
        self.answers = [str(there.with_suffix(""))]
        self.click("nrrdButton")
        self.assertIn("out.nrrd exists", self.errors[0])
        self.assertEqual(there.read_text(), "mine")

    def test_a_name_that_no_file_can_have_is_one_message_and_nothing_says_that_it_was_written(self):
        self.node.acceptRecognisable = True
        self.apply()
        self.answers = [str(self.folder() / "out.nrrd"), str(self.folder() / f"{'a' * 300}.nrrd")]
        self.click("nrrdButton", "nrrdButton")
        self.assertRegex(self.errors[0], "(?i)too long|cannot be written")
        self.assertNotIn("Written", self.ui.statusLabel.text)

    def test_a_result_takes_its_certificate_along_and_a_lost_certificate_its_verdict(self):
        self.node.acceptRecognisable = True
        result, kind = self.apply(), "vtkMRMLTextNode"
        before = [node.GetID() for node in slicer.util.getNodesByClass(kind)]
        slicer.mrmlScene.RemoveNode(result)
        after = [node.GetID() for node in slicer.util.getNodesByClass(kind)]
        self.assertEqual(len(before) - len(after), 1)
        self.click("applyButton")
        slicer.mrmlScene.RemoveNode(self.node.resultVolume.GetNodeReference("FaceDeidLN.certificate"))
        self.assertTrue(self.panel._arrival.active)
        self.panel.update()
        self.assertEqual(self.ui.verdictLabel.text, "This volume was not verified: NOT RELEASED.")
        self.assertEqual(self.enabled(*EXPORTS), [])

    def test_another_ct_is_never_overwritten(self):
        self.apply()
        ct, result = self.node.inputVolume, self.node.resultVolume
        other, _ = load_phantom()
        self.ui.inputSelector.setCurrentNode(other)
        self.ui.inputSelector.setCurrentNode(ct)
        self.node.outputVolume = other
        before = volume_from_node(other).array.copy()
        self.click("applyButton")
        self.assertIn(f'would overwrite "{other.GetName()}"', self.errors.pop())
        self.node.outputVolume = result
        self.click("applyButton")
        self.assertIs(self.node.resultVolume, result)
        self.ui.inputSelector.setCurrentNode(other)
        self.node.outputVolume = result
        self.click("applyButton")
        self.assertIn("no result of this CT", self.errors.pop())
        self.assertTrue(np.array_equal(volume_from_node(other).array, before))
        self.ui.inputSelector.setCurrentNode(ct)
        self.assertEqual(self.errors, [])

    def test_the_proposed_name_is_free_in_that_folder_in_every_format(self):
        self.node.acceptRecognisable = True
        self.apply()
        folder, proposed = self.folder(), []

        def take(title, begin, name, filters):
            proposed.append(name)
            return str(folder / name)

        self.patch("FaceDeidLNLib.widget.dialogs.file_to_save", take)
        self.panel.folder = str(folder)
        self.click("nrrdButton", "niftiButton", "nrrdButton")
        self.assertEqual(self.errors, [])
        self.assertEqual(proposed, ["deidentified.nrrd", "deidentified-2.nii.gz", "deidentified-3.nrrd"])

    def test_an_ending_in_capitals_is_written_small_and_not_twice(self):
        self.node.acceptRecognisable = True
        self.apply()
        folder = self.folder()
        self.answers = [str(folder / "a.NRRD"), str(folder / "b.NII.gz")]
        self.click("nrrdButton", "niftiButton")
        self.assertEqual(sorted(file.name for file in folder.iterdir() if "certificate" not in file.name), ["a.nrrd", "b.nii.gz"])

    def test_the_ending_of_another_image_format_gives_way_to_that_of_the_button(self):
        self.node.acceptRecognisable = True
        self.apply()
        folder = self.folder()
        self.answers = [str(folder / "a.mha"), str(folder / "b.nii"), str(folder / "c.1.2"), str(folder / "d.nii.gz")]
        self.click("nrrdButton", "niftiButton", "niftiButton", "nrrdButton")
        self.assertEqual(self.errors, [])
        written = sorted(file.name for file in folder.iterdir() if "certificate" not in file.name)
        self.assertEqual(written, ["a.nrrd", "b.nii.gz", "c.1.2.nii.gz", "d.nrrd"])

    def test_the_figures_are_measured_once_when_all_are_there_however_many_they_are(self):
        import qt
        from FaceDeidLNLib.widget.work import fit_to_text

        table, measured = self.ui.figuresTable, []

        def measure(filled):
            measured.append([filled.item(row, 1).text() for row in range(filled.rowCount)])
            fit_to_text(filled)

        self.patch("FaceDeidLNLib.widget.work.fit_to_text", measure)
        for word in ("first", "second"):
            self.panel.review._show_figures([("segment", f"{word} {number}") for number in range(150)])
            self.assertEqual(measured.pop(), [f"{word} {number}" for number in range(150)])
            self.assertEqual(measured, [])
        self.assertEqual(table.verticalHeader().sectionResizeMode(0), qt.QHeaderView.ResizeToContents)

    def test_a_box_that_was_ticked_for_another_result_is_to_be_ticked_anew_for_this_one(self):
        self.apply()
        self.assertIn("Tick 'Accept recognisable'", self.ui.verdictLabel.text)
        self.node.acceptRecognisable = True
        self.panel.update()
        self.assertIn("untick it, and tick it again", self.ui.verdictLabel.text)
        self.assertEqual(self.enabled("nrrdButton"), [])
        self.click("acceptCheckBox")
        self.assertIn(" Tick 'Accept recognisable'", self.ui.verdictLabel.text)
        self.click("acceptCheckBox")
        self.assertIn("that was accepted", self.ui.verdictLabel.text)
        self.assertEqual(self.enabled("nrrdButton"), ["nrrdButton"])

    def test_a_message_that_begins_with_a_files_name_leaves_its_letters(self):
        self.node.acceptRecognisable = True
        self.apply()
        folder = self.folder()
        self.answers = [str(folder / "one.nrrd"), str(folder / "one.nii.gz")]
        self.click("nrrdButton", "niftiButton")
        self.assertIn("one.certificate.json belongs to one.nrrd", self.ui.statusLabel.text)

    def test_a_result_that_was_edited_after_its_verdict_is_not_exported(self):
        self.node.acceptRecognisable = True
        result, folder = self.apply(), self.folder()
        slicer.util.arrayFromVolume(result)[0, 0, 0] += 1
        self.answers = [str(folder / "out.nrrd")]
        self.click("nrrdButton")
        self.assertIn("changed after it was verified", self.errors[0])
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_ct_that_came_from_no_dicom_cannot_become_dicom(self):
        self.node.acceptRecognisable = True
        self.apply()
        self.assertEqual(self.enabled("dicomButton"), [])
        self.assertIn("not loaded from the DICOM database", self.ui.dicomButton.toolTip)

    def test_a_volume_made_elsewhere_can_be_verified(self):
        ct, nodes = self.load_sample()
        array = volume_from_node(ct).array.copy()
        segment = segments_from_node(nodes)[0].mask
        kji = np.rint(volume_from_node(ct).geometry.to_kji(segment.geometry.to_lps(np.argwhere(segment.array)))).astype(int)
        array[tuple(kji.T)] += 1
        self.node.resultVolume = add_ct(context(), volume_from_node(ct).with_array(array), "by hand")
        self.assertEqual(self.ui.verdictLabel.text, "This volume was not verified: NOT RELEASED.")
        self.click("verifyButton")
        self.assertTrue(self.ui.verdictLabel.text.startswith("FAIL"))
        self.assertIn("protected segment", self.ui.verdictLabel.text)

    def test_a_result_of_another_size_than_its_ct_fails_and_the_panel_goes_on(self):
        ct, _ = self.load_sample()
        self.click("applyButton")
        smaller = np.ascontiguousarray(volume_from_node(ct).array[:-10])
        slicer.util.updateVolumeFromArray(ct, smaller)
        self.click("verifyButton")
        self.assertTrue(self.ui.verdictLabel.text.startswith("FAIL"))
        table = self.ui.figuresTable
        shown = {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount)}
        self.assertIn("cannot be compared", shown["Changed voxels"])
        self.assertEqual(self.enabled(*EXPORTS), [])
        self.click("applyButton")
        self.assertFalse(self.ui.verdictLabel.text.startswith("FAIL"))
        self.assertEqual(self.errors, [])

    def test_the_slice_views_jump_to_the_largest_change(self):
        self.apply()
        view = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceNode") or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
        view.SetOrientationToAxial()
        self.click("jumpButton")
        place = np.array([view.GetSliceToRAS().GetElement(row, 3) for row in range(3)]) * (-1, -1, 1)
        kji = np.rint(phantom().ct.geometry.to_kji(place[None])[0]).astype(int)
        near = tuple(slice(max(0, n - 2), n + 3) for n in kji)
        self.assertTrue((phantom_case().result.array[near] != phantom().ct.array[near]).any())

    def test_the_skin_before_and_after_becomes_two_models_and_two_views(self):
        self.apply()
        self.click("compareButton")
        self.assertEqual(self.errors, [])
        models = [node for node in slicer.util.getNodesByClass("vtkMRMLModelNode") if " skin " in node.GetName()]
        self.assertEqual(len(models), 2)
        for model in models:
            self.assertGreater(model.GetPolyData().GetNumberOfPoints(), 1000)
        if slicer.app.layoutManager() is not None:
            from FaceDeidLNLib.widget.compare import LAYOUT  # which the application alone can load

            self.assertEqual(slicer.app.layoutManager().layout, LAYOUT)
            shown_in = [model.GetDisplayNode().GetNthViewNodeID(0) for model in models]
            self.assertEqual(len(set(shown_in)), 2)
