"""Cells of tables that people open in spreadsheets: shown as they are, and never computed."""

from __future__ import annotations

import re

#: What makes a cell a formula, in Japanese programs in full width too; after blanks, and after a sign that parts cells in other languages
#: (OWASP, CSV Injection). A quote that is there already gets another one, so that it comes back.
_FORMULA = re.compile(r"(^|[;\t])(\s*)(?=[=+\-@\t\r\n'\uFF1D\uFF0B\uFF0D\uFF20])")
_QUOTED = re.compile(r"(^|[;\t])(\s*)'")


def as_cell(text: str) -> str:
    """The text of a cell with a quote before whatever a spreadsheet would compute."""
    return _FORMULA.sub(r"\1\2'", text)


def from_cell(cell: str) -> str:
    """The text that ``as_cell`` was given."""
    return _QUOTED.sub(r"\1\2", cell)
