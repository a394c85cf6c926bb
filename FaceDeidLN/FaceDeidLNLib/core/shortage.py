"""What a machine or its limits have too little of, told from the errors that Python and the libraries raise then."""

from __future__ import annotations

import errno

from .errors import InputError

_MEMORY = "This CT needs more memory than there is here: work on a larger machine, or allow more (--memory-mb of a batch, ulimit -v)"
#: Errors of the system (those that this one has) by what is short, and what to do.
_SENTENCES = {
    "ENOMEM": _MEMORY,
    "EMFILE": "More files must be open at once than this program may have: allow more (ulimit -n)",
    "ENFILE": "More files are open than this machine may have: close other programs",
    "EAGAIN": "No more processes or threads can be started here: allow more (ulimit -u), or close other programs",
    "ENOSPC": "The disk is full: make room, or set TMPDIR to another place",
    "EDQUOT": "The disk quota is used up: make room, or set TMPDIR to another place",
    "EFBIG": "A file would be larger than files may be here: allow larger ones (ulimit -f), or write to another place",
}
_BY_NUMBER = {getattr(errno, name): sentence for name, sentence in _SENTENCES.items() if hasattr(errno, name)}
#: Words of errors that have no number: of the loader of libraries, of the C++ libraries, of Python's threads and its module tempfile.
_BY_WORDS = {
    "failed to map segment": _MEMORY,
    "cannot allocate memory": _MEMORY,
    "failed to allocate": _MEMORY,
    "bad_alloc": _MEMORY,
    "not enough memory": _MEMORY,
    "can't start new thread": _SENTENCES["EAGAIN"],
    "no usable temporary directory": "No folder for temporary files can be written to: make room, or set TMPDIR to another place",
}
#: Libraries of linear algebra end the process where they get no memory, so that less address space (bytes) is refused before.
LEAST_ADDRESS_SPACE = 1 << 30


def shortage(problem: BaseException) -> str:
    """What is short and what to do, without a full stop; empty for an error of another kind."""
    if isinstance(problem, MemoryError):
        return _MEMORY
    if isinstance(problem, OSError) and problem.errno in _BY_NUMBER:
        return _BY_NUMBER[problem.errno]
    if isinstance(problem, (ImportError, OSError, RuntimeError)):
        said = str(problem).lower()
        return next((sentence for words, sentence in _BY_WORDS.items() if words in said), "")
    return ""


def require_address_space() -> None:
    """A limit of this process leaves it room to work.

    :raises InputError: it does not.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
        raise InputError(f"This program may have {limit / 2**20:,.0f} MB of address space only (ulimit -v): allow at least 1,024 MB.")
