"""Whether two paths lead to one place: by what is there, because links, mounts and case give one place many names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .below import links_below


def touch(one: Path, other: Path) -> bool:
    """True where one path is the other, lies in it, or holds it, whatever their names are and whether or not they are there yet."""
    first, second = (Path(os.path.realpath(path)) for path in (one, other))  # Path.resolve fails at a loop of links
    return _is_in(first, second) or _is_in(second, first)


def reach(given: Path, other: Path) -> bool:
    """True where a path, or where a link below it leads to, touches another."""
    return any(touch(place, other) for place in (given, *links_below(given)))


def _is_in(inner: Path, outer: Path) -> bool:
    """``inner`` is ``outer`` or lies in it; both resolved."""
    around = (inner, *inner.parents)
    if outer in around:
        return True
    try:
        state = outer.stat()
    except OSError:  # what is not there holds nothing
        return False
    places = around if stat.S_ISDIR(state.st_mode) else around[:1]  # in a file lies nothing
    return any(_is_same(place, state) for place in places)


def _is_same(place: Path, state: os.stat_result) -> bool:
    try:
        return os.path.samestat(place.stat(), state)
    except OSError:
        return False
