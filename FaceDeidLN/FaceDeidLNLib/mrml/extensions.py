"""Segmentation by other extensions of Slicer: each is called through its own logic, and none of them is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

from ..core.errors import FaceDeidError
from ..core.progress import Progress, silent
from .scene import SceneContext


@dataclass(frozen=True, eq=False)
class Job:
    """One call of an extension: the CT, the segmentation that takes its segments, and the user's model folder where it needs one."""

    context: SceneContext
    ct: slicer.vtkMRMLScalarVolumeNode
    output: slicer.vtkMRMLSegmentationNode
    folder: Path | None
    progress: Progress


@dataclass(frozen=True)
class SegmentingExtension:
    """An extension that segments a head.

    ``module`` is its module's lower-case name in ``slicer.modules``, ``extension`` its name in the Extensions Manager,
    ``gives`` what there is in it for the face and the node levels; ``needs_folder``: the user's own model folder.
    """

    title: str
    extension: str
    module: str
    gives: str
    run: Callable[[Job], None]
    needs_folder: bool = False

    def missing(self) -> str:
        """Why it cannot be used here; empty where it can."""
        if hasattr(getattr(slicer, "modules", None), self.module):
            return ""
        return f"The extension {self.extension} is not installed: install it with the Extensions Manager."


def _total_segmentator(job: Job) -> None:
    logic = importlib.import_module("TotalSegmentator").TotalSegmentatorLogic()
    job.progress(0.02, "TotalSegmentator: Python packages")
    logic.setupPythonRequirements()
    tasks = ("craniofacial_structures", "head_glands_cavities", "headneck_bones_vessels")
    for number, task in enumerate(tasks):
        job.progress(0.1 + 0.3 * number, f"TotalSegmentator: {task}")
        _collect(job.context, job.output, lambda node, task=task: logic.process(job.ct, node, task=task))


def _cads(job: Job) -> None:
    logic = importlib.import_module("CADSWholeBodyCTSeg").CADSWholeBodyCTSegLogic()
    job.progress(0.02, "CADS: Python packages")
    logic.setupPythonRequirements()
    job.progress(0.1, "CADS: head and neck organs")
    _collect(job.context, job.output, lambda node: logic.process(job.ct, node, task="558"))


def _monai(job: Job) -> None:
    logic = importlib.import_module("MONAIAuto3DSeg").MONAIAuto3DSegLogic()
    job.progress(0.02, "MONAIAuto3DSeg: Python packages")
    logic.setupPythonRequirements()
    job.progress(0.1, "MONAIAuto3DSeg: whole head")
    _collect(job.context, job.output, lambda node: logic.process([job.ct], node, model="whole-head-1mm-v1.0.1"))


def _nn_unet(job: Job) -> None:
    library = importlib.import_module("SlicerNNUNetLib")
    logic, problems = library.SegmentationLogic(), []
    logic.errorOccurred.connect(problems.append)
    logic.setParameter(library.Parameter(modelPath=Path(job.folder), folds="0"))
    job.progress(0.1, "nnU-Net")
    logic.startSegmentation(job.ct)
    logic.waitForSegmentationFinished()
    if problems:
        raise FaceDeidError(f"nnU-Net stopped: {problems[0]}")
    made = logic.loadSegmentation()
    _copy_segments(made, job.output)
    job.context.scene.RemoveNode(made)


#: What the panel offers, whether or not it is installed.
EXTENSIONS = (
    SegmentingExtension(
        "TotalSegmentator",
        "TotalSegmentator",
        "totalsegmentator",
        "mandible, hyoid, salivary glands (tasks without a licence)",
        _total_segmentator,
    ),
    SegmentingExtension(
        "CADS", "CADSWholeBodyCTSeg", "cadswholebodyctseg", "mandible, glands and larynx; weights for research only", _cads
    ),
    SegmentingExtension("MONAIAuto3DSeg", "MONAIAuto3DSeg", "monaiauto3dseg", "mandible, skull and muscles of the head", _monai),
    SegmentingExtension(
        "nnU-Net (own model)", "NNUNet", "slicernnunet", "whatever your model segments, lymph nodes for instance", _nn_unet, True
    ),
)


def segment_with(
    extension: SegmentingExtension,
    context: SceneContext,
    ct: slicer.vtkMRMLScalarVolumeNode,
    folder: Path | None = None,
    progress: Progress = silent,
) -> slicer.vtkMRMLSegmentationNode:
    """A new segmentation of a CT by an extension; nothing stays in the scene where it fails.

    :raises FaceDeidError: the extension is missing, failed, or found nothing; the message says which.
    """
    reason = extension.missing()
    if reason:
        raise FaceDeidError(reason)
    output = context.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{ct.GetName()} {extension.title}")
    output.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    try:
        extension.run(Job(context, ct, output, folder, progress))
        if not output.GetSegmentation().GetNumberOfSegments():
            raise FaceDeidError(f"{extension.title} found nothing in this CT.")
    except FaceDeidError:
        context.scene.RemoveNode(output)
        raise
    except Exception as error:
        context.scene.RemoveNode(output)
        raise FaceDeidError(f"{extension.title} stopped: {error}") from error
    output.CreateDefaultDisplayNodes()
    return output


def _collect(context: SceneContext, output: slicer.vtkMRMLSegmentationNode, work: Callable[[Any], object]) -> None:
    """Let an extension fill a segmentation of its own, and take over its segments: some rename or clear what they are given."""
    node = context.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "part")
    try:
        work(node)
        _copy_segments(node, output)
    finally:
        context.scene.RemoveNode(node)


def _copy_segments(source: slicer.vtkMRMLSegmentationNode, output: slicer.vtkMRMLSegmentationNode) -> None:
    known = set(output.GetSegmentation().GetSegmentIDs())
    for identifier in source.GetSegmentation().GetSegmentIDs():
        if identifier not in known:
            output.GetSegmentation().CopySegmentFromSegmentation(source.GetSegmentation(), identifier)
