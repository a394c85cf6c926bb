"""What the Slicer application adds to slicer-core and the module imports: small, strict stand-ins of the same names.

Only what the module's logic and test need is here. A name that is not here raises, as a misspelt one would in Slicer;
a value that Slicer's parameter node would refuse is refused.
"""

from __future__ import annotations

import sys
import types
import typing
import unittest
from types import SimpleNamespace

import pytest
import slicer
from FaceDeidLNLib.mrml.scene import headless_context


class WithinRange:
    """A number from ``minimum`` to ``maximum``."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: float) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


class Choice:
    """One of some values."""

    def __init__(self, choices: list) -> None:
        self.choices = choices

    def validate(self, value: object) -> None:
        if value not in self.choices:
            raise ValueError(f"{value} is none of {self.choices}")


class _ParameterNode:
    """Typed values that live as long as the node they wrap; unknown names and wrong types raise."""

    _values: typing.ClassVar[dict[str, dict[str, object]]] = {}

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        object.__setattr__(self, "parameterNode", node)
        self._values.setdefault(self._key(), {})

    def _key(self) -> str:
        return self.parameterNode.GetAddressAsString("")

    def __getattr__(self, name: str) -> object:
        if name not in type(self).allParameters:
            raise AttributeError(f"{type(self).__name__} has no parameter {name}")
        return self._values[self._key()].get(name, getattr(type(self), f"default_{name}", None))

    def __setattr__(self, name: str, value: object) -> None:
        if name not in type(self).allParameters:
            raise AttributeError(f"{type(self).__name__} has no parameter {name}")
        kind = type(self).allParameters[name]
        base, *validators = typing.get_args(kind) if typing.get_origin(kind) is typing.Annotated else (kind,)
        is_node = issubclass(base, slicer.vtkMRMLNode)
        if not isinstance(value, base) and not (is_node and value is None):
            raise TypeError(f"{name} must be of type {base.__name__} and not {type(value).__name__}")
        for validator in validators:
            validator.validate(value)
        self._values[self._key()][name] = value


def parameterNodeWrapper(declared: type) -> type:
    """The class that Slicer makes of an annotated one."""
    hints = typing.get_type_hints(declared, include_extras=True)
    defaults = {f"default_{name}": getattr(declared, name) for name in hints if hasattr(declared, name)}
    made = type(declared.__name__, (_ParameterNode,), {"__doc__": declared.__doc__, "allParameters": hints, **defaults})
    for name in hints:
        if name in vars(declared):
            kind = hints[name]
            for validator in typing.get_args(kind)[1:] if typing.get_origin(kind) is typing.Annotated else ():
                validator.validate(getattr(declared, name))
    return made


class ScriptedLoadableModule:
    """Base of the module class."""

    def __init__(self, parent: SimpleNamespace) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__


class ScriptedLoadableModuleWidget:
    """Base of the panel class; the panel itself needs Qt and is not run here."""


class ScriptedLoadableModuleLogic:
    """Base of the logic class, with one parameter node per scene."""

    def __init__(self) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        found = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if found is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            found = slicer.mrmlScene.AddNode(node)
        return found


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of the module's own test."""

    def runTest(self) -> None:
        """Without it a TestCase cannot be made by hand."""

    def delayDisplay(self, message: str) -> None:
        """Slicer shows the message for a moment."""


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-ins where ``import`` and the ``slicer`` name space find them, until the test ends."""
    headless_context()
    parts = {
        "ScriptedLoadableModule": (
            ScriptedLoadableModule,
            ScriptedLoadableModuleWidget,
            ScriptedLoadableModuleLogic,
            ScriptedLoadableModuleTest,
        ),
        "parameterNodeWrapper": (parameterNodeWrapper, WithinRange, Choice),
    }
    for name, members in parts.items():
        module = types.ModuleType(f"slicer.{name}")
        for member in members:
            setattr(module, member.__name__, member)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(slicer, name, module, raising=False)
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = lambda text: text
    i18n.translate = lambda context, text: text
    monkeypatch.setitem(sys.modules, "slicer.i18n", i18n)
    monkeypatch.setattr(slicer, "i18n", i18n, raising=False)
    monkeypatch.delitem(sys.modules, "FaceDeidLN", raising=False)
