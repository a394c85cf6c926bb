"""The panel with Slicer's own tools as engines, which are stood in for here: inside Slicer, test_panel_steps runs the real ones."""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import vtk
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.mrml.nodes import add_ct, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.programs.engines import mask_volume
from person import PanelTest, ids, phantom, phantom_case
from vtk.util.numpy_support import vtk_to_numpy


@pytest.fixture
def panel(shown):
    """The panel with a person in front of it."""
    person = PanelTest()
    person.setUp()
    yield person
    person.doCleanups()


def install_effects(monkeypatch, mask_volume):
    """Slicer's package of effects, with another implementation of the one static method that is called."""
    package = types.ModuleType("SegmentEditorEffects")
    package.__spec__ = ModuleSpec("SegmentEditorEffects", None)
    package.SegmentEditorMaskVolumeEffect = SimpleNamespace(maskVolumeWithSegment=mask_volume)
    monkeypatch.setitem(sys.modules, "SegmentEditorEffects", package)


def fill_inside(segmentation, identifier, operation, values, source, output):
    """What Mask volume does."""
    assert operation == "FILL_INSIDE"
    array = slicer.util.arrayFromVolume(source).copy()
    array[slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, identifier, source) > 0] = values[0]
    output.CopyContent(source)
    slicer.util.updateVolumeFromArray(output, array)
    return True


def test_mask_volume_as_the_engine_passes_the_same_verification(panel, monkeypatch):
    install_effects(monkeypatch, fill_inside)
    ct, _ = panel.load_sample()
    panel.choose("effectComboBox", "mask")
    panel.ui.maskComboBox.currentIndex = panel.ui.maskComboBox.findText("Mask volume")
    panel.click("applyButton")
    assert panel.errors == []
    assert panel.ui.verdictLabel.text.startswith("PASS")
    by_engine = volume_from_node(panel.node.resultVolume).array.copy()
    panel.ui.maskComboBox.currentIndex = 0
    for name in ("landmarks", "curve", "faceSegmentation"):
        setattr(panel.node, name, None)
    panel.click("applyButton")
    assert np.array_equal(by_engine, volume_from_node(panel.node.resultVolume).array)


@pytest.mark.parametrize("stop_at", [0.6, 0.7, 0.9])
def test_a_console_run_with_another_engine_that_is_stopped_leaves_nothing(panel, monkeypatch, stop_at):
    class Stopped(Exception):
        pass

    def stop(fraction, message):
        if fraction >= stop_at:
            raise Stopped

    install_effects(monkeypatch, fill_inside)
    ct, nodes = panel.load_sample()
    mine = add_ct(context(), volume_from_node(ct), "mine")
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)  # the application's own, which stays
    image, before = mine.GetImageData(), ids()
    for output in (None, mine):
        with pytest.raises(Stopped):
            panel.logic.process(ct, nodes, effect="mask", maskEngine="Mask volume", outputVolume=output, progress=stop)
        assert ids() == before
    assert (mine.GetName(), mine.GetAttribute("FaceDeidLN.Released")) == ("mine", None)
    assert mine.GetImageData() is image


def test_an_engine_that_touches_a_node_is_found_out(panel, monkeypatch):
    def mask_everything(segmentation, identifier, operation, values, source, output):
        output.CopyContent(source)
        slicer.util.updateVolumeFromArray(output, slicer.util.arrayFromVolume(source) * 0)
        return True

    install_effects(monkeypatch, mask_everything)
    panel.load_sample()
    panel.choose("effectComboBox", "mask")
    panel.ui.maskComboBox.currentIndex = panel.ui.maskComboBox.findText("Mask volume")
    panel.click("applyButton")
    assert panel.ui.verdictLabel.text.startswith("FAIL")
    assert not panel.enabled("nrrdButton")


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
    from FaceDeidLNLib.programs import engines

    cut = engines.cut_by_curve
    wrapped = lambda here, *rest: cut(SimpleNamespace(scene=Scene()), *rest)  # noqa: E731
    monkeypatch.setattr("FaceDeidLNLib.steps.steps.cut_by_curve", wrapped)


def test_the_curve_cut_gives_a_face_like_the_built_in_one(panel, monkeypatch):
    panel.load_sample()
    panel.click("faceButton")
    built_in = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    install_curve_cut(monkeypatch)
    panel.ui.cutComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert panel.errors == []
    assert ids() == before
    cut = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    assert 0.6 < cut / built_in < 1.4
    panel.click("applyButton")
    assert panel.ui.verdictLabel.text.startswith(("PASS", "REVIEW"))


@pytest.mark.parametrize(("shift", "words"), [(None, "cut nothing out of the skin"), (500.0, "holds no voxel")])
def test_a_curve_cut_that_gives_no_face_is_one_message(panel, monkeypatch, shift, words):
    install_curve_cut(monkeypatch)
    run = slicer.modules.dynamicmodeler.logic().RunDynamicModelerTool

    def spoilt(tool):
        run(tool)
        for name in ("OutputInside", "OutputOutside"):
            surface = tool.GetNodeReference(f"CurveCut.{name}").GetPolyData()
            if shift is None:
                surface.Initialize()
            else:
                vtk_to_numpy(surface.GetPoints().GetData())[:] += shift

    monkeypatch.setattr(slicer.modules, "dynamicmodeler", SimpleNamespace(logic=lambda: SimpleNamespace(RunDynamicModelerTool=spoilt)))
    panel.load_sample()
    panel.ui.cutComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert len(panel.errors) == 1
    assert words in panel.errors[0]
    assert ids() == before


