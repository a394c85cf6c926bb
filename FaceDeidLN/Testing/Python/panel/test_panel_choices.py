"""The panel's choices: watermark, region, and what is protected."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
import slicer
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.parameters import LONGEST_WATERMARK
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.effect.records import OWN_NUMBERS
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation, segments_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.segmentations import add_segments
from person import PanelTest, face_voxels, ids, phantom


class WatermarkTest(PanelTest):
    """Letters on the new surface."""

    def test_the_text_reaches_the_pipeline_and_the_scene_keeps_it(self):
        requests = self.answer_at_once()
        self.load_sample()
        self.ui.watermarkEdit.text = "DE-ID"
        self.click("applyButton")
        self.assertEqual(requests[0].parameters.watermark, "DE-ID")
        self.widget.exit()
        self.ui.watermarkEdit.text = ""
        self.widget.enter()
        self.assertEqual(self.ui.watermarkEdit.text, "DE-ID")

    def test_what_a_number_of_an_effect_means_is_said_in_the_users_language(self):
        self.patch("FaceDeidLNLib.widget.words._", lambda text: f"[{text}]")
        slider = self.panel.face._add_slider(1, OWN_NUMBERS[0])
        self.assertIn(f"[{OWN_NUMBERS[0].meaning}]", slider.toolTip)

    def test_no_longer_text_can_be_typed_than_can_be_drawn(self):
        self.assertEqual(self.ui.watermarkEdit.maxLength, LONGEST_WATERMARK)

    def test_letters_that_cannot_be_drawn_are_one_message(self):
        self.load_sample()
        before = ids()
        self.ui.watermarkEdit.text = "\u4e2d"
        self.click("applyButton")
        self.assertEqual(len(self.errors), 1)
        self.assertIn("cannot be drawn", self.errors[0])
        self.assertEqual(ids(), before)


class ForeseenTest(PanelTest):
    """What the line on top says of the privacy class before anything is made."""

    def said(self):
        """The line."""
        return self.ui.privacyLabel.text

    def test_a_choice_that_was_never_attacked_is_told_before_apply_and_taken_back_with_it(self):
        self.load_sample()
        self.assertIn("tested: surface, learned", self.said())
        changes = (("depthMm", 9.0, "depth_mm"), ("levels", ["Ia"], "other node levels"), ("watermark", "DE-ID", "watermark"))
        for field, value, words in (*changes, ("wrapEngine", "SurfaceWrapSolidify", "face segment")):
            with self.subTest(field):
                before = getattr(self.node, field)
                setattr(self.node, field, value)
                self.assertIn("recognisable", self.said())
                self.assertIn(words, self.said())
                self.assertNotIn("tested:", self.said())
                setattr(self.node, field, before)
                self.assertIn("tested: surface, learned", self.said())

    def test_the_tooltips_of_regions_and_effects_go_by_ears_and_depth_too(self):
        import qt

        self.load_sample()
        combo = self.ui.effectComboBox
        for field, value, words in (("depthMm", 9.0, "depth_mm"), ("ears", True, "full+ears")):
            with self.subTest(field):
                setattr(self.node, field, value)
                self.assertIn(words, combo.itemData(combo.findText("mask"), qt.Qt.ToolTipRole))

    def test_landmarks_curve_and_segment_of_a_persons_own_are_told_before_apply(self):
        self.load_sample()
        self.click("detectButton", "curveButton", "faceButton")
        self.assertIn("tested: surface, learned", self.said())
        self.node.landmarks.SetNthControlPointLocked(0, True)
        self.node.curve.SetNthControlPointPosition(0, 1.0, 2.0, 3.0)
        self.panel.update()
        self.assertIn("a landmark is not as it is found", self.said())
        self.assertIn("a curve that is not the one", self.said())
        self.assertNotIn("a face segment", self.said())
        face = self.node.faceSegmentation.GetSegmentation()
        face.RemoveSegment(face.GetNthSegmentID(0))
        self.panel.update()
        self.assertIn("a face segment that is not the one", self.said())

    def test_segments_of_others_that_guide_are_told_by_their_names_and_empty_ones_are_not(self):
        ct, nodes = self.load_sample()
        for name, filled in (("Mandible", False), ("Mandible", True)):
            with self.subTest(filled=filled):
                mask = np.zeros(phantom().ct.array.shape, dtype=bool)
                mask[5:8, 5:8, 5:8] = filled
                add_segments(nodes, [tight(name, mask)], phantom().ct.geometry, str(filled))
                self.panel.update()
                self.assertEqual("with the help of 'Mandible" in self.said(), filled, self.said())

    def test_a_pair_that_cannot_be_made_says_so_instead_of_a_class(self):
        self.load_sample()
        self.node.style = "box"
        self.assertIn("needs a curve", self.said())
        self.assertNotIn("tested", self.said())


class RegionTest(PanelTest):
    """Which part of the face."""

    def test_ears_and_lips_are_asked_for_where_they_are_ticked(self):
        requests = self.answer_at_once()
        self.load_sample()
        self.click("earsCheckBox", "lipsCheckBox", "applyButton")
        self.assertEqual((requests[0].parameters.ears, requests[0].parameters.lips), (True, True))

    def test_a_region_without_a_curve_offers_none(self):
        self.load_sample()
        self.choose("styleComboBox", "box")
        self.assertEqual(self.enabled("curveButton", "lipsCheckBox", "faceButton"), ["faceButton"])
        self.click("faceButton")
        self.assertEqual(self.errors, [])
        self.assertGreater(face_voxels(self.node), 1000)

    def test_an_effect_that_needs_a_curve_is_refused_when_it_is_applied(self):
        ct, _ = self.load_sample()
        for step in (self.logic.applyEffect, self.logic.verify, self.logic.process):
            with self.subTest(step.__name__), self.assertRaisesRegex(FaceDeidError, "needs a curve"):
                step(ct, style="box", effect="reface", outputVolume=add_ct(context(), phantom().ct, "output"))

    def test_ears_make_the_face_segment_larger(self):
        self.load_sample()
        self.click("faceButton")
        without = face_voxels(self.node)
        self.click("earsCheckBox", "faceButton")
        self.assertEqual(self.errors, [])
        self.assertGreater(face_voxels(self.node), without)


class ProtectTest(PanelTest):
    """Segments to protect, levels, and the extensions that segment."""

    def checked(self):
        import qt

        items = [self.ui.segmentsList.item(row) for row in range(self.ui.segmentsList.count)]
        return {item.text() for item in items if item.checkState() == qt.Qt.Checked}

    def test_nodes_are_checked_by_name_and_by_code_and_other_structures_are_not(self):
        self.load_sample()
        masks = [tight(name, phantom().nodes[0].mask.array) for name in ("lymph node 1", "mandible", "Segment_7", "something")]
        node = add_segmentation(context(), masks, phantom().ct.geometry, "mixed", reference=self.node.inputVolume)
        coded = node.GetSegmentation().GetSegment(node.GetSegmentation().GetNthSegmentID(3))
        coded.SetTag("TerminologyEntry", "x~SCT^123037004^Anatomical Structure~SCT^91609006^Mandible~^^~~^^~^^")
        self.node.protectedSegmentation = node
        self.assertEqual(self.checked(), {"lymph node 1", "Segment_7"})

    def test_an_unchecked_segment_is_not_protected_any_more(self):
        import qt

        requests = self.answer_at_once()
        self.load_sample()
        first = self.ui.segmentsList.item(0)
        first.setCheckState(qt.Qt.Unchecked)
        self.click("applyButton")
        self.assertNotIn(first.text(), [segment.name for segment in requests[0].protected])
        self.assertEqual(len(requests[0].protected), self.ui.segmentsList.count - 1)

    def test_unchecked_levels_are_not_asked_for(self):
        import qt

        self.load_sample()
        for row in range(self.ui.levelsList.count):
            self.ui.levelsList.item(row).setCheckState(qt.Qt.Unchecked)
        self.assertEqual(list(self.node.levels), [])
        self.assertEqual(self.logic.chosen(self.node)["levels"], [])

    def buttons(self):
        return self.panel.sections[0].buttons

    def test_missing_extensions_are_offered_disabled_with_their_names(self):
        for place in ("extensions", "own_model"):
            self.patch(f"FaceDeidLNLib.programs.{place}.is_loaded", lambda module: False)
        self.load_sample()
        self.assertEqual([button.enabled for button in self.buttons()], [False] * 4)
        for button, name in zip(self.buttons(), ("TotalSegmentator", "CADSWholeBodyCTSeg", "MONAIAuto3DSeg", "NNUNet"), strict=True):
            self.assertIn(f"The extension {name} is not installed", button.toolTip)

    def install(self, number, module, logic):
        """An extension with this logic; clicks its button."""
        self.patch("FaceDeidLNLib.programs.extensions.is_loaded", lambda name: name == module)
        self.patch("FaceDeidLNLib.programs.extensions._has_package", lambda package: package != "cads")
        with mock.patch.dict(sys.modules, {module: SimpleNamespace(**{f"{module}Logic": logic})}):
            self.panel.update()
            self.buttons()[number].click()

    def test_an_installed_extension_segments_with_one_click(self):
        ct, nodes = self.load_sample()

        class Logic:
            def setupPythonRequirements(self):
                """Nothing to install."""

            def process(self, volume, output, cpu=False, task=None):
                self.logCallback(f"{task}: predicting")
                segment = slicer.vtkSegment()
                segment.DeepCopy(nodes.GetSegmentation().GetNthSegment(0))
                segment.SetName("mandible")
                output.GetSegmentation().AddSegment(segment, f"{task}")

        own = [segment.name for segment in segments_from_node(nodes)]
        self.install(0, "TotalSegmentator", Logic)
        self.assertEqual(self.errors, [])
        self.assertIs(self.node.protectedSegmentation, nodes)
        self.assertEqual([segment.name for segment in segments_from_node(nodes)], [*own, "mandible"])
        self.assertLessEqual({name for name in own if name.startswith("LN")}, self.checked())
        self.click("undoButton")
        self.assertEqual([segment.name for segment in segments_from_node(nodes)], own)
        self.node.protectedSegmentation = None
        self.install(0, "TotalSegmentator", Logic)
        self.assertEqual(self.node.protectedSegmentation.GetName(), f"{ct.GetName()} TotalSegmentator")
        self.assertEqual(self.ui.segmentsList.item(0).text(), "mandible")

    def test_an_extension_that_fails_says_so_once_and_leaves_nothing(self):
        _, nodes = self.load_sample()
        before = ids()
        self.install(2, "MONAIAuto3DSeg", lambda: SimpleNamespace(process=lambda *words, **options: 1 / 0))
        self.assertEqual(len(self.errors), 1)
        self.assertIn("MONAIAuto3DSeg gave no segmentation", self.errors[0])
        self.assertEqual(ids(), before)
        self.assertIs(self.node.protectedSegmentation, nodes)

    def test_an_extension_that_finds_nothing_useful_says_so(self):
        self.load_sample()
        self.install(2, "MONAIAuto3DSeg", lambda: SimpleNamespace(process=lambda *words, **options: None))
        self.assertEqual(len(self.errors), 1)
        self.assertIn("found neither nodes nor mandible", self.errors[0])

    def test_an_extension_that_would_install_unasked_is_not_run(self):
        self.load_sample()
        self.install(1, "CADSWholeBodyCTSeg", lambda: SimpleNamespace(process=lambda *words, **options: self.fail("it ran")))
        self.assertEqual(len(self.errors), 1)
        self.assertIn("run CADS once from its own module", self.errors[0])

    def test_an_extension_that_logs_can_be_cancelled(self):
        self.load_sample()
        before = ids()

        class Logic:
            def process(self, *words, **options):
                for step in range(1000):
                    self.logCallback(f"step {step}")
                raise AssertionError("nobody cancelled")

        self.cancel_at(0.5)
        self.install(2, "MONAIAuto3DSeg", Logic)
        self.assertEqual(self.errors, [])
        self.assertIn("cancelled, nothing was changed", self.ui.statusLabel.text)
        self.assertEqual(ids(), before)
