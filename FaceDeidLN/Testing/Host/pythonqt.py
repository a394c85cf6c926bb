"""PythonQt's way to see Qt, on top of PySide6: the modules ``qt`` and ``ctk`` for code that runs inside Slicer.

A property is an attribute (``button.enabled = False``) and never called; other methods are called; a signal is connected
by its signature (``button.connect("clicked(bool)", f)``) or by its name (``button.clicked.connect(f)``). What the class
does not have raises, as it does in Slicer.
"""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Callable

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

_PROXIES: dict[str, type] = {}
#: Signatures that Qt cannot know, because their types are VTK's: class name -> signature -> name of the stand-in's signal.
VTK_SIGNALS: dict[str, dict[str, str]] = {}


def unwrap(value: object) -> object:
    """The PySide6 object of a proxy; anything else as it is."""
    if isinstance(value, Proxy):
        return value.__dict__["_object"]
    if isinstance(value, (list, tuple)):
        return type(value)(unwrap(item) for item in value)
    return value


def wrap(value: object) -> object:
    """The proxy of a QObject, the same one every time; anything else as it is."""
    if isinstance(value, QtCore.QObject) and not isinstance(value, QtCore.QMetaObject):
        known = getattr(value, "_pythonqt_proxy", None)
        if known is None:
            known = object.__new__(proxy_class(type(value)))
            known.__dict__["_object"] = value
            value._pythonqt_proxy = known
        return known
    if isinstance(value, list):
        return [wrap(item) for item in value]
    return value


def proxy_class(wrapped: type) -> type:
    """The class that PythonQt would show for a Qt class."""
    name = wrapped.__name__
    if name not in _PROXIES:
        _PROXIES[name] = _ProxyType(name, (Proxy,), {"_class": wrapped})
    return _PROXIES[name]


class VtkSignal:
    """A signal whose argument is a VTK object or None, which Qt itself cannot carry."""

    def __init__(self) -> None:
        self._slots = []

    def connect(self, slot: Callable) -> None:
        self._slots.append(slot)

    def disconnect(self, slot: Callable) -> None:
        self._slots.remove(slot)

    def emit(self, *arguments: object) -> None:
        for slot in list(self._slots):  # as PythonQt does, a slot gets as many arguments as it takes
            takes = [p for p in inspect.signature(slot).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
            many = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(slot).parameters.values())
            slot(*(arguments if many else arguments[: len(takes)]))


class Signal:
    """A signal as an attribute."""

    def __init__(self, owner: Proxy, bound: object) -> None:
        self._owner, self._bound = owner, bound

    def connect(self, slot: Callable) -> bool:
        self._bound.connect(slot)
        return True

    def disconnect(self, slot: Callable) -> bool:
        self._bound.disconnect(slot)
        return True

    def emit(self, *arguments: object) -> None:
        self._bound.emit(*(unwrap(argument) for argument in arguments))


class _ProxyType(type):
    """The enumerators of a Qt class are attributes of the class itself (``qt.QHeaderView.Stretch``), so is setTabOrder; nothing else is."""

    def __getattr__(cls, name: str) -> object:
        value = getattr(cls._class, name, None)
        if name == "setTabOrder":
            return lambda first, second: value(unwrap(first), unwrap(second))
        if not isinstance(value, enum.Enum):
            raise AttributeError(f"{cls.__name__} has no attribute {name}")
        return value


