"""Further images of the same head in the scene: a checked one gets the face of the CT when Apply is pressed, or is withheld."""

from __future__ import annotations

import functools
import json

import numpy as np
import person
import slicer
import vtk
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.facts import facts_of
from FaceDeidLNLib.mrml.followers import let_follow
from FaceDeidLNLib.mrml.nodes import add_ct, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.verdicts import followers_of, read_verdict, record_follower
from FaceDeidLNLib.release import case_content
from FaceDeidLNLib.steps.worklist import unload
from FaceDeidLNLib.study.hidden import HiddenFace
from scipy.ndimage import gaussian_filter


def pet_of(ct, off_mm=(0.0, 0.0, 0.0)):
    """An image of the same head with values of its own, which may lie elsewhere."""
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += off_mm
    values = np.where(ct.array > -400, 300, 20) + np.random.default_rng(5).normal(0, 10, ct.array.shape)
    return Volume(np.rint(values).astype(np.int16), Geometry(ct.array.shape, matrix))


def other_kernel_of(ct):
    """The same head as a smoother reconstruction shows it, with noise of its own."""
    soft = gaussian_filter(ct.array.astype(float), 0.5) + np.random.default_rng(6).normal(0, 8, ct.array.shape)
    return Volume(np.rint(soft).astype(np.int16), ct.geometry)


@functools.cache
def hidden():
    """The face that was hidden in the synthetic head's own result: made once for all tests."""
    return HiddenFace.of(person.phantom_case(), tuple(person.phantom().nodes), np.random.default_rng(1))


