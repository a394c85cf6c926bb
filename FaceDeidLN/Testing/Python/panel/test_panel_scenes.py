"""The panel: scenes saved, loaded and closed, two CTs, its looks; and how strict the host is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import slicer
from FaceDeidLNLib.mrml.links import linked

from .person import host, pythonqt

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


def test_what_was_chosen_before_the_first_ct_stays(quick):
    ct, nodes = quick.panel._load_sample()
    quick.node.inputVolume = None
    quick.node.protectedSegmentation = None
    quick.node.protectedSegmentation = nodes
    quick.node.inputVolume = ct
    assert quick.node.protectedSegmentation is nodes


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
