"""Whole studies: one outcome per instance, one face for all series, and nothing of a study that is not wholly right."""

from __future__ import annotations

import binascii
import json
import shutil
import struct
from dataclasses import replace
from decimal import InvalidOperation
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pydicom
import pytest
from dicom_series import spoil
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import in_words
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.header.policy import policy_named
from FaceDeidLNLib.header.proof import Finding
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.certificate import certificate_path
from FaceDeidLNLib.output.signing import is_own_release
from FaceDeidLNLib.study import ct as ct_family
from FaceDeidLNLib.study import run as study_run
from FaceDeidLNLib.study.certificate import certificate_path_of, without_originals
from FaceDeidLNLib.study.family import Options
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.plan import Plan, plan
from FaceDeidLNLib.study.report import StudyResult
from FaceDeidLNLib.study.rules import RULES, rule_for
from FaceDeidLNLib.study.run import run
from pydicom.uid import UID_dictionary
from synthetic_study import StudyFolder, study_phantom, write_ct_study
from test_signing import key_file

pytestmark = pytest.mark.usefixtures("heads_remembered")

#: One seed, so that the CT that decides is the same in every run.
ASKED = Options(parameters=Parameters(seed=11))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyFolder:
    return write_ct_study(tmp_path_factory.mktemp("study") / "in", study_phantom())


@pytest.fixture(scope="module")
def planned(study) -> Plan:
    return plan(study.folder)


@pytest.fixture(scope="module")
def pair(study, tmp_path_factory) -> Plan:
    """The plan of two series of the study alone."""
    folder = tmp_path_factory.mktemp("pair") / "in"
    for name in ("a", "b"):
        shutil.copytree(study.folder / name, folder / name)
    return plan(folder)


@pytest.fixture(scope="module")
def released(planned, tmp_path_factory) -> StudyResult:
    folder = tmp_path_factory.mktemp("released")
    return run(planned, folder / "out", replace(ASKED, signing_key=key_file(folder)))[0]


def outcomes(result: StudyResult) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for report in result.reports:
        found.setdefault(report.entry.instance.text("SeriesDescription"), set()).add(report.decision.outcome.value)
    return found


def test_every_instance_has_one_planned_outcome_with_a_reason(study, planned):
    entries = planned.studies[0].entries
    files = [path for path in study.folder.rglob("*") if path.is_file()]
    assert sorted(entry.instance.path for entry in entries) == sorted(files)
    assert all(entry.decision.reason for entry in entries)


def test_the_table_names_each_class_once():
    assert len({rule.sop_class for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.sop_class in UID_dictionary], ids=lambda rule: rule.root)
def test_a_class_is_called_as_the_standard_calls_it(rule):
    assert rule.name == UID_dictionary[rule.sop_class][0].removesuffix(" Storage")


def test_a_class_that_nobody_named_is_withheld():
    assert rule_for("1.2.3").family == "withheld"


def test_a_class_without_a_rule_is_told_by_the_name_that_the_standard_gives_it():
    names = [rule_for(one).name for one in ("1.2.840.10008.5.1.4.1.1.1.2.1", "1.2.3", "", "Miller")]
    assert names == ["Digital Mammography X-Ray Image Storage - For Processing", "SOP class 1.2.3", "SOP class (none)", "SOP class Miller"]


def test_a_dry_run_writes_nothing(study, tmp_path, capsys):
    assert main(["study", str(study.folder), str(tmp_path / "out"), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {item["outcome"] for item in said["studies"][0]["instances"]} == {"deface", "follow", "withhold"}
    assert not (tmp_path / "out").exists()


def test_a_ct_study_is_released_whole(released):
    assert released.verdict == "PASS", released.reasons
    kinds = outcomes(released)
    assert kinds["Head coronal"] == {"follow"}
    assert sorted(kinds["Head thin"] | kinds["Head sharp"]) == ["deface", "follow", "withhold"]
    assert kinds["Scout"] == {"withhold"}


def test_every_released_ct_lies_away_from_the_old_skin(released):
    assert len(released.proof.surfaces) == 3
    assert all(surface.median_mm > 3.0 for surface in released.proof.surfaces)


def test_siblings_have_the_same_new_surface(released, study):
    """On average the old face comes back no better than from one of them: what differs between siblings is noise alone."""
    folders = [path for path in sorted(released.output.iterdir()) if path.is_dir()]
    volumes = {pydicom.dcmread(next(path.glob("*.dcm"))).SeriesDescription: read_ct(path).volume for path in folders}
    thin, sharp = volumes["Head thin"], volumes["Head sharp"]
    changed = thin.array != study.phantom.ct.array
    apart = np.abs(thin.array.astype(float) - sharp.array)[changed]
    assert np.mean(apart > 400) < 0.02


def test_nothing_outside_the_face_changes_in_a_series_that_follows(released, study):
    folder = next(path for path in sorted(released.output.iterdir()) if path.is_dir() and _described(path) == "Head sharp")
    before, after = read_ct(study.folder / "b").volume, read_ct(folder).volume
    changed = before.array != after.array
    behind = before.geometry.to_lps(np.argwhere(changed))[:, 1]
    assert changed.any()
    assert behind.max() < 30.0


def _described(folder: Path) -> str:
    return pydicom.dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).SeriesDescription


def test_references_and_uids_of_a_released_study_are_new(released, study):
    old = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in study.folder.rglob("*.dcm")}
    new = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in released.output.rglob("*.dcm")}
    assert not old & new


