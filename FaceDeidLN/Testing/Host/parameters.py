"""What Slicer's parameterNodeWrapper does with the types that the module uses: values kept in the node, bound to widgets.

Names as in Slicer. Values live in the vtkMRMLScriptedModuleNode's own parameters and node references, so that a scene
file keeps them; a value that Slicer would refuse is refused, and so is a widget that Slicer cannot bind to the type.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable

import slicer


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


class ObservedDict(dict):
    """A field of several values; Slicer's own takes no default in ``get`` (serializers.py)."""

    def get(self, key: object) -> object:
        return super().get(key)


class Parameter:
    """One field: its name, type, validators and default."""

    def __init__(self, name: str, hint: object, default: object) -> None:
        self.name = name
        self.base, *self.validators = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
        self.plain = typing.get_origin(self.base) or self.base
        self.is_node = isinstance(self.plain, type) and issubclass(self.plain, slicer.vtkMRMLNode)
        self.default = default
        if not self.is_node:
            self.require(default)

    def require(self, value: object) -> None:
        if not isinstance(value, self.plain) and not (self.is_node and value is None):
            raise TypeError(f"{self.name} must be of type {self.plain.__name__} and not {type(value).__name__}")
        for validator in self.validators:
            validator.validate(value)

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, value: object) -> None:
        self.require(value)
        if self.is_node:
            node.SetNodeReferenceID(self.name, None if value is None else value.GetID())
        else:
            node.SetParameter(self.name, json.dumps(value))

    def read(self, node: slicer.vtkMRMLScriptedModuleNode) -> object:
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        value = json.loads(text) if text else self.default
        return ObservedDict(value) if isinstance(value, dict) else value


#: What connectGui can bind (guiConnectors.py): widget class -> type, property, signal.
_BINDINGS: dict[str, tuple[type, str, str]] = {
    "QCheckBox": (bool, "checked", "stateChanged(int)"),
    "QComboBox": (str, "currentText", "currentIndexChanged(int)"),
    "QLineEdit": (str, "text", "textChanged(QString)"),
    "ctkSliderWidget": (float, "value", "valueChanged(double)"),
    "qMRMLNodeComboBox": (slicer.vtkMRMLNode, "", "currentNodeChanged(vtkMRMLNode*)"),
}


class Binding:
    """One widget bound to one parameter."""

    def __init__(self, owner: ParameterNode, parameter: Parameter, widget: typing.Any) -> None:
        name = type(widget).__name__
        if name not in _BINDINGS or not issubclass(parameter.plain, _BINDINGS[name][0]):
            raise RuntimeError(f"Unable to create GUI connector from datatype '{parameter.plain}' to widget type '{name}'")
        self.owner, self.parameter, self.widget = owner, parameter, widget
        _, self.property, self.signal = _BINDINGS[name]
        self._prepare()
        self.show()
        widget.connect(self.signal, self.changed)

    def _prepare(self) -> None:
        for validator in self.parameter.validators:
            if isinstance(validator, Choice):
                self.widget.clear()
                for choice in validator.choices:
                    self.widget.addItem(str(choice))
            elif isinstance(validator, WithinRange):
                self.widget.minimum, self.widget.maximum = validator.minimum, validator.maximum

    def show(self) -> None:
        value = self.parameter.read(self.owner.parameterNode)
        if not self.property:
            self.widget.setCurrentNode(value)
        elif self.property == "currentText":
            self.widget.currentIndex = self.widget.findText(str(value))
        else:
            setattr(self.widget, self.property, value)

    def changed(self, *_: object) -> None:
        if not self.owner.updating:
            value = getattr(self.widget, self.property) if self.property else self.widget.currentNode()
            setattr(self.owner, self.parameter.name, value)

    def disconnect(self) -> None:
        self.widget.disconnect(self.signal, self.changed)


class ParameterNode:
    """A wrapped node; unknown names and wrong types raise."""

    allParameters: typing.ClassVar[dict[str, Parameter]] = {}

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        self.__dict__.update(parameterNode=node, updating=False, _bound={}, _tags={})

    def __getattr__(self, name: str) -> object:
        if name not in self.allParameters:
            raise AttributeError(f"{type(self).__name__} has no parameter {name}")
        return self.allParameters[name].read(self.parameterNode)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.allParameters:
            raise AttributeError(f"{type(self).__name__} has no parameter {name}")
        self.allParameters[name].write(self.parameterNode, value)

    def connectGui(self, ui: object) -> int:
        tag = len(self._tags)
        widgets = [widget for widget in vars(ui).values() if widget.property("SlicerParameterName")]
        named = {widget.property("SlicerParameterName"): widget for widget in widgets}
        for name in named:
            if name not in self.allParameters:
                raise ValueError(f"Cannot find a param with the given name: {name}")
        self._bound[tag] = [Binding(self, self.allParameters[name], widget) for name, widget in named.items()]
        self._tags[tag] = self.AddObserver("ModifiedEvent", lambda caller, event: self._show(tag))
        return tag

    def _show(self, tag: int) -> None:
        if self.updating:
            return
        self.__dict__["updating"] = True
        try:
            for binding in self._bound[tag]:
                binding.show()
        finally:
            self.__dict__["updating"] = False

    def disconnectGui(self, tag: int) -> None:
        for binding in self._bound.pop(tag):
            binding.disconnect()
        self.RemoveObserver(self._tags.pop(tag))

    def AddObserver(self, event: object, callback: Callable, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, was: int) -> int:
        return self.parameterNode.EndModify(was)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def parameterNodeWrapper(declared: type) -> type:
    """The class that Slicer makes of an annotated one."""
    hints = typing.get_type_hints(declared, include_extras=True)
    parameters = {name: Parameter(name, hint, getattr(declared, name, None)) for name, hint in hints.items()}
    return type(declared.__name__, (ParameterNode,), {"__doc__": declared.__doc__, "allParameters": parameters})
