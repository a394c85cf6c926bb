"""Slicer's segmentation extensions as providers, with a stand-in for their logics."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.segmentations import fill_segmentation
from FaceDeidLNLib.programs.extensions import CADS, MONAI, TOTALSEGMENTATOR
from FaceDeidLNLib.providers.base import ProviderError, ask_providers
from FaceDeidLNLib.providers.totalsegmentator import FREE_TASKS


@pytest.fixture
def extension(monkeypatch, phantom):
    """An installed TotalSegmentator whose logic gives the phantom's mandible for one task and fails where ``error`` is set."""
    said = SimpleNamespace(calls=[], error="")

    class TotalSegmentatorLogic:
        def setupPythonRequirements(self):
            said.calls.append("requirements")

        def process(self, ct, result, cpu, task):
            said.calls.append((task, cpu))
            if said.error:
                raise RuntimeError(said.error)
            result.GetSegmentation().RemoveAllSegments()
            if task != FREE_TASKS[0]:
                return
            mask = tight("mandible", phantom.segment("Mandible").mask.array)
            fill_segmentation(result, [mask, tight("skull", mask.full(phantom.ct.array.shape))], phantom.ct.geometry)

    context()
    monkeypatch.setattr(slicer.modules, "totalsegmentator", SimpleNamespace(), raising=False)
    monkeypatch.setattr("FaceDeidLNLib.programs.extensions._has_package", lambda package: True)
    monkeypatch.setitem(sys.modules, "TotalSegmentator", SimpleNamespace(TotalSegmentatorLogic=TotalSegmentatorLogic))
    return said


def test_only_installed_extensions_are_available(extension):
    assert [provider.available() for provider in (TOTALSEGMENTATOR, CADS, MONAI)] == [True, False, False]


def test_the_useful_segments_come_back_to_their_voxels(extension, phantom):
    segments = TOTALSEGMENTATOR.segment(phantom.ct)
    assert [segment.name for segment in segments] == ["mandible"]
    assert np.count_nonzero(segments[0].mask.array) == np.count_nonzero(phantom.segment("Mandible").mask.array)


def test_nothing_is_left_in_the_scene(extension, phantom):
    scene = context().scene
    before = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    TOTALSEGMENTATOR.segment(phantom.ct)
    after = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    assert after == before


def test_whatever_an_extension_raises_becomes_a_reason(extension, phantom):
    extension.error = "no GPU"
    with pytest.raises(ProviderError, match="RuntimeError: no GPU"):
        TOTALSEGMENTATOR.segment(phantom.ct)


def test_a_missing_extension_is_a_failure_with_its_name(extension, phantom):
    assert "CADS" in ask_providers((CADS,), phantom.ct).failures[0]
