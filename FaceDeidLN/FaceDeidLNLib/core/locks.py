"""Advisory locks on files: held by one living process at a time, and gone with it, however it ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path

#: What a lock that somebody else holds is answered with (POSIX flock, msvcrt).
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


def lock(handle: int) -> None:
    """Lock an open file for this process, without waiting.

    :raises OSError: somebody else holds it (``errno`` is one of ``HELD``), or the file system has no locks.
    """
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def has_name(handle: int, path: Path) -> bool:
    """The open file is the one that has this name now, not one that its holder has removed since."""
    try:
        return os.name == "nt" or path.stat().st_ino == os.fstat(handle).st_ino
    except OSError:
        return False