class Proxy(metaclass=_ProxyType):
    """A QObject as PythonQt shows it."""

    _class: type = QtCore.QObject

    def __init__(self, *arguments: object) -> None:
        made = self._class(*(unwrap(argument) for argument in arguments))
        self.__dict__["_object"] = made
        made._pythonqt_proxy = self

    @classmethod
    def static(cls, name: str) -> object:
        return getattr(cls._class, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and unwrap(self) is unwrap(other)

    def __hash__(self) -> int:
        return id(self.__dict__["_object"])

    def __getattr__(self, name: str) -> object:
        target = self.__dict__["_object"]
        if name == "name":  # Slicer's own addition to PythonQt
            return target.objectName()
        if _is_property(target, name):
            return wrap(target.property(name))
        if name.encode() in [bytes(key) for key in target.dynamicPropertyNames()]:
            return target.property(name)
        value = getattr(target, name, None)
        if isinstance(value, VtkSignal):
            return value
        if isinstance(value, QtCore.SignalInstance):
            return Signal(self, value)
        if name.startswith("_") or not callable(value):
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        return lambda *arguments: wrap(value(*(unwrap(argument) for argument in arguments)))

    def __setattr__(self, name: str, value: object) -> None:
        target = self.__dict__["_object"]
        if name == "name":
            target.setObjectName(value)
            return
        if not _is_property(target, name):
            raise AttributeError(f"{type(self).__name__} has no property {name}: PythonQt creates none")
        prop = target.metaObject().property(target.metaObject().indexOfProperty(name))
        if not prop.isWritable():
            raise AttributeError(f"{type(self).__name__}.{name} cannot be written")
        plain = unwrap(value)
        if prop.typeName() == "bool" and not isinstance(plain, (bool, int)):
            raise TypeError(f"{type(self).__name__}.{name} is a bool and not {plain!r}")
        if prop.typeName() == "QString" and not isinstance(plain, str):
            raise TypeError(f"{type(self).__name__}.{name} is a string and not {plain!r}")
        target.setProperty(name, plain)

    def connect(self, signature: str, slot: Callable) -> bool:
        """Connect a signal by its exact signature."""
        self._signal(signature).connect(slot)
        return True

    def disconnect(self, signature: str, slot: Callable) -> bool:
        """Take a connection back."""
        self._signal(signature).disconnect(slot)
        return True

    def _signal(self, signature: str) -> object:
        target = self.__dict__["_object"]
        normal = bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()
        for known in type(target).__mro__:
            if normal in VTK_SIGNALS.get(known.__name__, {}):
                return getattr(target, VTK_SIGNALS[known.__name__][normal])
        index = target.metaObject().indexOfSignal(normal)
        if index < 0:
            raise ValueError(f"{type(self).__name__} has no signal {signature}")
        if not callable(getattr(target, normal.split("(")[0], None)) and not hasattr(target, normal.split("(")[0]):
            raise ValueError(f"{type(self).__name__} hides its signal {signature}")
        signal = getattr(target, normal.split("(")[0])
        arguments = normal[normal.index("(") + 1 : -1]
        try:
            return signal[tuple(arguments.split(","))] if arguments.count(",") else (signal[arguments] if arguments else signal)
        except (KeyError, IndexError, TypeError):
            return signal


def _is_property(target: QtCore.QObject, name: str) -> bool:
    return target.metaObject().indexOfProperty(name) >= 0


def item_class(wrapped: type) -> type:
    """A class that is no QObject (items of tables and lists): the same, but it takes proxies as arguments."""

    class Item(wrapped):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*(unwrap(argument) for argument in arguments))

    Item.__name__ = wrapped.__name__
    return Item


class FileDialog:
    """The static dialogs of QFileDialog, answered from a list that the test fills; PythonQt returns the path alone."""

    answers: list[str]

    def __init__(self) -> None:
        self.answers, self.asked = [], []

    def _answer(self, kind: str, *arguments: object) -> str:
        self.asked.append((kind, *arguments[1:]))
        if not self.answers:
            raise AssertionError(f"nobody answers the dialog {arguments[1]!r}")
        return self.answers.pop(0)

    def getOpenFileName(self, parent: object = None, caption: str = "", folder: str = "", filters: str = "") -> str:
        return self._answer("open", parent, caption, folder, filters)

    def getSaveFileName(self, parent: object = None, caption: str = "", folder: str = "", filters: str = "") -> str:
        return self._answer("save", parent, caption, folder, filters)

    def getExistingDirectory(self, parent: object = None, caption: str = "", folder: str = "") -> str:
        return self._answer("folder", parent, caption, folder)


class QtModule(types.ModuleType):
    """The module ``qt``."""

    def __init__(self) -> None:
        super().__init__("qt")
        self.QFileDialog = FileDialog()

    def __getattr__(self, name: str) -> object:
        for part in (QtCore, QtGui, QtWidgets, QtUiTools):
            found = getattr(part, name, None)
            if found is None:
                continue
            if isinstance(found, type) and issubclass(found, QtCore.QObject):
                return proxy_class(found)
            if name in ("QTableWidgetItem", "QListWidgetItem"):
                return item_class(found)
            return found
        raise AttributeError(f"module qt has no {name}")
