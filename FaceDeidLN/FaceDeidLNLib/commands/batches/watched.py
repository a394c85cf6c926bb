"""Cases that arrive: a folder that something else writes studies into, each taken once nothing in it changes any more.

Nobody can know from outside that a study is complete. What has not changed for so long, between two looks and by the times of its
files, counts as complete; one that grows afterwards is told at the next start, and not taken once more by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .cases import Case

#: What a receiver calls a file that it is still writing.
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload")
_LEAST_PAUSE_S = 0.2
_LOOKS = 4


class Watched:
    """A supply of cases from a folder that is looked at again and again, until ``stop``.

    :param find: the cases that there are now. :param known: the names of those that are done. :param stable_s: how long (s) a
        case must be unchanged.
    """

    def __init__(self, find: Callable[[], list[Case]], known: set[str], stable_s: float, arrived: Callable[[list[Case]], None]) -> None:
        self._find, self._known, self._stable_s, self._arrived = find, set(known), stable_s, arrived
        self._seen: dict[str, tuple[str, float]] = {}
        self._last = float("-inf")
        self.is_over = False

    def take(self) -> list[Case]:
        """Cases that have come to rest since last time."""
        now = time.monotonic()
        if now - self._last < max(_LEAST_PAUSE_S, self._stable_s / _LOOKS):
            return []
        self._last = now
        ready = [case for case in self._find() if case.name not in self._known and self._rests(case, now)]
        self._known |= {case.name for case in ready}
        if ready:
            self._arrived(ready)
        return ready

    def _rests(self, case: Case, now: float) -> bool:
        key = case.input_key()
        if self._seen.get(case.name, ("", 0.0))[0] != key:
            self._seen[case.name] = (key, now)
        since = self._seen[case.name][1]
        return now - since >= self._stable_s and not is_unfinished(case.input) and _age_s(case.input) >= self._stable_s


def is_unfinished(path: Path) -> bool:
    """A receiver is still writing there, as its names say."""
    files = path.rglob("*") if path.is_dir() else [path]
    return any(file.suffix.lower() in UNFINISHED for file in files)


def _age_s(path: Path) -> float:
    """How long ago anything there was written last, by the clock of the files; never less than nothing."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max(0.0, time.time() - max((file.stat().st_mtime for file in files if file.exists()), default=0.0))
