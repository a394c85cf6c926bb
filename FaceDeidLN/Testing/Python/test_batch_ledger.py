"""The ledger of a batch: whole rows, one writer, and the table that is exported from it."""

from __future__ import annotations

import contextlib
import csv
import errno
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from FaceDeidLNLib.commands.batches.ledger import Ledger, sole_batch
from FaceDeidLNLib.commands.batches.places import Places
from FaceDeidLNLib.commands.batches.report import write_report
from FaceDeidLNLib.commands.batches.row import COLUMNS, FIELDS, Row
from FaceDeidLNLib.commands.batches.summary import summary
from FaceDeidLNLib.core.errors import InputError, OutputError
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import ENVIRONMENT

ROW = Row(
    "a", "a, b.nrrd", "REVIEW", "tested", 'one; "two"', "1.0", "0.9", "250", 2, 3, "h", "v", "i", "o", '{"moved_mm": 2.0}', "l", "s", "r"
)


def opened(folder):
    return closing(Ledger(folder / "ledger.sqlite", folder / "results.csv"))


def test_only_one_batch_writes_to_a_folder(tmp_path):
    with sole_batch(tmp_path / "results.csv"), pytest.raises(OutputError), sole_batch(tmp_path / "results.csv"):
        pass


def test_parts_of_a_batch_do_not_wait_for_each_other(tmp_path):
    with sole_batch(tmp_path / "results-0-of-2.csv"), sole_batch(tmp_path / "results-1-of-2.csv"):
        pass


