"""What the module's self test does in the application (Reload and Test), on the synthetic head; it needs no download.

Every function raises AssertionError where the module does not do what it promises. The buttons are pressed as a person presses
them; only the questions for files are answered here. Not pressed are those that need another extension.
"""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import slicer
import vtk

from ..core.parameters import Parameters
from ..input.case import CtInput
from ..mrml.candidates import candidates, of_others
from ..mrml.nodes import volume_from_node
from ..mrml.removal import node_ids, remove_with_display
from ..output.images import write_image
from ..output.worklist import LIST_ENDING, WorkItem, write_worklist
from . import dialogs
from .self_test_files import dicom_and_study, landmarks_from_a_file

#: Sums of a run that must not differ when it is judged again: all figures but the time.
_FIGURES = ("changed_voxels", "changed_outside_face", "share_of_body_changed", "face_skin", "protected", "privacy_causes")
#: How oblique (degrees) the head lies in the fourth grid.
_TURN_DEG = (8.0, -12.0, 20.0)

LoadHead = Callable[..., tuple[Any, Any]]


def hidden_and_kept(logic: Any, load: LoadHead, spacing_mm: Sequence[float]) -> None:  # noqa: ANN401  the module's logic
    """PASS on the synthetic head, with every voxel of every lymph node and of the CT as it was."""
    ct, nodes = load(spacingMm=spacing_mm)
    before = slicer.util.arrayFromVolume(ct).copy()
    result = logic.process(ct, protectedSegmentation=nodes, acceptRecognisable=True)
    after = slicer.util.arrayFromVolume(result.nodes.result)
    assert result.verdict == "PASS", "; ".join(result.reasons)
    assert np.array_equal(before, slicer.util.arrayFromVolume(ct))
    assert np.any(before != after)
    assert not [check.name for check in result.case.comparison.protected if check.changed]


def each_step_alone(logic: Any, load: LoadHead, spacing_mm: Sequence[float]) -> None:  # noqa: ANN401
    """Landmarks, curve, face segment, effect and verification one after the other."""
    ct, nodes = load(spacingMm=spacing_mm)
    chosen = {"protectedSegmentation": nodes}
    chosen["landmarks"] = logic.detectLandmarks(ct)
    chosen["curve"] = logic.createCurve(ct, **chosen)
    chosen["faceSegmentation"] = logic.createFaceSegment(ct, **chosen)
    chosen["outputVolume"] = logic.applyEffect(ct, **chosen)
    assert chosen["outputVolume"].GetName().endswith("NOT RELEASED")
    result = logic.verify(ct, acceptRecognisable=True, **chosen)
    assert result.verdict == "PASS", "; ".join(result.reasons)
    assert chosen["outputVolume"].GetName().endswith("de-identified")


def same_when_verified_again(logic: Any, load: LoadHead, spacing_mm: Sequence[float], oblique: bool = False) -> str:  # noqa: ANN401
    """Apply, verify again, save, load and verify again give the same verdict and figures; returns them in a line."""
    ct, nodes = load(spacingMm=spacing_mm)
    if oblique:
        _turn(*filter(None, (ct, nodes)))
    first = logic.process(ct, protectedSegmentation=nodes)
    assert first.nodes.result is not None, "; ".join(first.reasons)
    _same(first, logic.verify(ct, protectedSegmentation=nodes, outputVolume=first.nodes.result))
    names = [None if node is None else node.GetName() for node in (ct, nodes, first.nodes.result)]
    _save_and_load()
    logic.cache.clear()
    ct, nodes, result = (None if name is None else slicer.mrmlScene.GetFirstNodeByName(name) for name in names)
    _same(first, logic.verify(ct, protectedSegmentation=nodes, outputVolume=result))
    facts = first.stored.facts
    return f"{first.verdict}, {first.privacy}, {facts['changed_voxels']} voxels changed, {facts['changed_outside_face']} outside the face"


def _turn(*nodes: Any) -> None:  # noqa: ANN401
    """Put nodes under a transform, so that their grid is oblique in the world."""
    turn = vtk.vtkTransform()
    for angle, axis in zip(_TURN_DEG, np.eye(3), strict=True):
        turn.RotateWXYZ(angle, *axis)
    parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "oblique")
    parent.SetMatrixTransformToParent(turn.GetMatrix())
    for node in nodes:
        node.SetAndObserveTransformNodeID(parent.GetID())


def _same(first: Any, again: Any) -> None:  # noqa: ANN401  two results of the logic
    assert (again.verdict, again.reasons, again.privacy) == (first.verdict, first.reasons, first.privacy), again.reasons
    for name in _FIGURES:
        assert again.stored.facts.get(name) == first.stored.facts.get(name), name


def _save_and_load() -> None:
    with tempfile.TemporaryDirectory() as folder:
        slicer.mrmlScene.SetRootDirectory(folder)
        assert slicer.mrmlScene.WriteToMRB(f"{folder}/scene.mrb")
        with zipfile.ZipFile(f"{folder}/scene.mrb") as bundle:
            bundle.extractall(f"{folder}/unpacked")
        slicer.mrmlScene.SetURL(str(next(Path(f"{folder}/unpacked").rglob("*.mrml"))))
        assert slicer.mrmlScene.Connect()


