"""Outputs of a batch: whose they are, what replaces them, and what is left where no new one came."""

from __future__ import annotations

from contextlib import closing

import pytest
from batches import batch, fill, ledger_of, rows_of, started, write_certificate_of
from FaceDeidLNLib.commands.batches.cases import find_cases
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.output.certificate import certificate_path


@pytest.mark.parametrize("name", ["pass", "bad", "review"])
def test_a_foreign_output_survives_any_number_of_runs(name, stand_in, tmp_path):
    fill(stand_in, name)
    (tmp_path / "out").mkdir()
    foreign = tmp_path / "out" / f"{name}.nrrd"
    foreign.write_text("somebody's")
    codes = [batch(stand_in, tmp_path / "out") for _ in range(3)]
    assert len(set(codes)) == 1
    assert codes[0] != 0
    assert foreign.read_text() == "somebody's"


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_a_folder_is_not_de_identified_into_itself(words, stand_in, capsys):
    fill(stand_in, "pass")
    for _ in range(2):
        assert batch(stand_in, stand_in, *words) == 2
        assert "is, holds or lies inside an input" in capsys.readouterr().err
    assert (stand_in / "pass.nrrd").read_text() == "pass"


def test_an_input_inside_the_output_folder_is_not_its_own_output(stand_in, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pass.nrrd").write_text("the CT")
    (tmp_path / "cases.csv").write_text("input,output\nout/pass.nrrd,\n")
    for _ in range(2):
        assert batch(tmp_path / "cases.csv", tmp_path / "out", "--overwrite") == 2
    assert (tmp_path / "out" / "pass.nrrd").read_text() == "the CT"


@pytest.mark.parametrize("output", ["nodes.nrrd", "series"])
def test_an_output_that_holds_or_is_what_another_case_reads_is_refused(output, tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text(f"input,nodes,output\nseries/ct.nrrd,,x.nrrd\nb.nrrd,nodes.nrrd,{output}\n")
    with pytest.raises(InputError, match="lies inside an input"):
        find_cases(table, tmp_path)


def test_a_release_that_is_to_be_replaced_leaves_the_results_where_no_new_one_came(stand_in, tmp_path):
    fill(stand_in, "pass")
    batch(stand_in, tmp_path / "out")
    there = [tmp_path / "out" / name for name in ("pass.nrrd", "pass.certificate.json")]
    before = [path.read_bytes() for path in there]
    (stand_in / "pass.nrrd").write_text("another CT under the same name")
    script = tmp_path / "stand_in"
    script.write_text(script.read_text().replace('if how == "pass":', 'how = "review"\n    if how == "pass":'))
    assert batch(stand_in, tmp_path / "out", "--overwrite") == 3
    assert not [path for path in there if path.exists()]
    aside = tmp_path / "out-superseded"
    assert [(aside / path.name).read_bytes() for path in there] == before
    assert aside.stat().st_mode & 0o077 == 0
    assert "the earlier release was set aside" in rows_of(tmp_path / "out")["pass"]["reasons"]


def test_a_release_that_cannot_be_set_aside_costs_its_case_alone(stand_in, tmp_path):
    fill(stand_in, "pass-1", "pass-2")
    batch(stand_in, tmp_path / "out")
    (tmp_path / "out-superseded").write_text("somebody's")
    (stand_in / "pass-1.nrrd").rename(stand_in / "review.nrrd")
    table = stand_in / "cases.csv"
    table.write_text("input,output\nreview.nrrd,pass-1.nrrd\npass-2.nrrd,\n")
    assert batch(table, tmp_path / "out", "--overwrite", "--jobs", "1") == 3
    rows = rows_of(tmp_path / "out")
    assert rows["pass-2"]["verdict"] == "PASS"
    assert "could not be set aside (File exists)" in rows["pass-1"]["reasons"]


def test_an_output_without_a_place_costs_its_case_alone(stand_in, tmp_path):
    fill(stand_in, "pass-1", "pass-2")
    (stand_in / "cases.csv").write_text("input,output\npass-1.nrrd,there/x.nrrd\npass-2.nrrd,\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "there").write_text("somebody's file, and no folder")
    assert batch(stand_in / "cases.csv", tmp_path / "out") == 2
    rows = rows_of(tmp_path / "out")
    assert rows["pass-2"]["verdict"] == "PASS"
    assert rows["there/x"]["reasons"].startswith("there is no place for its output")


def test_what_an_attempt_released_without_telling_leaves_the_results_where_the_next_one_releases_nothing(stand_in, tmp_path):
    fill(stand_in, "review")
    output = tmp_path / "out" / "review.nrrd"
    output.parent.mkdir()
    with closing(ledger_of(tmp_path / "out")) as ledger:
        ledger.begin("review")
    output.write_text("released by a process that was killed then")
    write_certificate_of(output)
    assert batch(stand_in, tmp_path / "out") == 3
    assert not output.exists()
    assert not certificate_path(output).exists()
    assert (tmp_path / "out-superseded" / "review.nrrd").exists()


def test_an_old_release_that_a_case_brought_back_stays(stand_in, tmp_path):
    fill(stand_in, "restore")
    output = tmp_path / "out" / "restore.nrrd"
    output.parent.mkdir()
    output.write_text("an old release")
    write_certificate_of(output)
    output.rename(f"{output}.old")
    certificate_path(output).rename(f"{output}.json")
    assert batch(stand_in, tmp_path / "out") == 2
    assert output.read_text() == "an old release"
    assert certificate_path(output).is_file()


@pytest.mark.parametrize("ending", [".nrrd", ".certificate.json"])
def test_an_output_that_is_not_the_released_one_is_told_and_replaced_only_with_overwrite(ending, stand_in, tmp_path, capsys):
    fill(stand_in, "pass")
    batch(stand_in, tmp_path / "out")
    (tmp_path / "out" / f"pass{ending}").write_text("{}")
    assert batch(stand_in, tmp_path / "out") == 2
    assert "is not what was released there" in capsys.readouterr().err
    assert (tmp_path / "out" / f"pass{ending}").read_text() == "{}"
    assert batch(stand_in, tmp_path / "out", "--overwrite") == 0
    assert (tmp_path / "out" / "pass.nrrd").read_text() == "released"


def test_a_released_output_that_is_gone_is_made_again(stand_in, tmp_path):
    fill(stand_in, "pass", "pass-2")
    batch(stand_in, tmp_path / "out")
    (tmp_path / "out" / "pass.nrrd").unlink()
    assert batch(stand_in, tmp_path / "out") == 0
    assert started(stand_in) == 3
    assert (tmp_path / "out" / "pass.nrrd").exists()


def test_an_output_without_row_is_replaced_where_the_batch_had_begun_it(stand_in, tmp_path):
    fill(stand_in, "pass")
    out = tmp_path / "out"
    out.mkdir()
    with closing(ledger_of(out)) as ledger:
        ledger.begin("pass")
    (out / "pass.nrrd").write_text("left by a killed batch")
    write_certificate_of(out / "pass.nrrd")
    assert batch(stand_in, out) == 0
    assert (out / "pass.nrrd").read_text() == "released"


def test_a_foreign_output_is_left_to_the_case_to_refuse(stand_in, tmp_path):
    fill(stand_in, "bad")
    out = tmp_path / "out"
    out.mkdir()
    (out / "bad.nrrd").write_text("somebody's")
    assert batch(stand_in, out) == 2
    assert (out / "bad.nrrd").read_text() == "somebody's"
