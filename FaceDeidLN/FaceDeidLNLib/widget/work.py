"""Work that a button starts: progress with Cancel, undo, and one clear message where it fails."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..core.errors import Cancelled, FaceDeidError
from ..core.progress import Progress
from ..steps.words import without_options


@contextmanager
def progress_dialog(title: str, after_ms: int = 0) -> Iterator[Progress]:
    """A progress callback with a dialog that lets events through and stops the work when the user cancels.

    With ``after_ms`` the dialog appears when the work has lasted so long or is expected to; until then no event gets through.
    """
    options = {"autoClose": False, "autoReset": False, "minimumDuration": after_ms}
    dialog = slicer.util.createProgressDialog(windowTitle=title, maximum=100, labelText=title, **options)
    dialog.windowModality = qt.Qt.ApplicationModal
    begin = time.monotonic()

    def progress(fraction: float, message: str) -> None:
        dialog.labelText = message
        dialog.value = int(100 * fraction)
        if not dialog.visible and not dialog.wasCanceled and 1000 * (time.monotonic() - begin) >= after_ms:
            dialog.show()
        if dialog.visible:
            slicer.app.processEvents()
        if dialog.wasCanceled:
            raise Cancelled(_("Cancelled"))

    try:
        progress(0.0, title)
        yield progress
    finally:
        dialog.close()
        dialog.deleteLater()


def fit_to_text(table: Any) -> None:  # noqa: ANN401  a QTableWidget
    """Let a table's rows and columns be as large as their texts, whatever the font is; the last column takes the rest."""
    for header in (table.horizontalHeader(), table.verticalHeader()):
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(table.columnCount - 1, qt.QHeaderView.Stretch)


def fill(table: Any, rows: Sequence[Sequence[str]]) -> None:  # noqa: ANN401  a QTableWidget
    """Texts in a table that fits them, each with itself as tooltip; all are measured once, and not again for each cell that is set."""
    for header in (table.horizontalHeader(), table.verticalHeader()):
        header.setSectionResizeMode(qt.QHeaderView.Fixed)
    table.setRowCount(len(rows))
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(row, column, item)
    fit_to_text(table)


def name_parts(widget: Any) -> None:  # noqa: ANN401  a ctkSliderWidget, a qMRMLNodeComboBox
    """What takes the keyboard inside a widget has the widget's name for screen readers."""
    for part in widget.children():
        if part.isWidgetType():
            part.accessibleName = widget.accessibleName
            name_parts(part)


def popup(message: str, **details: str) -> None:
    """Show a message that the user has to close."""
    slicer.util.errorDisplay(message, **details)


def no_popup(message: str, **details: str) -> None:
    """For what the user did not ask for by a click: the sentence at the panel's foot is enough."""


def guarded(title: str, say: Callable[[str], None], work: Callable[[], Any], show: Callable[..., None] = popup) -> bool:
    """Do some work and return whether it was done; ``say`` takes one sentence for the panel, details go to the log."""
    try:
        work()
    except Cancelled:
        say(_("{title}: cancelled, nothing was changed.").format(title=title))
        return False
    except FaceDeidError as error:
        message = as_sentence(str(error))
        logging.info("FaceDeidLN, %s: %s", title, message)
        logging.debug(traceback.format_exc())
        say(message)
        show(message, windowTitle=title)
        return False
    except Exception as error:
        details = traceback.format_exc()
        message = _("{title} stopped unexpectedly: {error}. Nothing was released; details are in the log.").format(title=title, error=error)
        logging.error("FaceDeidLN, %s: %s", title, details)
        say(message)
        show(message, windowTitle=title, detailedText=details)
        return False
    return True


def as_sentence(text: str) -> str:
    """A message as a sentence of its own; one that begins with a file's name leaves that as it is."""
    is_word = re.match(r"[^\W\d_]+(?=[ ,:;]|$)", text)
    text = without_options(text[:1].upper() + text[1:] if is_word else text)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def new_item(entries: Any, text: str) -> Any:  # noqa: ANN401  a QListWidget and its QListWidgetItem
    """A new last item that the list itself has made: no Python object owns it."""
    entries.addItem(text)
    return entries.item(entries.count - 1)