@contextmanager
def shown(name: str) -> Iterator[Any]:
    """The module's panel as the one that is shown, in the application with and without its main window."""
    widget = slicer.util.getModuleWidget(name)
    if dialogs.has_window():
        slicer.util.selectModule(name)
    else:
        widget.enter()
    yield widget
    if not dialogs.has_window():
        widget.exit()


def every_button(panel: Any, load: LoadHead, spacing_mm: Sequence[float]) -> None:  # noqa: ANN401  the panel
    """Press every button once, and undo of every step: the scene is what it was before it, and the step can be done again."""
    with mock.patch.object(panel, "load_sample", lambda progress=None: load(spacingMm=spacing_mm, progress=progress)):
        panel.on_sample("sample")
    assert panel.node.inputVolume is not None
    for name in ("detectButton", "curveButton", "faceButton", "applyButton"):
        _pressed_and_undone(panel, name)
        _press(panel, name)
    _landmark_buttons(panel)
    landmarks_from_a_file(panel, _answers, _pressed_and_undone)
    for name in ("verifyButton", "acceptCheckBox"):
        _press(panel, name)
    for name in ("compareButton", "compareButton", "jumpButton"):
        _press(panel, name)
    _exported(panel)
    _edited(panel)
    _signed_off(panel)
    dicom_and_study(panel, _answers, _press)
    _worked_off(panel)


def _press(panel: Any, name: str) -> None:  # noqa: ANN401
    button = getattr(panel.ui, name)
    assert button.enabled, f"{name} cannot be clicked"
    button.click()
    assert "unexpectedly" not in panel.ui.statusLabel.text, panel.ui.statusLabel.text


def _pressed_and_undone(panel: Any, name: str) -> None:  # noqa: ANN401
    before = node_ids(slicer.mrmlScene)
    _press(panel, name)
    _press(panel, "undoButton")
    assert node_ids(slicer.mrmlScene) == before, f"undo of {name} left {node_ids(slicer.mrmlScene) ^ before}"


def _landmark_buttons(panel: Any) -> None:  # noqa: ANN401
    panel.ui.landmarksTable.setCurrentCell(0, 0)
    place = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, place)
    for name in ("unsetButton", "placeButton"):
        panel.ui.landmarksTable.setCurrentCell(0, 0)
        _pressed_and_undone(panel, name)
    again = [0.0] * 3
    panel.node.landmarks.GetNthControlPointPositionWorld(0, again)
    assert math.dist(place, again) < 1e-6


@contextmanager
def _answers(**given: str) -> Iterator[None]:
    """Answer the panel's questions for files and folders."""
    with mock.patch.multiple(dialogs, **{name: lambda *asked, answer=answer: answer for name, answer in given.items()}):
        yield


def _exported(panel: Any) -> None:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        for name, ending in (("nrrdButton", ".nrrd"), ("niftiButton", ".nii.gz")):
            with _answers(file_to_save=f"{folder}/out{ending}"):
                _press(panel, name)
            assert Path(f"{folder}/out{ending}").is_file(), panel.ui.statusLabel.text
            Path(f"{folder}/out.certificate.json").unlink()


def _edited(panel: Any) -> None:  # noqa: ANN401
    """The Segment Editor opens with the face, and this module comes back; without a main window the panel says so."""
    face, with_window = panel.node.faceSegmentation, dialogs.has_window()
    _press(panel, "editFaceButton")
    if with_window:
        assert slicer.util.getModuleWidget("SegmentEditor").editor.segmentationNode() is face
        slicer.util.selectModule("FaceDeidLN")
    assert panel.node.faceSegmentation is face


def _signed_off(panel: Any) -> None:  # noqa: ANN401
    """Nothing is protected, and a node of the scene lies in the face: a REVIEW, which a remark lifts."""
    panel.node.protectedSegmentation, panel.node.levels = None, []
    panel.node.curve = panel.node.faceSegmentation = None
    _press(panel, "applyButton")
    assert panel.ui.verdictLabel.text.startswith("REVIEW"), panel.ui.verdictLabel.text
    panel.ui.remarkEdit.text = "Self test."
    _press(panel, "signOffButton")
    assert panel.ui.verdictLabel.text.startswith("REVIEW, signed off"), panel.ui.verdictLabel.text


def _worked_off(panel: Any) -> None:  # noqa: ANN401
    """A work list of two cases: one is rejected, the other one is opened by that, passes and is released."""
    ct = panel.node.inputVolume
    for drawn in (*candidates(ct), *of_others(ct)):  # the cases are of the same head, and would be asked for its nodes
        remove_with_display(slicer.mrmlScene, drawn)
    volume = volume_from_node(ct)
    panel.node.levels, panel.node.acceptRecognisable = list(Parameters.levels), True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "results").mkdir()
        write_image(CtInput(volume, folder / "scene", "node"), volume, folder / "head.nrrd")
        items = [
            WorkItem(case, folder / "head.nrrd", folder / "results" / f"{case}.nrrd", "REVIEW", "self test") for case in ("one", "two")
        ]
        write_worklist(items, folder / f"results{LIST_ENDING}")
        with _answers(folder=str(folder / "results")):
            _press(panel, "openWorkListButton")
        _press(panel, "nextCaseButton")
        _press(panel, "rejectCaseButton")
        assert panel.node.inputVolume.GetName() == "two"
        assert panel.ui.verdictLabel.text.startswith("PASS"), panel.ui.verdictLabel.text
        _press(panel, "doneCaseButton")
        assert (folder / "results" / "two.nrrd").is_file(), panel.ui.statusLabel.text
