"""Batches of whole studies: each folder is one study, released whole with its certificate, or refused with the reason."""

from __future__ import annotations

import json

import pytest
from batches import batch, rows_of
from FaceDeidLNLib.commands.study import plain_reasons
from FaceDeidLNLib.output.certificate import STUDY_SCHEMA, certificate_path, is_certified
from FaceDeidLNLib.output.worklist import read_worklist
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.study import run as study_run
from FaceDeidLNLib.study.family import Options
from FaceDeidLNLib.study.outcome import Decision
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.proof import Proof
from FaceDeidLNLib.study.report import Report, StudyResult
from synthetic_study import StudyFolder
from written import write_volume


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A folder with one whole study, a folder with two studies, and a CT that is a file."""
    folder = tmp_path_factory.mktemp("studies")
    phantom = make_phantom((4.0, 4.0, 4.0), seed=1)
    StudyFolder(folder / "in" / "whole", phantom).series(phantom.ct, "ct", "Doe, John: neck")
    for name in ("a", "b"):
        (folder / "in" / "two").mkdir(exist_ok=True)
        StudyFolder(folder / "in" / "two" / name, phantom).series(phantom.ct, "ct", "Head")
    write_volume(make_phantom((6.0, 6.0, 6.0), seed=2).ct, folder / "in" / "single.nrrd")
    return folder


def test_each_study_is_released_whole_or_refused_and_a_second_run_leaves_it(studies, tmp_path):
    words = (studies / "in", tmp_path / "out", "--studies", "--withhold-doubtful", "--accept-recognisable", "--jobs", "1")
    assert batch(*words) == 2
    rows = rows_of(tmp_path / "out")
    assert {name: row["verdict"] for name, row in rows.items()} == {"whole": "PASS", "two": "BAD INPUT", "single": "PASS"}
    assert is_certified(tmp_path / "out" / "single.nrrd")
    assert "holds 2 studies" in rows["two"]["reasons"]
    output = tmp_path / "out" / "whole"
    assert is_certified(output)
    assert json.loads(certificate_path(output).read_text())["schema"] == STUDY_SCHEMA
    assert not (tmp_path / "out" / "two").exists()
    assert read_worklist(tmp_path / "out-worklist.csv") == ()  # the panel opens single CTs
    before = certificate_path(output).read_bytes()
    assert batch(*words) == 2
    assert certificate_path(output).read_bytes() == before


def test_the_reasons_of_a_study_tell_no_name_of_a_series(studies):
    planned = plan(studies / "in" / "whole").studies[0]
    doubt = Decision.doubt("it cannot be judged")
    reports = tuple(Report(entry, doubt) for entry in planned.entries)
    result = StudyResult(planned, reports, ("CT series 'Doe, John: neck': it cannot be judged",))
    assert plain_reasons(result) == ["CT: it cannot be judged"]


def test_the_reasons_of_a_study_that_its_proof_stopped_tell_no_name_of_a_series(studies, tmp_path, monkeypatch):
    monkeypatch.setattr(study_run, "prove", lambda root, *_: Proof((), ((root / "01-CT", "01-CT shows the old skin"),)))
    planned = plan(studies / "in" / "whole")
    options = Options(accept_recognisable=True)
    result = study_run.run_one(planned.studies[0], planned.folder, tmp_path / "out", options)
    assert any("Doe, John" in reason for reason in result.reasons), "nothing tells the name, so this proves nothing"
    assert plain_reasons(result) == ["01-CT shows the old skin"]
