"""The panel, driven as a person would: chosen, clicked, dragged, cancelled, saved and loaded, in a host made of real parts."""

from __future__ import annotations

import importlib
import os
import sys
import types
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
try:
    import host
    import pythonqt
except ImportError as problem:  # a machine without the libraries that Qt links to
    pytest.skip(
        f"no PySide6 ({problem}): pip install PySide6-Essentials; on Debian also libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1",
        allow_module_level=True,
    )

from FaceDeidLNLib.anatomy.landmarks import detect_landmarks
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.pipeline import Request, deface

STEPS = ("detectButton", "curveButton", "faceButton", "applyButton")


class Panel:
    """The module's panel and a person in front of it."""

    def __init__(self, module, here, sample):
        self.host, self.module = here, module
        self.parent = host.module_parent()
        self.widget = module.FaceDeidLNWidget(self.parent)
        self.widget.setup()
        self.ui, self.logic, self.panel = self.widget.ui, self.widget.logic, self.widget.panel
        self.panel._load_sample = sample

    @property
    def node(self):
        return self.widget._parameterNode

    def click(self, *names):
        for name in names:
            button = pythonqt.unwrap(getattr(self.ui, name))
            assert button.isEnabled(), f"{name} cannot be clicked"
            button.click()

    def load_sample(self):
        pythonqt.unwrap(self.ui.tryItLabel).linkActivated.emit("sample")
        return self.node.inputVolume, self.node.protectedSegmentation

    def enabled(self, name):
        return pythonqt.unwrap(getattr(self.ui, name)).isEnabled()

    def root(self):
        """The widget of the .ui file."""
        return self.parent.layout().itemAt(0).widget()

    def cancel_at(self, fraction):
        """Press Cancel as soon as the bar stands there."""

        def press():
            for dialog in host.QtWidgets.QApplication.topLevelWidgets():
                if isinstance(dialog, host.QtWidgets.QProgressDialog) and dialog.value() >= 100 * fraction:
                    dialog.cancel()

        self.host.app.on_events = press


def remembered(find):
    """Landmarks take the longest, and every test has the same head."""
    found = {}

    def remember(ct):
        key = (ct.array.tobytes(), ct.geometry.ijk_to_lps.tobytes())
        if key not in found:
            found[key] = find(ct)
        return found[key]

    return remember


DETECT = remembered(detect_landmarks)


@pytest.fixture
def panel(phantom):
    def sample():
        masks = [tight(segment.name, segment.mask.array) for segment in phantom.nodes]
        ct = add_ct(context(), phantom.ct, "Head")
        return ct, add_segmentation(context(), masks, phantom.ct.geometry, "nodes", reference=ct)

    with pytest.MonkeyPatch.context() as patch:
        here = host.start(patch, "FaceDeidLN")
        patch.setattr("FaceDeidLNLib.pipeline.detect_landmarks", DETECT)
        module = importlib.import_module("FaceDeidLN")
        shown = Panel(module, here, sample)
        yield shown
        shown.widget.cleanup()
        shown.root().setMRMLScene(None)
        slicer.mrmlScene.Clear(False)
        sys.modules.pop("FaceDeidLN", None)


@pytest.fixture(scope="module")
def phantom_case(phantom):
    return deface(Request(phantom.ct, phantom.nodes))


@pytest.fixture
def quick(panel, phantom_case, monkeypatch):
    """The panel with a pipeline that answers at once with the phantom's case."""
    answers = [phantom_case]
    monkeypatch.setattr("FaceDeidLNLib.mrml.process.deface", lambda request, progress: answers[-1])
    panel.answers = answers
    return panel


def changed_case(case, verdict, *reasons):
    from dataclasses import replace

    from FaceDeidLNLib.verify.verdict import Verdict

    return replace(case, verdict=Verdict(verdict), reasons=reasons)


def ids():
    return {slicer.mrmlScene.GetNthNode(n).GetID() for n in range(slicer.mrmlScene.GetNumberOfNodes())}


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


