"""The Slicer module's file and its panel's: what they say of themselves, and that they fit."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import slicer
from FaceDeidLNLib.mrml import scene
from FaceDeidLNLib.sample_data import PHANTOM_NAME

MODULE_FILE = Path(__file__).parents[2] / "FaceDeidLN.py"


UI_FILE = MODULE_FILE.parent / "Resources" / "UI" / "FaceDeidLN.ui"


#: What connectGui can bind (Slicer's guiConnectors.py), by the widget's class.
BINDABLE = {"qMRMLNodeComboBox": slicer.vtkMRMLNode, "QComboBox": str, "ctkSliderWidget": float, "QCheckBox": bool, "QLineEdit": str}


def test_the_module_describes_itself(module, monkeypatch):
    connected = []
    monkeypatch.setattr(slicer, "app", SimpleNamespace(connect=lambda signal, slot: connected.append((signal, slot))), raising=False)
    parent = module.FaceDeidLN(SimpleNamespace()).parent
    assert parent.title
    assert parent.categories == ["Informatics"]
    assert parent.dependencies == list(scene._MODULE_LOGICS)  # an application without one of them says so, and has no such module
    assert module.README_URL in parent.helpText
    assert all(name in parent.acknowledgementText for name in ("Pieper", "Kikinis", "44"))
    assert connected == [("startupCompleted()", module.registerSampleData)]


def test_the_sample_is_registered_where_slicer_looks_for_it(module, monkeypatch):
    sources = []
    logic = SimpleNamespace(registerCustomSampleDataSource=lambda **source: sources.append(source))
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    monkeypatch.setattr(slicer.util, "TESTING_DATA_URL", "https://example.org/", raising=False)
    module.registerSampleData()
    phantom, head = sources
    assert phantom["sampleName"] == PHANTOM_NAME
    assert phantom["customDownloader"] is module.loadPhantom
    assert head["uris"].endswith(head["checksums"].removeprefix("SHA256:"))
    assert all(Path(source["thumbnailFileName"]).is_file() for source in sources)


def test_nothing_but_imports_definitions_and_constants_is_at_file_scope():
    allowed = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign)
    for statement in ast.parse(MODULE_FILE.read_text(encoding="utf-8")).body[1:]:
        is_type_checking = isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
        assert isinstance(statement, allowed) or is_type_checking, ast.unparse(statement)


def test_no_translated_text_is_an_f_string():
    for file in (MODULE_FILE, *(MODULE_FILE.parent / "FaceDeidLNLib" / "widget").glob("*.py")):
        assert not re.search(r"\b_\(\s*[fF]['\"]", file.read_text(encoding="utf-8")), file.name


def test_the_module_imports_no_qt_and_no_pipeline_when_slicer_starts(module):
    tree = ast.parse(MODULE_FILE.read_text(encoding="utf-8"))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert not names & {"qt", "ctk", "SimpleITK", "pydicom", "FaceDeidLNLib.pipeline", "FaceDeidLNLib.steps.process"}


def ui_widgets():
    return {w.get("name"): w for w in ElementTree.parse(UI_FILE).getroot().iter("widget")}


def bound_widgets():
    found = {}
    for widget in ui_widgets().values():
        for prop in widget.findall("property"):
            if prop.get("name") == "SlicerParameterName":
                found[prop.findtext("string")] = widget
    return found


def used_widgets():
    files = (MODULE_FILE.parent / "FaceDeidLNLib" / "widget").glob("*.py")
    return {name for file in files for name in re.findall(r"\bui\.(\w+)", file.read_text(encoding="utf-8"))}


def test_every_bound_widget_names_a_parameter_that_its_class_can_show(module):
    for name, widget in bound_widgets().items():
        assert issubclass(parameter_fields(module)[name].plain, BINDABLE[widget.get("class")]), name


def test_every_parameter_has_a_widget(module):
    by_hand = {"levels", "effectNumbers"}
    assert set(bound_widgets()) | by_hand == set(parameter_fields(module))


def test_node_selectors_offer_the_class_of_their_parameter(module):
    for name, widget in bound_widgets().items():
        if widget.get("class") == "qMRMLNodeComboBox":
            offered = [s.text for p in widget.findall("property") if p.get("name") == "nodeTypes" for s in p.iter("string")]
            assert offered == [parameter_fields(module)[name].plain.__name__], name


def test_every_node_selector_is_told_of_the_scene():
    connections = {c.findtext("receiver") for c in ElementTree.parse(UI_FILE).getroot().iter("connection")}
    assert connections == {n for n, w in ui_widgets().items() if w.get("class") == "qMRMLNodeComboBox"}


def test_every_widget_that_the_module_uses_is_in_the_panel():
    assert used_widgets()
    assert used_widgets() <= set(ui_widgets())


def test_every_widget_that_is_used_or_bound_has_a_tooltip():
    for widget in [
        *bound_widgets().values(),
        *(ui_widgets()[name] for name in used_widgets() - {"providersFrame", "effectSection", "sectionsArea", "sectionsFrame"}),
    ]:
        assert any(p.get("name") == "toolTip" and p.findtext("string") for p in widget.findall("property")), widget.get("name")


def parameter_fields(module):
    return module.FaceDeidLNParameterNode.allParameters
