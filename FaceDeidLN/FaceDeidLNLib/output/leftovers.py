"""Hidden names beside an output, and what a killed run left under them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import sys
from pathlib import Path

from ..core.guard_process import take_back


def remove(old: Path) -> None:
    """Take away a file, a folder, or a link to either, but never what a link leads to."""
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink(missing_ok=True)


def prefix(path: Path) -> str:
    """Start of the temporary names of one output on this host."""
    return f".facedeidln-{short(path.name, 4)}-{short(socket.gethostname(), 2)}-"


def short(text: str, size: int) -> str:
    """A hash of ``size`` bytes, in hexadecimal."""
    return hashlib.blake2s(text.encode(errors="surrogateescape"), digest_size=size).hexdigest()


def sibling(path: Path, state: str) -> Path:
    """A new hidden name beside ``path``."""
    return path.parent / f"{prefix(path)}{os.getpid()}-{secrets.token_hex(4)}.{state}"


def time_there(path: Path) -> int | None:
    """Now (ns) by the clock that dates what is written beside ``path``, a file server's perhaps; None where nothing can be written."""
    mark = sibling(path, "time")
    try:
        handle = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return None
    try:
        return os.fstat(handle).st_mtime_ns  # of a file that was made and not written, whoever serves it has dated it
    finally:
        os.close(handle)
        mark.unlink(missing_ok=True)


def clear_leftovers(path: Path, companion: Path | None, is_locked: bool) -> None:
    """Remove what killed runs for the same output left; undo renames that one had begun; bring back what one was just replacing."""
    undo_renames(path, is_locked)
    _clear(path, is_locked, companion)
    if companion is not None:
        _clear(companion, is_locked)


def undo_renames(path: Path, is_locked: bool = False) -> None:
    """Undo the renames, those of other outputs too, of which this one was to be the last, where the run that began them is gone."""
    for left in list(path.parent.glob(f"{prefix(path)}*.renames")):
        if _is_left(left, prefix(path), is_locked):
            take_back(left)


def _clear(path: Path, is_locked: bool, companion: Path | None = None) -> None:
    """``companion`` is removed where an old output comes back: it belongs to the new one that never came.

    Who holds the lock knows that nobody works here; without locks the process's number has to tell.
    """
    start = prefix(path)
    for left in list(path.parent.glob(f"{start}*")):
        if not _is_left(left, start, is_locked):
            continue
        if ".replaced" in left.name and not path.exists():
            if companion is not None:
                companion.unlink(missing_ok=True)
            left.rename(path)
        else:
            with contextlib.suppress(PermissionError):  # somebody else's file of such a name, in a folder of many
                remove(left)


def _is_left(name: Path, start: str, is_locked: bool) -> bool:
    """True where the process that made a name is gone."""
    process = name.name[len(start) :].split("-")[0]
    return process.isdecimal() and (is_locked or not _is_alive(int(process)))


def _is_alive(process: int) -> bool:
    """True where a process of this number runs."""
    if sys.platform == "win32":  # os.kill would end it there
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, process)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):  # a number that no process has
        return False
    except PermissionError:
        return True
    return True