# Landmarks


def test_uncertain_and_missing_landmarks_stand_out(panel):
    panel.load_sample()
    panel.click("detectButton")
    node = panel.node.landmarks
    bold = lambda row: panel.ui.landmarksTable.item(row, 0).font().bold()  # noqa: E731
    assert not bold(0)
    node.UnsetNthControlPointPosition(0)
    assert bold(0)
    assert panel.ui.landmarksTable.item(0, 1).text() == "missing"


def test_a_click_on_a_row_jumps_there(panel):
    panel.load_sample()
    panel.click("detectButton")
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientationToAxial()
    pythonqt.unwrap(panel.ui.landmarksTable).cellClicked.emit(0, 0)
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    assert [view.GetSliceToRAS().GetElement(row, 3) for row in range(3)] == pytest.approx(place, abs=1e-3)


def test_a_dragged_landmark_is_the_users_and_stays_when_detecting_again(panel):
    panel.load_sample()
    panel.click("detectButton")
    node = panel.node.landmarks
    node.SetNthControlPointPositionWorld(2, 1.0, 100.0, 3.0)
    assert panel.ui.landmarksTable.item(2, 2).text() == "user"
    panel.click("detectButton")
    place = [0.0] * 3
    node.GetNthControlPointPositionWorld(2, place)
    assert place == pytest.approx([1.0, 100.0, 3.0])


def test_unset_and_undo(panel):
    panel.load_sample()
    panel.click("detectButton")
    node = panel.node.landmarks
    panel.ui.landmarksTable.selectRow(1)
    panel.click("unsetButton")
    assert node.GetNthControlPointPositionStatus(1) != slicer.vtkMRMLMarkupsNode.PositionDefined
    assert panel.ui.undoButton.text == f"Undo: Unset {node.GetNthControlPointLabel(1)}"
    panel.click("undoButton")
    assert node.GetNthControlPointPositionStatus(1) == slicer.vtkMRMLMarkupsNode.PositionDefined


def test_place_starts_slicers_place_mode_for_that_point(panel):
    panel.load_sample()
    panel.click("detectButton")
    panel.ui.landmarksTable.selectRow(3)
    panel.click("placeButton")
    node = panel.node.landmarks
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    assert node.GetControlPointPlacementStartIndex() == 3
    assert slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID() == node.GetID()
    interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)


def test_landmarks_are_loaded_from_markups_files(panel, tmp_path, phantom):
    from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
    from FaceDeidLNLib.output.markups import write_landmarks_json

    panel.load_sample()
    path = tmp_path / "mine.mrk.json"
    write_landmarks_json(path, Landmarks({"pronasale": Landmark("pronasale", np.array([1.0, -2.0, 3.0]), 1.0, "user")}))
    panel.host.qt.QFileDialog.answers = [str(path)]
    panel.click("loadLandmarksButton")
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    assert place == pytest.approx([-1.0, 2.0, 3.0])


def test_landmarks_are_loaded_from_nnlandmarks_result(panel, tmp_path):
    ct, _ = panel.load_sample()
    (tmp_path / "case.json").write_text('{"1": {"coordinates": [10, 20, 30], "likelihood": 0.4}}', encoding="utf-8")
    (tmp_path / "name_to_label.json").write_text('{"stomion": 1}', encoding="utf-8")
    panel.host.qt.QFileDialog.answers = [str(tmp_path / "case.json"), str(tmp_path / "name_to_label.json")]
    panel.click("loadLandmarksButton")
    expected = volume_from_node(ct).geometry.to_lps(np.array([[30, 20, 10]]))[0] * (-1, -1, 1)
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    assert place == pytest.approx(expected.tolist())
    assert panel.ui.landmarksTable.item(0, 1).text() == "40%"


