"""How long work tells where it is; a callback that raises Cancelled stops it."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the fraction done (0..1) and what is being done now.
Progress = Callable[[float, str], None]
#: Called again and again inside a long step, so that events get through; may raise Cancelled.
Alive = Callable[[], None]


def silent(fraction: float, message: str) -> None:
    """The progress of somebody who does not look."""


def idle() -> None:
    """Alive to nobody."""


def alive_in(progress: Progress, fraction: float, message: str) -> Alive:
    """What a step calls while it is at work: it says again where the work stands."""
    return lambda: progress(fraction, message)
