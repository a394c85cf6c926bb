"""An advisory lock of a place: held by one living process at a time, whatever container it lives in, and gone with it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import OutputError

#: What a lock that somebody else holds is answered with (POSIX flock, msvcrt).
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextlib.contextmanager
def sole_writer(lock: Path, output: Path) -> Iterator[None]:
    """Nobody else writes ``output`` while this lasts. ``lock`` is a file that is there only meanwhile.

    A file system without locks gives none; the release then rests on names that are made only where they are free.

    :raises OutputError: somebody else is writing it.
    """
    handle = _taken(lock, output)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows does not remove an open file, and then the next run uses it
            lock.unlink(missing_ok=True)
        os.close(handle)


def _taken(lock: Path, output: Path) -> int:
    """The open, locked file: the one that has the name now, not one that its holder has removed since."""
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            raise OutputError(f"{output} cannot be written ({problem.strerror}): make room, or name another place.") from problem
        try:
            _lock(handle)
        except OSError as problem:
            if problem.errno in _HELD:
                os.close(handle)
                raise OutputError(f"Another run is writing {output}: wait for its end, or name another output.") from problem
        with contextlib.suppress(OSError):
            if os.name == "nt" or lock.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        os.close(handle)


def _lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
