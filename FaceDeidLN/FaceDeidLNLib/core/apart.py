"""Whether two paths lead to one place: by what is there, because links, mounts and case give one place many names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from .below import links_below

#: What is there; None for what is not, or cannot be looked at.
_StateOf = Callable[[Path], "os.stat_result | None"]


def first_that_reaches(given: Iterable[Path], other: Path) -> Path | None:
    """The first of several paths that reaches another: it, or where a link below it leads to, is the other, lies in it, or holds it.

    Whatever their names are, and whether or not they are there yet. What files of one folder have in common is looked at once.
    """
    place, state_of = _real(other), cache(_state)
    return next((path for path in given if any(_touch(_real(one), place, state_of) for one in (path, *links_below(path)))), None)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve fails at a loop of links


def _touch(first: Path, second: Path, state_of: _StateOf) -> bool:
    return _is_in(first, second, state_of) or _is_in(second, first, state_of)


def _is_in(inner: Path, outer: Path, state_of: _StateOf) -> bool:
    """``inner`` is ``outer`` or lies in it; both resolved."""
    around = (inner, *inner.parents)
    if outer in around:
        return True
    state = state_of(outer)
    if state is None:  # what is not there holds nothing
        return False
    places = around if stat.S_ISDIR(state.st_mode) else around[:1]  # in a file lies nothing
    return any((there := state_of(place)) is not None and os.path.samestat(there, state) for place in places)


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