def test_mask_volume_that_does_nothing_is_one_message(panel, monkeypatch):
    install_effects(monkeypatch, lambda *words: False)
    panel.load_sample()
    panel.choose("effectComboBox", "mask")
    panel.choose("maskComboBox", "Mask volume")
    before = ids()
    panel.click("applyButton")
    assert len(panel.errors) == 1
    assert "did not do its work" in panel.errors[0]
    assert ids() == before


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"effect": "blur"}, "can fill, and not do"),
        ({"watermark": "DE-ID"}, "writes no watermark"),
        ({"own": (("fill_hu", 1e6),)}, "would wrap it"),
    ],
)
def test_what_mask_volume_cannot_do_is_refused(panel, monkeypatch, parameters, words):
    install_effects(monkeypatch, fill_inside)
    with pytest.raises(FaceDeidError, match=words):
        mask_volume(context(), phantom().ct, phantom_case().face, Parameters(**{"effect": "mask", **parameters}))


def install_wrap_solidify(monkeypatch, change):
    """The extension SurfaceWrapSolidify, whose logic does ``change`` to the segment's labels."""

    class WrapSolidifyLogic:
        logCallback = None

        def applyWrapSolidify(self):
            for number in range(1, 4):
                self.logCallback(f"Shrinking {number}/3...")
            image = self.segmentationNode.GetSegmentation().GetSegment(self.segmentId).GetRepresentation("Binary labelmap")
            change(vtk_to_numpy(image.GetPointData().GetScalars()))

    effect = types.ModuleType("SegmentEditorWrapSolidifyLib")  # as Slicer registers an effect: the file, under its folder's name
    effect.WrapSolidifyLogic = WrapSolidifyLogic
    monkeypatch.setitem(sys.modules, effect.__name__, effect)
    module = SimpleNamespace(path="/nowhere/SegmentEditorWrapSolidify.py")
    monkeypatch.setattr(slicer.modules, "segmenteditorwrapsolidify", module, raising=False)


def test_wrap_solidify_as_the_engine_gives_a_face_of_the_same_shape(panel, monkeypatch):
    panel.load_sample()
    panel.click("faceButton")
    built_in = segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum()
    install_wrap_solidify(monkeypatch, lambda labels: None)
    panel.ui.wrapComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert panel.errors == []
    assert ids() == before
    assert 0.9 < segments_from_node(panel.node.faceSegmentation)[0].mask.array.sum() / built_in < 1.1


def test_wrap_solidify_can_be_cancelled_between_its_rounds(panel, monkeypatch):
    rounds = []
    panel.load_sample()
    install_wrap_solidify(monkeypatch, lambda labels: rounds.append("all of them"))
    panel.ui.wrapComboBox.currentIndex = 1
    before = ids()
    panel.cancel_at(0.5)
    panel.click("faceButton")
    assert "cancelled, nothing was changed" in panel.ui.statusLabel.text
    assert (rounds, panel.errors, ids()) == ([], [], before)


def test_a_wrap_that_lost_the_head_is_refused(panel, monkeypatch):
    panel.load_sample()
    install_wrap_solidify(monkeypatch, lambda labels: labels.__setitem__(slice(0, len(labels) // 2), 0))
    panel.ui.wrapComboBox.currentIndex = 1
    before = ids()
    panel.click("faceButton")
    assert len(panel.errors) == 1
    assert "does not fit" in panel.errors[0]
    assert ids() == before


def test_wrap_solidify_is_read_from_its_file_before_its_effect_is_registered(panel, monkeypatch, tmp_path):
    """And leaves the folder's name free: Slicer would take whatever it finds under it for the effect."""
    library = tmp_path / "SegmentEditorWrapSolidifyLib"
    library.mkdir()
    (library / "SegmentEditorEffect.py").write_text(
        "class WrapSolidifyLogic:\n    def applyWrapSolidify(self):\n        self.logCallback('done')\n", encoding="utf-8"
    )
    module = SimpleNamespace(path=str(tmp_path / "SegmentEditorWrapSolidify.py"))
    monkeypatch.setattr(slicer.modules, "segmenteditorwrapsolidify", module, raising=False)
    monkeypatch.delitem(sys.modules, library.name, raising=False)
    panel.load_sample()
    panel.ui.wrapComboBox.currentIndex = 1
    panel.click("faceButton")
    assert panel.errors == []
    assert panel.node.faceSegmentation is not None
    assert library.name not in sys.modules


def test_a_wrap_solidify_that_cannot_be_read_is_one_message(panel, monkeypatch, tmp_path):
    module = SimpleNamespace(path=str(tmp_path / "SegmentEditorWrapSolidify.py"))
    monkeypatch.setattr(slicer.modules, "segmenteditorwrapsolidify", module, raising=False)
    monkeypatch.delitem(sys.modules, "SegmentEditorWrapSolidifyLib", raising=False)
    panel.load_sample()
    panel.ui.wrapComboBox.currentIndex = 1
    panel.click("faceButton")
    assert len(panel.errors) == 1
    assert "SurfaceWrapSolidify cannot be used" in panel.errors[0]
