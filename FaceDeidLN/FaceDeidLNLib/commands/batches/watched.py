"""Cases that arrive: a folder that something else writes studies into, each taken once nothing in it changes any more.

Nobody can know from outside that a study is complete. What has not changed for so long, between two looks and by the times of its
files, counts as complete. One that grows afterwards is noticed for some time after it was taken, and at the next start; whoever is told
decides whether it is taken once more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from ...core.below import below
from ...core.errors import InputError
from .cases import Case

#: What a receiver calls a file that it is still writing.
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload")
_LEAST_PAUSE_S = 0.2
_LOOKS = 4
#: So many times as long as a look took, which nothing else is done in, there is no other.
_PAUSES = 10
#: For so many times the time of rest a case that was taken is looked at again.
_LATER = 20


def patient(find: Callable[[], list[Case]], say: Callable[[str], None]) -> Callable[[], list[Case]]:
    """As ``find``, but finds nothing, and says once why, as long as something is wrong that may be mended while a batch watches.

    Two that would have one name, for instance, or a share that is gone for a moment.
    """
    said: set[str] = set()

    def look() -> list[Case]:
        try:
            found = find()
        except (InputError, OSError) as problem:
            if str(problem) not in said:
                say(f"Nothing new is taken as long as this is so: {problem}")
            said.add(str(problem))
            return []
        said.clear()  # one that comes back is said again
        return found

    return look


class Watched:
    """A supply of cases from a folder that is looked at again and again, until ``stop``.

    :param find: the cases that there are now. :param known: the names of those that are done. :param stable_s: how long (s) a
        case must be unchanged. :param arrived: gets those that are taken. :param grown: gets one that was taken and has changed since,
        and tells whether it is taken once more, or None where that is not known yet.
    """

    def __init__(
        self,
        find: Callable[[], list[Case]],
        known: set[str],
        stable_s: float,
        arrived: Callable[[list[Case]], None],
        grown: Callable[[Case], bool | None] = lambda case: False,
    ) -> None:
        self._find, self._known, self._stable_s, self._arrived, self._grown = find, set(known), stable_s, arrived, grown
        #: Of those that were taken: what they were then, and until when they are looked at again.
        self._taken: dict[str, tuple[str, float]] = {}
        self._seen: dict[str, tuple[str, float]] = {}
        self._not_before = float("-inf")
        self.is_over = False

    def take(self) -> list[Case]:
        """Cases that have come to rest since last time."""
        now = time.monotonic()
        if now < self._not_before:
            return []
        ready = self._look(now)
        pause = max(_LEAST_PAUSE_S, self._stable_s / _LOOKS)
        self._not_before = max(now + pause, time.monotonic() + _PAUSES * (time.monotonic() - now))
        return ready

    def _look(self, now: float) -> list[Case]:
        self._taken = {name: taken for name, taken in self._taken.items() if taken[1] > now}
        cases = self._find()
        for case in cases:
            self._look_again(case)
        ready = [case for case in cases if case.name not in self._known and self._rests(case, now)]
        self._known |= {case.name for case in ready}
        self._taken |= {case.name: (self._seen.pop(case.name)[0], now + _LATER * self._stable_s) for case in ready}
        if ready:
            self._arrived(ready)
        return ready

    def _look_again(self, case: Case) -> None:
        """One that has changed since it was taken is new once more where it is wanted again, and forgotten where it is not."""
        try:
            if case.name not in self._taken or self._taken[case.name][0] == case.input_key():
                return
        except OSError:  # something of it was moved or removed meanwhile: next time tells
            return
        wanted = self._grown(case)
        if wanted is None:
            return
        del self._taken[case.name]
        if wanted:
            self._known.discard(case.name)

    def _rests(self, case: Case, now: float) -> bool:
        try:
            return self._has_rested(case, now)
        except OSError:  # something of it was moved or removed while it was looked at
            return False

    def _has_rested(self, case: Case, now: float) -> bool:
        key = case.input_key()
        if self._seen.get(case.name, ("", 0.0))[0] != key:
            self._seen[case.name] = (key, now)
        since = self._seen[case.name][1]
        return now - since >= self._stable_s and not is_unfinished(case.input) and _age_s(case.input) >= self._stable_s


def is_unfinished(path: Path) -> bool:
    """A receiver is still writing there, as its names say."""
    files = (entry.path for entry in below(path)) if path.is_dir() else [path]
    return any(file.suffix.lower() in UNFINISHED for file in files)


def _age_s(path: Path) -> float:
    """How long ago anything there was written last, by the clock of the files; for ever, where that is ahead and tells nothing."""
    inside = [entry.state.st_mtime for entry in below(path) if entry.state is not None] if path.is_dir() else []
    age_s = time.time() - max([path.stat().st_mtime, *inside])
    return age_s if age_s >= 0 else math.inf
