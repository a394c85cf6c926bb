"""The MRML scene to work in: Slicer's own inside the application, one made from slicer-core outside."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import SimpleNamespace

import slicer

#: Logics that register the node classes used here, under the names of Slicer's modules.
_MODULE_LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
}


@dataclass(frozen=True, eq=False)
class SceneContext:
    """A scene and the module logics that belong to it, by the module's lower-case name; kept alive together."""

    scene: slicer.vtkMRMLScene
    logics: dict[str, slicer.vtkMRMLAbstractLogic]
    application_logic: slicer.vtkMRMLApplicationLogic


def nodes_of_class(scene: slicer.vtkMRMLScene, kind: str) -> list[slicer.vtkMRMLNode]:
    """The nodes of a scene that are of a class, or of one that is derived from it."""
    return [scene.GetNthNodeByClass(number, kind) for number in range(scene.GetNumberOfNodesByClass(kind))]


def in_application() -> bool:
    """True inside the Slicer application, False on slicer-core."""
    return getattr(slicer, "app", None) is not None


def context() -> SceneContext:
    """Slicer's scene inside the application, else the scene of ``headless_context``."""
    return slicer_context() if in_application() else headless_context()


def slicer_context() -> SceneContext:
    """The application's scene and logics."""
    logics = {name.lower(): getattr(slicer.modules, name.lower()).logic() for name in _MODULE_LOGICS}
    return SceneContext(slicer.mrmlScene, logics, slicer.app.applicationLogic())


def headless_context() -> SceneContext:
    """The one scene of a process without the application, made on the first call.

    It is published as ``slicer.mrmlScene`` and ``slicer.modules``, where Slicer's own Python functions look for them.
    """
    published = getattr(getattr(slicer, "modules", None), "facedeidln_context", None)
    if published is not None and published.scene is getattr(slicer, "mrmlScene", None):
        return published
    made = new_context()
    modules = {name: SimpleNamespace(logic=lambda logic=logic: logic) for name, logic in made.logics.items()}
    slicer.mrmlScene = made.scene
    slicer.modules = SimpleNamespace(**modules, facedeidln_context=made)
    return made


def new_context() -> SceneContext:
    """A fresh scene of its own that nobody else sees; it works outside and inside the application."""
    scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkSlicerApplicationLogic()
    application_logic.SetMRMLScene(scene)
    logics = {}
    for name in _MODULE_LOGICS:
        logic = _logic_class(name)()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.SetModuleLogic(name, logic)
        logics[name.lower()] = logic
    return SceneContext(scene, logics, application_logic)


def _logic_class(module: str) -> type:
    """A module's logic; in Slicer's bare interpreter, where no module is loaded, from that module's own Python library."""
    name = _MODULE_LOGICS[module]
    if not hasattr(slicer, name):
        setattr(slicer, name, getattr(importlib.import_module(f"vtkSlicer{module}ModuleLogicPython"), name))
    return getattr(slicer, name)
