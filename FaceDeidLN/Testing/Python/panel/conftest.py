"""Where the panel's tests do not run inside Slicer: the stand-in host around each of them."""

from __future__ import annotations

import os
import sys

import pytest
import slicer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
_PACKAGES = "libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"


class Shown:
    """The panel on the host, for the tests of the host itself: ``here`` is what ``host.start`` gave."""

    def __init__(self, here, widget, parent):
        self.here, self.widget, self.parent = here, widget, parent
        self.ui, self.panel = widget.ui, widget.panel

    def root(self):
        """The widget of the .ui file."""
        return self.parent.layout().itemAt(0).widget()


@pytest.fixture(autouse=True)
def shown(coarse_skin):
    """The module's panel on the stand-in host, found by ``slicer.util.getModuleWidget`` as in Slicer."""
    try:
        import host
    except ImportError as problem:  # a machine without the libraries that Qt links to
        pytest.skip(f"no PySide6 ({problem}): pip install PySide6-Essentials; on Debian also {_PACKAGES}")
    with pytest.MonkeyPatch.context() as patch:
        here, widget, parent = host.open_module(patch, "FaceDeidLN")
        panel = Shown(here, widget, parent)
        yield panel
        widget.cleanup()
        panel.root().setMRMLScene(None)
        slicer.mrmlScene.Clear(False)
        sys.modules.pop("FaceDeidLN", None)
        host.destroy(parent)
