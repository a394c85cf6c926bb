"""A small Slicer for tests: real MRML, logics and slicer.util from slicer-core, real Qt from PySide6, the rest stood in.

``start`` installs it; the panel is then made and driven as in the application. Nothing here knows the module.
"""

from __future__ import annotations

import functools
import importlib
import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest
import pythonqt
import scripted
import shiboken6
import slicer
import slicer.util
import widgets
from FaceDeidLNLib.mrml.scene import headless_context
from PySide6 import QtCore, QtUiTools, QtWidgets


class Application:
    """``slicer.app``: a QApplication without a main window, as with --no-main-window, or with views where a test asks for them."""

    applicationName = "Slicer"

    def __init__(self, qt_application: QtWidgets.QApplication) -> None:
        self._qt, self.connected, self.layout = qt_application, [], None

    def processEvents(self) -> None:
        self._qt.processEvents()

    def connect(self, signal: str, slot: object) -> None:
        assert signal == "startupCompleted()", signal
        self.connected.append(slot)

    def layoutManager(self) -> object:
        return self.layout

    def testingEnabled(self) -> bool:
        return False

    def applicationLogic(self) -> object:
        return headless_context().application_logic

    def topLevelWidgets(self) -> list:
        return []

    def moduleManager(self) -> SimpleNamespace:
        return SimpleNamespace(connect=lambda signal, slot: None, disconnect=lambda signal, slot: None)


class Loader(QtUiTools.QUiLoader):
    """Loads .ui files with the stand-in widgets; a connection to a slot that is not there raises."""

    def __init__(self) -> None:
        super().__init__()
        for widget in widgets.WIDGETS:
            self.registerCustomWidget(widget)

    def load_file(self, path: str) -> object:
        form, wanted = _parted(path)
        device = QtCore.QBuffer()
        device.setData(form)
        root = self.load(device)
        if root is None:
            raise RuntimeError(self.errorString())
        for sender, signal, receiver, slot in wanted:
            source = root if root.objectName() == sender else root.findChild(QtWidgets.QWidget, sender)
            target = root.findChild(QtWidgets.QWidget, receiver)
            pythonqt.wrap(source).connect(signal, getattr(target, re.match(r"\w+", slot)[0]))
        return pythonqt.wrap(root)


@functools.cache
def _parted(path: str) -> tuple[bytes, list[tuple[str, ...]]]:
    """A .ui file without its connections, and the sender, signal, receiver and slot of each of these."""
    tree = ElementTree.parse(path)
    connections = tree.getroot().find("connections")
    wanted = [tuple(item.findtext(part) for part in ("sender", "signal", "receiver", "slot")) for item in connections]
    connections.clear()
    stream = io.BytesIO()
    tree.write(stream, encoding="utf-8", xml_declaration=True)
    return stream.getvalue(), wanted


#: The one loader of the process: each would take up the stand-in widgets anew.
_loader = functools.cache(Loader)


def application() -> QtWidgets.QApplication:
    """The one QApplication of the process, in the Fusion style."""
    made = QtWidgets.QApplication.instance()
    if made is None:
        made = QtWidgets.QApplication(["Slicer"])
        made.setStyle("Fusion")  # once: every panel that was made before would be styled anew
    return made


def start(patch: pytest.MonkeyPatch, module_name: str) -> SimpleNamespace:
    """Install the host until the patch ends; returns ``app``, ``qt``, and the ``errors`` that dialogs have shown."""
    headless_context()
    loader, qt = _loader(), pythonqt.QtModule()
    host = SimpleNamespace(app=Application(application()), qt=qt, errors=[], selected=[], modules={})
    patch.setitem(sys.modules, "qt", qt)
    patch.setitem(sys.modules, "ctk", SimpleNamespace(ctkSliderWidget=pythonqt.proxy_class(widgets.ctkSliderWidget)))
    scripted.install(patch, module_name)
    patch.setattr(slicer, "app", host.app, raising=False)
    patch.setattr(slicer.util, "loadUI", loader.load_file)
    patch.setattr(slicer.util, "errorDisplay", lambda text, **details: host.errors.append(text))
    patch.setattr(slicer.util, "selectModule", lambda name: _select(host, name))
    patch.setattr(slicer.util, "getModuleWidget", lambda name: host.modules[name])
    patch.setattr(slicer.util, "TESTING_DATA_URL", "https://github.com/Slicer/SlicerTestingData/releases/download/", raising=False)
    for name in [name for name in sys.modules if name.startswith("FaceDeidLNLib.widget")]:
        patch.delitem(sys.modules, name)
    return host


def _select(host: SimpleNamespace, name: str) -> None:
    """Another module's panel takes the place of those that are shown, which are left at once (qSlicerModulePanel::removeModule)."""
    host.selected.append(name)
    for other, widget in host.modules.items():
        if other != name and hasattr(widget, "exit"):
            widget.exit()


#: Panels are never destroyed while Slicer runs, and are not here before a test is over.
_PANELS = []


def module_parent() -> object:
    """The widget that Slicer gives to a module's panel."""
    parent = pythonqt.wrap(widgets.qMRMLWidget())
    _PANELS.append(parent)
    layout = QtWidgets.QVBoxLayout(pythonqt.unwrap(parent))
    layout.setContentsMargins(0, 0, 0, 0)
    pythonqt.unwrap(parent).setProperty("isEntered", True)
    return parent


def destroy(parent: object) -> None:
    """Take a panel of ``open_module`` away with all that is in it: Qt works slower the more widgets there are."""
    _PANELS.remove(parent)
    shiboken6.delete(pythonqt.unwrap(parent))


def open_module(patch: pytest.MonkeyPatch, module_name: str) -> tuple[SimpleNamespace, object, object]:
    """The host until the patch ends, with a module's panel set up in it: what ``start`` gave, the module's widget, and its parent."""
    here, parent = start(patch, module_name), module_parent()
    widget = getattr(importlib.import_module(module_name), f"{module_name}Widget")(parent)
    widget.setup()
    here.modules[module_name] = widget
    return here, widget, parent
