"""What lies below a folder: links are followed, loops of links end, and what cannot be looked at is told, never left out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Folders of disks and sticks that their systems keep for themselves: found pieces, what was deleted, indices.
_OF_SYSTEMS = frozenset(
    ("lost+found", "system volume information", "$recycle.bin", ".trashes", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100")
)
_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(frozen=True)
class Entry:
    """A name below a folder: what it, or the end of its link, is; ``problem`` says why nobody can tell, or look into it.

    ``is_kept`` where that is a folder that a system keeps for itself.
    """

    path: Path
    state: os.stat_result | None = None
    is_link: bool = False
    problem: str = ""
    is_kept: bool = False

    @property
    def is_unseen(self) -> bool:
        """Nobody can look at it, and it may hold something of people."""
        return bool(self.problem) and not self.is_kept

    @property
    def is_file(self) -> bool:
        """A plain file, or a link to one."""
        return self.state is not None and stat.S_ISREG(self.state.st_mode)

    @property
    def is_folder(self) -> bool:
        """A folder, or a link to one."""
        return self.state is not None and stat.S_ISDIR(self.state.st_mode)


def below(folder: Path) -> Iterator[Entry]:
    """Everything below a folder, at any depth; each folder is looked into once, whatever number of links lead to it.

    A folder that cannot be listed comes once more, with its problem; so does ``folder`` itself, which does not come otherwise.
    """
    waiting, seen = [Path(folder)], set()
    while waiting:
        parent = waiting.pop()
        place = os.path.realpath(parent)
        if place in seen:
            continue
        seen.add(place)
        try:
            with os.scandir(parent) as there:
                names = sorted(there, key=lambda name: name.name)
        except OSError as error:
            yield Entry(parent, problem=_cannot(error), is_kept=is_kept(parent, error))
            continue
        entries = [_entry(name) for name in names]
        yield from entries
        waiting += [entry.path for entry in reversed(entries) if entry.is_folder]


def is_kept(folder: Path, error: OSError) -> bool:
    """True for a folder that cannot be listed because a system keeps it for itself."""
    return isinstance(error, PermissionError) and folder.name.lower() in _OF_SYSTEMS


def is_folder(path: Path) -> bool:
    """True for a folder, or a link to one; not for what cannot be looked at, where ``Path.is_dir`` may raise OSError."""
    try:
        return path.is_dir()
    except OSError:
        return False


def links_below(path: Path) -> list[Path]:
    """The links below a folder, also those that lead nowhere yet; none below a file."""
    return [entry.path for entry in below(path) if entry.is_link] if is_folder(path) else []


def _entry(name: os.DirEntry[str]) -> Entry:
    path, is_link = Path(name.path), False
    try:
        is_link = name.is_symlink()
        return Entry(path, name.stat(), is_link)
    except OSError as error:
        is_lost = is_link and error.errno in _LEADS_NOWHERE
        return Entry(path, None, is_link, "is a link that leads nowhere" if is_lost else _cannot(error))


def _cannot(error: OSError) -> str:
    return f"cannot be looked at ({error.strerror or error})"
