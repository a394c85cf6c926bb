"""Of slicer-core no more is loaded than a review needs, and nothing is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from processes import ENVIRONMENT

LOAD = "import sys; from FaceDeidLNLib.mrml.sparing import load_slicer; load_slicer(); import slicer\n"
REST = "'slicer_core.vtkSlicerCropVolumeModuleLogic' in sys.modules"


def said(code):
    return subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout.split()


def test_what_the_nodes_here_need_is_there_without_the_rest():
    code = "from FaceDeidLNLib.mrml import review_scene, scene\nscene.new_context(); scene.in_application()\n"
    assert said(f"{LOAD}{code}print({REST})") == ["False"]


@pytest.mark.parametrize("name", ["vtkSlicerCropVolumeLogic", "vtkMRMLVolumeRenderingDisplayNode"])
def test_what_else_is_asked_for_loads_the_rest(name):
    assert said(f"{LOAD}print({REST}, slicer.{name}.__name__, {REST})") == ["False", name, "True"]


def test_afterwards_it_is_the_whole():
    names = "print(*sorted(name for name in dir(slicer) if name.startswith('vtk')))"
    assert said(f"{LOAD}slicer.vtkSlicerCropVolumeLogic\n{names}") == said(f"import slicer\n{names}")


def test_what_there_is_not_is_still_not_there():
    assert said(f"{LOAD}print(hasattr(slicer, 'app'), {REST}, hasattr(slicer, 'vtkNothing'), {REST})") == [
        "False",
        "False",
        "False",
        "True",
    ]


def test_a_slicer_that_is_loaded_stays():
    code = (
        "import sys, types; sys.modules['slicer'] = own = types.ModuleType('slicer'); from FaceDeidLNLib.mrml.sparing import load_slicer\n"
    )
    assert said(f"{code}load_slicer(); print(sys.modules['slicer'] is own, 'slicer_core' in sys.modules)") == ["True", "False"]


def test_another_version_loads_itself():
    code = "from FaceDeidLNLib.mrml import sparing; sparing._NEEDED = ('vtkOfALaterRelease',)\n"
    assert said(f"import sys; {code}sparing.load_slicer(); import slicer; print({REST})") == ["True"]
