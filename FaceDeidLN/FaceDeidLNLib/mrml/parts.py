"""Slicer's Python package by those of its parts that a case's scene needs; all of it is loaded with the first name that is not in them.

For a program that writes one scene: the whole package takes half a second more to load. Where it is loaded already nothing happens.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType

#: The package that Slicer's classes are taken from, and the one that has them.
_NAMES, _CORE = "slicer", "slicer_core"
_PARTS = (
    "MRMLCore",
    "MRMLLogic",
    "vtkSegmentationCore",
    "vtkSlicerBaseLogic",
    "vtkSlicerVolumesModuleLogic",
    "vtkSlicerSegmentationsModuleLogic",
    "vtkSlicerMarkupsModuleLogic",
    "vtkSlicerModelsModuleLogic",
)
#: What the application alone gives the package.
_APPLICATION = ("app", "mrmlScene", "modules")


class _Slicer(ModuleType):
    """The package ``slicer`` with a part of its names."""

    def __getattr__(self, name: str) -> object:
        if not name.startswith("_") and name not in _APPLICATION and self.__dict__.setdefault("_is_part", True):
            self._is_part = False
            for package in (sys.modules[_CORE], self):
                package.__spec__.loader.exec_module(package)
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(f"module '{_NAMES}' has no attribute '{name}'")


def load_parts() -> None:
    """Load what a case's scene needs; where this version of Slicer is built of other parts, nothing: ``import slicer`` loads all then."""
    specs = [find_spec(name) for name in (_NAMES, _CORE) if name not in sys.modules]
    if len(specs) < len((_NAMES, _CORE)) or None in specs:
        return
    try:
        _load(*specs)
    except ImportError:
        sys.modules.pop(_CORE, None)


def _load(names: ModuleSpec, core: ModuleSpec) -> None:
    package = _Slicer(_NAMES)
    package.__spec__, package.__path__, package.__file__ = names, list(names.submodule_search_locations or ()), names.origin
    sys.modules[_CORE] = module_from_spec(core)  # not what it does when it is loaded, which is to load all
    for part in _PARTS:
        _take(package, importlib.import_module(f"{_CORE}.{part}"))
    sys.modules[_NAMES] = package


def _take(package: ModuleType, part: ModuleType) -> None:
    for name in dir(part):
        if not name.startswith("_"):
            setattr(package, name, getattr(part, name))
