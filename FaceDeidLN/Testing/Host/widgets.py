"""Stand-ins for the widgets of CTK and Slicer that the panel's .ui file uses: the same names, and nothing the real ones lack.

Read from the headers of ctkCollapsibleButton, ctkSliderWidget, qMRMLNodeComboBox and qMRMLWidget.
"""

from __future__ import annotations

import pythonqt
import slicer
import vtk
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionButton,
    QWidget,
)


class qMRMLWidget(QWidget):
    """A widget that knows the scene."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene, self.mrmlSceneChanged = None, pythonqt.VtkSignal()

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)


class ctkCollapsibleButton(QAbstractButton):
    """A button with a body that it folds away."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(lambda checked: self.setCollapsed(not checked))

    def showEvent(self, event: object) -> None:
        """Children that came after the section was closed are not shown either."""
        if not self.isChecked():
            for child in self.children():
                if isinstance(child, QWidget):
                    child.setVisible(False)

    def _height(self) -> int:
        return self.fontMetrics().height() + 8

    def paintEvent(self, event: object) -> None:
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect.setHeight(self._height())
        option.text = ("\u25be " if self.isChecked() else "\u25b8 ") + self.text()
        painter = QPainter(self)
        self.style().drawControl(QStyle.ControlElement.CE_PushButton, option, painter, self)

    def resizeEvent(self, event: object) -> None:
        self.setContentsMargins(0, self._height(), 0, 0)

    def hitButton(self, position: object) -> bool:
        return position.y() < self._height()

    def setCollapsed(self, collapsed: bool) -> None:
        self.setContentsMargins(0, self._height(), 0, 0)
        if self.isChecked() == collapsed:
            self.setChecked(not collapsed)
            return
        for child in self.children():
            if isinstance(child, QWidget):
                child.setVisible(not collapsed)
        self.contentsCollapsed.emit(collapsed)

    def isCollapsed(self) -> bool:
        return not self.isChecked()

    def sizeHint(self) -> object:
        hint = self.layout().totalSizeHint() if self.layout() is not None and self.isChecked() else super().sizeHint()
        if not self.isChecked() or self.layout() is None:
            hint.setHeight(self._height())
        return hint

    def minimumSizeHint(self) -> object:
        hint = self.sizeHint()
        if self.isChecked() and self.layout() is not None:
            hint = self.layout().totalMinimumSize()
        return hint

    collapsed = Property(bool, isCollapsed, setCollapsed)


class ctkSliderWidget(QWidget):
    """A slider and a spin box for one number."""

    valueChanged = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider, self._box = QSlider(Qt.Orientation.Horizontal), QDoubleSpinBox()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._box.setRange(0.0, 99.0)
        self._slider.setRange(0, 1000)
        self._box.valueChanged.connect(self._box_changed)
        self._slider.valueChanged.connect(self._slider_changed)

    def _box_changed(self, value: float) -> None:
        span = (self._box.maximum() - self._box.minimum()) or 1.0
        self._slider.blockSignals(True)
        self._slider.setValue(round(1000 * (value - self._box.minimum()) / span))
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    def _slider_changed(self, at: int) -> None:
        self._box.setValue(self._box.minimum() + at / 1000 * (self._box.maximum() - self._box.minimum()))

    value = Property(float, lambda self: self._box.value(), lambda self, v: self._box.setValue(v))
    minimum = Property(float, lambda self: self._box.minimum(), lambda self, v: self._box.setMinimum(v))
    maximum = Property(float, lambda self: self._box.maximum(), lambda self, v: self._box.setMaximum(v))
    singleStep = Property(float, lambda self: self._box.singleStep(), lambda self, v: self._box.setSingleStep(v))
    decimals = Property(int, lambda self: self._box.decimals(), lambda self, v: self._box.setDecimals(v))
    suffix = Property(str, lambda self: self._box.suffix(), lambda self, v: self._box.setSuffix(v))
    prefix = Property(str, lambda self: self._box.prefix(), lambda self, v: self._box.setPrefix(v))


def _flag(name: str, start: bool) -> Property:
    return Property(bool, lambda self: self.flags.get(name, start), lambda self, value: self.flags.update({name: value}))


