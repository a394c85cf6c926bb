"""The Python that programs of our own are started with."""

from __future__ import annotations

import shutil
import sys

from .errors import FaceDeidError


def interpreter() -> str:
    """This Python; inside Slicer the interpreter that comes with it.

    ``python-real`` is what Slicer starts its own scripted programs with; ``PythonSlicer`` puts a launcher in between, which
    keeps signals from the program.

    :raises FaceDeidError: Slicer's interpreter is not found.
    """
    if getattr(sys.modules.get("slicer"), "app", None) is None:
        return sys.executable
    found = shutil.which("python-real") or shutil.which("PythonSlicer")
    if found is None:
        raise FaceDeidError("Slicer's interpreter (python-real, PythonSlicer) is not on the PATH: start Slicer by its launcher.")
    return found
