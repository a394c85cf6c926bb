"""The panel: cancel, undo, and one clear message for every error."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.mrml.nodes import add_ct, volume_from_node
from FaceDeidLNLib.mrml.scene import context

from .person import STEPS, ids

# Cancel, undo, errors


@pytest.mark.parametrize("name", STEPS)
def test_cancel_leaves_the_scene_as_it_was(panel, name):
    panel.load_sample()
    before = ids()
    panel.cancel_at(0.05)
    panel.click(name)
    assert ids() == before
    assert "cancelled, nothing was changed" in panel.ui.statusLabel.text
    assert panel.host.errors == []


def test_every_step_can_be_undone(quick):
    start = quick.load_sample()
    seen = [(ids(), None)]
    quick.click("applyButton")
    assert quick.node.resultVolume is not None
    quick.click("undoButton")
    assert ids() == seen[0][0]
    assert quick.node.resultVolume is None
    assert (quick.node.inputVolume, quick.node.protectedSegmentation) == start


def test_undo_gives_a_filled_output_volume_its_voxels_back(quick, phantom):
    quick.load_sample()
    mine = add_ct(context(), phantom.ct.with_array(phantom.ct.array * 0), "mine")
    quick.node.outputVolume = mine
    quick.click("applyButton")
    assert quick.node.resultVolume is mine
    assert volume_from_node(mine).array.any()
    quick.click("undoButton")
    assert not volume_from_node(mine).array.any()
    assert mine.GetName() == "mine"


def test_an_input_error_is_one_clear_sentence(quick):
    ct, _ = quick.load_sample()
    quick.node.outputVolume = ct
    quick.click("applyButton")
    assert quick.host.errors == ["The result would overwrite the CT: choose another output volume."]
    assert quick.ui.statusLabel.text == quick.host.errors[0]


def test_an_unexpected_error_is_one_sentence_and_the_log_has_the_rest(quick, monkeypatch, caplog):
    quick.load_sample()
    monkeypatch.setattr(quick.logic, "process", lambda *a, **k: 1 / 0)
    before = ids()
    quick.click("applyButton")
    assert len(quick.host.errors) == 1
    assert "stopped unexpectedly: division by zero" in quick.host.errors[0]
    assert "Traceback" in caplog.text
    assert ids() == before


def test_a_volume_that_is_no_ct_is_refused(quick, phantom):
    bright = add_ct(context(), phantom.ct.with_array(np.abs(phantom.ct.array) + np.int16(500)), "MR")
    quick.node.inputVolume = bright
    for name in STEPS:
        quick.click(name)
    assert all("does not look like a CT" in text for text in quick.host.errors)
    assert len(quick.host.errors) == len(STEPS)


@pytest.mark.parametrize(
    ("combo", "entry", "words"),
    [("wrapComboBox", "SurfaceWrapSolidify", "SurfaceWrapSolidify"), ("cutComboBox", "Dynamic Modeler", "Dynamic Modeler")],
)
def test_an_engine_that_is_not_installed_is_named(panel, combo, entry, words):
    panel.load_sample()
    box = getattr(panel.ui, combo)
    box.currentIndex = box.findText(entry)
    panel.click("faceButton")
    assert len(panel.host.errors) == 1
    assert words in panel.host.errors[0]
    assert panel.node.faceSegmentation is None
