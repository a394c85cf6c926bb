"""Files and folders for their owner alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from .locks import HELD, has_name, lock

OWNER_FOLDER, OWNER_FILE = 0o700, 0o600
_PARTIAL = ".partial"


def make_private_folder(path: Path) -> None:
    """Make a folder, and those that are missing above it, for their owner alone; one that is there stays as it is.

    :raises OSError: one cannot be made.
    """
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(OWNER_FOLDER, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a text file of its owner alone, whole, in the place of one that is there; a link there is replaced, not followed.

    Several processes may write the same file: whoever is last has written it. What a killed one left of it goes.
    """
    _sweep(path)
    handle, partial = _new_partial(path)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            if os.name != "nt":  # which renames no open file
                file.flush()
                partial.replace(path)  # while it is locked, so that nobody takes it for a remainder
        if os.name == "nt":
            partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def _new_partial(path: Path) -> tuple[int, Path]:
    """A new file beside ``path`` that its owner alone can read, open and, where the file system has locks, locked."""
    while True:
        handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=_PARTIAL, dir=path.parent)
        is_ours = True
        try:
            lock(handle)
        except OSError as problem:
            is_ours = problem.errno not in HELD  # somebody sweeps it, before it was locked
        if is_ours and has_name(handle, Path(name)):
            return handle, Path(name)
        os.close(handle)


def _prefix(path: Path) -> str:
    return f".private-{hashlib.blake2s(path.name.encode(errors='surrogateescape'), digest_size=4).hexdigest()}-"


def _sweep(path: Path) -> None:
    """Remove what killed processes left of this file: what has no living writer, as its lock tells."""
    for left in path.parent.glob(f"{_prefix(path)}*{_PARTIAL}"):
        with contextlib.suppress(OSError):  # somebody writes it, has just removed it, or nobody can tell
            handle = os.open(left, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                lock(handle)
                if os.name != "nt" and has_name(handle, left):
                    left.unlink()
            finally:
                os.close(handle)
            if os.name == "nt":  # which removes no open file
                left.unlink()