@pytest.mark.parametrize(("name", "words"), [("bad.mrk.json", "no markups file"), ("bad.json", "no result of nnLandmark")])
def test_a_bad_landmark_file_is_one_message(panel, tmp_path, name, words):
    panel.load_sample()
    path = tmp_path / name
    path.write_text("{]", encoding="utf-8")
    panel.host.qt.QFileDialog.answers = [str(path), str(path)]
    before = ids()
    panel.click("loadLandmarksButton")
    assert len(panel.host.errors) == 1
    assert words in panel.host.errors[0]
    assert ids() == before


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


# Review


def test_a_fail_is_red_and_can_never_be_signed_off(quick):
    quick.answers.append(changed_case(quick.answers[0], "FAIL", "3 voxels changed outside the face segment"))
    quick.load_sample()
    quick.click("applyButton")
    assert quick.ui.verdictLabel.text == "FAIL, NOT RELEASED: 3 voxels changed outside the face segment"
    assert "#b3261e" in quick.ui.verdictLabel.styleSheet
    quick.ui.remarkEdit.text = "I want it"
    assert not quick.enabled("signOffButton")
    with pytest.raises(FaceDeidError, match="FAIL cannot be signed off"):
        quick.logic.signOff(quick.node.resultVolume, "I want it")
    assert not any(quick.enabled(name) for name in ("nrrdButton", "niftiButton", "dicomButton"))


def test_a_review_is_lifted_by_a_sign_off_with_a_remark(quick, tmp_path):
    quick.answers.append(changed_case(quick.answers[0], "REVIEW", "stomion is uncertain"))
    quick.node.acceptRecognisable = True
    quick.load_sample()
    quick.click("applyButton")
    assert "NOT RELEASED" in quick.node.resultVolume.GetName()
    assert not quick.enabled("signOffButton")
    quick.ui.remarkEdit.text = "Mouth looked at in all planes."
    quick.click("signOffButton")
    assert quick.node.resultVolume.GetName().endswith("de-identified")
    assert quick.ui.verdictLabel.text == "REVIEW, signed off: Mouth looked at in all planes."
    path = tmp_path / "out.nrrd"
    quick.host.qt.QFileDialog.answers = [str(path)]
    quick.click("nrrdButton")
    assert "Mouth looked at in all planes." in (tmp_path / "out.certificate.json").read_text(encoding="utf-8")
    quick.click("undoButton")
    assert "NOT RELEASED" in quick.node.resultVolume.GetName()
    assert not quick.enabled("nrrdButton")


@pytest.mark.parametrize(("button", "extension"), [("nrrdButton", ".nrrd"), ("niftiButton", ".nii.gz")])
def test_a_released_result_is_exported_with_its_certificate(quick, tmp_path, button, extension, phantom_case):
    from FaceDeidLNLib.input.images import read_volume

    quick.node.acceptRecognisable = True
    quick.load_sample()
    quick.click("applyButton")
    quick.host.qt.QFileDialog.answers = [str(tmp_path / "out")]
    quick.click(button)
    assert quick.host.errors == []
    assert np.array_equal(read_volume(tmp_path / f"out{extension}").array, phantom_case.result.array)
    assert '"verdict": "PASS"' in (tmp_path / "out.certificate.json").read_text(encoding="utf-8")


def test_a_result_that_was_edited_after_its_verdict_is_not_exported(quick, tmp_path):
    quick.node.acceptRecognisable = True
    ct, _ = quick.load_sample()
    quick.click("applyButton")
    slicer.util.arrayFromVolume(quick.node.resultVolume)[0, 0, 0] += 1
    quick.host.qt.QFileDialog.answers = [str(tmp_path / "out.nrrd")]
    quick.click("nrrdButton")
    assert "changed after it was verified" in quick.host.errors[0]
    assert list(tmp_path.iterdir()) == []


