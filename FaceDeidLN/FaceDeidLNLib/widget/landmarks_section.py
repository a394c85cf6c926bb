"""Section 2: the landmarks with their confidence; found, loaded, placed, dragged or unset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..core.errors import InputError
from ..core.landmarks import Landmark, Landmarks
from ..core.progress import Progress
from ..input.markups import read_landmarks_json
from ..mrml.looks import jump_to
from ..mrml.markups import pointed_at, ras, stop_placing
from ..mrml.nodes import add_landmarks, fill_landmarks, landmarks_from_node, volume_from_node
from ..mrml.scene import context
from ..providers.nnlandmark import read_nnlandmark
from ..verify.coverage import MIN_CONFIDENCE
from . import dialogs
from .section import NO_CT, Section, Shared
from .work import fit_to_text

_COLUMNS = 3


class LandmarksSection(Section):
    """The table of landmarks and its buttons."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._pointed = ""
        table = self.ui.landmarksTable
        table.setColumnCount(_COLUMNS)
        table.setHorizontalHeaderLabels([_("Landmark"), _("Confidence"), _("From")])
        table.verticalHeader().visible = False
        fit_to_text(table)
        table.connect("cellClicked(int,int)", self.on_row_clicked)
        table.connect("itemSelectionChanged()", self.update_buttons)
        self.ui.detectButton.connect("clicked(bool)", self.on_detect)
        self.ui.loadLandmarksButton.connect("clicked(bool)", self.on_load)
        self.ui.placeButton.connect("clicked(bool)", self.on_place)
        self.ui.unsetButton.connect("clicked(bool)", self.on_unset)

    def events(self) -> tuple[int, ...]:
        """A point was placed, moved or unset in a view, or all of them were moved by a transform."""
        markups = slicer.vtkMRMLMarkupsNode
        return (
            markups.PointModifiedEvent,
            markups.PointAddedEvent,
            markups.PointRemovedEvent,
            markups.PointPositionDefinedEvent,
            markups.PointPositionUndefinedEvent,
            slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
        )

    def observers(self) -> tuple[tuple[int, Callable[..., None]], ...]:
        """Also of what the pointer is over."""
        return *super().observers(), (slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent, self.on_pointed)

    def observe(self, node: Any) -> None:  # noqa: ANN401
        """Follow other landmarks, or none, and what the pointer is over."""
        if node is not self._followed:
            self._tell(pointed_at(node))
            stop_placing(slicer.app.applicationLogic(), self._followed)
        super().observe(node)

    def on_pointed(self, caller: Any = None, event: object = None) -> None:  # noqa: ANN401  a vtkMRMLMarkupsNode
        """The pointer came over a point of a view, or left it."""
        self._tell(pointed_at(caller))

    def _tell(self, name: str) -> None:
        """The point's name in a corner of the 3D views, which have no names beside the points."""
        manager = slicer.app.layoutManager()
        for number in range(0 if manager is None or name == self._pointed else manager.threeDViewCount):
            view = manager.threeDWidget(number).threeDView()
            view.setCornerAnnotationText(name)
            view.scheduleRender()
        self._pointed = name

    def on_event(self, caller: object = None, event: object = None) -> None:
        """A point was placed, dragged, locked or unset in a view."""
        if self.panel.node is not None:
            self.update()
            self.panel.update_soon()  # a verdict that went by other points must not stay green

    def update(self) -> None:
        """Show the points of the parameter node's landmarks."""
        node = self.panel.node
        self.observe(node.landmarks)
        found = self._landmarks()
        table = self.ui.landmarksTable
        table.setRowCount(len(found))
        for row, landmark in enumerate(found):
            for column, text in enumerate(_texts(landmark)):
                item = table.item(row, column)
                if item is None:
                    item = qt.QTableWidgetItem()
                    table.setItem(row, column, item)
                item.setText(text)
                item.setToolTip(_tip(landmark))
                _stand_out(item, landmark)
        for button in (self.ui.detectButton, self.ui.loadLandmarksButton):
            self.allow(button, "" if node.inputVolume is not None else NO_CT)
        self.update_buttons()

    def update_buttons(self) -> None:
        """Place and Unset need a row."""
        refusal = "" if self.panel.node is not None and self._row() is not None else _("Select the row of a landmark in the table")
        if not self.ui.landmarksTable.rowCount:
            refusal = _("There are no landmarks yet: detect or load them")
        for button in (self.ui.placeButton, self.ui.unsetButton):
            self.allow(button, refusal)

    def _landmarks(self) -> list[Landmark]:
        node = self.panel.node.landmarks
        if node is None:
            return []
        try:
            return list(landmarks_from_node(node))
        except InputError as error:
            self.panel.say(str(error))
            return []

    def _row(self) -> int | None:
        row = self.ui.landmarksTable.currentRow()
        return row if 0 <= row < self.ui.landmarksTable.rowCount else None

    def _selected(self) -> tuple[Any, int] | None:
        """The markups node and the index of the point of the selected row."""
        node, row, found = self.panel.node.landmarks, self._row(), self._landmarks()
        if node is None or row is None or row >= len(found):
            return None
        return node, row

    def on_row_clicked(self, row: int, column: int) -> None:
        """Jump to the landmark."""
        found = self._landmarks()
        if row < len(found) and found[row].position is not None:
            jump_to(context(), ras(found[row].position)[0])

    def on_detect(self, checked: bool = False) -> None:
        """Find the landmarks."""
        node, ct = self.panel.node, self.panel.node.inputVolume

        def work(progress: Progress) -> None:
            found = self.panel.logic.detectLandmarks(ct, landmarks=node.landmarks, progress=progress)
            self.panel.take(node, ct, progress, landmarks=found)

        self.panel.run(_("Detect landmarks"), work, [node.landmarks])

    def on_load(self, checked: bool = False) -> None:
        """Take landmarks from a file."""
        filters = _("Landmarks") + " (*.mrk.json *.json)"
        path = dialogs.file_to_open(_("Load landmarks"), self.panel.folder, filters)
        if not path:
            return
        labels = ""
        if not path.endswith(".mrk.json"):
            labels = dialogs.file_to_open(_("nnLandmark's name_to_label.json"), str(Path(path).parent), "JSON (*.json)")
            if not labels:
                return
        self.panel.folder = str(Path(path).parent)
        node = self.panel.node

        def work(progress: Progress) -> None:
            found = _read(Path(path), Path(labels), node.inputVolume)
            if node.landmarks is None:
                node.landmarks = add_landmarks(context(), found, f"{node.inputVolume.GetName()} landmarks", node.inputVolume)
            else:
                fill_landmarks(node.landmarks, found, node.inputVolume)

        self.panel.run(_("Load landmarks"), work, [node.landmarks])

    def on_place(self, checked: bool = False) -> None:
        """Let the next click into a view place the selected landmark."""
        selected = self._selected()
        if selected is None:
            return
        node, index = selected
        name = node.GetNthControlPointLabel(index)

        def work(progress: Progress) -> None:
            node.SetFixedNumberOfControlPoints(True)
            node.UnsetNthControlPointPosition(index)
            node.SetControlPointPlacementStartIndex(index)
            logic = context().logics["markups"]
            logic.SetActiveList(node)
            logic.StartPlaceMode(False)

        if self.panel.run(_("Place {name}").format(name=name), work, [node], goes_on=[node]):
            self.panel.say(_("Click into a view to place {name}.").format(name=name))

    def on_unset(self, checked: bool = False) -> None:
        """Take the selected landmark's position away."""
        selected = self._selected()
        if selected is not None:
            node, index = selected
            title = _("Unset {name}").format(name=node.GetNthControlPointLabel(index))
            self.panel.run(title, lambda progress: node.UnsetNthControlPointPosition(index), [node])


