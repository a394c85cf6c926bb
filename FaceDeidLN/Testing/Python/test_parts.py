"""A program that writes one scene loads the parts of Slicer's package that it needs, and finds all the others when it asks for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import FaceDeidLNLib

LOAD = "from FaceDeidLNLib.mrml.parts import load_parts\nload_parts()\nimport sys, slicer\n"
OTHER = "vtkSlicerSceneViewsModuleLogic"


def said(code):
    """What a program of its own prints."""
    path = str(Path(FaceDeidLNLib.__file__).parents[1])
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r})\n{code}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def test_a_scene_is_made_of_the_parts_alone():
    code = "from FaceDeidLNLib.mrml import review_scene\nfrom FaceDeidLNLib.mrml.scene import new_context, in_application\nnew_context()\n"
    code += f"print(in_application(), 'slicer_core.vtkSlicerModelsModuleLogic' in sys.modules, 'slicer_core.{OTHER}' in sys.modules)"
    assert said(LOAD + code) == ["False", "True", "False"]


def test_what_is_not_in_them_is_there_when_it_is_asked_for_with_all_else():
    code = f"before = slicer.vtkMRMLScene\nprint(slicer.{OTHER}.__name__, slicer.vtkMRMLScene is before, *dir(slicer))"
    name, same, *found = said(LOAD + code)
    whole = said("import slicer\nprint(*[name for name in dir(slicer) if not name.startswith('_')])")
    assert (name, same) == (OTHER, "True")
    assert set(whole) <= set(found)


def test_what_nobody_has_is_an_attribute_error_and_no_loop():
    code = "print(hasattr(slicer, 'app'), hasattr(slicer, 'mrmlScene'), hasattr(slicer, 'nothing'), hasattr(slicer, 'vtkNothing'))"
    assert said(LOAD + code) == ["False"] * 4


def test_where_all_is_loaded_nothing_happens():
    assert said("import slicer\n" + LOAD + "print(type(slicer).__name__)") == ["module"]


def test_another_version_of_slicer_is_loaded_whole():
    code = "from FaceDeidLNLib.mrml import parts\nparts._PARTS = ('MRMLCore', 'no_such_part')\n"
    assert said(code + LOAD + f"print(type(slicer).__name__, slicer.{OTHER}.__name__)") == ["module", OTHER]
