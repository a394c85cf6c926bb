"""Memory that was freed, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
from collections.abc import Callable


def give_back() -> None:
    """Have the C library return what is free, before a step that needs much: between large arrays it keeps it for later use.

    Only glibc can be asked (malloc_trim(3)); elsewhere nothing is done. It takes a few milliseconds.
    """
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], object]:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # another C library
            return ctypes.CDLL(None).malloc_trim
    return lambda kept: None
