"""The shared libraries of a package, loaded while other things are at work."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import threading
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
        thread = threading.Thread(target=lambda: [dlopen(os.fsencode(file), os.RTLD_NOW) for file in files], daemon=True)
        if files:
            thread.start()
            return thread
    return None


def _extensions(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations if spec else None) or ()
    return [file for place in places for file in sorted(Path(place).glob(_EXTENSION))]
