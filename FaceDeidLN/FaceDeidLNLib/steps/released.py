"""What had been released when work was stopped: nobody may be told that nothing left where something did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import OutputError, in_words
from ..release import Watch, released_words


@contextmanager
def telling_releases(*places: Path) -> Iterator[None]:
    """What ends the body is raised as an OutputError that tells which of the places had been released; as it is where none was."""
    watches = [Watch(place) for place in places]
    try:
        yield
    except Exception as error:
        there = released_words(watches)
        if not there:
            raise
        raise OutputError(f"{in_words(error).rstrip('.')}; {there}.") from error
