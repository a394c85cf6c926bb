"""What Slicer's scripted modules are built on, without Qt: base classes, translation, parameter nodes. Installed under Slicer's names."""

from __future__ import annotations

import importlib
import sys
import types
import unittest
from pathlib import Path
from types import SimpleNamespace

import parameters
import pytest
import slicer
from FaceDeidLNLib.mrml.scene import headless_context


class ScriptedLoadableModule:
    """Base of the module class."""

    def __init__(self, parent: SimpleNamespace) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__


class ScriptedLoadableModuleWidget:
    """Base of the panel class."""

    def __init__(self, parent: object = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.parent = parent
        self.layout = parent.layout()

    def setup(self) -> None:
        """Slicer adds its developer section here."""

    def onReload(self) -> None:
        """Slicer reads the module's own file anew, and nothing else; a new panel takes the place of this one, which stays, hidden.

        After ``slicer.util.reloadScriptedModule``: the new panel is set up, and not entered.
        """
        sys.modules.pop(self.moduleName)
        module = importlib.import_module(self.moduleName)
        for place in range(self.layout.count()):
            self.layout.itemAt(place).widget().hide()
        self.cleanup()
        while self.layout.count():
            self.layout.removeItem(self.layout.itemAt(0))
        self.reloaded = getattr(module, f"{self.moduleName}Widget")(self.parent)
        self.reloaded.setup()

    def resourcePath(self, filename: str) -> str:
        return str(Path(sys.modules[self.moduleName].__file__).parent / "Resources" / filename)


class ScriptedLoadableModuleLogic:
    """Base of the logic class, with one parameter node per scene."""

    def __init__(self, parent: object = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        found = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if found is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            node.SetName(self.moduleName)
            found = slicer.mrmlScene.AddNode(node)
        return found


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of the module's own test."""

    def runTest(self) -> None:
        """Every test of the class, as Slicer's Reload and Test button runs them."""
        for name in [name for name in dir(self) if name.startswith("test")]:
            self.setUp()
            getattr(self, name)()
            self.tearDown()


def install(patch: pytest.MonkeyPatch, module_name: str) -> None:
    """Put the stand-ins where ``import`` and the ``slicer`` name space find them, until the patch ends."""
    headless_context()
    parts = {
        "ScriptedLoadableModule": (
            ScriptedLoadableModule,
            ScriptedLoadableModuleWidget,
            ScriptedLoadableModuleLogic,
            ScriptedLoadableModuleTest,
        ),
        "parameterNodeWrapper": (parameters.parameterNodeWrapper, parameters.WithinRange, parameters.Choice),
    }
    for name, members in parts.items():
        module = types.ModuleType(f"slicer.{name}")
        for member in members:
            setattr(module, member.__name__, member)
        patch.setitem(sys.modules, module.__name__, module)
        patch.setattr(slicer, name, module, raising=False)
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr, i18n.translate = (lambda text: text), (lambda context, text: text)
    patch.setitem(sys.modules, "slicer.i18n", i18n)
    patch.setattr(slicer, "i18n", i18n, raising=False)
    patch.delitem(sys.modules, module_name, raising=False)
