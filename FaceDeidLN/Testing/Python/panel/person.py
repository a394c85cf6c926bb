"""A person in front of the module's panel, and what the panel's tests share. Importing it without Qt skips the test file."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import slicer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
try:
    import host
    import pythonqt
except ImportError as problem:  # a machine without the libraries that Qt links to
    packages = "libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"
    pytest.skip(f"no PySide6 ({problem}): pip install PySide6-Essentials; on Debian also {packages}", allow_module_level=True)

from FaceDeidLNLib.verify.verdict import Verdict

STEPS = ("detectButton", "curveButton", "faceButton", "applyButton")


class Panel:
    """The module's panel and a person in front of it."""

    def __init__(self, module, here, sample):
        self.host, self.module = here, module
        self.parent = host.module_parent()
        self.widget = module.FaceDeidLNWidget(self.parent)
        self.widget.setup()
        self.ui, self.logic, self.panel = self.widget.ui, self.widget.logic, self.widget.panel
        self.panel._load_sample = sample

    @property
    def node(self):
        return self.widget._parameterNode

    def click(self, *names):
        for name in names:
            button = pythonqt.unwrap(getattr(self.ui, name))
            assert button.isEnabled(), f"{name} cannot be clicked"
            button.click()

    def load_sample(self):
        pythonqt.unwrap(self.ui.tryItLabel).linkActivated.emit("sample")
        return self.node.inputVolume, self.node.protectedSegmentation

    def enabled(self, name):
        return pythonqt.unwrap(getattr(self.ui, name)).isEnabled()

    def root(self):
        """The widget of the .ui file."""
        return self.parent.layout().itemAt(0).widget()

    def cancel_at(self, fraction):
        """Press Cancel as soon as the bar stands there."""

        def press():
            for dialog in host.QtWidgets.QApplication.topLevelWidgets():
                if isinstance(dialog, host.QtWidgets.QProgressDialog) and dialog.value() >= 100 * fraction:
                    dialog.cancel()

        self.host.app.on_events = press


def remembered(find):
    """Landmarks take the longest, and every test has the same head."""
    found = {}

    def remember(ct):
        key = (ct.array.tobytes(), ct.geometry.ijk_to_lps.tobytes())
        if key not in found:
            found[key] = find(ct)
        return found[key]

    return remember


def changed_case(case, verdict, *reasons):
    return replace(case, verdict=Verdict(verdict), reasons=reasons)


def ids():
    return {slicer.mrmlScene.GetNthNode(n).GetID() for n in range(slicer.mrmlScene.GetNumberOfNodes())}
