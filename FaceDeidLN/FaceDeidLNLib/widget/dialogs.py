"""The questions that the panel asks: which file, which folder. Each begins in a folder; an empty answer is no answer."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer


def file_to_open(title: str, begin: str, filters: str) -> str:
    """An existing file; ``filters`` as Qt writes them: "Images (*.nrrd)"."""
    return qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, begin, filters)


def file_to_save(title: str, begin: str, proposed: str, filters: str) -> str:
    """A file that may be there already: then Qt has asked whether to replace it."""
    return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, str(Path(begin) / proposed), filters)


def folder(title: str, begin: str) -> str:
    """An existing folder."""
    return qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, begin)


def has_window() -> bool:
    """Has the application its main window, with views and other modules to switch to?"""
    return slicer.util.mainWindow() is not None