class FollowTest(person.PanelTest):
    """A PET beside the CT."""

    def apply_with(self, image=None, before=lambda node: None):
        """Check an image (None: the PET), press Apply with the synthetic head's own result, and give CT, image and what was made of it.

        ``before`` is done with the image's node before that.
        """
        import qt

        ct, _ = self.load_sample()
        pet = add_ct(context(), image or pet_of(person.phantom().ct), "PET" if image is None else "Image")
        before(pet)
        self.panel.update()
        self.node.acceptRecognisable = True
        self.ui.followList.item(0).setCheckState(qt.Qt.Checked)
        self.answer_at_once()
        face = hidden()  # before the patch, which it would call
        self.patch("FaceDeidLNLib.study.files.HiddenFace.of", lambda *given: face)
        self.click("applyButton")
        return ct, pet, followers_of(self.node.resultVolume)

    def can_be_checked(self):
        """Can the first image of the list be checked?"""
        import qt

        return bool(self.ui.followList.item(0).flags() & qt.Qt.ItemIsEnabled)

    def test_an_image_follows_its_certificate_says_so_and_undo_takes_both_away(self):
        _, pet, made = self.apply_with()
        before, after = volume_from_node(pet), volume_from_node(made[0])
        changed = before.array != after.array
        self.assertTrue(changed.any())
        self.assertLess(before.geometry.to_lps(np.argwhere(changed))[:, 1].max(), 40.0)
        self.assertEqual(made[0].GetName(), "PET full reface de-identified")
        self.node.resultVolume = made[0]
        self.assertTrue(self.ui.verdictLabel.text.startswith("PASS: the face is changed, as in Head"), self.ui.verdictLabel.text)
        self.assertEqual(self.enabled("verifyButton", "compareButton", "signOffButton", "dicomButton"), [])
        place = self.folder() / "pet.nrrd"
        self.answers = [str(place)]
        self.click("nrrdButton")
        said = json.loads(place.with_name("pet.certificate.json").read_text(encoding="utf-8"))
        self.assertEqual((said["verdict"], said["checks"]["changed_voxels"], bool(changed.any())), ("PASS", "some", True))
        self.click("undoButton")
        self.assertEqual(slicer.mrmlScene.GetNodesByName("PET full reface de-identified").GetNumberOfItems(), 0)

    def test_an_image_that_is_edited_or_whose_ct_is_after_the_verdict_is_named_and_does_not_leave(self):
        ct, pet, made = self.apply_with()
        self.node.resultVolume = made[0]
        for edited in (pet, ct):
            self.assertEqual(self.enabled("nrrdButton"), ["nrrdButton"])
            for step in (1, -1):
                slicer.util.arrayFromVolume(edited)[0] += step
                slicer.util.arrayFromVolumeModified(edited)
                self.panel.update()
                self.assertEqual(f'"{edited.GetName()}" was edited' in self.ui.verdictLabel.text, step == 1)
                self.assertEqual(bool(self.enabled("nrrdButton")), step == -1)

    def test_a_second_ct_gets_the_same_face_with_its_own_noise_and_keeps_the_nodes(self):
        ct = person.phantom().ct
        other = other_kernel_of(ct)
        followed = self.apply_with(other)[2]
        self.assertEqual(len(followed), 1, self.ui.statusLabel.text)
        made = volume_from_node(followed[0])
        case = person.phantom_case()
        changed, of_ct = made.array != other.array, case.result.array != ct.array
        self.assertTrue(changed.any())
        self.assertFalse((changed & ~case.face.segment.full(changed.shape)).any())
        for node in person.phantom().nodes:
            self.assertFalse((changed & node.mask.array).any(), node.name)
        self.assertLess((changed ^ of_ct).sum(), 0.05 * of_ct.sum())

    def test_verdict_and_figures_of_an_image_are_those_before_the_scene_was_loaded(self):
        self.apply_with()
        said = [(read_verdict(node), node.GetName()) for node in (self.node.resultVolume, *followers_of(self.node.resultVolume))]
        self.load(self.save())
        self.widget.enter()
        leader = self.node.resultVolume
        again = [(read_verdict(node), node.GetName()) for node in (leader, *followers_of(leader))]
        self.assertEqual((len(said), again), (2, said))
        self.node.resultVolume = followers_of(leader)[0]
        self.answers = [str(self.folder() / "pet.nrrd")]
        self.click("nrrdButton")
        self.assertEqual(self.errors, [])

    def test_what_is_said_of_the_ct_counts_for_what_follows_it(self):
        made = self.apply_with()[2][0]
        leader = self.node.resultVolume
        self.click("acceptCheckBox")
        self.assertEqual(made.GetName(), "PET full reface NOT RELEASED")
        self.node.resultVolume = made
        self.assertEqual(self.enabled("nrrdButton", "niftiButton"), [])
        slicer.mrmlScene.RemoveNode(leader)
        self.panel.update()
        self.assertIn("not verified", self.ui.verdictLabel.text)

    def test_a_review_is_signed_off_for_each_image_and_for_the_ct_first(self):
        case = person.changed_case("REVIEW", "stomion is uncertain")
        self.answer_at_once(case)
        self.load_sample()
        self.node.acceptRecognisable = True
        self.click("applyButton")
        leader, pet = self.node.resultVolume, add_ct(context(), pet_of(person.phantom().ct), "PET")
        made = add_ct(context(), case.result, "result")
        record_follower(context(), made, pet, leader, case_content(case), facts_of(case))
        with self.assertRaisesRegex(FaceDeidError, "sign that off first"):
            self.logic.signOff(made, "Looked at.")
        self.logic.signOff(leader, "Looked at.")
        self.assertEqual(made.GetName(), "PET full reface NOT RELEASED")
        self.logic.signOff(made, "The PET, too.")
        self.assertEqual(made.GetName(), "PET full reface de-identified")
        self.assertEqual(read_verdict(made).remark, "The PET, too.")

    def test_an_image_that_shows_the_head_elsewhere_is_withheld_with_a_sentence(self):
        made = self.apply_with(pet_of(person.phantom().ct, (4.0, 18.0, 4.0)))[2]
        self.assertEqual(made, [])
        self.assertIn('"Image" does not follow: the head lies', self.ui.statusLabel.text)
        self.assertTrue(self.ui.verdictLabel.text.startswith("PASS"))

    def test_an_image_that_cannot_be_read_is_withheld_and_the_ct_has_its_result(self):
        def bend(node):
            bent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
            bent.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
            node.SetAndObserveTransformNodeID(bent.GetID())

        ways = {"non-linear transform": bend, "has no voxels": lambda node: node.SetAndObserveImageData(vtk.vtkImageData())}
        for words, before in ways.items():
            with self.subTest(words):
                slicer.mrmlScene.Clear(False)
                self.widget.enter()
                self.assertEqual(self.apply_with(before=before)[2], [])
                self.assertEqual(self.errors, [])
                self.assertIn('"PET" does not follow: "PET"', self.ui.statusLabel.text)
                self.assertIn(words, self.ui.statusLabel.text)
                self.assertTrue(self.ui.verdictLabel.text.startswith("PASS"))

    def test_an_image_of_another_frame_of_reference_cannot_be_checked_before_it_is_registered(self):
        ct, _ = self.load_sample()
        pet = add_ct(context(), pet_of(person.phantom().ct), "PET")
        self.patch("FaceDeidLNLib.steps.follow.frame_of", lambda node: node.GetName())
        self.panel.update()
        self.assertFalse(self.can_be_checked())
        with self.assertRaisesRegex(FaceDeidError, "another frame of reference"):
            self.logic.process(ct, alsoVolumes=[pet])
        turn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        pet.SetAndObserveTransformNodeID(turn.GetID())
        self.panel.update()
        self.assertTrue(self.can_be_checked())

    def test_an_image_that_leaves_the_scene_takes_nothing_of_the_ct_that_it_follows(self):
        ct, _ = self.load_sample()
        pet = add_ct(context(), pet_of(person.phantom().ct), "PET")
        let_follow(pet, ct, True)
        unload(context(), pet)
        self.assertFalse(slicer.mrmlScene.IsNodePresent(pet))
        self.assertTrue(slicer.mrmlScene.IsNodePresent(ct))
