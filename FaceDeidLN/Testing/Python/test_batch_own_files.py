"""What a batch writes beside its outputs takes the place of its own earlier files, and of nothing else."""

from __future__ import annotations

import pytest
from batches import batch, fill, rows_of
from FaceDeidLNLib.commands.batches.cases import Case
from FaceDeidLNLib.commands.batches.loop import Setting, words_of
from FaceDeidLNLib.commands.batches.task import Limits
from FaceDeidLNLib.commands.main import make_parser


@pytest.mark.parametrize("place", ["pass.nrrd", "cases.csv", "out/pass.nrrd", "."])
def test_a_report_takes_the_place_of_no_other_file(place, stand_in, tmp_path):
    fill(stand_in, "pass")
    table = stand_in / "cases.csv"
    table.write_text("input\npass.nrrd\n")
    assert batch(table, stand_in / "out") == 0
    before = {path: path.read_bytes() for path in stand_in.rglob("*") if path.is_file()}
    assert batch(table, stand_in / "out", "--report", str(stand_in / place)) == 2
    assert {path: path.read_bytes() for path in before} == before


def test_a_report_adds_nothing_to_what_is_read(stand_in, tmp_path, capsys):
    (stand_in / "pass").mkdir()
    (stand_in / "pass" / "1.dcm").touch()
    assert batch(stand_in, tmp_path / "out", "--report", str(stand_in / "pass" / "report.html")) == 2
    assert "lies inside" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_report_takes_the_place_of_an_earlier_one(stand_in, tmp_path):
    fill(stand_in, "pass")
    words = (stand_in, tmp_path / "out", "--report", str(tmp_path / "report.html"))
    assert [batch(*words), batch(*words)] == [0, 0]


@pytest.mark.parametrize("name", ["out-inputs.csv", "out-worklist.csv"])
def test_a_table_of_cases_that_is_called_as_a_list_of_the_batch_stays(name, stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    table = stand_in / name
    table.write_text("input,output\npass.nrrd,a.nrrd\n")
    assert batch(table, stand_in / "out") == 2
    assert f"{table} is there and was not written by a batch" in capsys.readouterr().err
    assert table.read_text() == "input,output\npass.nrrd,a.nrrd\n"


def test_a_name_that_begins_as_an_option_is_the_name_of_a_segment(tmp_path):
    case = Case("a", tmp_path / "a.nrrd", "a.nrrd", (("--nodes", tmp_path / "n.nrrd"),), ("--node-segments", "-LN,Ia", "--series", "--qa"))
    setting = Setting(tmp_path, ("--node-segments", "--overwrite"), Limits(1.0, None, 1))
    options = make_parser().parse_args(list(words_of(case, setting)))
    assert (options.node_segments, options.series, options.overwrite) == (["-LN", "Ia", "--overwrite"], "--qa", False)


@pytest.mark.parametrize("column", ["landmarks", "curve", "face_segment"])
def test_two_files_where_a_case_has_one_are_refused(column, stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    table = stand_in / "cases.csv"
    table.write_text(f"input,output,{column}\npass.nrrd,a.nrrd,x;y\n")
    assert batch(table, tmp_path / "out") == 2
    assert f"names several files of {column} in line 2" in capsys.readouterr().err
    table.write_text(f"input,output,{column}\npass.nrrd,a.nrrd,x;\n")
    assert batch(table, tmp_path / "out") == 0
    assert rows_of(tmp_path / "out")["a"]["verdict"] == "PASS"
