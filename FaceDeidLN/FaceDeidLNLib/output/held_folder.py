"""A folder that is known by what it is, not by its name: somebody may give that name to another folder while we work in it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import OutputError


@dataclass(frozen=True)
class HeldFolder:
    """An open folder; ``handle`` is None where the system cannot open one (Windows, which moves no folder with open files either)."""

    path: Path
    handle: int | None

    @property
    def place(self) -> Path:
        """A name of this very folder, whatever its own name leads to by now; its own name where the system gives no other (not Linux)."""
        by_handle = Path(f"/proc/self/fd/{self.handle}")
        return by_handle if self.handle is not None and _is_same(by_handle, self.handle) else self.path

    def named(self, text: str) -> str:
        """A text with the folder's own name in place of the other one."""
        return re.sub(rf"{re.escape(str(self.place))}(?!\d)", lambda _: str(self.path), text)

    def require_unmoved(self) -> None:
        """Raises OutputError where the folder's name leads elsewhere by now."""
        if self.handle is not None and not _is_same(self.path, self.handle):
            raise OutputError(f"{self.path} became another folder while it was written to: nothing was written.")

    def remove(self, name: str) -> None:
        """Remove a folder of this one, wherever this one lies now; nothing happens where there is none of this name."""
        if self.handle is None:
            return
        with contextlib.suppress(OSError):
            for _, folders, files, handle in os.fwalk(name, topdown=False, dir_fd=self.handle):
                for file in files:
                    os.unlink(file, dir_fd=handle)
                for folder in folders:
                    with contextlib.suppress(NotADirectoryError):  # a link to a folder was not walked into
                        os.rmdir(folder, dir_fd=handle)
                        continue
                    os.unlink(folder, dir_fd=handle)
            os.rmdir(name, dir_fd=self.handle)


@contextlib.contextmanager
def held_folder(path: Path) -> Iterator[HeldFolder]:
    """Keep a folder open for as long as something is done in it.

    :raises OSError: it cannot be opened.
    """
    if not hasattr(os, "fwalk"):
        yield HeldFolder(path, None)
        return
    handle = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    try:
        yield HeldFolder(path, handle)
    finally:
        os.close(handle)


def _is_same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False
