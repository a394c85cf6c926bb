"""slicer-core with no more of its libraries than the nodes of this folder need: loading all of them takes twice as long.

Whatever else is asked of ``slicer`` loads the rest then, so that nothing is missing. For programs of our own.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType

_ALL, _CORE = "slicer", "slicer_core"
#: The logics of ``scene.py``. Python loads with them what they are built on.
_NEEDED = ("vtkSlicerVolumesModuleLogic", "vtkSlicerSegmentationsModuleLogic", "vtkSlicerMarkupsModuleLogic", "vtkSlicerModelsModuleLogic")
#: How the names of all its classes begin.
_CLASS = "vtk"


def load_slicer() -> None:
    """Load ``slicer``; nothing is done where it is loaded already, or is not that of slicer-core."""
    spec = None if {_ALL, _CORE} & set(sys.modules) else find_spec(_CORE)
    if spec is None or spec.loader is None:
        return
    sys.modules[_CORE] = core = module_from_spec(spec)  # whose own code, which loads them all, does not run yet
    try:
        for name in _NEEDED:
            import_module(f"{_CORE}.{name}")
    except ImportError:  # another version, which is to load itself
        del sys.modules[_CORE]
        return
    for library in [module for name, module in sys.modules.items() if name.startswith(f"{_CORE}.")]:
        _add(core, library)
    slicer = import_module(_ALL)
    core.__getattr__ = slicer.__getattr__ = lambda name: _asked(name, spec, core, slicer)


def _asked(name: str, spec: ModuleSpec, core: ModuleType, slicer: ModuleType) -> object:
    """What ``slicer`` lacks, for which the rest of it is loaded."""
    if name.startswith(_CLASS) and "__getattr__" in vars(slicer):
        del core.__getattr__, slicer.__getattr__
        spec.loader.exec_module(core)
        _add(slicer, core)
    if name in vars(slicer):
        return vars(slicer)[name]
    raise AttributeError(f"module '{_ALL}' has no attribute '{name}'")


def _add(to: ModuleType, of: ModuleType) -> None:
    """What ``from of import *`` does."""
    vars(to).update({name: value for name, value in vars(of).items() if not name.startswith("_")})