def _read(path: Path, labels: Path, ct: Any) -> Landmarks:  # noqa: ANN401
    if path.name.endswith(".mrk.json"):
        return read_landmarks_json(path)
    return read_nnlandmark(path, labels, volume_from_node(ct).geometry)


def _texts(landmark: Landmark) -> tuple[str, str, str]:
    if landmark.position is None:
        return landmark.name, _("missing"), ""
    return landmark.name, f"{landmark.confidence:.0%}", landmark.source


def _tip(landmark: Landmark) -> str:
    if landmark.position is None:
        return landmark.reason or _("This landmark was not found or was unset.")
    if landmark.confidence < MIN_CONFIDENCE:
        return _("Uncertain: look at it, and drag it where it belongs or lock it.")
    return _("Click to jump there.")


def _stand_out(item: Any, landmark: Landmark) -> None:  # noqa: ANN401  a QTableWidgetItem
    """Uncertain and missing landmarks in bold on a colour that both light and dark palettes bear."""
    doubtful = landmark.position is None or landmark.confidence < MIN_CONFIDENCE
    font = item.font()
    font.setBold(doubtful)
    item.setFont(font)
    if doubtful:
        item.setBackground(qt.QBrush(qt.QColor(255, 196, 87)))
        item.setForeground(qt.QBrush(qt.QColor(0, 0, 0)))
    else:
        item.setData(qt.Qt.BackgroundRole, None)
        item.setData(qt.Qt.ForegroundRole, None)
