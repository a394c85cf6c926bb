"""The page on which a person goes through what waits: before and after of each case, and a decision. IT SHOWS FACES.

It lies in the folder of ``--qa``, for its owner alone, and needs no network and no server: pictures are those of the cases' folders,
decisions are kept by the browser and saved as the CSV that ``batch --decisions`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...core.errors import OutputError
from ...core.private import write_private
from ...output.decisions import COLUMNS, DECISIONS
from ...output.review_folder import AFTER_FILE, BEFORE_FILE, PICTURE_FILE
from .cases import Case
from .row import Row

_PLACE = "/*DATA*/"


def review_html(cases: list[dict[str, Any]], saved_as: str) -> str:
    """The page of these cases; names and reasons stand in it as data, never as markup."""
    data = {"cases": cases, "columns": COLUMNS, "decisions": DECISIONS, "file": saved_as}
    text = json.dumps(data).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    page = files(__package__).joinpath("review_page.html").read_text(encoding="utf-8")
    return page.replace(_PLACE, text)


def write_review_page(done: Iterable[tuple[Case, Row]], qa: Path, saved_as: str, ending: str) -> Path:
    """Write the page of the cases that wait and have pictures.

    :raises OutputError: it cannot be written.
    """
    cases = [shown for _, row in done if row.waits and (shown := _shown(row, qa))["pictures"]]
    path = qa / f"review{ending}.html"
    try:
        qa.mkdir(parents=True, exist_ok=True)
        write_private(path, review_html(cases, saved_as))
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
    return path


def _shown(row: Row, qa: Path) -> dict[str, Any]:
    """A case in the page; of a study, which has a sheet for each series, all sheets."""
    folder = qa / row.case
    pair = [name for name in (BEFORE_FILE, AFTER_FILE) if (folder / name).is_file()]
    names = pair or sorted(path.name for path in folder.glob("*.png") if path.name != PICTURE_FILE)
    shown = {"case": row.case, "verdict": row.verdict, "reasons": row.reasons, "result": row.seen}
    shown["pictures"] = [quote(f"{row.case}/{name}") for name in names]
    return {**shown, "all": quote(f"{row.case}/{PICTURE_FILE}")} if (folder / PICTURE_FILE).is_file() else shown
