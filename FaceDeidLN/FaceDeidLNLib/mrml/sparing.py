"""slicer-core with no more of its libraries than the nodes of this folder need: loading all of them takes twice as long.

Whatever else is asked of ``slicer`` loads the rest then, so that nothing is missing. For programs of our own.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from threading import RLock
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
        for library in [module for name, module in sys.modules.items() if name.startswith(f"{_CORE}.")]:
            _add(core, library)
        slicer = import_module(_ALL)
    except ImportError:  # another version, which is to load itself
        del sys.modules[_CORE]
        sys.modules.pop(_ALL, None)
        return
    lock = RLock()
    core.__getattr__ = slicer.__getattr__ = lambda name: _asked(name, spec, core, slicer, lock)


def _asked(name: str, spec: ModuleSpec, core: ModuleType, slicer: ModuleType, lock: RLock) -> object:
    """What ``slicer`` lacks, for which the rest of it is loaded, by whoever asks first."""
    if name.startswith(_CLASS):
        with lock:
            if spec.loader is not None and "__getattr__" in vars(core):
                del core.__getattr__  # which its own code must not come upon; other threads ask slicer, and wait
                spec.loader.exec_module(core)
                _add(slicer, core)
    if name in vars(slicer):
        return vars(slicer)[name]
    raise AttributeError(f"module '{_ALL}' has no attribute '{name}'")


def _add(to: ModuleType, of: ModuleType) -> None:
    """What ``from of import *`` does."""
    vars(to).update({name: value for name, value in vars(of).items() if not name.startswith("_")})
