"""The stand-in host: as strict as Slicer, and what only it can show. Not for the application."""

from __future__ import annotations

import ast
import gc
import re
import sys
import weakref
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

import pytest
import slicer

HERE = Path(__file__).parent
#: What only the stand-in has.
STAND_IN = {"pytest", "host", "pythonqt", "scripted", "widgets", "parameters", "PySide6", "conftest"}


def test_the_host_refuses_what_slicer_would_refuse(shown):
    with pytest.raises(AttributeError):
        shown.ui.applyButton.enable = True
    with pytest.raises(AttributeError):
        shown.ui.inputSelector.currentNodes()
    with pytest.raises(TypeError):
        shown.ui.applyButton.enabled()
    with pytest.raises(ValueError, match="no signal"):
        shown.ui.applyButton.connect("clickked(bool)", print)
    with pytest.raises(TypeError):
        shown.ui.statusLabel.text = 3


def test_every_property_in_the_panels_file_is_one_of_its_widgets_class(shown):
    import pythonqt

    path = Path(sys.modules["FaceDeidLN"].__file__).parent / "Resources" / "UI" / "FaceDeidLN.ui"
    for element in ElementTree.parse(path).getroot().iter("widget"):
        meta = pythonqt.unwrap(getattr(shown.ui, element.get("name"), None) or shown.root()).metaObject()
        for prop in element.findall("property"):
            if prop.get("name") != "SlicerParameterName":
                assert meta.indexOfProperty(prop.get("name")) >= 0, f"{element.get('class')} has no property {prop.get('name')}"


def test_the_panel_survives_another_scene(shown):
    import pythonqt

    pythonqt.unwrap(shown.parent).setMRMLScene(slicer.vtkMRMLScene())
    shown.widget.enter()
    shown.widget.exit()
    shown.widget.enter()
    assert shown.here.errors == []


@pytest.mark.parametrize("percent", [100, 150])
def test_nothing_is_cut_off_at_350_pixels(shown, percent):
    import host
    import pythonqt
    from FaceDeidLNLib.mrml.nodes import add_landmarks
    from FaceDeidLNLib.mrml.scene import context
    from person import phantom

    shown.widget.enter()
    shown.panel.node.landmarks = add_landmarks(context(), phantom().landmarks)
    root = pythonqt.unwrap(shown.parent)
    font = root.font()
    font.setPointSizeF(font.pointSizeF() * percent / 100)
    root.setFont(font)
    root.resize(round(350 * percent / 100), 1900)
    root.show()
    host.QtWidgets.QApplication.processEvents()
    assert root.minimumSizeHint().width() <= round(350 * percent / 100)
    assert shown.ui.landmarksTable.rowCount > 10
    for table in (shown.ui.landmarksTable, shown.ui.figuresTable):
        assert table.horizontalScrollBar().maximum == 0


def test_open_sections_make_the_panel_wide_enough_for_them(shown):
    from FaceDeidLNLib.widget.panel import SECTIONS

    shown.widget.enter()
    for name in SECTIONS:
        getattr(shown.ui, name).collapsed = False
    assert shown.ui.sectionsArea.minimumWidth > shown.ui.sectionsFrame.minimumSizeHint.width() > 0


def test_a_parameter_node_that_was_bound_is_never_collected(shown):
    """Slicer 5.10's connectGui leaves an observer that refers to the wrapper: once the garbage collector takes both, VTK crashes."""
    shown.widget.enter()
    bound = weakref.ref(shown.widget._parameterNode)
    shown.widget.exit()
    gc.collect()
    assert bound() is not None


def test_the_questions_for_files_are_qts_and_begin_in_the_folder_named(shown):
    from FaceDeidLNLib.widget import dialogs

    asked = shown.here.qt.QFileDialog
    asked.answers = ["/in.json", "/out.nrrd", "/folder"]
    assert dialogs.file_to_open("Load", "/data", "JSON (*.json)") == "/in.json"
    assert dialogs.file_to_save("Export", "/data", "out.nrrd", "NRRD (*.nrrd)") == "/out.nrrd"
    assert dialogs.folder("Folder", "/data") == "/folder"
    assert asked.asked == [
        ("open", "Load", "/data", "JSON (*.json)"),
        ("save", "Export", str(Path("/data") / "out.nrrd"), "NRRD (*.nrrd)"),
        ("folder", "Folder", "/data"),
    ]


def _luminance(color):
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("kind", ["good", "look", "bad"])
def test_the_verdict_brings_its_own_colours_and_can_be_read_in_light_and_dark(shown, kind):
    from FaceDeidLNLib.widget import review_section as review

    darker, lighter = sorted(_luminance(color) for color in review._COLORS[kind])
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_every_effect_region_and_level_has_its_sentence(shown):
    from FaceDeidLNLib.anatomy.level.table import LEVEL_NAMES
    from FaceDeidLNLib.effect.records import EFFECT_NAMES
    from FaceDeidLNLib.face.styles import REGIONS
    from FaceDeidLNLib.widget.words import EFFECT_TIPS, LEVEL_TIPS, REGION_TIPS

    assert (set(EFFECT_TIPS), set(REGION_TIPS), set(LEVEL_TIPS)) == (set(EFFECT_NAMES), set(REGIONS), set(LEVEL_NAMES))


