"""Memory that was freed, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
from collections.abc import Callable

#: Of glibc's malloc.h.
_M_ARENA_MAX = -8


def give_back() -> None:
    """Have the C library return what is free, before a step that needs much: between large arrays it keeps it for later use.

    Only glibc can be asked (malloc_trim(3)); elsewhere nothing is done. It takes a few milliseconds.
    """
    _of_glibc("malloc_trim")(0)


def share_heap() -> None:
    """Have the threads of this process share one heap (mallopt(3)): what one of them freed is no use to the others in a heap of its own.

    Called before the first thread is started, and only by programs of our own. Only glibc can be asked; elsewhere nothing is done.
    """
    _of_glibc("mallopt")(_M_ARENA_MAX, 1)


@functools.cache
def _of_glibc(name: str) -> Callable[..., object]:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # another C library
            return getattr(ctypes.CDLL(None), name)
    return lambda *asked: None
