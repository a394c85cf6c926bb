"""What a machine has too little of is said in a sentence, with the exit code of bad input, whatever a library calls it."""

from __future__ import annotations

import errno
import sys

import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.shortage import LEAST_ADDRESS_SPACE, require_address_space, shortage

SHORT = {
    "memory of Python": (MemoryError(), "memory"),
    "memory of the system": (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
    "memory of a library that is loaded": (ImportError("x.so: failed to map segment from shared object"), "memory"),
    "memory of ITK": (RuntimeError("itk::ERROR: Failed to allocate memory for image."), "memory"),
    "memory of C++": (RuntimeError("std::bad_alloc"), "memory"),
    "threads": (RuntimeError("can't start new thread"), "threads"),
    "processes": (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "processes"),
    "open files": (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
    "room for temporary files": (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "TMPDIR"),
    "disk": (OSError(errno.ENOSPC, "No space left on device"), "disk"),
}


@pytest.mark.parametrize("case", SHORT)
def test_a_shortage_is_told(case):
    problem, said = SHORT[case]
    assert said in shortage(problem)


@pytest.mark.parametrize(
    "problem", [RuntimeError("x"), ImportError("no module named x"), OSError(errno.EACCES, "Permission denied"), KeyError(1)]
)
def test_another_error_is_no_shortage(problem):
    assert shortage(problem) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("limit", "refused"), [(LEAST_ADDRESS_SPACE - 1, True), (LEAST_ADDRESS_SPACE, False), (-1, False)])
def test_too_little_address_space_is_refused_before_a_library_ends_the_process(monkeypatch, limit, refused):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    if not refused:
        require_address_space()
        return
    with pytest.raises(InputError, match="ulimit -v"):
        require_address_space()
