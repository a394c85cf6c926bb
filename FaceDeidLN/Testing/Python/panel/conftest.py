"""The panel as the tests of this folder get it: on the phantom, and, for what needs no real case, with a pipeline that answers at once."""

from __future__ import annotations

import importlib
import sys

import pytest
import slicer
from FaceDeidLNLib.anatomy.landmarks import detect_landmarks
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.pipeline import Request, deface


@pytest.fixture(scope="session")
def detected():
    """The landmark detection, which looks at the same head only once."""
    from .person import remembered

    return remembered(detect_landmarks)


@pytest.fixture
def panel(phantom, detected):
    import host

    from .person import Panel

    def sample():
        masks = [tight(segment.name, segment.mask.array) for segment in phantom.nodes]
        ct = add_ct(context(), phantom.ct, "Head")
        return ct, add_segmentation(context(), masks, phantom.ct.geometry, "nodes", reference=ct)

    with pytest.MonkeyPatch.context() as patch:
        here = host.start(patch, "FaceDeidLN")
        patch.setattr("FaceDeidLNLib.pipeline.detect_landmarks", detected)
        module = importlib.import_module("FaceDeidLN")
        shown = Panel(module, here, sample)
        yield shown
        shown.widget.cleanup()
        shown.root().setMRMLScene(None)
        slicer.mrmlScene.Clear(False)
        sys.modules.pop("FaceDeidLN", None)


@pytest.fixture(scope="session")
def phantom_case(phantom):
    return deface(Request(phantom.ct, phantom.nodes))


@pytest.fixture
def quick(panel, phantom_case, monkeypatch):
    """The panel with a pipeline that answers at once with the phantom's case."""
    answers = [phantom_case]
    monkeypatch.setattr("FaceDeidLNLib.mrml.process.deface", lambda request, progress: answers[-1])
    panel.answers = answers
    return panel
