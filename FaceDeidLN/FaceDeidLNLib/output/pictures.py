"""The review picture: skin and slices, before and after, on one sheet; and the skin views for contact sheets."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.segment import BoxMask
from ..core.volume import Volume
from . import drawing
from .letters import edge_letters, text_image, write_png, write_text
from .panels import CHANGED_COLOR, FACE_COLOR, PANEL_PX, PROTECTED_COLOR, SKIN_VIEWS, Drawn, Panel, Shown, draw, shown
from .render import VIEWS, Skin, prepare_skin, skin_view, view_axes
from .review_folder import AFTER_FILE, BEFORE_FILE

__all__ = [
    "VIEWS",
    "Drawn",
    "Skin",
    "draw",
    "labelled_skin_view",
    "prepare_skin",
    "review_picture",
    "review_sheet",
    "shown",
    "skin_view",
]

#: Of the panels, those that a page of many cases shows: the skin from the front and from the right, and the sagittal slice.
_THUMBNAILS = (0, 1, 7)
#: Room for the title: a line, and a letter that is wider than most.
_TITLE_LINE_PX, _TITLE_LETTER_PX = 22, 9


def labelled_skin_view(
    volume: Volume | Skin, direction: str, size_px: int | tuple[int, int] = 320, focus_lps: np.ndarray | None = None, caption: str = ""
) -> np.ndarray:
    """A ``skin_view`` with the patient's directions at its borders and a caption: for contact sheets."""
    picture = skin_view(volume, direction, size_px, focus_lps)
    _label(picture, *view_axes(direction)[:2], caption)
    return picture


def _label(picture: np.ndarray, right: np.ndarray, down: np.ndarray, caption: str) -> None:
    letters = (drawing.direction_letters(v) for v in (-right, right, -down, down))
    edge_letters(picture, *letters)
    write_text(picture, caption, 6, 5)


def _label_panel(panel: Panel) -> None:
    """Write into the pictures of a panel what they show."""
    for picture, when in zip(panel.pictures, ("before", "after"), strict=False):
        _label(picture, panel.right, panel.down, f"{when}, {panel.name}")


def review_picture(drawn: Drawn, path: Path, title: str = "") -> None:
    """Write the review sheet as one PNG, and small pictures beside it; for one thread, which alone may draw letters.

    The picture shows the face, and says so: it belongs to the review material and nowhere else.

    :raises OutputError: the file cannot be written.
    """
    sheet = _sheet(drawn, title)
    for which, name in enumerate((BEFORE_FILE, AFTER_FILE)[: len(drawn.panels[0].pictures)]):
        write_png(drawing.grid([[drawn.panels[number].pictures[which] for number in _THUMBNAILS]]), path.with_name(name))
    warning = drawing.blank(sheet.shape[1], 24)
    write_text(warning, "This picture shows the face: do not share it.", 6, 5, drawing.FAINT)
    write_png(drawing.grid([[sheet], [warning]], gap=0), path)


def review_sheet(
    original: Volume,
    result: Volume | None,
    segment: BoxMask | None,
    protected: Sequence[BoxMask],
    title: str = "",
    panel_px: int = PANEL_PX,
) -> np.ndarray:
    """The review sheet as an array (height, width, 3) uint8; arguments as of ``shown``."""
    return _sheet(draw(shown(original, result, segment, protected, panel_px)), title)


def _sheet(drawn: Drawn, title: str) -> np.ndarray:
    case, half = drawn.case, len(SKIN_VIEWS)
    for panel in drawn.panels:
        _label_panel(panel)
    pairs = [panel.pictures for panel in drawn.panels]
    rows = [[pair[which] for pair in part] for part in (pairs[:half], pairs[half:]) for which in range(len(pairs[0]))]
    width = half * case.panel_px + (half - 1) * 6
    return drawing.grid([[_heading(title, width)], *rows, [_legend(case, width)]])


def _heading(title: str, width: int) -> np.ndarray:
    lines = textwrap.wrap(title or "Review", width // _TITLE_LETTER_PX) or [""]
    paper = drawing.blank(width, _TITLE_LINE_PX * len(lines) + 4)
    for number, line in enumerate(lines):
        write_text(paper, line, 6, 4 + _TITLE_LINE_PX * number, size_px=16)
    return paper


def _legend(case: Shown, width: int) -> np.ndarray:
    line = drawing.blank(width, 24)
    entries = [("face segment", FACE_COLOR, case.segment is not None), ("changed", CHANGED_COLOR, case.result is not None)]
    entries.append(("protected", PROTECTED_COLOR, bool(case.protected)))
    x = 6
    for text, color, is_there in entries:
        if is_there:
            line[6:18, x : x + 12] = color
            write_text(line, text, x + 18, 5)
            x += 40 + text_image(text).shape[1]
    return line
