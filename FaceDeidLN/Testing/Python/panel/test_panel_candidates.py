"""The panel: segmentations of the scene that nobody chose are chosen by themselves, asked for, or named."""

from __future__ import annotations

import numpy as np
import slicer
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.candidates import candidates
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation, add_segments
from FaceDeidLNLib.mrml.protection import check
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.verdicts import read_verdict
from person import PanelTest, changed_case, load_phantom, phantom, phantom_case
from vtk.util.numpy_support import vtk_to_numpy

#: Names as TotalSegmentator gives them.
ATLAS = [
    "brain",
    "skull",
    "trachea",
    "esophagus",
    "thyroid_gland",
    "spinal_cord",
    "scapula_left",
    "heart",
    "clavicula_left",
    "mandible",
    "submandibular_gland_left",
]


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

    def test_one_that_came_a_moment_before_apply_was_pressed_is_kept_too(self):
        requests = self.answer_at_once()
        self.ct_alone()
        cheek()
        self.assertIsNone(self.node.protectedSegmentation)
        self.click("applyButton")
        self.assertEqual([segment.name for segment in requests[0].protected], ["lymph node"])

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

    def test_one_that_was_passed_over_for_a_ct_is_not_chosen_by_itself_for_another_and_stays_asked_for(self):
        first, nodes = load_phantom()
        self.node.inputVolume = first
        self.panel.update()
        for on_grid in (None, first):
            with self.subTest(on_grid=on_grid is not None):
                other = cheek()
                if on_grid is not None:
                    other.SetReferenceImageGeometryParameterFromVolumeNode(on_grid)
                second = add_ct(context(), phantom().ct, "Second")
                self.node.inputVolume = second
                self.panel.update()
                self.assertIsNone(self.node.protectedSegmentation)
                self.node.inputVolume = first
                self.panel.update()
                self.assertIs(self.node.protectedSegmentation, nodes)
                self.assertIn(other, candidates(first))
                slicer.mrmlScene.RemoveNode(other)
                slicer.mrmlScene.RemoveNode(second)

    def test_what_was_drawn_on_a_ct_is_asked_for_there_though_it_was_chosen_for_another(self):
        first, second = (add_ct(context(), phantom().ct, name) for name in ("First", "Second"))
        elsewhere = next(segment for segment in phantom().nodes if "cheek" not in segment.name)
        chosen = add_segmentation(context(), [tight("LN", elsewhere.mask.array)], phantom().ct.geometry, "chosen")
        other = cheek()
        other.SetReferenceImageGeometryParameterFromVolumeNode(first)
        for ct, own in ((second, other), (first, chosen)):
            self.node.inputVolume = ct
            self.node.protectedSegmentation = own
            self.panel.update()
        self.click("applyButton")
        stored = read_verdict(self.node.resultVolume)
        self.assertEqual(stored.verdict, "REVIEW")
        self.assertIn("lymph node", stored.reasons[0])

    def test_one_that_lies_elsewhere_is_none_of_them(self):
        ct = self.ct_alone()
        away = np.array(phantom().ct.geometry.ijk_to_lps)
        away[:3, 3] += 1000.0
        mask = tight("lymph node", phantom().nodes[0].mask.array)
        add_segmentation(context(), [mask], Geometry(phantom().ct.geometry.shape, away), "elsewhere")
        self.assertEqual(candidates(ct), [])

    def test_a_face_segment_that_the_ct_let_go_is_never_taken_for_one_to_keep(self):
        ct = self.ct_alone()
        self.click("faceButton")
        self.node.faceSegmentation = None
        self.panel.update()
        self.assertEqual((candidates(ct), self.node.protectedSegmentation), ([], None))

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

    def test_an_unchecked_segment_in_the_face_that_nobody_unchecked_makes_a_review(self):
        """As on the command line: a name alone gives no node away."""
        requests = self.answer_at_once()
        _, nodes = load_phantom()
        box = phantom().ct.geometry
        add_segments(nodes, [tight("masseter", phantom().nodes[0].mask.array)], box, "hand")
        self.node.inputVolume = slicer.mrmlScene.GetFirstNodeByName("Head")
        self.node.protectedSegmentation = nodes
        self.click("applyButton")
        self.assertEqual([segment.name for segment in requests[-1].left_out], ["masseter"])
        identifier = nodes.GetSegmentation().GetSegmentIdBySegmentName("masseter")
        check(nodes, identifier, False)  # now the user has said so
        self.click("applyButton")
        self.assertEqual(requests[-1].left_out, ())

    def with_atlas(self):
        """The CT with its nodes, which are chosen, and a program's segmentation, which is not."""
        ct, nodes = load_phantom()
        mask = phantom().nodes[0].mask.array
        masks = [tight(name, mask) for name in ATLAS]
        atlas = add_segmentation(context(), masks, phantom().ct.geometry, "Head segmentation", reference=ct)
        self.node.inputVolume = ct
        self.panel.update()
        return nodes, atlas

    def test_a_programs_segmentation_guides_and_keeps_its_glands_without_a_click(self):
        requests = self.answer_at_once()
        nodes, atlas = self.with_atlas()
        self.assertIs(self.node.protectedSegmentation, nodes)
        self.assertIn(atlas.GetName(), self.ui.protectHintLabel.text)
        self.click("applyButton")
        self.assertEqual({segment.name for segment in requests[-1].guides}, {"mandible", "submandibular_gland_left"})
        kept = [segment.name for segment in requests[-1].protected]
        self.assertEqual(kept, [*(node.name for node in phantom().nodes), "clavicula_left", "submandibular_gland_left"])
        self.assertEqual(requests[-1].left_out, ())

    def edited_since(self, case):
        """A case is applied, and then a gland that the program's segmentation keeps is edited, which nobody observes."""
        self.answer_at_once(case)
        self.node.acceptRecognisable = True
        _, atlas = self.with_atlas()
        self.click("applyButton")
        gland = atlas.GetSegmentation().GetSegmentIdBySegmentName("submandibular_gland_left")
        image = atlas.GetSegmentation().GetSegment(gland).GetRepresentation("Binary labelmap")
        voxels = vtk_to_numpy(image.GetPointData().GetScalars())
        voxels[np.flatnonzero(voxels)[0]] = 0
        image.Modified()

    def test_a_result_whose_programs_segmentation_was_edited_since_is_not_exported(self):
        self.edited_since(phantom_case())
        folder = self.folder()
        self.answers = [str(folder / "out.nrrd")]
        self.click("nrrdButton")
        self.assertIn("submandibular_gland_left", self.errors.pop())
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_review_whose_programs_segmentation_was_edited_since_is_not_signed_off(self):
        self.edited_since(changed_case("REVIEW", "stomion is uncertain"))
        self.ui.remarkEdit.text = "Looked at."
        self.click("signOffButton")
        self.assertIn("submandibular_gland_left", self.errors.pop())
        self.assertEqual(read_verdict(self.node.resultVolume).remark, "")
