"""What a section of the panel uses of the panel: the sections know this, and only the panel knows the sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

from ..core.progress import Progress
from .compare import SideBySide


class Shared(Protocol):
    """The panel, as its sections see it; what each attribute and method is, the panel says."""

    ui: SimpleNamespace
    logic: Any
    node: Any
    busy: bool
    folder: str
    compare: SideBySide

    def addObserver(self, node: Any, event: Any, method: Callable[..., None]) -> None:  # noqa: ANN401
        """Be told of a node's event."""
        ...

    def removeObserver(self, node: Any, event: Any, method: Callable[..., None]) -> None:  # noqa: ANN401
        """Be told of it no more."""
        ...

    def update(self, caller: object = None, event: object = None) -> None:
        """Show what the parameter node says."""
        ...

    def chosen(self) -> dict[str, Any]:
        """The logic's keywords as they are chosen now."""
        ...

    def changed(self) -> None:
        """The protected segments were changed."""
        ...

    def say(self, text: str) -> None:
        """One sentence at the panel's foot."""
        ...

    def show_skin(self) -> None:
        """The CT's skin in the 3D views."""
        ...

    def look(self, title: str, work: Callable[[Progress], None]) -> bool:
        """Do something that there is nothing to undo of."""
        ...

    def follow(self, title: str, work: Callable[[Progress], None]) -> bool:
        """Do something that follows a drag or a slider by itself."""
        ...

    def run(self, title: str, work: Callable[[Progress], None], changed: Sequence[Any] = ()) -> bool:
        """Do one step, with progress, Cancel and undo."""
        ...
