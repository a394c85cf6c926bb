"""The panel: what is said where something is missing, empty, moved or not allowed. One clear message each, and nothing changes."""

from __future__ import annotations

import json
from dataclasses import replace
from unittest import mock

import numpy as np
import slicer
import vtk
from FaceDeidLNLib.clearance import clear
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.mrml.nodes import add_ct, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from person import PanelTest, changed_case, ids, phantom


class ErrorsTest(PanelTest):
    """Every error path that the other tests of the panel do not take."""

    def applied(self, *cases):
        """The sample, judged at once and released where the case is a PASS."""
        self.answer_at_once(*cases)
        self.node.acceptRecognisable = True
        ct, _ = self.load_sample()
        self.click("applyButton")
        return ct, self.node.resultVolume

    def assert_said(self, words, *buttons):
        """A click is answered by one message with these words, and leaves the scene as it was."""
        before = ids()
        self.errors.clear()
        self.click(*buttons)
        self.assertEqual(len(self.errors), 1)
        self.assertIn(words, self.errors[0])
        self.assertEqual(self.ui.statusLabel.text, self.errors[0])
        self.assertEqual(ids(), before)

    def add(self, kind, name):
        return slicer.mrmlScene.AddNewNodeByClass(kind, name)

    # Input

    def test_a_volume_without_voxels(self):
        self.node.inputVolume = self.add("vtkMRMLScalarVolumeNode", "empty")
        self.assert_said('"empty" has no voxels', "applyButton")

    def test_a_ct_under_a_bent_transform(self):
        ct, _ = self.load_sample()
        transform = self.add("vtkMRMLBSplineTransformNode", "bent")
        if transform is None or transform.IsTransformToWorldLinear():
            transform = self.add("vtkMRMLGridTransformNode", "bent")
        ct.SetAndObserveTransformNodeID(transform.GetID())
        self.assert_said('under the non-linear transform "bent"', "detectButton")

    def test_no_ct_and_an_unknown_engine_from_the_console(self):
        ct, _ = self.load_sample()
        with self.assertRaisesRegex(FaceDeidError, "Choose a CT volume first"):
            self.logic.process(None)
        for keyword in ("wrapEngine", "cutEngine", "maskEngine"):
            with self.subTest(keyword), self.assertRaisesRegex(FaceDeidError, f"{keyword} can be 'built-in' or"):
                self.logic.process(ct, **{keyword: "magic"})

    # Landmarks, curve, face segment

    def test_a_node_of_another_kind_from_the_console_is_named_with_its_keyword(self):
        ct, nodes = self.load_sample()
        wrong = dict.fromkeys(("protectedSegmentation", "landmarks", "curve", "faceSegmentation"), ct)
        for keyword, node in {**wrong, "outputVolume": nodes, "alsoVolumes": [None]}.items():
            with self.subTest(keyword), self.assertRaisesRegex(FaceDeidError, f"{keyword} takes a vtkMRML"):
                self.logic.process(ct, **{keyword: node})
        for given in (nodes, "Head"):
            with self.subTest(given), self.assertRaisesRegex(FaceDeidError, "ctNode takes a vtkMRMLScalarVolumeNode and not"):
                self.logic.detectLandmarks(given)

    def test_a_node_that_left_the_scene_from_the_console(self):
        ct, nodes = self.load_sample()
        slicer.mrmlScene.RemoveNode(nodes)
        with self.assertRaisesRegex(FaceDeidError, "is not in the scene any more"):
            self.logic.process(ct, protectedSegmentation=nodes)
        slicer.mrmlScene.RemoveNode(ct)
        with self.assertRaisesRegex(FaceDeidError, "is not in the scene any more"):
            self.logic.process(ct)

    def test_segments_to_keep_are_not_named_without_their_segmentation(self):
        ct, nodes = self.load_sample()
        with self.assertRaisesRegex(FaceDeidError, "give both"):
            self.logic.process(ct, segmentIDs=[nodes.GetSegmentation().GetNthSegmentID(0)])

    def test_a_point_list_with_an_unknown_name(self):
        self.load_sample()
        points = self.add("vtkMRMLMarkupsFiducialNode", "mine")
        points.AddControlPointWorld(1.0, 2.0, 3.0, "F-1")
        self.node.landmarks = points
        self.assertIn('unknown landmark "F-1": rename or delete that point', self.ui.statusLabel.text)
        self.assert_said('unknown landmark "F-1": rename or delete that point', "detectButton")

    def test_a_point_list_with_a_name_twice(self):
        self.load_sample()
        points = self.add("vtkMRMLMarkupsFiducialNode", "mine")
        for _ in range(2):
            points.AddControlPointWorld(1.0, 2.0, 3.0, "stomion")
        self.node.landmarks = points
        self.assert_said('has the landmark "stomion" twice', "detectButton")

    def test_a_curve_that_encloses_nothing(self):
        self.load_sample()
        curve = self.add("vtkMRMLMarkupsClosedCurveNode", "line")
        for x in (0.0, 10.0):
            curve.AddControlPointWorld(x, 100.0, 0.0)
        self.node.curve = curve
        self.assert_said('The curve "line" has 2 points', "faceButton")

    def test_a_face_segmentation_without_a_segment(self):
        self.load_sample()
        self.node.faceSegmentation = self.add("vtkMRMLSegmentationNode", "nothing")
        self.assert_said('"nothing" has no segment', "applyButton")

    def test_a_region_that_is_no_curve_and_a_curve_that_a_person_changed(self):
        self.load_sample()
        self.click("curveButton")
        place = [0.0] * 3
        self.node.curve.GetNthControlPointPositionWorld(0, place)
        self.node.curve.SetNthControlPointPositionWorld(0, place[0] + 3.0, place[1], place[2])
        self.choose("styleComboBox", "box")
        self.assert_said("is not drawn by a curve", "faceButton")

    def test_a_ct_without_a_face_says_so_and_gives_no_result(self):
        found = {"result": None, "face": None, "comparison": None, "coverage": None}
        self.answer_at_once(replace(changed_case("REVIEW", "no part of the face was found"), **found))
        self.load_sample()
        self.assert_said("REVIEW: no part of the face was found", "applyButton")
        self.assertIsNone(self.node.resultVolume)

    # Verdict and sign-off

    def test_there_is_nothing_to_verify(self):
        ct, _ = self.load_sample()
        with self.assertRaisesRegex(FaceDeidError, "There is no result to verify"):
            self.logic.verify(ct)

    def test_a_ct_that_was_moved_since_its_result_was_made(self):
        ct, _ = self.load_sample()
        self.click("applyButton")
        said = self.ui.verdictLabel.text
        move = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        for node in (ct, self.node.resultVolume, self.node.protectedSegmentation, self.node.landmarks, self.node.curve):
            node.SetAndObserveTransformNodeID(move.GetID())
        self.click("verifyButton")
        self.assertEqual((self.errors, self.ui.verdictLabel.text), ([], said))
        away = vtk.vtkTransform()
        away.RotateZ(3.0)
        move.SetMatrixTransformToParent(away.GetMatrix())
        self.click("verifyButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn("put its transform back, or apply again", self.errors[0])
        self.assertTrue(self.ui.verdictLabel.text.startswith(f'{said} "{ct.GetName()}" was edited or moved since. Put it back'))

    def test_what_was_never_verified_cannot_be_signed_off_or_accepted(self):
        self.load_sample()
        for node in (None, add_ct(context(), phantom().ct, "by hand")):
            with self.assertRaisesRegex(FaceDeidError, "press Apply, or verify it first"):
                self.logic.signOff(node, "Looked at.")
            with self.assertRaisesRegex(FaceDeidError, "press Apply, or verify it first"):
                self.logic.acceptRecognisable(node, True)

    def test_a_pass_needs_no_sign_off_and_a_review_needs_a_remark(self):
        _, result = self.applied()
        with self.assertRaisesRegex(FaceDeidError, "A PASS needs no sign-off"):
            self.logic.signOff(result, "Looked at.")
        _, result = self.applied(changed_case("REVIEW", "stomion is uncertain"))
        with self.assertRaisesRegex(FaceDeidError, "A sign-off needs a remark"):
            self.logic.signOff(result, "  ")

    def test_a_certificate_that_cannot_be_read_is_said_and_releases_nothing(self):
        _, result = self.applied()
        result.GetNodeReference("FaceDeidLN.certificate").SetText('{"verdict": "PASS"')
        self.panel.update()
        self.assertIn("cannot be read: verify the result again", self.ui.statusLabel.text)
        self.assertEqual(self.enabled("nrrdButton", "niftiButton", "dicomButton", "signOffButton"), [])
        with self.assertRaisesRegex(FaceDeidError, "cannot be read"):
            self.logic.exportResult(result, str(self.folder() / "out.nrrd"))

    def test_a_certificate_without_one_of_the_figures_that_all_have_cannot_be_read(self):
        _, result = self.applied()
        note = result.GetNodeReference("FaceDeidLN.certificate")
        whole = json.loads(note.GetText())
        for name in ("style", "effect", "changed_voxels", "protected"):
            with self.subTest(name):
                note.SetText(json.dumps({**whole, "facts": {key: fact for key, fact in whole["facts"].items() if key != name}}))
                self.panel.update()
                self.assertIn("cannot be read: verify the result again", self.ui.statusLabel.text)
                self.assertEqual(self.enabled("nrrdButton"), [])

    # A section that cannot be shown

    def test_a_section_that_cannot_be_shown_is_told_and_the_others_are_shown(self):
        for section in self.panel.sections:
            with self.subTest(type(section).__name__), mock.patch.object(section, "update", side_effect=ValueError("broken")):
                self.node.inputVolume = None
                self.panel.update()
                self.assertIn("broken", self.ui.statusLabel.text)
                ct, nodes = self.load_sample()
                rows = [] if section is self.panel.sections[0] else [self.ui.segmentsList.item(0).text()]
                self.assertEqual(rows, [nodes.GetSegmentation().GetNthSegment(0).GetName()][: len(rows)])
                self.assertTrue(section is self.panel.face or self.ui.applyButton.enabled)
                self.assertIn("Undo: Synthetic head", self.ui.undoButton.text)
            self.panel.update()
            self.click("undoButton")

    def test_a_verdict_that_cannot_be_shown_is_not_green_and_releases_nothing(self):
        _, result = self.applied()
        self.assertIn("#1b7f3b", self.ui.verdictLabel.styleSheet)
        content = "FaceDeidLNLib.widget.review_section.figures"
        with mock.patch(content, side_effect=ValueError("broken")):
            self.panel.update()
            self.assertIn("NOT RELEASED: the verdict cannot be shown", self.ui.verdictLabel.text)
            self.assertNotIn("#1b7f3b", self.ui.verdictLabel.styleSheet)
            self.assertEqual(self.enabled("nrrdButton", "niftiButton", "dicomButton", "signOffButton", "doneCaseButton"), [])
            self.assertFalse(self.panel.export.export(str(self.folder() / "out.nrrd")))
        self.panel.update()
        self.assertIn("#1b7f3b", self.ui.verdictLabel.styleSheet)
        self.assertEqual(self.enabled("nrrdButton"), ["nrrdButton"])

    def test_exports_that_cannot_be_shown_are_not_offered(self):
        self.applied()
        with mock.patch.object(self.panel.export, "_has_dicom", side_effect=ValueError("broken")):
            self.panel.update()
            self.assertEqual(self.enabled("nrrdButton", "niftiButton", "dicomButton"), [])
            self.assertIn("broken", self.ui.nrrdButton.toolTip)

    # Looking and exporting

    def test_volumes_that_are_the_same_have_no_largest_change(self):
        ct, _ = self.load_sample()
        self.node.resultVolume = add_ct(context(), volume_from_node(ct), "copy")
        self.assert_said("are the same: nothing changed", "jumpButton")

    def test_volumes_on_different_grids_cannot_be_compared(self):
        self.load_sample()
        grid = phantom().ct.geometry
        shape = (grid.shape[0] - 1, *grid.shape[1:])
        self.node.resultVolume = add_ct(context(), Volume(phantom().ct.array[1:], Geometry(shape, grid.ijk_to_lps)), "cropped")
        self.assert_said("lie on different grids", "jumpButton")

    def test_what_is_not_released_is_not_exported_from_the_console_either(self):
        _, result = self.applied(changed_case("FAIL", "3 voxels changed outside the face segment"))
        folder = self.folder()
        with self.assertRaisesRegex(FaceDeidError, "cannot be exported: FAIL: 3 voxels"):
            self.logic.exportResult(result, str(folder / "out.nrrd"))
        self.assertEqual(list(folder.iterdir()), [])

    def test_what_a_script_writes_into_a_result_while_it_is_exported_is_not_in_the_file(self):
        _, result = self.applied()
        verified = slicer.util.arrayFromVolume(result).copy()

        def write_and_clear(*given):
            slicer.util.arrayFromVolume(result)[:] = 7
            return clear(*given)

        self.patch("FaceDeidLNLib.steps.export.clear", write_and_clear)
        path = self.folder() / "out.nrrd"
        self.logic.exportResult(result, str(path))
        np.testing.assert_array_equal(read_volume(path).array, verified)

    def test_a_result_whose_ct_is_gone(self):
        ct, result = self.applied()
        slicer.mrmlScene.RemoveNode(ct)
        self.node.resultVolume = result
        self.answers = [str(self.folder() / "out.nrrd")]
        self.assert_said("is not in the scene any more", "nrrdButton")

    def test_dicom_for_a_ct_that_came_from_a_file(self):
        _, result = self.applied()
        with self.assertRaisesRegex(FaceDeidError, "was not loaded from DICOM"):
            self.logic.exportResult(result, str(self.folder() / "series"))

    def test_a_place_that_cannot_be_written(self):
        self.applied()
        there = self.folder() / "file"
        there.write_text("no folder")
        self.answers = [str(there / "out.nrrd")]
        self.assert_said("cannot be made (File exists)", "nrrdButton")