def test_rows_survive_writing_and_reading(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.put(ROW)
    with opened(tmp_path) as ledger:
        assert ledger.rows == {"a": ROW}
        ledger.export()
    assert (tmp_path / "results.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


def test_what_describes_a_face_or_an_input_stands_in_no_exported_table():
    assert not {"figures", "input_key", "left", "seen", "remark"} & set(COLUMNS)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_ledger_is_its_owners_alone(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.put(ROW)
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("ledger*")} == {0o600}


def test_what_was_begun_is_known_after_a_crash_and_no_more_when_it_has_its_row(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.begin("a")
        ledger.begin("b")
    with opened(tmp_path) as ledger:
        assert ledger.begun == {"a", "b"}
        ledger.put(ROW)
    with opened(tmp_path) as ledger:
        assert ledger.begun == {"b"}


def test_why_a_case_crashed_is_known_to_who_goes_on(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.begin("a", "b")
        ledger.crashed("a", "the process ended by SIGSEGV")
        ledger.begin("a")
        ledger.crashed("of nobody", "x")
    with opened(tmp_path) as ledger:
        assert ledger.crashes == {"a": ["the process ended by SIGSEGV"], "b": []}
        ledger.put(ROW)
    with opened(tmp_path) as ledger:
        assert ledger.crashes == {"b": []}


def test_a_transaction_that_was_torn_by_a_lost_power_is_not_there(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.put(ROW)
        ledger.begin("b")
        log = tmp_path / "ledger.sqlite-wal"
        torn = log.read_bytes()[:-100]
        main = (tmp_path / "ledger.sqlite").read_bytes()
    (tmp_path / "ledger.sqlite").write_bytes(main)
    log.write_bytes(torn)
    with opened(tmp_path) as ledger:
        assert (ledger.rows, ledger.begun) == ({"a": ROW}, set())


def test_a_table_of_another_file_and_a_file_of_another_program_are_refused(tmp_path):
    (tmp_path / "results.csv").write_text("name,weight\n")
    with pytest.raises(InputError, match="not of this batch"), opened(tmp_path):
        pass
    (tmp_path / "results.csv").unlink()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as other:
        other.execute("create table plums (weight)")
    with pytest.raises(InputError, match="no ledger of a batch"), opened(tmp_path):
        pass
    (tmp_path / "ledger.sqlite").write_bytes(b"a text" * 200)
    with pytest.raises(InputError, match="no ledger of a batch"), opened(tmp_path):
        pass


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_damaged_ledger_is_told_in_a_sentence(share, tmp_path):
    with opened(tmp_path) as ledger:
        ledger.keep(Row(f"case-{number}", "a.nrrd", verdict="PASS", reasons="x" * 200) for number in range(200))
    content = bytearray((tmp_path / "ledger.sqlite").read_bytes())
    at = int(share * len(content))
    content[at : at + 3000] = bytes(3000)
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(InputError, match="damaged|no ledger"), opened(tmp_path):
        pass


CELLS = st.none() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=9) | st.binary(max_size=9)


@settings(max_examples=25)
@given(field=st.sampled_from(FIELDS[1:]), value=CELLS)
def test_a_forged_ledger_is_read_as_rows_or_refused_in_a_sentence(tmp_path_factory, field, value):
    folder = tmp_path_factory.mktemp("forged")
    with opened(folder) as ledger:
        ledger.put(Row("one", output="one.nrrd"))
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as file, file:
        file.execute(f"update rows set {field} = ?", (value,))
    with contextlib.suppress(InputError), opened(folder) as ledger:
        summary(list(ledger.rows.values()), Places(folder), [])
        write_report(list(ledger.rows.values()), folder / "report.html", folder)


def test_of_a_forged_ledger_it_is_said_what_is_wrong(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.put(Row("one", output="one.nrrd"))
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file, file:
        file.execute("update rows set exit_code = 7")
    with pytest.raises(InputError, match="is damaged .exit code 7 after"), opened(tmp_path):
        pass


def test_a_ledger_of_another_version_is_told_in_a_sentence(tmp_path):
    with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file:
        file.execute("pragma user_version = 1")
    with pytest.raises(InputError, match="another version of the program"), opened(tmp_path):
        pass


def test_two_programs_on_one_ledger_are_told_apart_even_without_the_lock_of_the_folder(tmp_path):
    with opened(tmp_path) as ledger:
        ledger.put(ROW)
        with pytest.raises(OutputError, match="end whatever else has it open"), opened(tmp_path):
            pass


@pytest.mark.parametrize(("number", "said"), [(errno.ENOLCK, "cannot be locked"), (errno.EWOULDBLOCK, "Another batch")])
def test_a_disk_without_locks_is_not_taken_for_another_batch(number, said, tmp_path, monkeypatch):
    def refuse(handle):
        raise OSError(number, "no")

    monkeypatch.setattr("FaceDeidLNLib.commands.batches.ledger.lock", refuse)
    with pytest.raises(OutputError, match=said), sole_batch(tmp_path / "results.csv"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX resource limits")
def test_a_disk_that_fills_up_stops_the_batch_in_a_sentence_and_the_ledger_stays_whole(tmp_path):
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom FaceDeidLNLib.commands.batches.ledger import Ledger\n"
        "from FaceDeidLNLib.commands.batches.row import Row\nfrom FaceDeidLNLib.core.errors import OutputError\n"
        "folder = Path(sys.argv[1])\nledger = Ledger(folder / 'ledger.sqlite', folder / 'results.csv')\nledger.export()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n    for number in range(10_000):\n        ledger.put(Row(str(number), 'a.nrrd', reasons='x' * 500))\n"
        "except OutputError as problem:\n    print(number, problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    number, said = done.stdout.split(" ", 1)
    assert "cannot be written" in said
    with opened(tmp_path) as ledger:
        assert set(ledger.rows) >= {str(one) for one in range(int(number))}


def test_no_cell_is_a_formula(tmp_path):
    names = ["=cmd|'/c calc'!A0", "+1", "-2", "@sum", "'quoted", "plain"]
    with opened(tmp_path) as ledger:
        ledger.keep(Row(name, name, "PASS", "tested", f"={name}") for name in names)
    with (tmp_path / "results.csv").open(newline="") as lines:
        cells = [cell for line in csv.reader(lines) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    with opened(tmp_path) as ledger:
        assert set(ledger.rows) == set(names)
