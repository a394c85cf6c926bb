"""The work list that goes from the batch to the panel."""

import csv
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.output.worklist import COLUMNS, WorkItem, read_worklist, write_worklist

FULL = WorkItem(
    "p 1",
    Path("/data/Müller, A/ct.nrrd"),
    Path("/out/p 1.nrrd"),
    "REVIEW",
    'the nose "is" not found, look',
    Path("/qa/p 1"),
    (Path("/a,b.nrrd"), Path("/c.nrrd")),
    (Path("/d.nrrd"),),
    Path("/l.mrk.json"),
    Path("/c.mrk.json"),
    Path("/f.nrrd"),
    ("Ia", "left Ib"),
    "1.2.3",
    "mend the chin",
    "research, device-identity",
    Path("/keys/project; one.key"),
    Path("/keys/patients.csv"),
    "+b/c=",
    "0123456789abcdef",
)


def test_what_is_written_is_read_back(tmp_path):
    items = (FULL, WorkItem("bare", Path("/x.nrrd"), Path("/y.nrrd")))
    write_worklist(items, tmp_path / "list.csv")
    assert read_worklist(tmp_path / "list.csv") == items


def test_a_list_of_an_older_version_says_nothing_of_how_releases_are_made(tmp_path):
    write_worklist((FULL,), tmp_path / "list.csv")
    with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row[: COLUMNS.index("header")] for row in csv.reader(lines)]
    with (tmp_path / "list.csv").open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows(rows)
    assert read_worklist(tmp_path / "list.csv") == (replace(FULL, header="", key=None, patients=None, signed="", left=""),)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_list_is_for_its_owner_alone(tmp_path):
    write_worklist((FULL,), tmp_path / "list.csv")
    assert stat.S_IMODE((tmp_path / "list.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["case,ct\n1,2\n", ",".join(COLUMNS) + "\na,,/out\n", ",".join(COLUMNS) + "\na,/ct\n", "\xff"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "list.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="work list"):
        read_worklist(tmp_path / "list.csv")
