"""The panel: what cannot be used says why."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import FaceDeidLNLib
import slicer
from person import PanelTest, changed_case
from waiting import waiting_batch

#: What begins disabled in the panel's file, with what it does; and what else an effect or a region may have no use for.
_FILE = Path(FaceDeidLNLib.__file__).parents[1] / "Resources" / "UI" / "FaceDeidLN.ui"
_CHOICES = ("lipsCheckBox", "maskComboBox", "remarkEdit")


def _does():
    """The tooltips of the panel's file, of what can be disabled."""
    found = {}
    for widget in ElementTree.parse(_FILE).iter("widget"):
        own = {item.get("name"): item for item in widget.findall("property")}
        if widget.get("class") == "QPushButton" or widget.get("name") in _CHOICES:
            found[widget.get("name")] = own["toolTip"].findtext("string")
    return found


class ReasonsTest(PanelTest):
    """Buttons, boxes and fields."""

    def reasons(self):
        """What is disabled, with what its tooltip says in plain words; the application wraps it in HTML."""
        tips = {name: re.sub(r"<[^>]+>", "", getattr(self.ui, name).toolTip) for name in _does()}
        for name, does in _does().items():
            with self.subTest(name):
                self.assertTrue(tips[name])
                if not getattr(self.ui, name).enabled and name != "undoButton":
                    self.assertNotEqual(tips[name], does, "it is disabled, and its tooltip does not say why")
                elif name not in ("undoButton", "compareButton"):
                    self.assertEqual(tips[name], does)
        return {name: tip for name, tip in tips.items() if not getattr(self.ui, name).enabled}

    def test_without_a_ct_every_button_says_what_it_needs(self):
        said = self.reasons()
        self.assertEqual({said[name] for name in ("applyButton", "detectButton", "curveButton", "faceButton")}, {"Select a CT volume"})
        for button in self.panel.sections[0].buttons:
            self.assertFalse(button.enabled)
            self.assertNotIn("Gives", button.toolTip)

    def test_a_region_without_a_curve_says_so(self):
        self.load_sample()
        self.choose("styleComboBox", "box")
        self.assertIn("region box has no curve", self.reasons()["curveButton"])
        self.choose("styleComboBox", "full")
        self.assertNotIn("curveButton", self.reasons())

    def test_a_number_of_an_effect_names_the_effects_that_have_it(self):
        self.load_sample()
        self.choose("effectComboBox", "reface")
        self.assertIn("mask", self.reasons()["maskComboBox"])
        for number, slider in self.panel.face.sliders.items():
            with self.subTest(number.keyword):
                self.assertEqual(slider.enabled, "Only for the effects" not in slider.toolTip)

    def test_what_is_not_released_says_so_at_each_export(self):
        self.answer_at_once(changed_case("REVIEW", "stomion is uncertain"))
        self.load_sample()
        self.click("applyButton")
        said = self.reasons()
        self.assertEqual(
            {said[name] for name in ("nrrdButton", "niftiButton", "dicomButton")}, {"NOT RELEASED: the verdict on top says why"}
        )
        self.assertIn("Write a remark first", said["signOffButton"])
        self.ui.remarkEdit.text = "Looked at."
        self.assertNotIn("signOffButton", self.reasons())
        self.click("signOffButton")
        self.assertIn("signed off already", self.reasons()["signOffButton"])

    def test_pass_and_fail_say_why_they_are_not_signed_off(self):
        self.answer_at_once(changed_case("PASS"), changed_case("FAIL", "3 voxels changed outside the face segment"))
        self.load_sample()
        for words in ("A PASS needs no sign-off", "A FAIL can never be signed off"):
            self.click("applyButton")
            said = self.reasons()
            self.assertIn(words, said["signOffButton"])
            self.assertIn(words, said["remarkEdit"])

    def test_a_result_without_its_ct_says_that_it_is_gone(self):
        self.answer_at_once()
        ct, _ = self.load_sample()
        self.click("applyButton")
        result = self.node.resultVolume
        slicer.mrmlScene.RemoveNode(ct)
        self.node.inputVolume, self.node.resultVolume = None, result
        self.panel.update()
        self.assertIn("is not in the scene", self.reasons()["verifyButton"])

    def test_the_work_list_says_what_it_waits_for(self):
        self.answer_at_once(changed_case("FAIL", "3 voxels changed outside the face segment"))
        self.panel.work_list._items = ()  # in the application, those of another test
        self.panel.update()
        said = self.reasons()
        self.assertEqual((said["nextCaseButton"], said["rejectCaseButton"][:19]), ("Open a work list first", "No case of the list"))
        self.answers = [str(waiting_batch(self.folder(), ("one",)))]
        self.click("openWorkListButton", "nextCaseButton")
        said = self.reasons()
        self.assertIn("No case waits", said["nextCaseButton"])
        self.assertIn("NOT RELEASED", said["doneCaseButton"])

    def test_a_case_of_the_list_is_rejected_with_a_remark_whatever_its_verdict(self):
        self.answer_at_once(changed_case("FAIL", "3 voxels changed outside the face segment"))
        results = waiting_batch(self.folder(), ("one",))
        self.answers = [str(results)]
        self.click("openWorkListButton", "nextCaseButton")
        self.assertEqual(self.enabled("remarkEdit", "signOffButton"), ["remarkEdit"])
        self.ui.remarkEdit.text = "Two patients"
        self.click("rejectCaseButton")
        self.assertIn("Two patients", (results.parent / "results-decisions.csv").read_text(encoding="utf-8"))
