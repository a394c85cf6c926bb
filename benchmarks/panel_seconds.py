"""Clicks and seconds per step of the panel on real CTs: python benchmarks/panel_seconds.py CT...

A CT is an image file or a DICOM folder. It is loaded on the stand-in host, and then: the straight road (Apply, Before | after, Largest
change, an NRRD file), and each step alone. Seconds of CPU and of the clock, one line a click.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parents[1] / "FaceDeidLN"
_ROAD = ("acceptCheckBox", "applyButton", "compareButton", "jumpButton", "nrrdButton")
_STEPS = ("detectButton", "curveButton", "faceButton", "applyButton", "verifyButton")


def timed(name: str, work: Callable[[], object]) -> None:
    """Do some work and print what it took."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    print(f"  {name:16} {time.process_time() - cpu:6.1f} s CPU {time.perf_counter() - clock:6.1f} s", flush=True)


def measure(path: Path, widget: object) -> None:
    """One CT: the straight road, and step by step."""
    import slicer
    from FaceDeidLNLib.input.ct import read_ct
    from FaceDeidLNLib.mrml.nodes import add_ct
    from FaceDeidLNLib.mrml.scene import context

    volume = read_ct(path).volume
    for title, buttons in (("straight road", _ROAD), ("step by step", _STEPS)):
        slicer.mrmlScene.Clear(False)
        widget.enter()
        add_ct(context(), volume, "CT")  # the panel chooses the only CT by itself
        print(f"{path.name} {'x'.join(map(str, volume.array.shape[::-1]))}, {title}: {len(buttons)} clicks")
        with tempfile.TemporaryDirectory() as folder:
            answer = mock.patch("FaceDeidLNLib.widget.dialogs.file_to_save", lambda *asked, folder=folder: f"{folder}/out.nrrd")
            with answer:
                for button in buttons:
                    timed(button, getattr(widget.ui, button).click)
        print(f"  {widget.ui.verdictLabel.text}")


def main(paths: list[Path]) -> None:
    """Start the host and measure every CT."""
    sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Host")]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import host

    with pytest.MonkeyPatch.context() as patch:
        _, widget, _ = host.open_module(patch, "FaceDeidLN")
        for path in paths:
            measure(path, widget)
        widget.cleanup()


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
