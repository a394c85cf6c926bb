"""An advisory lock of a place: held by one living process at a time, whatever container it lives in, and gone with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import OutputError
from ..core.locks import HELD, has_name
from ..core.locks import lock as take


@contextlib.contextmanager
def sole_writer(lock: Path, output: Path) -> Iterator[bool]:
    """Nobody else writes ``output`` while this lasts. ``lock`` is a file that is there only meanwhile.

    False where the file system has no locks; the release then rests on names that are made only where they are free.

    :raises OutputError: somebody else is writing it.
    """
    handle, is_locked = _taken(lock, output)
    try:
        yield is_locked
    finally:
        if os.name == "nt":  # which removes no open file, this run's or another's
            os.close(handle)
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
        if os.name != "nt":  # while it is locked, so that it is not another run's
            os.close(handle)


def _taken(lock: Path, output: Path) -> tuple[int, bool]:
    """The open file, and whether it is locked: the one that has the name now, not one that its holder has removed since."""
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as problem:
            raise OutputError(f"{output} cannot be written ({problem.strerror}): make room, or name another place.") from problem
        is_locked = True
        try:
            take(handle)
        except OSError as problem:
            if problem.errno in HELD:
                os.close(handle)
                raise OutputError(f"Another run is writing {output}: wait for its end, or name another output.") from problem
            is_locked = False
        if has_name(handle, lock):
            return handle, is_locked
        os.close(handle)
