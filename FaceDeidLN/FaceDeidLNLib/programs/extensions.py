"""Segmentation by other extensions of Slicer: as providers, and as the panel offers them, with the reason where one is missing.

Each logic is another extension's class, imported where it is used. Nothing is installed or downloaded by asking whether
it is there; the first run of an extension may do so, as it does from its own panel, and asks first. What they log is passed
on as progress. Cancel ends the programs that they start; what they do inside Slicer (set-up, downloads of models, reading
the result) cannot be interrupted.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import slicer

from ..core.errors import Cancelled, FaceDeidError
from ..core.progress import Alive, Progress, idle, silent
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.names import Role, role_of, sort_segments
from ..input.place import place_segments
from ..mrml.ct import ct_of_node
from ..mrml.nodes import add_ct, add_segmentation, add_segments, segments_from_node
from ..mrml.removal import remove_with_display
from ..mrml.scene import SceneContext, context
from ..providers.base import Provider, ProviderError
from ..providers.registry import KINDS, Kind, provider_named
from ..providers.totalsegmentator import FREE_TASKS
from .child_programs import watched_programs
from .heard import Said, is_loaded
from .own_model import OwnModel

#: How a logic is made ready: asks before it installs anything.
_Prepare = Callable[[Any], None]
#: How a logic is run for a task: (logic, CT node, segmentation node, cpu, task); the result lies in the segmentation node.
_Run = Callable[[Any, Any, Any, bool, str], None]


@dataclass(frozen=True)
class SlicerExtension:
    """A segmentation extension: its ``module``, its logic class, how that is made ready and run, and for which tasks or models."""

    title: str
    module: str
    logic: str
    prepare: _Prepare
    run: _Run
    tasks: tuple[str, ...]
    cpu: bool = False
    #: Told of each line that the extension logs; may raise Cancelled.
    progress: Progress = silent

    def available(self) -> bool:
        """True where Slicer has loaded the extension's module."""
        return is_loaded(self.module)

    def describe(self) -> str:
        """The extension's title."""
        return self.title

    def segment(self, ct: Volume, alive: Alive = idle) -> tuple[Segment, ...]:
        """All of the extension's result but structures that neither stay nor guide; raises ProviderError where it fails."""
        scene = context()
        source = add_ct(scene, ct, f"{self.title} input")
        found: dict[str, Segment] = {}
        try:
            for task in self.tasks:
                found = {**self._of_task(scene, source, task, alive), **found}
        finally:
            remove_with_display(scene.scene, source)
        if not found:
            raise ProviderError("it found neither nodes nor mandible, hyoid, salivary glands or body")
        return tuple(found.values())

    def _of_task(self, scene: SceneContext, source: slicer.vtkMRMLScalarVolumeNode, task: str, alive: Alive) -> dict[str, Segment]:
        """The useful segments of one task by name; each task gets a segmentation node of its own."""
        result = scene.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{self.title} result")
        said = Said(self.progress, self.title, alive)
        try:
            result.SetReferenceImageGeometryParameterFromVolumeNode(source)
            logic = getattr(importlib.import_module(self.module), self.logic)()
            self.prepare(logic)
            logic.logCallback = said.log
            with watched_programs(said.ask):
                self.run(logic, source, result, self.cpu, task)
                said.require()
            return {segment.name: segment for segment in segments_from_node(result) if _is_useful(segment)}
        except (Cancelled, ProviderError):
            raise
        except Exception as error:  # another extension may raise anything, and all of it means the same here
            said.require()
            raise ProviderError(f"{type(error).__name__}: {error}") from error
        finally:
            remove_with_display(scene.scene, result)


def _is_useful(segment: Segment) -> bool:
    """True for what has voxels and may have to stay or may guide: all but known structures that do neither."""
    return role_of(segment.name, segment.code) is not Role.OTHER and bool(segment.mask.array.any())


def _prepare_totalsegmentator(logic: Any) -> None:  # noqa: ANN401 - another extension's object
    _require_package("totalsegmentator", "TotalSegmentator")
    logic.setupPythonRequirements()  # what is there may be too old; it asks before it installs


def _run_totalsegmentator(logic: Any, ct: Any, result: Any, cpu: bool, task: str) -> None:  # noqa: ANN401 - another extension's objects
    logic.useStandardSegmentNames = False  # the class names are what is known here
    logic.process(ct, result, cpu=cpu, task=task)


def _require_package(package: str, title: str) -> None:
    """Raises ProviderError where a set-up that does not ask before it installs would begin: that is left to the extension's own panel."""
    if not _has_package(package):
        raise ProviderError(f"its Python packages are missing: run {title} once from its own module, which installs them")


