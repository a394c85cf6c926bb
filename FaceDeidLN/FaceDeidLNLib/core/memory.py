"""Memory that was freed, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
from collections.abc import Callable

#: Of glibc's malloc.h.
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TOP_PAD, _M_TRIM_THRESHOLD = -8, -3, -2, -1
#: Arrays below the first size (bytes) come out of the heap, which grows by the second and shrinks by itself from the third on: pieces
#: that a processor's cache holds are made and freed all the time, and each page that the system hands out anew is filled with zeros.
_IN_HEAP, _GROWS_BY, _SHRINKS_FROM = 2 << 20, 4 << 20, 16 << 20


def give_back() -> None:
    """Have the C library return what is free, before a step that needs much: between large arrays it keeps it for later use.

    Only glibc can be asked (malloc_trim(3)); elsewhere nothing is done. It takes a few milliseconds.
    """
    _of_glibc("malloc_trim")(0)


def share_heap() -> None:
    """Have the threads of this process share one heap (mallopt(3)): what one of them freed is no use to the others in a heap of its own.

    The heap keeps what small arrays leave, see _IN_HEAP; ``give_back`` empties it. Called before the first thread is started, and only by
    programs of our own. Only glibc can be asked; elsewhere nothing is done.
    """
    asked = ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _IN_HEAP), (_M_TOP_PAD, _GROWS_BY), (_M_TRIM_THRESHOLD, _SHRINKS_FROM))
    for option, value in asked:
        _of_glibc("mallopt")(option, value)


@functools.cache
def _of_glibc(name: str) -> Callable[..., object]:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # another C library
            return getattr(ctypes.CDLL(None), name)
    return lambda *asked: None
