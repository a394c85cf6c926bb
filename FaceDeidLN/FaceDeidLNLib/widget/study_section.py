"""Section 8: whole DICOM studies, one face in every object of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..core.progress import Progress
from ..mrml.followers import follows, let_follow, may_follow
from ..steps.export import INSTANCES, HeaderChoice, came_from_dicom
from ..steps.follow import same_frame
from ..steps.study import Line, PlannedStudy, plan_lines, release_study, result_lines, withheld_series
from ..steps.words import without_options
from . import dialogs
from .section import NO_CT, Section, Shared
from .work import fill, fit_to_text, new_item

#: What the folder of the released studies is called.
_NAME = "deidentified-studies"
_FOLLOWS = _("Apply gives it the face of the CT, too; what cannot be verified is withheld")
_NO_DICOM = _("The CT was not loaded from DICOM: choose the folder of its study")
_NO_PLAN = _("There is no plan yet: choose a folder of studies, or the study of this CT")
_ELSEWHERE = _("Its DICOM header names another frame of reference: register it to the CT, and put it under the transform")


class StudySection(Section):
    """The plan's table, and its release."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._planned, self._known, self._of = PlannedStudy(), False, None
        self._filling, self._listed = False, []
        self.ui.followList.viewport().setBackgroundRole(qt.QPalette.Window)  # dark check boxes cannot be seen on the dark Base
        self.ui.followList.connect("itemChanged(QListWidgetItem*)", self.on_follow_checked)
        table = self.ui.studyTable
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Object"), _("Outcome"), _("Files"), _("Why")])
        table.verticalHeader().visible = False
        fit_to_text(table)
        self.ui.studyFolderButton.connect("clicked(bool)", self.on_folder)
        self.ui.studyOfCtButton.connect("clicked(bool)", self.on_study_of_ct)
        self.ui.studyExportButton.connect("clicked(bool)", self.on_export)

    def close(self) -> None:
        """Forget the plan."""
        self._planned.close()

    def update(self) -> None:
        """Enable what can be done; the database is asked once for each CT."""
        ct = self.panel.node.inputVolume
        asked = None if ct is None else (ct.GetID(), ct.GetAttribute(INSTANCES))
        if asked != self._of:
            self._of, self._known = asked, came_from_dicom(ct)
        self.allow(self.ui.studyOfCtButton, "" if self._known else NO_CT if ct is None else _NO_DICOM)
        self.allow(self.ui.studyExportButton, "" if self._planned.plan is not None else _NO_PLAN)
        self._filling = True
        try:
            self._list_images(ct)
        finally:
            self._filling = False

    def _list_images(self, ct: Any) -> None:  # noqa: ANN401
        """The images that may follow the CT, checked where they shall; their headers are read once for each set of them."""
        found = may_follow(ct)
        listed = [(ct and ct.GetID(), node.GetID(), node.GetTransformNodeID()) for node in found]
        if listed != self._listed:
            self.ui.followList.clear()
            for node in found:
                item = new_item(self.ui.followList, node.GetID())
                fits = same_frame(node, ct)
                item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled if fits else qt.Qt.NoItemFlags)
                item.setToolTip(_FOLLOWS if fits else _ELSEWHERE)
            self._listed = listed
        for row, node in enumerate(found):
            item = self.ui.followList.item(row)
            item.setText(node.GetName())
            item.setCheckState(qt.Qt.Checked if follows(node, ct) else qt.Qt.Unchecked)

    def on_follow_checked(self, item: Any) -> None:  # noqa: ANN401  a QListWidgetItem
        """The user checked or unchecked an image."""
        ct = None if self.panel.node is None else self.panel.node.inputVolume
        row = self.ui.followList.row(item)
        found = may_follow(ct)
        if not self._filling and row < len(found):
            let_follow(found[row], ct, item.checkState() == qt.Qt.Checked)

    def on_folder(self, checked: bool = False) -> None:
        """Plan the studies of a folder."""
        folder = dialogs.folder(_("Folder of DICOM studies"), self.panel.folder)
        if folder:
            self.panel.folder = str(Path(folder).parent)
            self._plan(lambda progress: self._planned.of_folder(Path(folder), progress))

    def on_study_of_ct(self, checked: bool = False) -> None:
        """Plan the study that the CT was loaded from."""
        ct = self.panel.node.inputVolume
        self._plan(lambda progress: self._planned.of_ct(ct, progress))

    def _plan(self, make: Callable[[Progress], Any]) -> None:
        self._show([])
        if self.panel.look(_("Plan of the study"), make):
            self._show(plan_lines(self._planned.plan))
            self.panel.say(_("This is what would happen; nothing was written yet."))

    def on_export(self, checked: bool = False) -> None:
        """De-identify the studies into a new folder."""
        parent = dialogs.folder(_("Folder for the new folder of released studies"), self.panel.folder)
        key = self.panel.export.key_file() if parent else None
        if key is None:
            return
        node, said = self.panel.node, []
        header = HeaderChoice(node.header, Path(key) if key else None)

        def work(progress: Progress) -> None:
            asked = None if node.inputVolume is None else self.panel.logic.asked(node.inputVolume, **self.panel.chosen())
            out = Path(parent) / _NAME
            signing = self.panel.export.signing_key
            said.extend(release_study(self._planned.plan, out, asked, self.ui.withholdCheckBox.checked, header, progress, signing))

        if self.panel.look(_("Study"), work):
            self._show(result_lines(tuple(said)))
            self.panel.say("; ".join(_outcome(result) for result in said))

    def _show(self, lines: list[Line]) -> None:
        fill(self.ui.studyTable, [[without_options(str(text)) for text in line] for line in lines])


def _outcome(result: Any) -> str:  # noqa: ANN401  a StudyResult
    """One study's end in a sentence."""
    if result.output is not None:
        series, damaged = withheld_series(result), len(result.planned.damaged)
        left = [_("all or some files of {number} series").format(number=series)] if series else []
        left += [_("{number} that cannot be read").format(number=damaged)] if damaged else []
        told = _(". Withheld, as section 8 lists with the reasons: {left}").format(left=_(" and ").join(left)) if left else ""
        return _("PASS: released as {folder}, with its certificate").format(folder=result.output) + told
    return _("REVIEW, NOT RELEASED: {reasons}").format(reasons=without_options("; ".join(result.reasons)))
