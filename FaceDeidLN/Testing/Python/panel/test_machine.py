"""Random sequences of what a person does in the panel. Not for the application: Hypothesis is not there.

A few of them run with the suite; ``PANEL_SEQUENCES=200 pytest .../test_machine.py`` runs 200. Slicer's own displayable managers watch,
in a 3D view and a slice view, and draw after every action.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import display
import numpy as np
import person
import slicer
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.mrml.followers import let_follow
from FaceDeidLNLib.mrml.nodes import add_ct, segments_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.verdicts import ct_of, followers_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from snapshots import snapshot, voxels_of
from waiting import waiting_batch

SEQUENCES, STEPS = int(os.environ.get("PANEL_SEQUENCES", "2")), int(os.environ.get("PANEL_STEPS", "7"))
AIR_HU = -400
#: So many cases wait in the work list.
CASES = 3
MOVES = st.tuples(*[st.floats(-6.0, 6.0)] * 3)


def may_leave(path):
    """Does the certificate of a released file say PASS, or that it was signed off?"""
    said = json.loads(path.with_name(f"{path.stem}.certificate.json").read_text(encoding="utf-8"))
    return said["verdict"] == "PASS" or (said["verdict"] == "REVIEW" and "Looked at." in json.dumps(said))


class PanelMachine(RuleBasedStateMachine):
    """Choose, detect, move, draw, drag, create, apply, follow, edit, undo, verify, sign off, export, work off a list, leave, close."""

    def __init__(self):
        super().__init__()
        self.person = person.PanelTest()
        self.person.setUp()
        self.voxels, self.images, self.undone_leads_to, self.cases = {}, {}, [], 0
        self.folder = tempfile.TemporaryDirectory()
        self.views = [display.view_3d(context()), display.view_slice(context())]

    def teardown(self):
        """What every test of the panel ends with, the order of removals among it."""
        self.folder.cleanup()
        for view in self.views:
            view.close()
        self.person.doCleanups()

    @property
    def ui(self):
        """The panel's widgets."""
        return self.person.ui

    @property
    def node(self):
        """The panel's parameter node."""
        return self.person.panel.node

    def step(self, button):
        """Press a button of a step, if it can be pressed; undo leads back to what was."""
        if not getattr(self.ui, button).enabled:
            return
        self.person.panel.update()  # what came a moment ago has been looked at
        before, label = snapshot(), (self.ui.undoButton.text, len(self.person.panel.undo._steps))
        getattr(self.ui, button).click()
        if (self.ui.undoButton.text, len(self.person.panel.undo._steps)) != label:
            self.undone_leads_to.append(before)

    def by_hand(self):
        """Something was changed beside the steps: undo leads back to their own nodes only."""
        self.undone_leads_to = [None] * len(self.undone_leads_to)

    @initialize(beside=st.sampled_from(["nothing", "PET", "CT"]))
    def load_a_head(self, beside):
        """A CT and its nodes, perhaps with an image that shall follow."""
        ct, _ = person.load_phantom()
        self.node.inputVolume = ct
        self.voxels[ct.GetID()] = voxels_of(ct)
        if beside != "nothing":
            self.load_an_image(beside == "PET")
            self.let_it_follow(True)

    @precondition(lambda self: len(self.voxels) < 2)
    @rule()
    def load_another_head(self):
        """A second CT, which the panel turns to only when it is chosen."""
        ct, _ = person.load_phantom()
        ct.SetName("Another")
        self.voxels[ct.GetID()] = voxels_of(ct)
        self.by_hand()

    @precondition(lambda self: not self.images)
    @rule(pet=st.booleans())
    def load_an_image(self, pet):
        """Another image of the head, which follows only where it is checked."""
        head = person.phantom().ct
        image = add_ct(context(), head.with_array(((head.array > AIR_HU) * 300).astype(np.int16) if pet else head.array), "Image")
        self.images[image.GetID()] = voxels_of(image)
        self.by_hand()

    @precondition(lambda self: self.images and self.node.inputVolume is not None)
    @rule(wanted=st.booleans())
    def let_it_follow(self, wanted):
        """Check it, or not."""
        for identifier in self.images:
            let_follow(slicer.mrmlScene.GetNodeByID(identifier), self.node.inputVolume, wanted)
        self.by_hand()

    @precondition(lambda self: followers_of(self.node.resultVolume))
    @rule()
    def look_at_what_follows(self):
        """Choose it as the result that is looked at."""
        self.node.resultVolume = followers_of(self.node.resultVolume)[0]
        self.by_hand()

    @rule(which=st.integers(0, 1))
    def choose_a_ct(self, which):
        """Turn to one of the CTs."""
        self.node.inputVolume = slicer.mrmlScene.GetNodeByID(sorted(self.voxels)[which % len(self.voxels)])
        self.by_hand()

    @rule(button=st.sampled_from(["detectButton", "curveButton", "faceButton"]))
    def do_a_step(self, button):
        """Landmarks, curve, face segment."""
        self.step(button)

    @rule(accept=st.booleans())
    def apply(self, accept):
        """Hide the face, with or without accepting that the person may be recognised."""
        self.node.acceptRecognisable = accept
        self.step("applyButton")

    @rule()
    def verify_again(self):
        """Judge what is there."""
        self.step("verifyButton")

    @rule(
        effect=st.sampled_from(["reface", "mask", "blur-strong"]),
        style=st.sampled_from(["full", "eyes", "box"]),
        depth=st.floats(3.0, 9.0),
        live=st.booleans(),
    )
    def choose_effect_and_region(self, effect, style, depth, live):
        """Some of them do not fit each other: that is one message."""
        self.person.choose("effectComboBox", effect)
        self.person.choose("styleComboBox", style)
        self.ui.depthSlider.value = round(depth, 1)
        self.node.liveFace = live

    @precondition(lambda self: self.node.landmarks is not None)
    @rule(point=st.integers(0, 30), move=MOVES, lock=st.booleans())
    def move_a_landmark(self, point, move, lock):
        """Drag a point in a view, perhaps lock it."""
        markups = self.node.landmarks
        point, place = point % markups.GetNumberOfControlPoints(), [0.0] * 3
        markups.GetNthControlPointPositionWorld(point, place)
        markups.SetNthControlPointPositionWorld(point, *(np.array(place) + move))
        markups.SetNthControlPointLocked(point, lock)
        self.by_hand()

    @precondition(lambda self: self.node.curve is not None)
    @rule(point=st.integers(0, 30), move=MOVES)
    def drag_the_curve(self, point, move):
        """Drag a point of the curve, and let it go."""
        curve, place = self.node.curve, [0.0] * 3
        point %= curve.GetNumberOfControlPoints()
        curve.GetNthControlPointPositionWorld(point, place)
        curve.SetNthControlPointPositionWorld(point, *(np.array(place) + move))
        curve.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
        if self.person.panel.face.timer.active:
            self.person.panel.face.follow()
        self.by_hand()

    @precondition(lambda self: self.node.resultVolume is not None and self.node.resultVolume.GetID() not in {**self.voxels, **self.images})
    @rule()
    def edit_the_result(self):
        """Somebody paints into the result."""
        voxels = slicer.util.arrayFromVolume(self.node.resultVolume)
        voxels[voxels.shape[0] // 2, voxels.shape[1] // 2] += 1
        self.by_hand()

    @rule(row=st.integers(0, 20))
    def remove_a_node_that_was_made(self, row):
        """In the Data module: landmarks, curve, face segment or result."""
        made = [self.node.landmarks, self.node.curve, self.node.faceSegmentation, self.node.resultVolume]
        made = [node for node in made if node is not None and node.GetID() not in self.voxels]
        if made:
            slicer.mrmlScene.RemoveNode(made[row % len(made)])
            self.by_hand()

    @rule()
    def undo(self):
        """Node by node, the scene is what it was before the step."""
        if not self.ui.undoButton.enabled:
            return
        self.ui.undoButton.click()
        wanted = self.undone_leads_to.pop() if self.undone_leads_to else None
        if wanted is not None:
            now = snapshot()
            assert now.keys() == wanted.keys(), now.keys() ^ wanted.keys()
            for identifier, content in wanted.items():
                assert now[identifier] == content, identifier

    @rule(remark=st.sampled_from(["", "Looked at."]))
    def sign_off(self, remark):
        """A REVIEW may be signed off."""
        self.ui.remarkEdit.text = remark
        if self.ui.signOffButton.enabled:
            self.step("signOffButton")

    @rule()
    def compare(self):
        """Before and after, and back."""
        if self.ui.compareButton.enabled:
            self.ui.compareButton.click()
            self.by_hand()

    @rule(number=st.integers(0, 10**9))
    def export(self, number):
        """Nothing leaves that is not a verified PASS or signed off, and that is not what was verified."""
        result, path = self.node.resultVolume, Path(self.folder.name) / f"{number}.nrrd"
        said, path = self.ui.verdictLabel.text, path.with_stem(f"{number}-{len(list(Path(self.folder.name).iterdir()))}")
        self.person.answers = [str(path)]
        if self.ui.nrrdButton.enabled:
            self.ui.nrrdButton.click()
        else:
            assert "NOT RELEASED" in said or said == "No result yet."
        if not path.exists():
            return
        assert may_leave(path)
        before, after = {**self.voxels, **self.images}[ct_of(result).GetID()], read_volume(path).array
        assert np.array_equal(after, voxels_of(result))
        assert (before != after).any()
        changed, grid = before != after, read_volume(path).geometry
        for segment in segments_from_node(self.node.protectedSegmentation) if self.node.protectedSegmentation else ():
            kept = np.rint(grid.to_kji(segment.mask.geometry.to_lps(np.argwhere(segment.mask.array)))).astype(int)
            kept = kept[((kept >= 0) & (kept < changed.shape)).all(axis=1)]
            assert not changed[tuple(kept.T)].any(), segment.name

    @precondition(lambda self: not self.images and self.cases < CASES)
    @rule(way=st.sampled_from(["nextCaseButton", "rejectCaseButton", "doneCaseButton"]))
    def work_off_a_case(self, way):
        """Open the list where it is not open, and its next case in the place of the one before, which may be rejected or released."""
        if not self.cases:
            (root := Path(self.folder.name) / "batch").mkdir()
            self.person.answers = [str(waiting_batch(root, [str(number) for number in range(CASES)]))]
            self.ui.openWorkListButton.click()
        button = getattr(self.ui, way)
        (button if button.enabled else self.ui.nextCaseButton).click()
        self.cases += 1
        self.voxels = {identifier: kept for identifier, kept in self.voxels.items() if slicer.mrmlScene.GetNodeByID(identifier)}
        ct = self.node.inputVolume
        self.voxels[ct.GetID()] = voxels_of(ct)
        self.undone_leads_to.clear()
        self.by_hand()

    @rule()
    def leave_and_come_back(self):
        """Another module is opened, and this one again."""
        self.person.widget.exit()
        self.person.widget.enter()

    @rule()
    def close_the_scene(self):
        """And begin with a new head."""
        slicer.mrmlScene.Clear(False)
        self.person.widget.enter()
        assert not self.ui.undoButton.enabled
        self.voxels.clear()
        self.images.clear()
        self.undone_leads_to.clear()
        self.load_a_head("nothing")

    @invariant()
    def no_ct_or_pet_was_ever_changed(self):
        """To the bit."""
        for identifier, voxels in {**self.voxels, **self.images}.items():
            assert np.array_equal(voxels_of(slicer.mrmlScene.GetNodeByID(identifier)), voxels)

    @invariant()
    def nothing_of_the_work_list_was_released_that_may_not(self):
        """A verified PASS, or signed off."""
        assert all(may_leave(path) for path in Path(self.folder.name).glob("batch/results/*.nrrd"))

    @invariant()
    def the_views_can_draw_it(self):
        """With the managers that the application has."""
        for view in self.views:
            view.draw()

    @invariant()
    def nothing_stopped_unexpectedly(self):
        """What cannot be done is said in a sentence."""
        assert not [text for text in self.person.errors if "unexpectedly" in text], self.person.errors
        assert "unexpectedly" not in self.ui.statusLabel.text
        self.person.errors.clear()


def test_whatever_a_person_does_no_ct_changes_nothing_unverified_leaves_and_undo_leads_back():
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    few = SEQUENCES <= 10
    options = settings(
        max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None, suppress_health_check=checks, derandomize=few, database=None
    )
    run_state_machine_as_test(PanelMachine, settings=options)
