"""Work that a button starts: progress with Cancel, undo, and one clear message where it fails."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..core.errors import Cancelled, FaceDeidError
from ..core.progress import Progress

#: What a message tells those who type: "(--overwrite)". The panel has no such options.
_OPTION = re.compile(r"\s*\(--[^()]*\)")


@contextmanager
def progress_dialog(title: str) -> Iterator[Progress]:
    """A progress callback with a dialog that lets events through and stops the work when the user cancels."""
    dialog = slicer.util.createProgressDialog(windowTitle=title, maximum=100, labelText=title, autoClose=False, autoReset=False)
    dialog.windowModality = qt.Qt.ApplicationModal

    def progress(fraction: float, message: str) -> None:
        dialog.labelText = message
        dialog.value = int(100 * fraction)
        slicer.app.processEvents()
        if dialog.wasCanceled:
            raise Cancelled(_("Cancelled"))

    try:
        progress(0.0, title)
        yield progress
    finally:
        dialog.close()
        dialog.deleteLater()


def guarded(title: str, say: Callable[[str], None], work: Callable[[], Any]) -> bool:
    """Do some work and return whether it was done; ``say`` takes one sentence for the panel, details go to the log."""
    try:
        work()
    except Cancelled:
        say(_("{title}: cancelled, nothing was changed.").format(title=title))
        return False
    except FaceDeidError as error:
        message = _sentence(str(error))
        logging.info("FaceDeidLN, %s: %s", title, message)
        logging.debug(traceback.format_exc())
        say(message)
        slicer.util.errorDisplay(message, windowTitle=title)
        return False
    except Exception as error:
        details = traceback.format_exc()
        message = _("{title} stopped unexpectedly: {error}. Nothing was released; details are in the log.").format(title=title, error=error)
        logging.error("FaceDeidLN, %s: %s", title, details)
        say(message)
        slicer.util.errorDisplay(message, windowTitle=title, detailedText=details)
        return False
    return True


def _sentence(text: str) -> str:
    text = _OPTION.sub("", text[:1].upper() + text[1:])
    return text if text.endswith((".", "!", "?")) else f"{text}."