class qMRMLNodeComboBox(QWidget):
    """The nodes of some classes in a scene."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.currentNodeChanged = pythonqt.VtkSignal()
        self.flags, self._types, self._scene, self._nodes, self._current, self._tags = {}, [], None, [], None, []
        self._box = QComboBox()
        self._box.setMinimumContentsLength(6)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.activated.connect(self._chosen)

    nodeTypes = Property("QStringList", lambda self: self._types, lambda self, types: setattr(self, "_types", list(types)))
    showHidden, showChildNodeTypes = _flag("showHidden", False), _flag("showChildNodeTypes", True)
    noneEnabled, addEnabled, removeEnabled = _flag("noneEnabled", False), _flag("addEnabled", True), _flag("removeEnabled", True)
    editEnabled, renameEnabled = _flag("editEnabled", False), _flag("renameEnabled", False)
    selectNodeUponCreation = _flag("selectNodeUponCreation", True)

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        events = () if scene is None else (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent)
        self._tags = [scene.AddObserver(event, lambda caller, event: self._refresh()) for event in events]
        if scene is not None:
            self._tags.append(scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._leaves))
            self._tags.append(scene.AddObserver(scene.EndImportEvent, lambda caller, event: self._rebuild()))
        self._refresh()

    def _rebuild(self) -> None:
        """After an import all rows are made anew (qMRMLSceneModel::updateScene): what was chosen is lost."""
        if self._current is not None:
            self._current = None
            self.currentNodeChanged.emit(None)
        self._refresh()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _leaves(self, caller: object, event: str, node: slicer.vtkMRMLNode) -> None:
        """The entry that takes a leaving one's place is chosen, or the last one (QComboBox, whose rows they are)."""
        if node in self._nodes:
            entries = [*([None] if self.flags.get("noneEnabled") else []), *self._nodes]
            place = entries.index(node)
            entries.remove(node)
            self._nodes.remove(node)
            self._box.removeItem(place)
            if node is self._current:
                self._current = entries[min(place, len(entries) - 1)] if entries else None
                self.currentNodeChanged.emit(self._current)

    def currentNode(self) -> slicer.vtkMRMLNode:
        return self._current

    def nodeCount(self) -> int:
        return len(self._nodes)

    def setCurrentNode(self, node: slicer.vtkMRMLNode | str | None) -> None:
        node = self._scene.GetNodeByID(node) if isinstance(node, str) else node
        self._refresh(node)

    def _refresh(self, *wanted: slicer.vtkMRMLNode | None) -> None:
        if self._scene is None or (self._scene.IsBatchProcessing() and not wanted):
            return
        found = [self._scene.GetNthNode(n) for n in range(self._scene.GetNumberOfNodes())]
        self._nodes = [node for node in found if self._fits(node)]
        current = wanted[0] if wanted else self._current
        if current not in self._nodes:
            current = None if self.flags.get("noneEnabled") or wanted or not self._nodes else self._nodes[0]
        self._box.clear()
        names = [node.GetName() for node in self._nodes]
        self._box.addItems((["None"] if self.flags.get("noneEnabled") else []) + names)
        self._box.setCurrentIndex(self._index(current))
        if current is not self._current:
            self._current = current
            self.currentNodeChanged.emit(current)

    def _fits(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetHideFromEditors():
            return False
        exact = not self.flags.get("showChildNodeTypes", True)
        return any(node.GetClassName() == kind if exact else node.IsA(kind) for kind in self._types)

    def _index(self, node: slicer.vtkMRMLNode | None) -> int:
        none = 1 if self.flags.get("noneEnabled") else 0
        return self._nodes.index(node) + none if node in self._nodes else none - 1

    def _chosen(self, index: int) -> None:
        """A person chose an entry."""
        index -= 1 if self.flags.get("noneEnabled") else 0
        self.setCurrentNode(None if index < 0 else self._nodes[index])


WIDGETS = (qMRMLWidget, ctkCollapsibleButton, ctkSliderWidget, qMRMLNodeComboBox)
pythonqt.VTK_SIGNALS.update(
    qMRMLWidget={"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"},
    qMRMLNodeComboBox={"currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged"},
)
