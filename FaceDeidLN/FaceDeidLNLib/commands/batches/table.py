"""The table of a batch's cases as a CSV file: commas, or what spreadsheets of other languages write between the cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...core.errors import InputError
from ...core.plain_files import read_table_text
from ...input.file_names import require_no_index

#: Columns of the CSV and the option that each stands for; several files in one field have ";" between them.
FILE_COLUMNS = {
    "nodes": "--nodes",
    "protect": "--protect",
    "landmarks": "--landmarks",
    "curve": "--curve",
    "face_segment": "--face-segment",
}
#: Those of which a case has one.
_ONE_FILE = ("landmarks", "curve", "face_segment")
#: No batch has more.
MOST_CASES = 100_000
_COLUMNS = ("input", "output", *FILE_COLUMNS, "node_segments", "series")
#: A first line that tells a spreadsheet what stands between the cells.
_NAMED_DELIMITER = re.compile(r"sep=([,;\t])\r?\n")
_NO_CSV = "no CSV file in UTF-8: save it as one (in a spreadsheet: CSV UTF-8), with commas."


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """The cells of each case by the names of their columns.

    :raises InputError: the file is no such table, has a column that nobody knows, or more cases than a batch has.
    """
    require_no_index(path)
    try:
        text = read_table_text(path)
        lines = list(_lines(text))
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror or problem}): check the file and its permissions.") from problem
    except UnicodeDecodeError as problem:
        raise InputError(f"{path} is {_NO_CSV}") from problem
    except csv.Error as problem:
        raise InputError(f"{path} cannot be read as a table ({problem}): look for a quote that has no end.") from problem
    if len(lines) > 1 + MOST_CASES:
        raise InputError(f"{path} has {len(lines) - 1} cases: a batch has at most {MOST_CASES}, make several of it.")
    if "\0" in text:
        raise InputError(f"{path} is {_NO_CSV}")
    names = [name.lower() for name in lines[0][1]] if lines else []
    if wrong := _why_no_table(names):
        raise InputError(f"{path} {wrong}; the columns are {', '.join(_COLUMNS)}, with commas between them.")
    for number, cells in lines[1:]:
        row = dict(zip(names, cells, strict=False))
        what = f"has more fields in line {number} than columns" if len(cells) > len(names) else ""
        what = what or ("" if row.get("input") else f"names no input in line {number}")
        if what := what or _why_too_many(row, number):
            raise InputError(f"{path} {what}; the columns are {', '.join(_COLUMNS)}, with commas between them.")
        yield row


def _why_too_many(row: Mapping[str, str], number: int) -> str:
    """Which column names several files in line ``number`` where a case has one; empty where none does."""
    many = [name for name in _ONE_FILE if len(list(filter(str.strip, row.get(name, "").split(";")))) > 1]
    return f"names several files of {many[0]} in line {number}, and a case has one" if many else ""


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that hold something, each with its number, and without the empty cells that spreadsheets leave behind the last.

    Raises csv.Error where a quote has no end, which would take the next cases for a part of a name.
    """
    named = _NAMED_DELIMITER.match(text)
    text, mark = (text[named.end() :], named[1]) if named else (text, _delimiter(text))
    table = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True, strict=True)
    for cells in table:
        told = [cell.strip() for cell in cells]
        while told and not told[-1]:
            told.pop()
        if told:
            yield table.line_num + bool(named), told


def _delimiter(text: str) -> str:
    """The comma; the semicolon or tab of spreadsheets in most languages, where the names of the columns have it between them."""
    first = text.lstrip().partition("\n")[0]
    return next((mark for mark in ";\t" if mark in first and "," not in first), ",")


def _why_no_table(names: Sequence[str]) -> str:
    """What is wrong with the first line of the CSV; empty where nothing is."""
    if "" in names:
        return "has a column without a name"
    if unknown := [name for name in names if name not in _COLUMNS]:
        return f"does not know the column {', '.join(name[:40] for name in unknown[:5])}"
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        return f"has the column {twice[0]} twice, where several files stand in one field with ; between them"
    return "" if "input" in names or not names else "has no column input"
