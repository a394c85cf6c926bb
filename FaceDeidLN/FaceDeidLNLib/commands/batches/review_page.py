"""The page on which a person goes through what waits: before and after of each case, and a decision. IT SHOWS FACES.

It lies in the folder of ``--qa``, for its owner alone, and needs no network and no server: pictures are those of the cases' folders,
decisions are kept by the browser and saved as the CSV that ``batch --decisions`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from ...core.errors import OutputError
from ...core.private import write_private
from ...output.review_folder import AFTER_FILE, BEFORE_FILE, PICTURE_FILE
from .cases import Case
from .decisions import COLUMNS, DECISIONS
from .row import Row

_PLACE = "/*DATA*/"


def review_html(cases: list[dict[str, str]], saved_as: str) -> str:
    """The page of these cases; names and reasons stand in it as data, never as markup."""
    data = {"cases": cases, "columns": COLUMNS, "decisions": DECISIONS, "file": saved_as}
    text = json.dumps(data).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    page = files(__package__).joinpath("review_page.html").read_text(encoding="utf-8")
    return page.replace(_PLACE, text)


def write_review_page(done: Iterable[tuple[Case, Row]], qa: Path, saved_as: str, ending: str) -> Path:
    """Write the page of the cases that wait and have pictures.

    :raises OutputError: it cannot be written.
    """
    cases = [_shown(row, qa) for _, row in done if row.waits and (qa / row.case / BEFORE_FILE).is_file()]
    path = qa / f"review{ending}.html"
    try:
        qa.mkdir(parents=True, exist_ok=True)
        write_private(path, review_html(cases, saved_as))
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
    return path


def _shown(row: Row, qa: Path) -> dict[str, str]:
    pictures = {"before": BEFORE_FILE, "after": AFTER_FILE, "all": PICTURE_FILE}
    there = {name: quote(f"{row.case}/{file}") for name, file in pictures.items() if (qa / row.case / file).is_file()}
    return {"case": row.case, "verdict": row.verdict, "reasons": row.reasons, "result": row.seen, **there}