def test_dicom_goes_back_to_the_series_it_came_from(panel, tmp_path, phantom, phantom_case, monkeypatch):
    import pydicom
    from dicom_series import Series, write_series
    from FaceDeidLNLib.input.dicom import read_dicom_series

    folder = tmp_path / "in"
    axes = phantom.ct.geometry.ijk_to_lps[:3, :3] / np.array(phantom.ct.geometry.spacing)
    i, j, _ = phantom.ct.geometry.spacing
    place = {"step": phantom.ct.geometry.ijk_to_lps[:3, 2], "origin": phantom.ct.geometry.ijk_to_lps[:3, 3]}
    write_series(folder, Series(phantom.ct.array.astype(np.int32) + 1024, rows=axes[:, :2].T, spacing=(j, i), **place))
    source = read_dicom_series(folder)
    files = {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): str(file) for file in source.files}
    monkeypatch.setattr(slicer, "dicomDatabase", SimpleNamespace(fileForInstance=lambda uid: files.get(uid, "")), raising=False)
    ct = add_ct(context(), source.volume, "CT")
    ct.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    panel.node.inputVolume = ct
    panel.node.acceptRecognisable = True
    panel.click("applyButton")
    panel.host.qt.QFileDialog.answers = [str(tmp_path)]
    panel.click("dicomButton")
    assert panel.host.errors == []
    written = read_dicom_series(tmp_path / "deidentified")
    assert np.array_equal(written.volume.array, volume_from_node(panel.node.resultVolume).array)


def test_a_ct_that_came_from_no_dicom_cannot_become_dicom(quick):
    quick.node.acceptRecognisable = True
    quick.load_sample()
    quick.click("applyButton")
    assert not quick.enabled("dicomButton")
    assert "not loaded from the DICOM database" in quick.ui.dicomButton.toolTip


def test_a_volume_made_elsewhere_can_be_verified(panel, phantom):
    ct, nodes = panel.load_sample()
    array = volume_from_node(ct).array.copy()
    segment = segments_from_node(nodes)[0].mask
    kji = np.rint(volume_from_node(ct).geometry.to_kji(segment.geometry.to_lps(np.argwhere(segment.array)))).astype(int)
    array[tuple(kji.T)] += 1
    panel.node.resultVolume = add_ct(context(), volume_from_node(ct).with_array(array), "by hand")
    assert panel.ui.verdictLabel.text == "This volume was not verified: NOT RELEASED."
    panel.click("verifyButton")
    assert panel.ui.verdictLabel.text.startswith("FAIL")
    assert "protected segment" in panel.ui.verdictLabel.text


def test_the_slice_views_jump_to_the_largest_change(quick, phantom_case, phantom):
    quick.load_sample()
    quick.click("applyButton")
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientationToAxial()
    quick.click("jumpButton")
    place = np.array([view.GetSliceToRAS().GetElement(row, 3) for row in range(3)]) * (-1, -1, 1)
    kji = tuple(np.rint(phantom.ct.geometry.to_kji(place[None])[0]).astype(int))
    near = tuple(slice(max(0, n - 2), n + 3) for n in kji)
    assert (phantom_case.result.array[near] != phantom.ct.array[near]).any()


def test_before_and_after_stand_side_by_side(quick, monkeypatch):
    quick.load_sample()
    quick.click("applyButton")
    views = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLViewNode", f"View{n}") for n in (1, 2)]
    quick.host.app.layout = SimpleNamespace(
        setLayout=lambda layout: views.append(layout),
        threeDWidget=lambda n: SimpleNamespace(
            mrmlViewNode=lambda: views[n], threeDView=lambda: SimpleNamespace(resetFocalPoint=lambda: None)
        ),
    )
    quick.click("compareButton")
    assert quick.host.errors == []
    assert views[2] == slicer.vtkMRMLLayoutNode.SlicerLayoutDual3DView
    models = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLModelNode")
        if "skin before" in node.GetName() or "skin after" in node.GetName()
    ]
    assert [model.GetDisplayNode().GetNthViewNodeID(0) for model in models] == [views[0].GetID(), views[1].GetID()]
    assert all(model.GetPolyData().GetNumberOfPoints() > 1000 for model in models)


