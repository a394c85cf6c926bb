"""A layout manager as the application has it: views made of the layout's description, numbered as it pleases, each with a camera."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import slicer

_CONVENTIONAL, _CONVENTIONAL_XML = 2, '<layout><item><view class="vtkMRMLViewNode" singletontag="1"/></item></layout>'


class View:
    """ctkVTKAbstractView: it is not drawn while it is paused, and says so where nobody had paused it."""

    def __init__(self) -> None:
        self.cornerAnnotationText, self.paused, self.resumed = "", 0, 0

    def itself(self) -> View:
        return self

    def setCornerAnnotationText(self, text: str) -> None:
        self.cornerAnnotationText = text

    def scheduleRender(self) -> None:
        pass

    def pauseRender(self) -> None:
        self.paused += 1

    def resumeRender(self) -> None:
        assert self.paused, "Cannot resume rendering, pause render count is already 0!"
        self.paused -= 1
        self.resumed += not self.paused


class LayoutManager:
    """qMRMLLayoutManager with 3D views, and one slice view that is in every layout."""

    def __init__(self) -> None:
        self._node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLayoutNode", "layout")
        self._node.AddLayoutDescription(_CONVENTIONAL, _CONVENTIONAL_XML)
        self._widgets, self.cameras = [], {}
        self._slices = {name: SimpleNamespace(sliceView=View().itself) for name in self.sliceViewNames()}
        self.setLayout(_CONVENTIONAL)

    @property
    def layout(self) -> int:
        return self._node.GetViewArrangement()

    @property
    def threeDViewCount(self) -> int:
        return len(self._widgets)

    def sliceViewNames(self) -> tuple[str, ...]:
        return ("Red",)

    def sliceWidget(self, name: str) -> SimpleNamespace:
        return self._slices[name]

    def layoutLogic(self) -> SimpleNamespace:
        return SimpleNamespace(GetLayoutNode=lambda: self._node)

    def setLayout(self, layout: int) -> None:
        assert self._node.IsLayoutDescription(layout), f"there is no layout {layout}"
        self._node.SetViewArrangement(layout)
        for element in ElementTree.fromstring(self._node.GetLayoutDescription(layout)).iter("view"):
            self._view(element)

    def threeDWidget(self, number: int) -> SimpleNamespace:
        """Later views come first: the number says nothing of the place."""
        return self._widgets[len(self._widgets) - 1 - number]

    def _view(self, element: ElementTree.Element) -> None:
        tag = element.get("singletontag")
        if tag in self.cameras:
            return
        view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLViewNode")  # singletons survive the closing of a scene
        if view is None:
            view = slicer.vtkMRMLViewNode()
            view.SetSingletonTag(tag)
            view = slicer.mrmlScene.AddNode(view)
        for prop in element.findall("property"):
            assert prop.get("name") == "viewlabel", prop.get("name")
            view.SetLayoutLabel(prop.text)
        camera = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLCameraNode")
        if camera is None:  # as vtkMRMLCameraDisplayableManager does
            camera = slicer.vtkMRMLCameraNode()
            camera.SetLayoutName(tag)
            camera = slicer.mrmlScene.AddNode(camera)
        self.cameras[tag] = camera
        of_view = View()
        of_view.resetFocalPoint = lambda: camera.SetFocalPoint(0.0, 0.0, 0.0)  # the middle of all that the view has drawn
        self._widgets.append(SimpleNamespace(mrmlViewNode=lambda: view, threeDView=lambda: of_view))
