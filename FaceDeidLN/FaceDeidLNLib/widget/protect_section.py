"""Section 1: what is protected, the node levels, and the extensions that segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..anatomy.level.table import LEVEL_NAMES
from ..core.progress import Progress
from ..mrml.candidates import atlases, candidates, declined, of_other_patients, of_others
from ..mrml.nodes import segment_roles
from ..mrml.protection import check, is_checked
from ..mrml.scene import context
from ..programs.extensions import OFFERS, Offer, segment_with
from . import dialogs
from .section import NO_CT, Section, Shared
from .words import LEVEL_TIPS
from .work import new_item

#: Qt's own bound on a widget's height (QWIDGETSIZE_MAX).
_FREE_PX = 16777215


class ProtectSection(Section):
    """The list of segments with their check marks, the levels, and a button for each extension."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._filling, self._listed = False, []
        for checks in (self.ui.segmentsList, self.ui.levelsList):  # dark check boxes cannot be seen on the dark Base
            checks.viewport().setBackgroundRole(qt.QPalette.Window)
        for name in LEVEL_NAMES:
            item = new_item(self.ui.levelsList, name)
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
            item.setToolTip(LEVEL_TIPS[name])
            item.setCheckState(qt.Qt.Unchecked)
        self.ui.segmentsList.connect("itemChanged(QListWidgetItem*)", self.on_segment_checked)
        self.ui.levelsList.connect("itemChanged(QListWidgetItem*)", self.on_level_checked)
        self.ui.protectHintLabel.connect("linkActivated(QString)", self.on_none_of_them)
        self.buttons = [self._add_button(number, extension) for number, extension in enumerate(OFFERS)]
        for before, button in zip((self.ui.levelsList, *self.buttons), self.buttons, strict=False):
            qt.QWidget.setTabOrder(before, button)

    def _add_button(self, number: int, extension: Offer) -> Any:  # noqa: ANN401  a QPushButton
        button = qt.QPushButton(extension.title)
        button.objectName = f"{extension.kind.name}Button"
        button.toolTip = _("Gives {what}. Cancel ends its program; set-up and downloads go on to their end").format(what=extension.gives)
        button.connect("clicked(bool)", lambda checked=False: self.on_segment_with(extension))
        self.ui.providersFrame.layout().addWidget(button, number // 2, number % 2)
        return button

    def events(self) -> tuple[int, ...]:
        """Others added, renamed or removed segments."""
        segmentation = slicer.vtkSegmentation
        return (segmentation.SegmentAdded, segmentation.SegmentRemoved, segmentation.SegmentModified)

    def observers(self) -> tuple[tuple[int, Callable[..., None]], ...]:
        """Also when voxels were drawn, or the segments were moved: a verdict may not count for them any more."""
        drawn, moved = slicer.vtkSegmentation.SourceRepresentationModified, slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        return *super().observers(), (drawn, self.panel.update_soon), (moved, self.panel.update_soon)

    def on_event(self, caller: object = None, event: object = None) -> None:
        """The segments are others now."""
        self.panel.update()

    def update(self) -> None:
        """Show the segments and levels of the parameter node."""
        node = self.panel.node
        self.observe(node.protectedSegmentation)
        self.ui.protectHintLabel.text = self._hint()
        self.ui.protectHintLabel.setMaximumHeight(
            _FREE_PX if self.ui.protectHintLabel.text else 0
        )  # a hidden one would be shown with its section
        self._filling = True
        try:
            self._fill_segments(node.protectedSegmentation)
            for row in range(self.ui.levelsList.count):
                item = self.ui.levelsList.item(row)
                item.setCheckState(qt.Qt.Checked if item.text() in node.levels else qt.Qt.Unchecked)
        finally:
            self._filling = False
        for button, extension in zip(self.buttons, OFFERS, strict=True):
            reason = extension.missing()
            self.allow(button, reason or ("" if node.inputVolume is not None else NO_CT))

    def _hint(self) -> str:
        """What of the scene is protected, or what the user has to choose."""
        node = self.panel.node
        if node.inputVolume is None:
            return ""
        taken = [] if declined(node.inputVolume) else atlases(node.inputVolume, node.protectedSegmentation, node.faceSegmentation)
        if taken:
            return _("Nodes and glands of {names} stay, too; jaw, hyoid and outline of it guide.").format(names=_named(taken))
        return "" if node.protectedSegmentation is not None else _nothing_chosen(node.inputVolume)

    def on_none_of_them(self, link: str) -> None:
        """The user said that what was drawn for other CTs is nothing of this one."""
        if self.panel.node is not None and self.panel.node.inputVolume is not None:
            declined(self.panel.node.inputVolume, True)
            self.panel.update()

    def _fill_segments(self, segmentation: Any) -> None:  # noqa: ANN401
        roles = segment_roles(segmentation) if segmentation is not None else {}
        if list(roles) != self._listed:  # items stay while one of them tells of its change
            self.ui.segmentsList.clear()
            for identifier in roles:
                item = new_item(self.ui.segmentsList, "")
                item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                item.setData(qt.Qt.UserRole, identifier)
            self._listed = list(roles)
        for row, (identifier, (name, role)) in enumerate(roles.items()):
            item = self.ui.segmentsList.item(row)
            item.setText(name)
            item.setCheckState(qt.Qt.Checked if is_checked(segmentation, identifier, role) else qt.Qt.Unchecked)
            item.setToolTip(_("Taken for: {role}").format(role=role.value))

    def on_segment_checked(self, item: Any) -> None:  # noqa: ANN401  a QListWidgetItem
        """The user checked or unchecked a segment."""
        segmentation = None if self.panel.node is None else self.panel.node.protectedSegmentation
        if self._filling or segmentation is None:
            return
        check(segmentation, item.data(qt.Qt.UserRole), item.checkState() == qt.Qt.Checked)
        self.panel.changed()

    def on_level_checked(self, item: Any) -> None:  # noqa: ANN401  a QListWidgetItem
        """The user checked or unchecked a node level."""
        if self._filling or self.panel.node is None:
            return
        rows = [self.ui.levelsList.item(row) for row in range(self.ui.levelsList.count)]
        self.panel.node.levels = [row.text() for row in rows if row.checkState() == qt.Qt.Checked]

    def on_segment_with(self, extension: Offer) -> None:
        """Let another extension segment the CT: what it finds is added to the segments that are there, which stay."""
        folder = None
        if extension.needs_folder:
            chosen = dialogs.folder(_("Folder of the trained model"), self.panel.folder)
            if not chosen:
                return
            self.panel.folder = str(Path(chosen).parent)
            folder = Path(chosen)

        def work(progress: Progress) -> None:
            node = self.panel.node
            own = node.protectedSegmentation
            node.protectedSegmentation, lines = segment_with(extension, context(), node.inputVolume, folder, progress, own)
            left.extend(line for line in lines if line.startswith("not kept"))

        left: list[str] = []
        if self.panel.run(extension.title, work, [self.panel.node.protectedSegmentation]) and left:
            self.panel.say("; ".join(left))


def _nothing_chosen(ct: Any) -> str:  # noqa: ANN401  the CT's node
    """What overlaps a CT for which no segmentation is chosen, as text with a link where it was drawn for another CT."""
    found, others, strangers = candidates(ct), of_others(ct), of_other_patients(ct)
    parts = []
    if found:
        asked = _("Nothing is chosen, and these overlap the CT: {names}. Choose the one that holds what must stay.")
        parts.append(asked.format(names=_named(found)))
    if others:
        asked = _(
            "Nothing is chosen, and these of another CT overlap this one: {names}. Choose the one that holds what must stay, or {none}."
        )
        none = _("keep nothing of them")
        parts.append(asked.format(names=_named(others), none=f'<a href="none">{none}</a>'))
    if strangers:
        told = _("These overlap the CT and are another patient's: {names}. They are passed over unless you choose one.")
        parts.append(told.format(names=_named(strangers)))
    if not parts and declined(ct):
        return _("No segmentation is kept, as you chose: only the node levels stay.")
    return " ".join(parts) or _("No segmentation of this scene overlaps the CT: only the node levels stay.")


def _named(segmentations: Sequence[Any]) -> str:
    """Names of nodes in quotes, for a label that takes links."""
    return ", ".join(f'"{escape(segmentation.GetName(), quote=False)}"' for segmentation in segmentations)