# Scenes


def test_a_saved_scene_brings_everything_back(quick, tmp_path):
    quick.load_sample()
    quick.ui.depthSlider.value = 9.0
    quick.ui.segmentsList.item(1).setCheckState(host.QtCore.Qt.CheckState.Unchecked)
    quick.click("applyButton", "acceptCheckBox")
    names = {
        name: getattr(quick.node, name).GetName() for name in ("inputVolume", "landmarks", "curve", "faceSegmentation", "resultVolume")
    }
    verdict, figures = quick.ui.verdictLabel.text, quick.ui.figuresTable.rowCount
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    assert quick.ui.verdictLabel.text == "No result yet."
    with zipfile.ZipFile(tmp_path / "scene.mrb") as bundle:
        bundle.extractall(tmp_path / "unpacked")
    slicer.mrmlScene.SetURL(str(next((tmp_path / "unpacked").rglob("*.mrml"))))
    assert slicer.mrmlScene.Connect()
    quick.widget.initializeParameterNode()
    assert {name: getattr(quick.node, name).GetName() for name in names} == names
    assert quick.ui.depthSlider.value == pytest.approx(9.0)
    assert (quick.ui.verdictLabel.text, quick.ui.figuresTable.rowCount) == (verdict, figures)
    assert quick.ui.segmentsList.item(1).checkState() == host.QtCore.Qt.CheckState.Unchecked
    assert quick.enabled("nrrdButton")
    quick.host.qt.QFileDialog.answers = [str(tmp_path / "again.nrrd")]
    quick.click("nrrdButton")
    assert quick.host.errors == []
    assert (tmp_path / "again.nrrd").is_file()


def test_a_closed_scene_leaves_nothing_behind(quick):
    quick.load_sample()
    quick.click("applyButton")
    slicer.mrmlScene.Clear(False)
    assert quick.node.inputVolume is None
    assert not quick.enabled("applyButton")
    assert not quick.enabled("undoButton")


def test_two_cts_keep_their_own_nodes(quick):
    first, first_nodes = quick.load_sample()
    quick.click("applyButton")
    of_first = (quick.node.landmarks, quick.node.curve, quick.node.faceSegmentation, quick.node.resultVolume)
    second, second_nodes = quick.load_sample()
    assert second is not first
    assert quick.node.protectedSegmentation is second_nodes
    assert (quick.node.landmarks, quick.node.curve, quick.node.faceSegmentation, quick.node.resultVolume) == (None,) * 4
    quick.click("applyButton")
    assert quick.node.resultVolume is not of_first[3]
    quick.ui.inputSelector.setCurrentNode(first)
    assert (quick.node.landmarks, quick.node.curve, quick.node.faceSegmentation, quick.node.resultVolume) == of_first
    assert quick.node.protectedSegmentation is first_nodes
    assert linked(second, "result") is not linked(first, "result")


def test_a_removed_ct_is_forgotten(quick):
    ct, _ = quick.load_sample()
    slicer.mrmlScene.RemoveNode(ct)
    assert quick.node.inputVolume is None
    assert not quick.enabled("applyButton")


def test_the_panel_survives_without_a_main_window_and_with_another_scene(panel):
    other = slicer.vtkMRMLScene()
    pythonqt.unwrap(panel.parent).setMRMLScene(other)
    panel.widget.enter()
    panel.widget.exit()
    panel.widget.enter()
    assert panel.host.errors == []


# Engines


def install_effects(monkeypatch, mask_volume):
    """Slicer's package of effects, with another implementation of the one static method that is called."""
    package = types.ModuleType("SegmentEditorEffects")
    package.__spec__ = ModuleSpec("SegmentEditorEffects", None)
    package.SegmentEditorMaskVolumeEffect = SimpleNamespace(maskVolumeWithSegment=mask_volume)
    monkeypatch.setitem(sys.modules, "SegmentEditorEffects", package)


