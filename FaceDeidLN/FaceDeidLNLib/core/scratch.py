"""Temporary copies of a CT, which hold the face: in one known place, for this user alone, and no longer there than their process.

The place is ``facedeidln-<user id>`` in the system's folder for temporary files (TMPDIR, TEMP). A copy lives in a folder of its
own there, beside a file that its process has locked. At its end the folder goes; where the process is killed, its guard
(``core.guard``) removes it; where both are killed, or the power goes, the next start does: a lock that nobody holds tells that the
process is gone, however old the folder is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import OutputError
from .guard import removed_with_us
from .locks import HELD, has_name, lock

_LOCK = ".lock"
_OWNER_ONLY = 0o700


def scratch_root() -> Path:
    """Where temporary copies lie; perhaps it is not there."""
    user = os.getuid() if hasattr(os, "getuid") else "user"  # Windows has a folder for each user
    return Path(tempfile.gettempdir()) / f"facedeidln-{user}"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new empty folder for this user alone, which is gone at the end, or with this process.

    :raises OutputError: it cannot be made, or its place belongs to somebody else.
    """
    sweep()
    try:
        folder, handle = _new_folder()
    except OSError as problem:
        raise OutputError(
            f"No temporary folder can be made in {scratch_root().parent} ({problem.strerror}): make room, or set TMPDIR to another place."
        ) from problem
    lock_file = folder.with_name(folder.name + _LOCK)
    with removed_with_us(lock_file), removed_with_us(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if os.name == "nt":  # which removes no open file
                os.close(handle)
            lock_file.unlink(missing_ok=True)
            if os.name != "nt":
                os.close(handle)
            _remove_if_empty(scratch_root())


def sweep() -> None:
    """Remove the copies of processes that are gone: those whose lock nobody holds."""
    root = scratch_root()
    try:
        _require_ours(root)
        entries = sorted(root.iterdir())
    except (OSError, OutputError):
        return
    for entry in entries:
        if entry.name.endswith(_LOCK):
            _sweep_one(entry)
        elif not entry.with_name(entry.name + _LOCK).exists():  # the lock is there before the folder, and after it
            shutil.rmtree(entry, ignore_errors=True)
    _remove_if_empty(root)


def _sweep_one(lock_file: Path) -> None:
    with contextlib.suppress(OSError):  # somebody lives who holds it, or nobody can tell
        handle = os.open(lock_file, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            lock(handle)
            shutil.rmtree(lock_file.with_name(lock_file.name.removesuffix(_LOCK)), ignore_errors=True)
            if os.name != "nt":
                lock_file.unlink()
        finally:
            os.close(handle)
        if os.name == "nt":
            lock_file.unlink()


def _new_folder() -> tuple[Path, int]:
    """The folder, and the open and locked file beside it. Again, where a sweeper or somebody else's end was in between."""
    for _ in range(100):
        root = scratch_root()
        with contextlib.suppress(FileExistsError):
            root.mkdir(mode=_OWNER_ONLY)
        folder = root / secrets.token_hex(8)
        lock_file = folder.with_name(folder.name + _LOCK)
        try:
            _require_ours(root)
            handle = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError:  # somebody else was the last one, and removed the place
            continue
        if _is_held(handle) and has_name(handle, lock_file):
            folder.mkdir(mode=_OWNER_ONLY)
            return folder, handle
        os.close(handle)
    raise OutputError(f"No temporary folder can be made in {scratch_root()}: remove it, or set TMPDIR to another place.")


def _is_held(handle: int) -> bool:
    """Lock a new file; False where a sweeper was faster, which removes it. A file system without locks has no sweepers."""
    try:
        lock(handle)
    except OSError as problem:
        return problem.errno not in HELD
    return True


def _require_ours(root: Path) -> None:
    """The place is a folder (no link) of this user that nobody else can look into.

    :raises OutputError: it is not. :raises OSError: it cannot be looked at.
    """
    state = os.lstat(root)
    if not hasattr(os, "getuid"):
        return
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
        raise OutputError(f"{root} is not a folder of yours, and no place for temporary copies: remove it, or set TMPDIR to another place.")
    if state.st_mode & 0o077:
        root.chmod(_OWNER_ONLY)


def _remove_if_empty(root: Path) -> None:
    with contextlib.suppress(OSError):
        root.rmdir()
