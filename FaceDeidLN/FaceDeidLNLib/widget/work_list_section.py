"""Section 7: the cases of a batch that wait for a person, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..core.errors import FaceDeidError, InputError
from ..core.progress import Progress
from ..mrml.links import linked
from ..mrml.looks import jump_to, show_fitted
from ..mrml.scene import context
from ..mrml.verdicts import ct_of, read_verdict
from ..output.worklist import WorkItem, read_worklist
from ..steps.words import without_options
from ..steps.worklist import doubt_place, list_of, load_item, reject, rejected, released, require_as_batch, require_free, unload
from . import dialogs
from .compare import look_at
from .section import NOT_RELEASED, OWN, Section, Shared
from .work import fit_to_text


class WorkListSection(Section):
    """The table of cases; each is loaded, applied and shown by one click, and leaves by another."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._path: Path | None = None
        self._items: tuple[WorkItem, ...] = ()
        #: What became of a case by its name, and the case that is open.
        self._done: dict[str, str] = {}
        self._open: WorkItem | None = None
        self._ct: Any = None
        #: The case and the key of which it was found last that it can be released as its batch does it.
        self._asked: tuple[WorkItem | None, Path | None] | None = None
        table = self.ui.workListTable
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels([_("Case"), _("Verdict"), _("Reasons")])
        table.verticalHeader().visible = False
        fit_to_text(table)
        table.connect("cellDoubleClicked(int,int)", lambda row, column: self.open_case(self._items[row]))
        self.ui.workListFilterEdit.connect("textChanged(QString)", self.update_rows)
        self.ui.openWorkListButton.connect("clicked(bool)", self.on_open)
        self.ui.nextCaseButton.connect("clicked(bool)", self.on_next)
        self.ui.doneCaseButton.connect("clicked(bool)", self.on_done)
        self.ui.rejectCaseButton.connect("clicked(bool)", self.on_reject)
        self.ui.remarkEdit.connect("returnPressed()", self.on_return)
        self.ui.remarkEdit.connect("textChanged(QString)", self.update_buttons)

    def forget(self) -> None:
        """The scene is being closed, and the open case with it."""
        self._open = self._ct = None

    def update(self) -> None:
        """Show the rows and what can be done."""
        self.update_rows()
        self.update_buttons()

    def lost(self, why: str) -> None:
        """No case leaves by what is not known."""
        self.allow(self.ui.doneCaseButton, why)

    def update_rows(self, text: str = "") -> None:
        """Show the cases that fit the filter, with what became of them."""
        table = self.ui.workListTable
        table.setRowCount(len(self._items))
        for row, item in enumerate(self._items):
            for column, words in enumerate((item.case, self._done.get(item.case, item.verdict), without_options(item.reasons))):
                cell = table.item(row, column)
                if cell is None:
                    cell = qt.QTableWidgetItem()
                    table.setItem(row, column, cell)
                cell.setText(words)
                cell.setToolTip(words)
            table.setRowHidden(row, not self._fits(item))

    def update_buttons(self, text: str = "") -> None:
        """Next needs a case that waits, the two others one that is open."""
        here = "" if self.is_open() else _("No case of the list is open: press Next, or double-click one")
        none_waits = _("No case waits that fits the filter") if self._items else _("Open a work list first")
        self.allow(self.ui.nextCaseButton, "" if self._waiting() is not None else none_waits)
        self.allow(self.ui.rejectCaseButton, here)
        self.allow(self.ui.doneCaseButton, here or self._not_to_leave())

    def is_open(self) -> bool:
        """Is a case of the list open that nothing became of yet, and its CT the one that is chosen?"""
        waits = self._open is not None and self._open.case not in self._done
        return waits and self.panel.node is not None and self.panel.node.inputVolume is self._ct

    def _fits(self, item: WorkItem) -> bool:
        row = f"{item.case} {self._done.get(item.case, item.verdict)} {item.reasons}".casefold()
        return all(word in row for word in self.ui.workListFilterEdit.text.casefold().split())

    def _waiting(self) -> WorkItem | None:
        """The next case after the open one that fits the filter and waits."""
        begin = self._items.index(self._open) + 1 if self._open in self._items else 0
        later = (*self._items[begin:], *self._items[:begin])
        return next((item for item in later if item.case not in self._done and item is not self._open and self._fits(item)), None)

    def _not_as_batch(self) -> str:
        """Why the open case cannot be released as its batch does it; empty where it can. A refusal is asked for anew: a key may come."""
        asked = (self._open, self.panel.export.signing_key)
        if asked != self._asked:
            try:
                require_as_batch(*asked)
            except FaceDeidError as error:
                return without_options(str(error))
            self._asked = asked
        return ""

    def _not_to_leave(self) -> str:
        """Why the result cannot leave; empty where it is this case's own, and released, or a REVIEW whose remark is written."""
        if refusal := self._not_as_batch():
            return refusal
        result = self.panel.node.resultVolume
        if result is None or ct_of(result) is not self._ct:
            return _("The result that is chosen is not that of the open case: press Apply")
        if self.panel.review.since:
            return self.panel.review.since
        try:
            stored = read_verdict(result)
        except FaceDeidError:  # the review says so
            stored = None
        if stored is not None and stored.released:
            return ""
        if stored is None or stored.verdict != "REVIEW":
            return NOT_RELEASED
        return "" if self.ui.remarkEdit.text.strip() else _("Write a remark in section 6 first: what you looked at and why it may leave")

    def on_open(self, checked: bool = False) -> None:
        """Choose a batch's results, and show its list."""
        folder = dialogs.folder(_("Folder of a batch's results"), self.panel.folder)
        if folder:
            self.open_list(Path(folder))

    def open_list(self, results: Path) -> None:
        """Show the work list of a batch's results."""

        def work(progress: Progress) -> None:
            path = list_of(results)
            items, gone = read_worklist(path), rejected(path)
            done = {item.case: _("rejected") for item in items if item.case in gone}
            self._done = done | dict.fromkeys(released(items, progress), _("released"))
            self._path, self._items, self._open = path, items, None

        self.panel.folder = str(results.parent)
        if self.panel.look(_("Work list"), work):
            self.panel.say(_("Cases that wait: {number}.").format(number=len(self._items) - len(self._done)))

    def on_next(self, checked: bool = False) -> None:
        """Open the next case that waits."""
        item = self._waiting()
        if item is None:
            self.panel.say(_("No case waits any more: run the batch again, which takes over what was released."))
        else:
            self.open_case(item)

    def open_case(self, item: WorkItem) -> None:
        """Load a case in the place of the one before, apply, and show what its doubt is about.

        Next passes over one that cannot be read; a double click tries it again.
        """
        node = self.panel.node

        def work(progress: Progress) -> None:
            with slicer.util.NodeModify(node):  # the selectors choose nodes that come and go: the panel looks when all are there
                try:
                    case = load_item(context(), item, progress)
                except InputError:
                    self._done[item.case] = _("cannot be read")
                    raise
                unload(context(), self._ct)
                node.inputVolume = case.ct
                for field, role in OWN.items():
                    setattr(node, field, linked(case.ct, role))
            self._open, self._ct, self._asked = item, case.ct, None
            self._done.pop(item.case, None)
            show_fitted(context(), case.ct)

        if self.panel.look(_("Open {case}").format(case=item.case), work):
            self.panel.undo.clear()
            self.panel.face.on_apply()
            self._show_doubt(item)

    def _show_doubt(self, item: WorkItem) -> None:
        """Slices and 3D view on the place that the reasons speak of."""
        node = self.panel.node

        def work(progress: Progress) -> None:
            self.panel.show_skin(node.inputVolume, progress)
            segmentations = (node.protectedSegmentation, node.faceSegmentation)
            place = doubt_place(item.reasons, node.landmarks, segmentations, node.resultVolume, progress)
            if place is not None:
                jump_to(context(), place)
                look_at(slicer.app.layoutManager(), place, node.inputVolume)

        if self.panel.look(_("Show the doubt"), work):
            self.panel.say(". ".join(filter(None, (f"{item.case}: {without_options(item.reasons)}", self._not_as_batch()))))

    def on_return(self) -> None:
        """Return in the remark: the open case leaves."""
        self.update_buttons()
        if self.ui.doneCaseButton.enabled:
            self.on_done()

    def on_done(self, checked: bool = False) -> None:
        """Sign off where that is needed, write the result as the batch does it, and go on."""
        if not self.panel.review.require_judged(_("Release")):
            return
        item, result, headers = self._open, self.panel.node.resultVolume, []

        def look_first(progress: Progress) -> None:
            headers.append(require_as_batch(item, self.panel.export.signing_key))
            require_free(item, progress)

        if not self.panel.look(_("Release"), look_first):
            return
        if not read_verdict(result).released:
            self.panel.review.on_sign_off()
        if read_verdict(result).released and self.panel.export.export(str(item.output), header=headers[0]):
            self._finish(item, _("released"))

    def on_reject(self, checked: bool = False) -> None:
        """Write the rejection, and go on."""
        item, remark = self._open, self.ui.remarkEdit.text
        if self.panel.look(_("Reject"), lambda progress: reject(self._path, item, remark)):
            self._finish(item, _("rejected"))

    def _finish(self, item: WorkItem, outcome: str) -> None:
        self._done[item.case] = outcome
        self.ui.remarkEdit.clear()
        self.update()
        self.on_next()