def test_mask_volume_as_the_engine_passes_the_same_verification(panel, monkeypatch):
    def mask_volume_with_segment(segmentation, identifier, operation, values, source, output):
        assert operation == "FILL_INSIDE"
        array = slicer.util.arrayFromVolume(source).copy()
        array[slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, identifier, source) > 0] = values[0]
        output.CopyContent(source)
        slicer.util.updateVolumeFromArray(output, array)
        return True

    install_effects(monkeypatch, mask_volume_with_segment)
    ct, _ = panel.load_sample()
    panel.ui.maskComboBox.currentIndex = panel.ui.maskComboBox.findText("Mask volume")
    panel.click("applyButton")
    assert panel.host.errors == []
    assert panel.ui.verdictLabel.text.startswith("PASS")
    by_engine = volume_from_node(panel.node.resultVolume).array.copy()
    panel.ui.maskComboBox.currentIndex = 0
    for name in ("landmarks", "curve", "faceSegmentation"):
        setattr(panel.node, name, None)
    panel.click("applyButton")
    assert np.array_equal(by_engine, volume_from_node(panel.node.resultVolume).array)


def test_an_engine_that_touches_a_node_is_found_out(panel, monkeypatch):
    def mask_everything(segmentation, identifier, operation, values, source, output):
        output.CopyContent(source)
        slicer.util.updateVolumeFromArray(output, slicer.util.arrayFromVolume(source) * 0)
        return True

    install_effects(monkeypatch, mask_everything)
    panel.load_sample()
    panel.ui.maskComboBox.currentIndex = panel.ui.maskComboBox.findText("Mask volume")
    panel.click("applyButton")
    assert panel.ui.verdictLabel.text.startswith("FAIL")
    assert not panel.enabled("nrrdButton")


# The host itself


def test_the_host_refuses_what_slicer_would_refuse(panel):
    with pytest.raises(AttributeError):
        panel.ui.applyButton.enable = True
    with pytest.raises(AttributeError):
        panel.ui.inputSelector.currentNodes()
    with pytest.raises(TypeError):
        panel.ui.applyButton.enabled()
    with pytest.raises(ValueError, match="no signal"):
        panel.ui.applyButton.connect("clickked(bool)", print)
    with pytest.raises(TypeError):
        panel.ui.statusLabel.text = 3


def test_every_property_in_the_panels_file_is_one_of_its_widgets_class(panel):
    import xml.etree.ElementTree as ElementTree

    path = Path(panel.module.__file__).parent / "Resources" / "UI" / "FaceDeidLN.ui"
    for element in ElementTree.parse(path).getroot().iter("widget"):
        name = element.get("name")
        widget = getattr(panel.ui, name, None) or panel.root()
        meta = pythonqt.unwrap(widget).metaObject()
        for prop in element.findall("property"):
            if prop.get("name") != "SlicerParameterName":
                assert meta.indexOfProperty(prop.get("name")) >= 0, f"{element.get('class')} has no property {prop.get('name')}"


@pytest.mark.parametrize("percent", [100, 150])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_cut_off_at_350_pixels(panel, percent, dark, tmp_path):
    panel.load_sample()
    root = pythonqt.unwrap(panel.parent)
    font = root.font()
    font.setPointSizeF(font.pointSizeF() * percent / 100)
    root.setFont(font)
    root.resize(round(350 * percent / 100), 1900)
    root.show()
    host.QtWidgets.QApplication.processEvents()
    assert root.minimumSizeHint().width() <= round(350 * percent / 100)


