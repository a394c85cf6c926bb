"""The program of ``core.guard``: it waits for the end of the process that started it, and then takes away what that left.

Run as a file by a Python without site packages. It reads lines of JSON, ``["add" or "drop", "path", "program" or "renames", value]``; the
end of the input is the end of that process, whatever ended it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_TRIES, _PAUSE_S = 50, 0.1


def watch(lines: Iterable[str]) -> dict[str, list]:
    """What is still noted of each kind when the lines end; a torn last line counts for nothing."""
    noted: dict[str, list] = {"path": [], "program": [], "renames": []}
    for line in lines:
        try:
            what, kind, value = json.loads(line)
        except ValueError:
            break
        if what == "add":
            noted[kind].append(value)
        elif value in noted[kind]:
            noted[kind].remove(value)
    return noted


def end_program(identifier: int) -> None:
    """End a program at once, with all that it started: its children's children too, and the whole group where it leads one."""
    if os.name == "nt":
        with contextlib.suppress(OSError):
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(identifier)], capture_output=True, check=False)
        return
    family = _family(identifier)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(identifier, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


def _family(parent: int) -> list[int]:
    """A process and all that it started, the parent first."""
    try:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    except OSError:
        return [parent]
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = [parent]
    for identifier in family:  # grows while it is gone through
        family += [child for child, parent_of_child in pairs if parent_of_child == identifier]
    return family


def take_away(path: Path) -> None:
    """Remove a file or folder, and the folder above it where that is our own and empty now; never what a link leads to.

    A program that was just ended may write its last file meanwhile, so a folder that is not gone is tried again.
    """
    if path.is_dir() and not path.is_symlink():
        for _ in range(_TRIES):
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                break
            time.sleep(_PAUSE_S)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
    if path.parent.name.startswith("facedeidln-"):
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def take_back(renames: Path) -> None:
    """Undo renames that were to happen together and did not all happen; then the file that lists them goes.

    It holds, for each, the name to be given, the identity (inode) of what gets it, and where what it replaces waits. Where the last
    one has its name all have, and only what waits is taken away; else what has a name loses it, and what was replaced comes back.
    A file that somebody else has put there is left alone: what it lists is not ours to take away. Nor is what does not wait beside the
    name that it had, under a hidden name of ours.
    """
    try:
        if not _is_ours(renames):
            return
        steps = [(Path(place), identity, Path(aside)) for place, identity, aside in json.loads(renames.read_text(encoding="utf-8"))]
        if not all(_waits_beside(place, aside) for place, _, aside in steps):
            return
    except (OSError, ValueError, TypeError, RecursionError):
        steps = []  # torn: it is written whole before the first of them
    is_whole = bool(steps) and _is(*steps[-1][:2])
    for place, identity, aside in reversed(steps):
        if not is_whole and _is(place, identity):
            take_away(place)
        if not is_whole and not os.path.lexists(place):
            with contextlib.suppress(OSError):
                aside.rename(place)
        if is_whole:
            take_away(aside)
    with contextlib.suppress(OSError):
        renames.unlink()


def _is_ours(path: Path) -> bool:
    """A plain file of this user; on Windows, which names no owner here, a plain file. Its rights tell nothing: some mounts grant all."""
    state = os.lstat(path)
    return stat.S_ISREG(state.st_mode) and (not hasattr(os, "getuid") or state.st_uid == os.getuid())


def _waits_beside(place: Path, aside: Path) -> bool:
    is_hidden = aside.name.startswith(".facedeidln-") and aside.name.endswith(".replaced")
    return is_hidden and aside.parent == place.parent and ".." not in place.parts


def _is(place: Path, identity: int) -> bool:
    try:
        return place.lstat().st_ino == identity
    except OSError:
        return False


def main() -> None:
    """Wait, then clean up. The signals that end the whole group of a terminal are not for this process."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    noted = watch(sys.stdin)
    for identifier in noted["program"]:
        end_program(identifier)
    for renames in noted["renames"]:
        take_back(Path(renames))
    for path in noted["path"]:
        take_away(Path(path))


if __name__ == "__main__":
    main()
