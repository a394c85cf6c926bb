"""Pictures 1 and 4 of the README, in the application: Slicer --no-splash --python-script benchmarks/application_pictures.py -- CT FOLDER.

CT is an image file of a head that may be shown: heads/cthead_ct.nrrd of the data, a cadaver's that has long been published. The window
is grabbed after *Apply*, and once more with *Before | after* and the sections of the effect and of the review open.
"""

from __future__ import annotations

import sys
from pathlib import Path

import slicer
from FaceDeidLNLib.commands.words import script_words

#: Width and height (pixels) of the window.
_SIZE = (1600, 1150)
#: The sections that are open in the second picture.
_OPEN = ("effectSection", "reviewSection")


def main(ct: Path, folder: Path) -> None:
    """Load the CT, press *Apply*, grab the window; the same with both skins side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    window = slicer.util.mainWindow()
    window.resize(*_SIZE)
    slicer.util.selectModule("FaceDeidLN")
    ui = slicer.util.getModuleWidget("FaceDeidLN").ui
    ui.inputSelector.setCurrentNode(slicer.util.loadVolume(str(ct)))
    ui.applyButton.click()
    grab(window, folder / "1-panel.png")
    for section in _OPEN:
        getattr(ui, section).collapsed = False
    ui.compareButton.click()
    grab(window, folder / "4-after.png")


def grab(window: object, path: Path) -> None:
    """Draw all that waits to be drawn, and save what the window shows."""
    for _ in range(5):  # sections within a scroll area settle one after the other
        slicer.app.processEvents()
    slicer.util.forceRenderAllViews()
    slicer.app.processEvents()
    window.grab().save(str(path))


if __name__ == "__main__":
    code = 1
    try:
        main(*(Path(word) for word in script_words(sys.argv[1:])))
        code = 0
    finally:
        slicer.util.exit(code)