def test_the_certificate_lists_every_instance_and_no_old_uid(released, study):
    text = released.output.with_name(released.output.name + ".certificate.json").read_text()
    said = json.loads(text)
    assert len(said["instances"]) == len(released.reports)
    assert not any(entry.instance.uid in text for entry in released.planned.entries)


def test_a_reason_tells_the_certificate_no_uid_and_no_name_of_a_file(study, tmp_path):
    """Names and UIDs of so many digits look like hashes of the old voxels, too, which would stop the study."""
    shutil.copytree(study.folder / "a", tmp_path / "in" / "a")
    (tmp_path / "in" / "b").mkdir()
    names = [f"2.25.{10**38 + number}.dcm" for number, _ in enumerate(sorted((study.folder / "b").iterdir()))]
    for name, path in zip(names, sorted((study.folder / "b").iterdir()), strict=True):
        shutil.copy(path, tmp_path / "in" / "b" / name)
    spoil(tmp_path / "in" / "b" / names[0], BitsAllocated=32)
    unknown, sop_class = tmp_path / "in" / "unknown.dcm", f"2.25.{10**38}"
    shutil.copy(study.folder / "unknown.dcm", unknown)
    spoil(unknown, SOPClassUID=sop_class)
    result = run(plan(tmp_path / "in"), tmp_path / "out", replace(ASKED, withhold_doubtful=True))[0]
    reasons = {one["reason"] for one in json.loads(certificate_path_of(result.output).read_text())["instances"]}
    assert any("a file has 32 bits per voxel" in reason for reason in reasons)
    assert not any(word in reason for reason in reasons for word in (*names, sop_class))


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("choose one among 1.2.840.113619.2.55#1 (1, 70 slices); 1.2.840.113619.2.55#2", "choose one among (UID) (1, 70 slices); (UID)"),
        ("CT000001 ends before its data do", "a file ends before its data do"),
        (f"1 structure still follows the old skin: '{'d41d8cd9' * 4}'", "1 structure still follows the old skin: '(UID)'"),
        ("the series has only 1 slice of 12.5 mm", "the series has only 1 slice of 12.5 mm"),
    ],
)
def test_what_a_reason_says_otherwise_stays(reason, told):
    assert without_originals(reason, {"CT000001", "1", "slice"}) == told


@pytest.mark.parametrize("before", ["RS.", "PTV_", "series", ""])
def test_a_uid_is_taken_out_of_a_reason_whatever_stands_before_it(before):
    assert without_originals(f"{before}1.2.246.352.71.4 is 13.5 mm off", ()) == f"{before}(UID) is 13.5 mm off"


@pytest.mark.parametrize("name", ["Wexelbrandt", "Wexel): it is damaged", "Wexel\nbrandt"])
def test_no_value_that_a_reader_quotes_stands_in_a_certificate(name):
    said = in_words(ValueError(f"could not convert string to float: {name!r}"))
    kept = "it cannot be judged (ValueError): it is damaged or not as the standard has it, export it again or take it out"
    assert without_originals(Decision.broken(said).reason, ()) == kept
    assert without_originals(f"dose.dcm cannot be measured: {said}", ()) == "dose.dcm cannot be measured: ValueError"


@pytest.mark.parametrize("kind", [binascii.Error, struct.error, InvalidOperation, BytesWarning, StopIteration, BadZipFile])
def test_of_an_error_of_any_kind_no_value_is_kept(kind):
    said = in_words(kind("Muster: it"))
    assert "Muster" not in without_originals(Decision.broken(said).reason, ()) + without_originals(f"a.dcm cannot be measured: {said}", ())


