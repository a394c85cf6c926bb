"""Releases that people made in Slicer: a batch takes its own over, and tells of any other that lies among its results."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from batches import batch, fill, rows_of, started, waiting, write_certificate_of
from dicom_series import Series, head, stored_head, write_series
from FaceDeidLNLib.commands.batches.cases import STUDY, Case
from FaceDeidLNLib.commands.batches.own_input import is_of_case
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.header.policy import policy_named
from FaceDeidLNLib.output.certificate import certificate_path
from FaceDeidLNLib.output.signing import public_text
from signing_keys import key_file
from written import write_volume

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")


def write_head(path, seed, changed=0):
    """A small CT of noise in the shape of a head, whose first slices are changed."""
    hu = head(seed=seed).astype(np.int16)
    hu[:changed] += 7
    write_volume(Volume(hu, Geometry(hu.shape, np.diag([1.0, 1.0, 2.0, 1.0]))), path)


@pytest.fixture
def mended(stand_in, tmp_path):
    """A batch of one REVIEW, whose result somebody mended and released in Slicer."""
    write_head(stand_in / "review.nrrd", seed=1)
    batch(stand_in, tmp_path / "out")
    output = tmp_path / "out" / "review.nrrd"
    write_head(output, seed=1, changed=4)
    write_certificate_of(output)
    return output


def test_a_release_made_in_slicer_is_taken_over_and_leaves_the_list(mended, stand_in, tmp_path):
    assert batch(stand_in, tmp_path / "out") == 0
    row = rows_of(tmp_path / "out")["review"]
    assert (row["exit_code"], row["reasons"]) == ("0", "released in Slicer")
    assert waiting(tmp_path) == {}
    assert started(stand_in) == 1


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("no certificate", ""),
        ("of another output", "it is not what its certificate says"),
        ("other headers", "its DICOM headers were treated in another way than this batch's"),
        ("a study", "it is not what its certificate says"),
        ("another head", "it was not made from the input of its case, or its header was cleaned with another key"),
        ("unsigned", "its certificate is not signed with this batch's key"),
    ],
)
def test_what_is_no_release_of_this_batch_is_not_taken_over_and_told(what, why, mended, stand_in, tmp_path, capsys):
    certificate = certificate_path(mended)
    said = json.loads(certificate.read_text())
    if what == "no certificate":
        certificate.unlink()
    if what == "of another output":
        write_head(mended, seed=1, changed=5)
    if what == "other headers":
        certificate.write_text(json.dumps({**said, "header": {"profile": "basic"}}))
    if what == "a study":
        certificate.write_text(json.dumps({**said, "schema": "facedeidln-study/1", "files": {}}))
    if what == "another head":
        write_head(mended, seed=2)
        write_certificate_of(mended)
    signing = ["--signing-key", str(key_file(tmp_path))] if what == "unsigned" else []
    capsys.readouterr()
    for _ in range(2):
        assert batch(stand_in, tmp_path / "out", *signing) == 3
        said = capsys.readouterr().err
        assert f"review is not taken over ({why}): take it away" in said if why else "taken over" not in said
    assert list(waiting(tmp_path)) == ["review"]


def test_a_work_list_tells_how_a_release_is_to_be_made(stand_in, tmp_path):
    fill(stand_in, "review")
    key, header, patients = key_file(tmp_path), tmp_path / "project.key", tmp_path / "patients.csv"
    patients.write_text("patient_id,pseudonym\n1,A\n")
    words = ("--header", "research,device-identity", "--key", str(header), "--patients", str(patients), "--signing-key", str(key))
    batch(stand_in, tmp_path / "out", *words)
    item = waiting(tmp_path)["review"]
    assert (item.header, item.key, item.patients) == ("research,device-identity", header, patients)
    assert (item.signed, item.left) == (public_text(key), "")


def test_a_dicom_release_is_that_of_a_case_where_its_study_has_the_uid_that_the_key_gives(tmp_path):
    policy = policy_named("basic", tmp_path / "project.key")
    write_series(tmp_path / "in", Series(stored_head(), study="1.2.3"))
    case = Case("one", tmp_path / "in", "out")
    uids = (policy.uid("1.2.3"), policy_named("basic", tmp_path / "other.key").uid("1.2.3"), "1.2.3")
    for number, uid in enumerate(uids):
        write_series(tmp_path / f"out{number}", Series(stored_head(), study=uid))
    assert [is_of_case(case, tmp_path / f"out{number}", policy) for number in range(3)] == [True, False, False]
    assert [is_of_case(case, tmp_path / f"out{number}", KeepHeader()) for number in range(3)] == [False, False, True]


def test_a_study_is_taken_over_where_its_uids_are_those_of_the_input(tmp_path):
    write_series(tmp_path / "in", Series(stored_head(), study="1.2.3"))
    case = Case("one", tmp_path / "in", "out", command=STUDY)
    for number, uid in enumerate(("1.2.3", "1.2.4")):
        write_series(tmp_path / f"out{number}", Series(stored_head(), study=uid))
    assert is_of_case(case, tmp_path / "out0", KeepHeader())
    assert not is_of_case(case, tmp_path / "out1", KeepHeader())


def test_an_old_release_that_lay_there_when_a_case_ended_is_no_release_of_a_person(stand_in, tmp_path):
    fill(stand_in, "pass")
    batch(stand_in, tmp_path / "out")
    script = tmp_path / "stand_in"
    script.write_text(script.read_text().replace('if how == "pass":', 'how = "review"\n    if how == "pass":'))
    assert batch(stand_in, tmp_path / "out", "--depth-mm", "9", "--overwrite") == 3
    assert batch(stand_in, tmp_path / "out", "--depth-mm", "9") == 3
    assert rows_of(tmp_path / "out")["pass"]["exit_code"] == "3"
