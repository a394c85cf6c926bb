"""The panel, step by step: what is protected, curve, face segment, effect."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import slicer
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.nodes import add_segmentation, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context

from .person import STEPS, host, ids, pythonqt

# The steps


def test_the_panel_says_what_to_do_first_and_offers_nothing_without_a_ct(panel):
    assert not any(panel.enabled(name) for name in (*STEPS, "nrrdButton", "niftiButton", "dicomButton", "undoButton", "signOffButton"))
    assert panel.ui.verdictLabel.text == "No result yet."


def test_the_sample_is_one_click_away(panel):
    ct, nodes = panel.load_sample()
    assert ct is not None
    assert panel.ui.segmentsList.count == nodes.GetSegmentation().GetNumberOfSegments()
    assert panel.enabled("applyButton")


def test_every_step_can_be_done_alone_and_leads_to_a_verdict(panel):
    ct, nodes = panel.load_sample()
    before = volume_from_node(ct).array.copy()
    panel.click(*STEPS)
    assert panel.host.errors == []
    node = panel.node
    assert node.landmarks.GetNumberOfDefinedControlPoints() >= 15
    assert node.curve.GetNumberOfControlPoints() > 8
    assert "NOT RELEASED" in node.resultVolume.GetName()
    panel.click("acceptCheckBox")
    assert node.resultVolume.GetName() == f"{ct.GetName()} de-identified"
    assert panel.ui.verdictLabel.text.startswith("PASS: ")
    assert np.array_equal(before, volume_from_node(ct).array)
    changed = before != volume_from_node(node.resultVolume).array
    for segment in segments_from_node(nodes):
        kji = np.rint(volume_from_node(ct).geometry.to_kji(segment.mask.geometry.to_lps(np.argwhere(segment.mask.array)))).astype(int)
        assert not changed[tuple(kji.T)].any(), segment.name


def test_a_dragged_curve_point_goes_back_onto_the_skin_and_the_preview_follows(panel):
    panel.load_sample()
    panel.click("detectButton", "curveButton", "faceButton")
    node = panel.node
    node.liveFace = True
    voxels = segments_from_node(node.faceSegmentation)[0].mask.array.sum()
    place, outside = [0.0] * 3, []
    for index in range(6):
        node.curve.GetNthControlPointPositionWorld(index, place)
        outside.append(np.array(place) + (0, 6, -25))
        node.curve.SetNthControlPointPositionWorld(index, *outside[-1])
    node.curve.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    node.curve.GetNthControlPointPositionWorld(0, place)
    assert np.linalg.norm(np.array(place) - outside[0]) > 1.0
    assert panel.panel.face.timer.active
    panel.panel.face.follow()
    assert segments_from_node(node.faceSegmentation)[0].mask.array.sum() != voxels


def test_a_length_that_changes_moves_the_live_preview(panel):
    panel.load_sample()
    panel.click("detectButton", "curveButton", "faceButton")
    thick = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    panel.ui.depthSlider.value = 5.0
    assert not panel.panel.face.timer.active
    panel.click("liveCheckBox")
    panel.ui.depthSlider.value = 4.0
    assert panel.panel.face.timer.active
    panel.panel.face.follow()
    assert segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum() < thick


def test_an_edited_face_segment_is_the_one_that_is_hidden(panel):
    ct, _ = panel.load_sample()
    panel.click("detectButton", "curveButton", "faceButton")
    face = panel.node.faceSegmentation
    identifier = face.GetSegmentation().GetNthSegmentID(0)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(face, identifier, ct)
    mask[: mask.shape[0] // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, face, identifier, ct)
    panel.click("applyButton")
    changed = volume_from_node(ct).array != volume_from_node(panel.node.resultVolume).array
    assert changed.any()
    assert not changed[mask == 0].any()


def test_the_segment_editor_opens_with_the_face_and_the_ct(panel):
    ct, _ = panel.load_sample()
    panel.click("faceButton")
    given = {}
    editor = SimpleNamespace(setSegmentationNode=lambda n: given.update(face=n), setSourceVolumeNode=lambda n: given.update(ct=n))
    panel.host.modules["SegmentEditor"] = SimpleNamespace(editor=editor)
    panel.click("editFaceButton")
    assert panel.host.selected == ["SegmentEditor"]
    assert (given["face"], given["ct"]) == (panel.node.faceSegmentation, ct)


# Segments to protect


def test_nodes_are_checked_by_name_and_by_code_and_other_structures_are_not(panel, phantom):
    panel.load_sample()
    mask = phantom.nodes[0].mask.array
    masks = [tight(name, mask) for name in ("lymph node 1", "mandible", "Segment_7", "something")]
    node = add_segmentation(context(), masks, phantom.ct.geometry, "mixed", reference=panel.node.inputVolume)
    coded = node.GetSegmentation().GetSegment(node.GetSegmentation().GetNthSegmentID(3))
    coded.SetTag("TerminologyEntry", "x~SCT^123037004^Anatomical Structure~SCT^91609006^Mandible~^^~~^^~^^")
    panel.node.protectedSegmentation = node
    items = [panel.ui.segmentsList.item(row) for row in range(panel.ui.segmentsList.count)]
    checked = {item.text() for item in items if item.checkState() == host.QtCore.Qt.CheckState.Checked}
    assert checked == {"lymph node 1", "Segment_7"}


def test_an_unchecked_segment_is_not_protected_any_more(quick, monkeypatch):
    requests = []
    answer = quick.answers[0]
    monkeypatch.setattr("FaceDeidLNLib.mrml.process.deface", lambda request, progress: requests.append(request) or answer)
    quick.load_sample()
    first = quick.ui.segmentsList.item(0)
    first.setCheckState(host.QtCore.Qt.CheckState.Unchecked)
    quick.click("applyButton")
    assert first.text() not in [segment.name for segment in requests[0].protected]
    assert len(requests[0].protected) == quick.ui.segmentsList.count - 1


def test_unchecked_levels_are_not_asked_for(quick):
    quick.load_sample()
    for row in range(quick.ui.levelsList.count):
        quick.ui.levelsList.item(row).setCheckState(host.QtCore.Qt.CheckState.Unchecked)
    assert list(quick.node.levels) == []
    assert quick.logic.chosen(quick.node)["levels"] == []


def test_missing_extensions_are_offered_disabled_with_their_names(panel):
    panel.load_sample()
    section = panel.panel.sections[0]
    assert [button.enabled for button in section.buttons] == [False] * 4
    for button, name in zip(section.buttons, ("TotalSegmentator", "CADSWholeBodyCTSeg", "MONAIAuto3DSeg", "NNUNet"), strict=True):
        assert f"The extension {name} is not installed" in button.toolTip


def test_an_installed_extension_segments_with_one_click(panel, monkeypatch):
    ct, nodes = panel.load_sample()

    class TotalSegmentatorLogic:
        def setupPythonRequirements(self):
            """Nothing to install."""

        def process(self, volume, output, cpu=False, task=None):
            segment = slicer.vtkSegment()
            segment.DeepCopy(nodes.GetSegmentation().GetNthSegment(0))
            segment.SetName("mandible")
            output.GetSegmentation().AddSegment(segment, f"{task}")

    monkeypatch.setattr(slicer.modules, "totalsegmentator", object(), raising=False)
    monkeypatch.setitem(sys.modules, "TotalSegmentator", SimpleNamespace(TotalSegmentatorLogic=TotalSegmentatorLogic))
    panel.panel.update()
    pythonqt.unwrap(panel.panel.sections[0].buttons[0]).click()
    assert panel.host.errors == []
    assert panel.node.protectedSegmentation.GetName() == f"{ct.GetName()} TotalSegmentator"
    assert panel.ui.segmentsList.item(0).text() == "mandible"


def test_an_extension_that_fails_says_so_once_and_leaves_nothing(panel, monkeypatch):
    _, nodes = panel.load_sample()
    broken = SimpleNamespace(CADSWholeBodyCTSegLogic=lambda: SimpleNamespace(process=lambda *a, **k: 1 / 0))
    monkeypatch.setattr(slicer.modules, "cadswholebodyctseg", object(), raising=False)
    monkeypatch.setitem(sys.modules, "CADSWholeBodyCTSeg", broken)
    panel.panel.update()
    before = ids()
    pythonqt.unwrap(panel.panel.sections[0].buttons[1]).click()
    assert len(panel.host.errors) == 1
    assert "CADS gave no segmentation" in panel.host.errors[0]
    assert ids() == before
    assert panel.node.protectedSegmentation is nodes