def _has_package(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _prepare_cads(logic: Any) -> None:  # noqa: ANN401 - another extension's object
    _require_package("cads", "CADS")


def _run_cads(logic: Any, ct: Any, result: Any, cpu: bool, task: str) -> None:  # noqa: ANN401 - another extension's objects
    logic.process(ct, result, cpu=cpu, task=task)


def _prepare_monai(logic: Any) -> None:  # noqa: ANN401 - another extension's object
    _require_package("monai", "MONAIAuto3DSeg")


def _run_monai(logic: Any, ct: Any, result: Any, cpu: bool, task: str) -> None:  # noqa: ANN401 - another extension's objects
    logic.process([ct], result, model=task, cpu=cpu, waitForCompletion=True)


TOTALSEGMENTATOR = SlicerExtension(
    "TotalSegmentator", "TotalSegmentator", "TotalSegmentatorLogic", _prepare_totalsegmentator, _run_totalsegmentator, FREE_TASKS
)
CADS = SlicerExtension("CADS", "CADSWholeBodyCTSeg", "CADSWholeBodyCTSegLogic", _prepare_cads, _run_cads, ("558",))
MONAI = SlicerExtension("MONAIAuto3DSeg", "MONAIAuto3DSeg", "MONAIAuto3DSegLogic", _prepare_monai, _run_monai, ("whole-head-1mm-v1.0.1",))


@dataclass(frozen=True)
class Offer:
    """A program of the table as a button of the panel.

    ``extension`` is its name in the Extensions Manager, "" where it runs as a command. ``make`` gives the provider, with the model
    folder where it ``needs_folder``.
    """

    kind: Kind
    extension: str
    make: Callable[[Path, Progress], Provider]
    needs_folder: bool = False

    @property
    def title(self) -> str:
        """What the button says."""
        return self.kind.title

    @property
    def gives(self) -> str:
        """What it segments."""
        return self.kind.gives

    def missing(self) -> str:
        """Why it cannot be used here; empty where it can."""
        if self.make(Path(), silent).available():
            return ""
        if not self.extension:
            return f"{self.title} is not installed, or not where programs are looked for."
        return f"The extension {self.extension} is not installed: install it with the Extensions Manager."


#: The extension that runs a program of the table, by that program's name.
EXTENSIONS = {"totalsegmentator": TOTALSEGMENTATOR, "cads": CADS, "monai": MONAI}


def _offer(kind: Kind) -> Offer:
    if kind.name == "nnunet":
        return Offer(kind, "NNUNet", OwnModel, needs_folder=True)
    if kind.name not in EXTENSIONS:
        return Offer(kind, "", lambda folder, progress: provider_named(kind.name))
    provider = EXTENSIONS[kind.name]
    return Offer(kind, provider.module, lambda folder, progress: replace(provider, progress=progress))


#: What the panel offers, whether or not it is installed.
OFFERS = tuple(_offer(kind) for kind in KINDS if kind.name in (*EXTENSIONS, "nnunet") or not kind.place)


def segment_with(
    offer: Offer,
    scene: SceneContext,
    ct: slicer.vtkMRMLScalarVolumeNode,
    folder: Path | None = None,
    progress: Progress = silent,
    into: slicer.vtkMRMLSegmentationNode | None = None,
) -> tuple[slicer.vtkMRMLSegmentationNode, tuple[str, ...]]:
    """Let an extension segment a CT: its segments are added to ``into``, whose own stay, or to a new segmentation.

    Gives that segmentation and a line for each segment of the extension. Nothing stays in the scene where it fails.

    :raises FaceDeidError: the extension is missing, failed, or found nothing; the message says which.
    """
    reason = offer.missing()
    if reason:
        raise FaceDeidError(reason)
    volume = ct_of_node(ct).volume
    progress(0.1, offer.title)
    try:
        segments = offer.make(folder or Path(), progress).segment(volume)
    except ProviderError as error:
        raise FaceDeidError(f"{offer.title} gave no segmentation: {error}") from error
    progress(0.9, offer.title)
    choice = sort_segments(segments)
    useful = dict.fromkeys((*choice.taken, *choice.guides))
    if not useful:
        raise FaceDeidError(f"{offer.title} found nothing in this CT.")
    masks = place_segments(list(useful), volume.geometry)
    if into is None:
        return add_segmentation(scene, masks, volume.geometry, f"{ct.GetName()} {offer.title}", None, ct), choice.lines
    add_segments(into, masks, volume.geometry, offer.title)
    return into, choice.lines
