"""The shared libraries of a package, loaded while other things are at work."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

#: Of extension modules, where libraries can be loaded by ``dlopen``.
_EXTENSION = "*.so"


def load_ahead(package: str) -> threading.Thread | None:
    """Begin to load the extension modules of a package that is imported later, and all libraries that they need, in a thread.

    Python lets nothing else run while it loads one, and whoever imports hundreds of them waits for the linker most of the time.
    They are not imported: that finds them loaded (dlopen(3)). None where there is nothing to load, or no ``dlopen``.
    """
    files = _extensions(package)
    with contextlib.suppress(OSError, TypeError, AttributeError):  # as on Windows
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        thread = threading.Thread(target=_load, args=(dlopen, files))
        if files:
            thread.start()
            return thread
    return None


def _load(dlopen: Callable[[bytes, int], object], files: Sequence[Path]) -> None:
    """Load files until the program ends, which waits for the one at work: no process ends well while the linker is busy."""
    for file in files:
        if not threading.main_thread().is_alive():
            return
        dlopen(os.fsencode(file), os.RTLD_NOW)


def _extensions(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations if spec else None) or ()
    return [file for place in places for file in sorted(Path(place).glob(_EXTENSION))]
