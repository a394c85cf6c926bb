"""The words of a command line as they were typed, where an application took some of them for itself.

Qt removes its own options from an application's arguments, also behind ``--``, and ``--style NAME`` is one of them: what
Slicer hands to a script in ``sys.argv`` lacks it without a word. The operating system still knows the whole line.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError

#: What ends Slicer's own options.
_END = "--"
#: Options of ours that Qt takes away.
_TAKEN = "--style"
_CTL_KERN, _KERN_PROCARGS2 = 1, 49  # sys/sysctl.h of macOS


def script_words(argv: Sequence[str], line: Sequence[str] | None = None) -> list[str]:
    """The words for a script that runs inside Slicer: what stands behind the first ``--`` of the application's line.

    ``argv`` is ``sys.argv[1:]``, ``line`` the application's own line (None: it is asked for).

    :raises InputError: ``--style`` was given without ``--`` in front: Qt has swallowed it, and nobody may take that for the default.
    """
    line = list(application_line() if line is None else line)
    if _END in line:
        return line[line.index(_END) + 1 :]
    if any(word.split("=")[0] in (_TAKEN, _TAKEN[1:]) for word in line):
        raise InputError(f"Slicer takes {_TAKEN} for itself unless {_END} stands before INPUT: write ... deface.py {_END} INPUT OUTPUT ...")
    return list(argv)


def application_line() -> list[str]:
    """The words that this process was started with, its name first."""
    if sys.platform == "win32":
        return _windows_line()
    if sys.platform == "darwin":
        return _mac_line()
    return [os.fsdecode(word) for word in Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]]


def _windows_line() -> list[str]:
    kernel, shell, count = ctypes.windll.kernel32, ctypes.windll.shell32, ctypes.c_int()
    kernel.GetCommandLineW.restype = ctypes.c_wchar_p
    shell.CommandLineToArgvW.restype = ctypes.POINTER(ctypes.c_wchar_p)
    shell.CommandLineToArgvW.argtypes = (ctypes.c_wchar_p, ctypes.POINTER(ctypes.c_int))
    words = shell.CommandLineToArgvW(kernel.GetCommandLineW(), ctypes.byref(count))
    return [words[number] for number in range(count.value)]


def _mac_line() -> list[str]:
    """From ``sysctl KERN_PROCARGS2``: the number of words, the program's path, zeros, and the words, each with a zero behind."""
    system, size = ctypes.CDLL(None), ctypes.c_size_t(1 << 20)
    name, buffer = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, os.getpid()), ctypes.create_string_buffer(1 << 20)
    if system.sysctl(name, 3, buffer, ctypes.byref(size), None, 0):
        raise InputError("macOS does not tell the command line: run this script with Python instead of Slicer.")
    return parse_procargs(buffer.raw[: size.value])


def parse_procargs(raw: bytes) -> list[str]:
    """The words in what macOS answers."""
    count = int.from_bytes(raw[:4], sys.byteorder)
    words = raw[raw.index(b"\0", 4) :].lstrip(b"\0").split(b"\0")
    return [os.fsdecode(word) for word in words[:count]]
