"""What a section of the panel uses of the panel: the sections know this, and only the panel knows the sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

from slicer.i18n import tr as _

from ..core.progress import Progress, silent
from ..mrml.undo import UndoStack
from .compare import SideBySide

#: The parameter node's fields that belong to the CT, and their roles.
OWN = {
    "protectedSegmentation": "protected",
    "landmarks": "landmarks",
    "curve": "curve",
    "faceSegmentation": "face",
    "resultVolume": "result",
}
#: Why something cannot be done that many buttons need.
NO_CT, NO_RESULT = _("Select a CT volume"), _("There is no result yet: press Apply")
NOT_RELEASED = _("NOT RELEASED: the verdict on top says why")


class Shared(Protocol):
    """The panel, as its sections see it; what each attribute and method is, the panel says."""

    ui: SimpleNamespace
    logic: Any
    node: Any
    busy: bool
    folder: str
    compare: SideBySide
    undo: UndoStack
    face: Any
    review: Any
    export: Any
    work_list: Any

    def update(self, caller: object = None, event: object = None) -> None:
        """Show what the parameter node says."""

    def update_soon(self, caller: object = None, event: object = None) -> None:
        """Show it when nothing more happens for a moment."""

    def chosen(self) -> dict[str, Any]:
        """The logic's keywords as they are chosen now."""

    def changed(self) -> None:
        """The protected segments were changed."""

    def say(self, text: str) -> None:
        """One sentence at the panel's foot."""

    def take(self, node: Any, ct: Any, progress: Progress = silent, **made: Any) -> None:  # noqa: ANN401
        """Choose what was made of a CT, unless another one was turned to meanwhile."""

    def show_skin(self, ct: Any, progress: Progress = silent) -> None:  # noqa: ANN401
        """A CT's skin in the 3D views."""

    def look(self, title: str, work: Callable[[Progress], None]) -> bool:
        """Do something that there is nothing to undo of."""

    def follow(self, title: str, work: Callable[[Progress], None]) -> bool:
        """Do something that follows a drag or a slider by itself."""

    def run(self, title: str, work: Callable[[Progress], None], changed: Sequence[Any] = ()) -> bool:
        """Do one step, with progress, Cancel and undo."""


class Section:
    """A section of the panel: what it shares with the others, and the node whose events it follows; most follow none."""

    def __init__(self, panel: Shared) -> None:
        self.panel, self.ui, self._followed = panel, panel.ui, None
        #: What the node that is followed knows its observers by.
        self._tags: list[int] = []
        #: What the widgets do that cannot always be used, by their names.
        self._tips: dict[str, str] = {}

    def allow(self, widget: Any, refusal: str) -> None:  # noqa: ANN401  a QWidget
        """A widget can be used where nothing is said against it; else its tooltip says what, in the place of what it does."""
        tip = self._tips.setdefault(widget.objectName, widget.toolTip)
        widget.enabled = not refusal
        widget.toolTip = refusal or tip

    def events(self) -> tuple[int, ...]:
        """The events that are followed."""
        return ()

    def observers(self) -> tuple[tuple[int, Callable[..., None]], ...]:
        """Who is told of which event."""
        return tuple((event, self.on_event) for event in self.events())

    def on_event(self, caller: object = None, event: object = None) -> None:
        """One of them happened."""

    def update(self) -> None:
        """Show what the parameter node says."""

    def lost(self, why: str) -> None:
        """It could not be shown, for this reason: what stands there may be of another moment, and nothing may leave by it."""

    def observe(self, node: Any) -> None:  # noqa: ANN401
        """Follow another node, or none.

        Slicer's VTKObservationMixin keeps every node that it ever observed, with its voxels or its skin: here nothing is kept.
        """
        if node is self._followed:
            return
        for tag in self._tags:
            self._followed.RemoveObserver(tag)
        self._followed = node
        self._tags = [] if node is None else [node.AddObserver(event, method) for event, method in self.observers()]
