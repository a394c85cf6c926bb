"""Clicks and seconds per step of the panel on real CTs: python benchmarks/panel_seconds.py CT...

or, in the application, Slicer --no-splash --python-script benchmarks/panel_seconds.py -- CT...

A CT is an image file or a DICOM folder. It is loaded on the stand-in host, or in Slicer, and then: the straight road (Apply,
Before | after, Largest change, an NRRD file), each step alone, and the live preview: lengths are changed and points of the curve are
dragged. Seconds of CPU and of the clock, and the longest time in which no event gets through, so that the window is not painted; one
line a click or change. A preview's seconds go from the change until the new face segment is in the scene, without the time that a length
must rest (FaceSection.timer); of its surface a draft is in the scene then, and the last line is the whole one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from FaceDeidLNLib.core.volume import Volume

ROOT = Path(__file__).resolve().parents[1] / "FaceDeidLN"
_ROAD = ("acceptCheckBox", "applyButton", "compareButton", "jumpButton", "nrrdButton")
_STEPS = ("detectButton", "curveButton", "faceButton", "applyButton", "verifyButton", "compareButton", "compareButton")
#: The lengths of the live preview, and by how much (mm) each is changed; then the points of the curve that are dragged, and how far (mm).
_LENGTHS = {"depthMm": -1.0, "outsideMm": 1.0, "protectMarginMm": 1.0, "superficialMm": 1.0}
_POINTS, _DRAGGED_MM = (3, 4), (0.0, 2.0, -5.0)
#: So long (s) after a click what it left to be drawn is waited for.
_SETTLES_S = 0.5


class Pauses:
    """The longest time without a turn of the event loop, in which no window is painted."""

    def __init__(self) -> None:
        import qt

        self.longest, self._last, self._timer = 0.0, time.perf_counter(), qt.QTimer()
        self._timer.setInterval(10)
        self._timer.connect("timeout()", self.turn)
        self._timer.start()

    def turn(self) -> None:
        """The event loop came around."""
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now

    def begin(self) -> None:
        """Forget what was."""
        self.longest, self._last = 0.0, time.perf_counter()


def timed(name: str, work: Callable[[], object], pauses: Pauses) -> None:
    """Do some work and print what it took."""
    settle()
    pauses.begin()
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    settle()
    pauses.turn()
    print(f"  {name:16} {cpu:6.1f} s CPU {clock:6.1f} s, longest pause {pauses.longest:5.2f} s", flush=True)


def settle() -> None:
    """Let everything be drawn that waits for it."""
    import slicer

    end = time.perf_counter() + _SETTLES_S
    while time.perf_counter() < end:
        slicer.app.processEvents()
        time.sleep(0.01)


def loaded(volume: Volume, widget: object) -> None:
    """A new scene with a CT, which the panel shows."""
    import slicer
    from FaceDeidLNLib.mrml.looks import show_fitted
    from FaceDeidLNLib.mrml.nodes import add_ct
    from FaceDeidLNLib.mrml.scene import context

    slicer.mrmlScene.Clear(False)
    widget.enter()
    widget.panel.node.inputVolume = ct = add_ct(context(), volume, "CT")
    show_fitted(context(), ct)


def measure(path: Path, widget: object) -> None:
    """One CT: the straight road, step by step, and the live preview."""
    from FaceDeidLNLib.input.ct import read_ct

    volume, pauses = read_ct(path).volume, Pauses()
    for title, buttons in (("straight road", _ROAD), ("step by step", _STEPS)):
        loaded(volume, widget)
        print(f"{path.name} {'x'.join(map(str, volume.array.shape[::-1]))}, {title}: {len(buttons)} clicks")
        with tempfile.TemporaryDirectory() as folder:
            answer = mock.patch("FaceDeidLNLib.widget.dialogs.file_to_save", lambda *asked, folder=folder: f"{folder}/out.nrrd")
            with answer:
                for button in buttons:
                    timed(button, getattr(widget.ui, button).click, pauses)
        print(f"  {widget.ui.verdictLabel.text}")

    preview(path, volume, widget, pauses)


def preview(path: Path, volume: Volume, widget: object, pauses: Pauses) -> None:
    """The live preview of one CT: each length, points of the curve, and a length of the curve that was dragged; then all of it again."""
    loaded(volume, widget)
    for button in ("detectButton", "curveButton", "faceButton"):
        getattr(widget.ui, button).click()
    node, timer = widget.panel.node, widget.panel.face.timer
    node.liveFace, rest = True, timer.interval
    timer.setInterval(0)
    changes = [(name, lambda name=name, by=by: setattr(node, name, getattr(node, name) + by)) for name, by in _LENGTHS.items()]
    changes += [(f"curve point {number}", lambda number=number: drag(node.curve, number)) for number in _POINTS]
    print(f"{path.name} {'x'.join(map(str, volume.array.shape[::-1]))}, live preview, without the {rest} ms of rest")
    for name, change in (*changes, changes[0], *changes):
        timed(name, lambda change=change: followed(change, widget), pauses)
    timed("whole surface", widget.panel.face.draw_whole, pauses)
    timer.setInterval(rest)
    print(f"  {widget.ui.statusLabel.text}")


def drag(curve: object, number: int) -> None:
    """Drag a control point and let it go, as the mouse does."""
    import slicer

    place = [0.0, 0.0, 0.0]
    curve.GetNthControlPointPositionWorld(number, place)
    curve.SetNthControlPointPositionWorld(number, *(at + by for at, by in zip(place, _DRAGGED_MM, strict=True)))
    curve.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)


def followed(change: Callable[[], object], widget: object) -> None:
    """Change something and wait until the face segment has followed."""
    import slicer

    change()
    while widget.panel.face.timer.active:
        slicer.app.processEvents()


def main_in_slicer(paths: list[Path]) -> None:
    """Open the module in the application, measure every CT, and end it."""
    import slicer

    code = 1
    try:
        slicer.util.selectModule("FaceDeidLN")
        for path in paths:
            measure(path, slicer.util.getModuleWidget("FaceDeidLN"))
        code = 0
    finally:
        slicer.util.exit(code)


def main(paths: list[Path]) -> None:
    """Start the host and measure every CT."""
    sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Host")]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import host
    import pytest

    with pytest.MonkeyPatch.context() as patch:
        _, widget, _ = host.open_module(patch, "FaceDeidLN")
        for path in paths:
            measure(path, widget)
        widget.cleanup()


if __name__ == "__main__":
    if getattr(sys.modules.get("slicer"), "app", None) is not None:
        from FaceDeidLNLib.commands.words import script_words

        main_in_slicer([Path(word) for word in script_words(sys.argv[1:])])
    else:
        main([Path(word) for word in sys.argv[1:]])