def test_the_certificate_is_signed_and_tells_when_a_file_was_edited_or_added(released, tmp_path):
    key = released.output.parent.parent / "key.pem"
    assert is_own_release(released.output, key)
    copy = tmp_path / released.output.name
    shutil.copytree(released.output, copy)
    shutil.copy(certificate_path(released.output), certificate_path(copy))
    assert is_own_release(copy, key)
    (copy / "one more.dcm").write_bytes(b"")
    assert not is_own_release(copy, key)


def test_a_series_whose_face_was_not_hidden_stops_its_study(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(ct_family, "apply_effect", lambda effect, ct, face, parameters: ct)
    result = run(pair, tmp_path / "out", ASKED)[0]
    assert result.output is None
    assert any("Head" in reason for reason in result.reasons)
    assert not list((tmp_path / "out").glob("*"))


def test_the_proof_alone_finds_an_untouched_series(pair, tmp_path, monkeypatch):
    """Even where every check before it were blind."""
    follow = ct_family.follow_ct
    monkeypatch.setattr(ct_family, "follow_ct", lambda hidden, ct: replace(follow(hidden, ct), result=ct.volume))
    monkeypatch.setattr(ct_family, "second_opinion", lambda *_: ())
    result = run(pair, tmp_path / "out", ASKED)[0]
    assert result.output is None
    assert any("shows the old skin" in reason for reason in result.reasons)


def test_a_doubtful_series_is_withheld_alone_where_that_was_asked_for(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(ct_family, "apply_effect", lambda effect, ct, face, parameters: ct)
    result = run(pair, tmp_path / "out", replace(ASKED, withhold_doubtful=True))[0]
    assert result.output is not None
    assert {report.decision.outcome for report in result.reports} == {Outcome.DEFACE, Outcome.WITHHOLD}


def test_a_series_that_the_proof_alone_doubts_is_withheld_alone_where_that_was_asked_for(pair, tmp_path, monkeypatch):
    follow = ct_family.follow_ct
    monkeypatch.setattr(ct_family, "follow_ct", lambda hidden, ct: replace(follow(hidden, ct), result=ct.volume))
    monkeypatch.setattr(ct_family, "second_opinion", lambda *_: ())
    result = run(pair, tmp_path / "out", replace(ASKED, withhold_doubtful=True))[0]
    assert result.output is not None
    assert not result.proof.doubts
    withheld = [report for report in result.reports if report.decision.outcome is Outcome.WITHHOLD]
    assert all("the proof of what was written" in report.decision.reason for report in withheld)
    released = [report for report in result.reports if report.file is not None]
    assert len(list(result.output.rglob("*.dcm"))) == len(released) == len(result.reports) - len(withheld)
    assert withheld


def found_once(monkeypatch, where):
    """The first proof of headers has a finding in a file."""
    told = iter([[Finding(where, "ImageComments", "holds a name of an original")]])
    monkeypatch.setattr(study_run, "verify_headers", lambda *_: next(told, []))


def test_a_finding_in_a_header_stops_its_study(pair, tmp_path, monkeypatch):
    found_once(monkeypatch, "02-CT/IM0001.dcm")
    result = run(pair, tmp_path / "out", ASKED, policy_named("research", tmp_path / "project.key"))[0]
    assert result.output is None
    assert any("1 findings in its cleaned headers (first: 02-CT/IM0001.dcm" in reason for reason in result.reasons)


def test_a_series_with_a_finding_in_a_header_is_withheld_alone_where_that_was_asked_for(pair, tmp_path, monkeypatch):
    found_once(monkeypatch, "02-CT/IM0001.dcm")
    result = run(pair, tmp_path / "out", replace(ASKED, withhold_doubtful=True), policy_named("research", tmp_path / "project.key"))[0]
    assert result.verdict == "PASS"
    assert {path.name for path in result.output.iterdir()} == {"01-CT"}
    assert all("cleaned headers" in report.decision.reason for report in result.reports if report.file is None)


@pytest.mark.parametrize("where", ["01-CT/IM0001.dcm", "lost.txt"])
def test_a_finding_in_what_others_follow_or_beside_every_series_stops_the_study_whatever_was_asked_for(where, pair, tmp_path, monkeypatch):
    found_once(monkeypatch, where)
    result = run(pair, tmp_path / "out", replace(ASKED, withhold_doubtful=True), policy_named("research", tmp_path / "project.key"))[0]
    assert result.output is None
    assert where in result.reasons[0]


def test_a_ct_without_a_frame_of_reference_is_released_by_itself(tmp_path):
    study = StudyFolder(tmp_path / "in", study_phantom(), frame="")
    study.series(study.phantom.ct, "a", "Head")
    result = run(plan(study.folder), tmp_path / "out", ASKED)[0]
    assert result.verdict == "PASS"
    assert len(result.proof.surfaces) == 1
