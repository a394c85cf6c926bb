"""Before and after side by side in two 3D views of the panel's own, and the way back to the user's layout."""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

import slicer
import vtk
from slicer.i18n import tr as _

from ..core.progress import Progress, silent
from ..mrml.scene import nodes_of_class
from .views import drawn_once, let_draw

#: Singleton tags of the two views, from left to right: views of our own, so that the user's stay as they are.
VIEWS = ("FaceDeidLNBefore", "FaceDeidLNAfter")
#: Number of the layout; Slicer's own and those of other modules are smaller, or in the hundreds.
LAYOUT = 41700
#: Attribute of a display node that the comparison confines to some views; a scene that is saved meanwhile keeps it.
_COMPARED = "FaceDeidLN.Compared"
_ITEM = (
    '<item><view class="vtkMRMLViewNode" singletontag="{tag}"{kind}>'
    '<property name="viewlabel" action="default">{label}</property></view></item>'
)
#: A place so far (mm) beside the middle of the head is looked at from the side, and so much (mm) around it is seen.
_SIDEWAYS_MM, _NEAR_MM = 70.0, 90.0


class SideBySide:
    """Shows one model in each of two views, and nothing else in them, until ``leave``."""

    def __init__(self) -> None:
        self._layout: int | None = None

    @property
    def shown(self) -> bool:
        """Are the two views there now?"""
        return self._layout is not None

    def show(self, before: Any, after: Any, progress: Progress = silent) -> None:  # noqa: ANN401  two model nodes
        """The model before on the left, the one after on the right, turned together; without windows nothing is shown."""
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        self.leave()
        self._layout = manager.layout
        _describe(manager.layoutLogic().GetLayoutNode())
        manager.setLayout(LAYOUT)
        views = [slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLViewNode") for tag in VIEWS]
        with drawn_once(progress):  # the two, that the layout has only now, as well
            self._confine_others(views, (before, after))
            for model in (before, after):
                model.SetDisplayVisibility(False)
            let_draw(progress)  # new views draw what they see before anybody asks them to, both at once
            for model, view in zip((before, after), views, strict=True):
                self._confine(model, view, "before" if model is before else "after")
            look_from_front(manager, (before, after), views)

    def leave(self) -> None:
        """The user's layout again, and every node visible where it was; of the two models the one before stays, the CT's own skin.

        That also ends a comparison that a scene was saved with, whose layout before nobody knows.
        """
        with drawn_once():
            for display in nodes_of_class(slicer.mrmlScene, "vtkMRMLDisplayNode"):
                part = display.GetAttribute(_COMPARED)
                if part:
                    display.RemoveAllViewNodeIDs()
                    display.SetVisibility(display.GetVisibility() and part != "after")
                    display.SetAttribute(_COMPARED, None)
            self.forget()

    def forget(self) -> None:
        """The scene is being closed: only the layout is left to be put back."""
        manager = slicer.app.layoutManager()
        if manager is not None and manager.layout == LAYOUT:
            manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView if self._layout is None else self._layout)
        self._layout = None

    def _confine(self, model: Any, view: Any, part: str) -> None:  # noqa: ANN401  a model's and a view's node
        """A model is seen in this view alone, which shows nothing around it."""
        display = model.GetDisplayNode()
        display.RemoveAllViewNodeIDs()
        display.AddViewNodeID(view.GetID())
        display.SetVisibility(True)
        display.SetAttribute(_COMPARED, part)
        view.SetBoxVisible(False)
        view.SetAxisLabelsVisible(False)
        view.SetLinkedControl(True)

    def _confine_others(self, views: list[Any], models: tuple[Any, Any]) -> None:
        """What is visible in every view is visible in all but these two; what is confined to some views already is not here."""
        scene = slicer.mrmlScene
        others = [node for node in nodes_of_class(scene, "vtkMRMLAbstractViewNode") if not any(node is view for view in views)]
        own = [model.GetDisplayNode() for model in models]
        for display in nodes_of_class(scene, "vtkMRMLDisplayNode"):
            if display.GetNumberOfViewNodeIDs() or any(display is mine for mine in own):
                continue
            if display.IsA("vtkMRMLVolumeDisplayNode") and not display.IsA("vtkMRMLVolumeRenderingDisplayNode"):
                continue
            for view in others:
                display.AddViewNodeID(view.GetID())
            display.SetAttribute(_COMPARED, "elsewhere")


def _describe(layout: Any) -> None:  # noqa: ANN401  the vtkMRMLLayoutNode
    """Teach Slicer the layout; a second view needs the type "secondary" to be one of its own."""
    items = [
        _ITEM.format(tag=tag, kind=kind, label=escape(label))
        for tag, kind, label in zip(VIEWS, ("", ' type="secondary"'), (_("before"), _("after")), strict=True)
    ]
    text = f'<layout type="horizontal" split="true">{"".join(items)}</layout>'
    if not (layout.IsLayoutDescription(LAYOUT) and layout.SetLayoutDescription(LAYOUT, text)):
        layout.AddLayoutDescription(LAYOUT, text)


def look_from_front(manager: Any, models: tuple[Any, ...], views: list[Any] | None = None) -> None:  # noqa: ANN401  the layout manager
    """Let 3D views (all, or some) see some models from the front, all of them and in the middle.

    The camera is set by the models' own bounds: a view's own reset goes by what it has drawn so far, its box and its labels included.
    """
    bounds = vtk.vtkBoundingBox()
    for model in models:
        of_model = [0.0, -1.0] * 3
        model.GetRASBounds(of_model)
        bounds.AddBounds(of_model)
    if manager is None or not bounds.IsValid():
        return
    center = [0.0] * 3
    bounds.GetCenter(center)
    for number in range(manager.threeDViewCount):
        view = manager.threeDWidget(number).mrmlViewNode()
        if views is None or any(view is wanted for wanted in views):
            manager.threeDWidget(number).threeDView().resetFocalPoint()  # the view's box comes along
            _place_camera(view, center, bounds.GetDiagonalLength() / 2)


def look_at(manager: Any, place: Any, volume: Any) -> None:  # noqa: ANN401  the layout manager, world RAS mm (3,), a volume node
    """Let all 3D views see a place on a head from where it can be seen: from the front, or from the side that it lies on."""
    bounds = [0.0, -1.0] * 3
    volume.GetRASBounds(bounds)
    side = place[0] - (bounds[0] + bounds[1]) / 2
    turn = max(-1.0, min(1.0, side / _SIDEWAYS_MM)) * math.pi / 2
    for number in range(0 if manager is None else manager.threeDViewCount):
        view = manager.threeDWidget(number).mrmlViewNode()
        _place_camera(view, [float(v) for v in place], _NEAR_MM, (math.sin(turn), math.cos(turn)))


def _place_camera(view: Any, center: list[float], radius_mm: float, toward: tuple[float, float] = (0.0, 1.0)) -> None:  # noqa: ANN401  a vtkMRMLViewNode
    """A view's camera, which has the view's layout name, before a sphere in world RAS, in the horizontal direction ``toward``."""
    camera = slicer.mrmlScene.GetSingletonNode(view.GetLayoutName(), "vtkMRMLCameraNode")
    if camera is None:
        return
    distance = radius_mm / math.sin(math.radians(camera.GetViewAngle()) / 2)
    camera.SetFocalPoint(*center)
    camera.SetPosition(center[0] + toward[0] * distance, center[1] + toward[1] * distance, center[2])
    camera.SetViewUp(0.0, 0.0, 1.0)
    camera.ResetClippingRange()
