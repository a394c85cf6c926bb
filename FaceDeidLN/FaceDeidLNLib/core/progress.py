"""How long work tells where it is; a callback that raises Cancelled stops it."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the fraction done (0..1) and what is being done now.
Progress = Callable[[float, str], None]


def silent(fraction: float, message: str) -> None:
    """The progress of somebody who does not look."""
