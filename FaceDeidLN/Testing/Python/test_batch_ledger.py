"""The results file of a batch: whole rows, one writer."""

from __future__ import annotations

import pytest
from FaceDeidLNLib.commands.ledger import COLUMNS, Ledger, Row, sole_batch
from FaceDeidLNLib.core.errors import OutputError


def test_only_one_batch_writes_to_a_folder(tmp_path):
    with sole_batch(tmp_path), pytest.raises(OutputError), sole_batch(tmp_path):
        pass


def test_rows_survive_writing_and_reading(tmp_path):
    row = Row("a", "/in/a, b.nrrd", "a.nrrd", "REVIEW", "tested", 'one; "two"', "1.0", 3, "k")
    Ledger(tmp_path / "results.csv").keep([row])
    assert Ledger(tmp_path / "results.csv").rows == {"a": row}
    assert (tmp_path / "results.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
