"""The questions that the panel asks: which file, which folder. An empty answer is no answer."""

from __future__ import annotations

import qt
import slicer


def file_to_open(title: str, filters: str) -> str:
    """An existing file; ``filters`` as Qt writes them: "Images (*.nrrd)"."""
    return qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, "", filters)


def file_to_save(title: str, proposed: str, filters: str) -> str:
    """A file that may be there already: then Qt has asked whether to replace it."""
    return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, proposed, filters)


def folder(title: str) -> str:
    """An existing folder."""
    return qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title)
