"""The files that a batch writes beside its outputs take the place of its own earlier ones, and of nothing else that lies there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...core.errors import InputError
from ...core.plain_files import open_plain
from ...output.destination import require_destination
from ...output.worklist import COLUMNS
from .cases import INPUTS_COLUMNS
from .places import Places
from .report import is_report

#: So many bytes tell what a file is.
_BEGINNING = 1000


def require_own_files(places: Places, report: Path | None = None) -> None:
    """What lies under the names of lists and report is an earlier one; ``report`` as of ``--report``. Before any work.

    :raises InputError: it is something else, an input perhaps, or nothing can be written there.
    """
    kinds: tuple[tuple[Path, Callable[[str], bool]], ...] = (
        (places.inputs, lambda text: _begins(text, INPUTS_COLUMNS)),
        (places.worklist, lambda text: _begins(text, COLUMNS[:3])),
        (report or places.report, is_report),
    )
    for path, is_own in kinds:
        require_destination(path, True)
        if path.exists() and not is_own(_beginning(path)):
            raise InputError(
                f"{path} is there and was not written by a batch, which would replace it: move it away, or name another place."
            )


def _begins(text: str, columns: tuple[str, ...]) -> bool:
    return text.removeprefix("\ufeff").startswith(",".join(columns))


def _beginning(path: Path) -> str:
    """The first of a file's text; empty of what cannot be read."""
    try:
        with open_plain(path) as file:
            return file.read(_BEGINNING).decode(errors="replace")
    except OSError:
        return ""
