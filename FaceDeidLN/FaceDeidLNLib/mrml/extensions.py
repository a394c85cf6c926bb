"""Segmentation by other extensions of Slicer, as the panel offers them: with the reason where one is missing."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import slicer

from ..core.errors import FaceDeidError
from ..core.progress import Progress, silent
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.place import place_segments
from ..providers.base import Provider, ProviderError
from .nodes import add_ct, add_segmentation, segments_from_node, volume_from_node
from .providers import slicer_providers
from .scene import SceneContext, context


@dataclass(frozen=True)
class OwnModel:
    """The extension NNUNet with a model folder of the user's own."""

    folder: Path

    def available(self) -> bool:
        """True where Slicer has loaded the extension's module."""
        return hasattr(getattr(slicer, "modules", None), "slicernnunet")

    def describe(self) -> str:
        """Name and folder."""
        return f"nnU-Net ({self.folder.name})"

    def segment(self, ct: Volume) -> tuple[Segment, ...]:
        """Whatever the model segments; raises ProviderError where it fails."""
        library = importlib.import_module("SlicerNNUNetLib")
        scene, problems, made = context(), [], None
        logic = library.SegmentationLogic()
        logic.errorOccurred.connect(problems.append)
        logic.setParameter(library.Parameter(modelPath=self.folder, folds="0"))
        source = add_ct(scene, ct, "nnU-Net input")
        try:
            logic.startSegmentation(source)
            logic.waitForSegmentationFinished()
            if problems:
                raise ProviderError(str(problems[0]))
            made = logic.loadSegmentation()
            return tuple(segments_from_node(made))
        finally:
            for node in (source, made):
                if node is not None:
                    scene.scene.RemoveNode(node)


@dataclass(frozen=True)
class Offer:
    """A button of the panel: its ``title``, the ``extension`` in the Extensions Manager, and what it ``gives``.

    ``make`` gives the provider, with the model folder where it ``needs_folder``.
    """

    title: str
    extension: str
    gives: str
    make: Callable[[Path], Provider]
    needs_folder: bool = False

    def missing(self) -> str:
        """Why it cannot be used here; empty where it can."""
        if self.make(Path()).available():
            return ""
        return f"The extension {self.extension} is not installed: install it with the Extensions Manager."


def _named(title: str) -> Callable[[Path], Provider]:
    return lambda folder: next(provider for provider in slicer_providers() if provider.title == title)


#: What the panel offers, whether or not it is installed.
OFFERS = (
    Offer(
        "TotalSegmentator", "TotalSegmentator", "mandible, hyoid and salivary glands (tasks without a licence)", _named("TotalSegmentator")
    ),
    Offer("CADS", "CADSWholeBodyCTSeg", "mandible and salivary glands; its weights are for research only", _named("CADS")),
    Offer("MONAIAuto3DSeg", "MONAIAuto3DSeg", "mandible", _named("MONAIAuto3DSeg")),
    Offer("nnU-Net (own model)", "NNUNet", "whatever your own model segments, lymph nodes for instance", OwnModel, needs_folder=True),
)


def segment_with(
    offer: Offer, scene: SceneContext, ct: slicer.vtkMRMLScalarVolumeNode, folder: Path | None = None, progress: Progress = silent
) -> slicer.vtkMRMLSegmentationNode:
    """A new segmentation of a CT by an extension; nothing stays in the scene where it fails.

    :raises FaceDeidError: the extension is missing, failed, or found nothing; the message says which.
    """
    reason = offer.missing()
    if reason:
        raise FaceDeidError(reason)
    volume = volume_from_node(ct)
    progress(0.1, offer.title)
    try:
        segments = offer.make(folder or Path()).segment(volume)
    except ProviderError as error:
        raise FaceDeidError(f"{offer.title} gave no segmentation: {error}") from error
    progress(0.9, offer.title)
    if not segments:
        raise FaceDeidError(f"{offer.title} found nothing in this CT.")
    masks = place_segments(segments, volume.geometry)
    return add_segmentation(scene, masks, volume.geometry, f"{ct.GetName()} {offer.title}", None, ct)