def install_curve_cut(monkeypatch):
    """Dynamic Modeler's Curve cut: the same VTK pipeline as in vtkSlicerDynamicModelerCurveCutTool, on a stand-in for its node."""

    def run(tool):
        skin, curve, inside, outside = (
            tool.GetNodeReference(f"CurveCut.{n}") for n in ("InputModel", "InputCurve", "OutputInside", "OutputOutside")
        )
        clean = vtk.vtkCleanPolyData()
        clean.SetInputData(skin.GetPolyData())
        largest = vtk.vtkPolyDataConnectivityFilter()
        largest.SetInputConnection(clean.GetOutputPort())
        largest.SetExtractionModeToLargestRegion()
        select = vtk.vtkSelectPolyData()
        select.SetInputConnection(largest.GetOutputPort())
        select.SetLoop(curve.GetCurvePointsWorld())
        select.SetEdgeSearchModeToDijkstra()
        select.SetSelectionModeToSmallestRegion()
        select.GenerateSelectionScalarsOn()
        clip = vtk.vtkClipPolyData()
        clip.SetInputConnection(select.GetOutputPort())
        clip.InsideOutOn()
        clip.GenerateClippedOutputOn()
        clip.Update()
        inside.SetAndObservePolyData(clip.GetOutput())
        outside.SetAndObservePolyData(clip.GetClippedOutput())

    real = slicer.mrmlScene.AddNewNodeByClass
    context_scene = slicer.mrmlScene

    class Scene:
        """The scene, which knows one class of nodes more."""

        def __getattr__(self, name):
            return getattr(context_scene, name)

        def AddNewNodeByClass(self, kind, name=""):
            if kind != "vtkMRMLDynamicModelerNode":
                return real(kind, name)
            node = real("vtkMRMLScriptedModuleNode", "tool")
            node.SetToolName = lambda name: None
            return node

    monkeypatch.setattr(
        slicer.modules, "dynamicmodeler", SimpleNamespace(logic=lambda: SimpleNamespace(RunDynamicModelerTool=run)), raising=False
    )
    from FaceDeidLNLib.mrml import engines

    cut = engines.cut_by_curve
    wrapped = lambda here, *rest: cut(SimpleNamespace(scene=Scene()), *rest)  # noqa: E731
    monkeypatch.setattr("FaceDeidLNLib.mrml.steps.cut_by_curve", wrapped)


def test_the_curve_cut_gives_a_face_like_the_built_in_one(panel, monkeypatch):
    panel.load_sample()
    panel.click("faceButton")
    built_in = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    install_curve_cut(monkeypatch)
    panel.ui.cutComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert panel.host.errors == []
    assert ids() == before
    cut = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    assert 0.6 < cut / built_in < 1.4
    panel.click("applyButton")
    assert panel.ui.verdictLabel.text.startswith(("PASS", "REVIEW"))


def install_wrap_solidify(monkeypatch, change):
    """The extension SurfaceWrapSolidify, whose logic does ``change`` to the segment's labels."""

    class WrapSolidifyLogic:
        def applyWrapSolidify(self):
            image = self.segmentationNode.GetSegmentation().GetSegment(self.segmentId).GetRepresentation("Binary labelmap")
            change(vtk_to_numpy(image.GetPointData().GetScalars()))

    package, module = (
        types.ModuleType(name) for name in ("SegmentEditorWrapSolidifyLib", "SegmentEditorWrapSolidifyLib.SegmentEditorEffect")
    )
    module.WrapSolidifyLogic = WrapSolidifyLogic
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(slicer.modules, "segmenteditorwrapsolidify", object(), raising=False)


def test_wrap_solidify_as_the_engine_gives_a_face_of_the_same_shape(panel, monkeypatch):
    panel.load_sample()
    panel.click("faceButton")
    built_in = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    install_wrap_solidify(monkeypatch, lambda labels: None)
    panel.ui.wrapComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert panel.host.errors == []
    assert ids() == before
    assert 0.9 < segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum() / built_in < 1.1


def test_a_wrap_that_lost_the_head_is_refused(panel, monkeypatch):
    panel.load_sample()
    install_wrap_solidify(monkeypatch, lambda labels: labels.__setitem__(slice(0, len(labels) // 2), 0))
    panel.ui.wrapComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert len(panel.host.errors) == 1
    assert "does not fit" in panel.host.errors[0]
    assert ids() == before
