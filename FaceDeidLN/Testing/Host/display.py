"""Views that draw with Slicer's own displayable managers, as slicer-core has them: for pictures, and to see whether they survive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from FaceDeidLNLib.mrml.scene import SceneContext
from FaceDeidLNLib.output.letters import write_png
from vtk.util.numpy_support import vtk_to_numpy

_IN_3D = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)
_IN_SLICES = ("vtkMRMLModelSliceDisplayableManager", "vtkMRMLMarkupsDisplayableManager", "vtkMRMLSegmentationsDisplayableManager2D")


class DrawnView:
    """One view with its managers; they follow the scene until ``close``."""

    def __init__(self, context: SceneContext, node: slicer.vtkMRMLAbstractViewNode, size: tuple[int, int] = (700, 700)) -> None:
        self.node = node
        self.window, self.renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(*size)
        self.window.AddRenderer(self.renderer)
        self.renderer.SetBackground(1.0, 1.0, 1.0)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._group, self._managers = slicer.vtkMRMLDisplayableManagerGroup(), []
        self._group.SetRenderer(self.renderer)
        for name in _IN_SLICES if node.IsA("vtkMRMLSliceNode") else _IN_3D:
            manager = getattr(slicer, name)()
            manager.SetMRMLApplicationLogic(context.application_logic)
            self._group.AddDisplayableManager(manager)
            self._managers.append(manager)
        self._group.SetMRMLDisplayableNode(node)
        self._interactor.Initialize()

    def draw(self) -> None:
        """Draw what is there."""
        self.window.Render()

    def save(self, path: Path) -> None:
        """Draw into a PNG file."""
        write_png(self.pixels(), path)

    def pixels(self) -> np.ndarray:
        """What is drawn, uint8 (height, width, 3)."""
        self.draw()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height, _ = grab.GetOutput().GetDimensions()
        return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()

    def close(self) -> None:
        """Follow the scene no more."""
        self._group.SetMRMLDisplayableNode(None)
        self.window.Finalize()


def view_3d(context: SceneContext, tag: str = "1") -> DrawnView:
    """A 3D view of a scene; one of the same tag is taken up again."""
    return DrawnView(context, _node(context.scene, tag, slicer.vtkMRMLViewNode))


def view_slice(context: SceneContext, tag: str = "Red") -> DrawnView:
    """A slice view, without its volumes."""
    return DrawnView(context, _node(context.scene, tag, slicer.vtkMRMLSliceNode))


def _node(scene: slicer.vtkMRMLScene, tag: str, kind: type) -> slicer.vtkMRMLAbstractViewNode:
    found = scene.GetSingletonNode(tag, kind.__name__)
    if found is None:
        node = kind()
        node.SetLayoutName(tag)
        found = scene.AddNode(node)
    return found
