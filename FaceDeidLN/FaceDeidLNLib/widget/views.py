"""The application's views during a step: drawn once at its end, and not at each of its changes to the scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..core.errors import Cancelled
from ..core.progress import Progress, silent

#: How much is done when only drawing is left.
_DONE = 0.99


@contextmanager
def drawn_once(progress: Progress = silent) -> Iterator[None]:
    """No view is drawn while the body changes the scene; then one after the other is, and ``progress`` is told between them.

    A view that was asked for a picture and is not back in the event loop within a frame draws at once at the next change
    (ctkVTKAbstractView::scheduleRender), which without a graphics card takes half a second for each node. What is drawn is done,
    so that ``progress`` cannot cancel it any more.
    """
    views = _views()
    for view in views:
        view.pauseRender()
    try:
        yield
    finally:
        for view in views:
            let_draw(progress)
            view.resumeRender()


def let_draw(progress: Progress) -> None:
    """Let events through, so that the window is painted; it is too late to cancel."""
    with suppress(Cancelled):
        progress(_DONE, _("Views"))


def _views() -> list[Any]:
    """The 3D and slice views that there are (ctkVTKAbstractView); none without windows."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return []
    solid = [manager.threeDWidget(number).threeDView() for number in range(manager.threeDViewCount)]
    return [*solid, *(manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames())]
