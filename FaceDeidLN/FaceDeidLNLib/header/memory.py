"""What was judged of elements of a header, so that what most instances of a series have alike is judged once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

#: Elements of so many different values are remembered.
_MOST_REMEMBERED = 50_000


@dataclass(frozen=True)
class Judged:
    """What became of an element: it went (``stays`` false), stayed as it was, or has another ``value``; and what was counted."""

    stays: bool
    changed: bool
    vr: str
    value: object
    counted: tuple[str, ...]


@dataclass(eq=False)
class Memory:
    """What was judged of elements whose bytes are known; ``context`` is all else that the judgement rests on."""

    context: Hashable = None
    _judged: dict[Hashable, Judged] = field(default_factory=dict)

    def within(self, context: Hashable) -> Memory:
        """This memory, emptied where it was of another context."""
        if context != self.context:
            self.context, self._judged = context, {}
        return self

    def get(self, key: Hashable) -> Judged | None:
        """What was judged before."""
        return self._judged.get(key)

    def put(self, key: Hashable, judged: Judged) -> None:
        """Remember; a memory that grew too large starts anew."""
        if len(self._judged) >= _MOST_REMEMBERED:
            self._judged.clear()
        self._judged[key] = judged