def test_the_straight_road_needs_no_scrolling_and_all_sections_start_closed(shown):
    import host
    import pythonqt

    shown.widget.enter()
    root = pythonqt.unwrap(shown.parent)
    root.resize(420, 800)
    root.show()
    host.QtWidgets.QApplication.processEvents()
    for name in ("inputSelector", "applyButton", "undoButton", "verdictLabel", "compareButton", "nrrdButton", "statusLabel"):
        widget = pythonqt.unwrap(getattr(shown.ui, name))
        assert widget.isVisible(), name
        assert widget.mapTo(root, widget.rect().bottomLeft()).y() < 800, name
        assert not pythonqt.unwrap(shown.ui.sectionsArea).isAncestorOf(widget), name
    sections = [getattr(shown.ui, f"{name}Section") for name in ("protect", "landmarks", "curve", "face", "effect", "review")]
    assert all(section.collapsed for section in sections)


@pytest.mark.parametrize("name", ["test_everyButtonWorksAndEveryStepCanBeUndone", "test_verifiedAgainIsTheSameOnFourGrids"])
def test_the_modules_own_test_passes_on_a_coarse_head(shown, monkeypatch, name):
    """On more grids: benchmarks/verified_again.py."""
    from person import remembered

    monkeypatch.setattr("FaceDeidLNLib.case.find.detect_landmarks", remembered)
    case = sys.modules["FaceDeidLN"].FaceDeidLNTest()
    case.spacingMm, case.gridsMm = (4.5, 4.4, 5.0), ()  # of the four grids the oblique one
    case.setUp()
    getattr(case, name)()
    assert shown.here.errors == []


@pytest.fixture
def library(monkeypatch):
    """The other tests keep the library that they imported."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("FaceDeidLN", "FaceDeidLNLib")]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])


def test_reload_reads_the_library_anew(shown, library):
    before = sys.modules["FaceDeidLNLib.core.parameters"]
    shown.widget.onReload()
    assert sys.modules["FaceDeidLNLib.core.parameters"] is not before
    shown.widget.reloaded.cleanup()


def test_after_reload_nothing_of_the_old_panel_follows_the_scene_or_keeps_what_was_found(shown, library):
    before = str(slicer.mrmlScene).count("Command: ")
    root, undone, forgotten = shown.root(), shown.panel.undo, shown.widget.logic.cache
    with mock.patch.object(undone, "clear") as undo, mock.patch.object(forgotten, "clear") as forget:
        shown.widget.onReload()
    assert root.mrmlScene() is None
    assert str(slicer.mrmlScene).count("Command: ") == before
    undo.assert_called_once_with()
    forget.assert_called_once_with()
    shown.widget.reloaded.cleanup()


def test_a_step_at_work_ends_when_its_panel_goes(shown):
    shown.widget.enter()
    went_on = []

    def work(progress):
        shown.widget.cleanup()
        progress(0.5, "at work")
        went_on.append(True)

    assert not shown.panel.look("Step", work)
    assert went_on == []


def test_after_reload_the_new_panel_works_on_the_open_scene_and_the_old_one_is_silent(shown, library, capfd):
    from person import load_phantom

    shown.widget.enter()
    ct, nodes = load_phantom()
    shown.panel.update()
    shown.widget.onReload()
    new = shown.widget.reloaded
    try:
        assert new.panel.node.inputVolume is ct
        assert new.ui.applyButton.enabled
        new.panel.node.protectedSegmentation = None
        load_phantom()
        slicer.mrmlScene.RemoveNode(ct)
        slicer.mrmlScene.Clear(False)
        new.enter()
        assert shown.panel.node is None
        assert "Traceback" not in "".join(capfd.readouterr())
    finally:
        new.cleanup()


def test_what_is_registered_for_the_application_uses_nothing_of_the_host():
    registered = re.search(r"foreach\(name ([\w ]+)\)", (HERE / "CMakeLists.txt").read_text(encoding="utf-8"))[1].split()
    files = [HERE / "person.py", *(HERE / f"test_panel_{name}.py" for name in registered)]
    host_only = {"test_panel_engines.py", "test_panel_dicom.py"}
    assert {file.name for file in files[1:]} == {file.name for file in HERE.glob("test_panel_*.py")} - host_only
    for file in files:
        names = {name.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import) for name in node.names}
        names |= {node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
        assert not {name.split(".")[0] for name in names} & STAND_IN
