"""Files and folders for their owner alone."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

OWNER_FOLDER, OWNER_FILE = 0o700, 0o600


@contextlib.contextmanager
def owner_only() -> Iterator[None]:
    """What this process makes while this lasts nobody but its owner can read, whatever library makes it and whatever the umask was.

    Windows decides by the folder that a file is made in, and has no such mask.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def write_private(path: Path, text: str) -> None:
    """Write a text file of its owner alone, whole, in the place of one that is there; a link there is replaced, not followed.

    Several processes may write the same file: whoever is last has written it.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)  # readable by its owner alone
    partial = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
