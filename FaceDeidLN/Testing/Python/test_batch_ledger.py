"""The results file of a batch: whole rows, one writer."""

from __future__ import annotations

import csv

import pytest
from FaceDeidLNLib.commands.ledger import COLUMNS, Ledger, Row, sole_batch
from FaceDeidLNLib.core.errors import OutputError


def test_only_one_batch_writes_to_a_folder(tmp_path):
    with sole_batch(tmp_path / "results.csv"), pytest.raises(OutputError), sole_batch(tmp_path / "results.csv"):
        pass


def test_parts_of_a_batch_do_not_wait_for_each_other(tmp_path):
    with sole_batch(tmp_path / "results-0-of-2.csv"), sole_batch(tmp_path / "results-1-of-2.csv"):
        pass


def test_rows_survive_writing_and_reading(tmp_path):
    row = Row("a", "a, b.nrrd", "REVIEW", "tested", 'one; "two"', "1.0", "250", 2, 3, "k")
    Ledger(tmp_path / "results.csv").keep([row])
    assert Ledger(tmp_path / "results.csv").rows == {"a": row}
    assert (tmp_path / "results.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


def test_no_cell_is_a_formula_and_names_come_back_as_they_were(tmp_path):
    names = ["=cmd|'/c calc'!A0", "+1", "-2", "@sum", "'quoted", "plain"]
    rows = [Row(name, name, "PASS", "tested", f"={name}", "1.0", "250", 1, 0, "k") for name in names]
    Ledger(tmp_path / "results.csv").keep(rows)
    with (tmp_path / "results.csv").open(newline="") as lines:
        cells = [cell for line in csv.reader(lines) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert list(Ledger(tmp_path / "results.csv").rows) == names
