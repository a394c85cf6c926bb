"""Whether another extension of Slicer is there, and what it says while it works, passed on as progress."""

from __future__ import annotations

import slicer

from ..core.errors import Cancelled
from ..core.progress import Alive, Progress, idle

#: Nobody knows how long another extension still needs; and its log's lines are cut to what a dialog shows.
_HALF_WAY, _LINE = 0.5, 80


class Said:
    """What an extension said last, passed on as progress; ``Cancelled`` is raised once only, so that the extension can clean up."""

    def __init__(self, progress: Progress, title: str, alive: Alive = idle) -> None:
        self._progress, self._title, self._alive, self._last, self.cancelled = progress, title, alive, "", False

    def hear(self, text: str) -> None:
        """Keep a line of its log for the next time that somebody asks."""
        self._last = f": {str(text).strip()[:_LINE]}"

    def log(self, text: str) -> None:
        """Pass a line of its log on at once."""
        self.hear(text)
        self.ask()

    def ask(self) -> None:
        """Show the last line and let events through; raises Cancelled."""
        if self.cancelled:
            return
        try:
            self._progress(_HALF_WAY, f"{self._title}{self._last}")
            self._alive()
        except Cancelled:
            self.cancelled = True
            raise

    def require(self) -> None:
        """Raises Cancelled where it was raised before and the extension kept it to itself."""
        if self.cancelled:
            raise Cancelled("Cancelled")


def is_loaded(module: str) -> bool:
    """True where Slicer has loaded a module."""
    return hasattr(getattr(slicer, "modules", None), module.lower())
