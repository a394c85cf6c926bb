"""Segmentation extensions inside Slicer as providers: their logics are called in the application's own scene.

Each logic is another extension's class, imported where it is used. Nothing is installed or downloaded by asking whether
it is there; the first run of an extension may do so, as it does from its own panel. They run inside Slicer and keep their
own time: there is no limit here, and their own panels' cancel button stops them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

from ..core.segment import Segment
from ..core.volume import Volume
from ..input.names import Role, role_of
from ..providers.base import ProviderError
from ..providers.totalsegmentator import FREE_TASKS
from .nodes import add_ct, segments_from_node
from .scene import SceneContext, context

#: How a logic is run for a task: (logic, CT node, segmentation node, cpu, task); the result lies in the segmentation node.
_Run = Callable[[Any, Any, Any, bool, str], None]


@dataclass(frozen=True)
class SlicerExtension:
    """An installed segmentation extension: its ``module``, its logic class, how that is run and for which tasks or models."""

    title: str
    module: str
    logic: str
    run: _Run
    tasks: tuple[str, ...]
    cpu: bool = False

    def available(self) -> bool:
        """True where Slicer has loaded the extension's module."""
        return hasattr(getattr(slicer, "modules", None), self.module.lower())

    def describe(self) -> str:
        """The extension's title."""
        return self.title

    def segment(self, ct: Volume) -> tuple[Segment, ...]:
        """Nodes, jaw, hyoid and glands of the extension's result; raises ProviderError where it fails."""
        scene = context()
        source = add_ct(scene, ct, f"{self.title} input")
        found: dict[str, Segment] = {}
        try:
            for task in self.tasks:
                found = {**self._of_task(scene, source, task), **found}
        finally:
            scene.scene.RemoveNode(source)
        if not found:
            raise ProviderError("it found neither nodes nor mandible nor hyoid nor salivary glands")
        return tuple(found.values())

    def _of_task(self, scene: SceneContext, source: slicer.vtkMRMLScalarVolumeNode, task: str) -> dict[str, Segment]:
        """The useful segments of one task by name; each task gets a segmentation node of its own."""
        result = scene.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{self.title} result")
        try:
            result.SetReferenceImageGeometryParameterFromVolumeNode(source)
            logic = getattr(importlib.import_module(self.module), self.logic)()
            self.run(logic, source, result, self.cpu, task)
            return {segment.name: segment for segment in segments_from_node(result) if _is_useful(segment)}
        except Exception as error:  # another extension may raise anything, and all of it means the same here
            raise ProviderError(f"{type(error).__name__}: {error}") from error
        finally:
            scene.scene.RemoveNode(result)


def _is_useful(segment: Segment) -> bool:
    """True for a node, a gland or a landmark of the levels that has voxels."""
    return role_of(segment.name, segment.code) in (Role.NODE, Role.ORGAN, Role.GUIDE) and bool(segment.mask.array.any())


def _run_totalsegmentator(logic: Any, ct: Any, result: Any, cpu: bool, task: str) -> None:  # noqa: ANN401 - another extension's objects
    logic.setupPythonRequirements()
    logic.useStandardSegmentNames = False  # the class names are what is known here
    logic.process(ct, result, cpu=cpu, task=task)


def _run_cads(logic: Any, ct: Any, result: Any, cpu: bool, task: str) -> None:  # noqa: ANN401 - another extension's objects
    logic.process(ct, result, cpu=cpu, task=task)


def _run_monai(logic: Any, ct: Any, result: Any, cpu: bool, task: str) -> None:  # noqa: ANN401 - another extension's objects
    logic.process([ct], result, model=task, cpu=cpu, waitForCompletion=True)


def slicer_providers(cpu: bool = False) -> tuple[SlicerExtension, ...]:
    """The extensions that are known, installed or not: TotalSegmentator, CADS, MONAIAuto3DSeg."""
    return (
        SlicerExtension("TotalSegmentator", "TotalSegmentator", "TotalSegmentatorLogic", _run_totalsegmentator, FREE_TASKS, cpu),
        SlicerExtension("CADS", "CADSWholeBodyCTSeg", "CADSWholeBodyCTSegLogic", _run_cads, ("558",), cpu),
        SlicerExtension("MONAIAuto3DSeg", "MONAIAuto3DSeg", "MONAIAuto3DSegLogic", _run_monai, ("whole-head-1mm-v1.0.1",), cpu),
    )
