"""Pictures of the panel for the README, made on the stand-in host: python benchmarks/panel_pictures.py FOLDER.

FOLDER gets panel.png, after Apply on the synthetic head, 1080 pixels high as on a common screen; nothing of a patient is in it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "FaceDeidLN"
#: Width and height (pixels) of the panel beside the views of a common screen.
_SIZE = (430, 1080)


def main(folder: Path) -> None:
    """Start the host, press Apply on the synthetic head, and grab the panel."""
    sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Host")]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import host
    import pythonqt

    with pytest.MonkeyPatch.context() as patch:
        _, widget, parent = host.open_module(patch, "FaceDeidLN")
        widget.enter()
        widget.ui.tryItLabel.linkActivated.emit("sample")
        widget.ui.acceptCheckBox.click()
        widget.ui.applyButton.click()
        root = pythonqt.unwrap(parent)
        root.resize(*_SIZE)
        root.show()
        host.QtWidgets.QApplication.processEvents()
        folder.mkdir(parents=True, exist_ok=True)
        root.grab().save(str(folder / "panel.png"))
        widget.cleanup()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
