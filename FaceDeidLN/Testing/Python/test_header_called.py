"""What a release with cleaned headers is called: nothing that its headers were cleaned of."""

from __future__ import annotations

import re

import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.header.called import require_untelling
from FaceDeidLNLib.header.known import Known
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.output.dicom import Marks, write_dicom_series
from header_objects import small
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

STUDY = "1.2.840.99999.7.4711"


@pytest.fixture(scope="module")
def known():
    known = Known()
    known.take(small(PatientBirthDate="19640812", StudyInstanceUID=STUDY))
    return known


TELLING = """
    Mustermann_CT, MUSTERMANNERIKA, Erika 2, case 2172-75, 2172_75, 217275-20200131, study-217275, ct-20200131, study-20200131, 31.01.2020,
    1964-08-12, 19640812-MUSTERMANN, 08121964
"""


@pytest.mark.parametrize("name", [*(name.strip() for name in TELLING.split(",")), STUDY])
def test_a_release_called_after_an_original_is_refused(name, tmp_path):
    with pytest.raises(InputError, match="name of the output holds"):
        require_untelling(tmp_path / name, small(PatientBirthDate="19640812", StudyInstanceUID=STUDY))


@pytest.mark.parametrize("name", ["case-0007", "study-01", "neck_ct", "ct-deface", "out", "erik", "2172"])
def test_a_release_called_anything_else_is_none(name, tmp_path):
    require_untelling(tmp_path / name, small(PatientBirthDate="19640812", StudyInstanceUID=STUDY))


@pytest.mark.parametrize("name", ["HN-CHUM-001", "pt_31", "case1", "HNSCC-01-0001", "0522c0001"])
def test_a_pseudonym_may_be_what_a_release_is_called(name, tmp_path):
    require_untelling(tmp_path / name, small(PatientName=name, PatientID=name))


@pytest.mark.parametrize("name", ["王小明_ct", "Müller", "mueller-1", "Neck Meyer"])
def test_names_are_known_in_any_writing(name, tmp_path):
    with pytest.raises(InputError, match="holds a name"):
        require_untelling(tmp_path / name, small(PatientName=f"{re.split('[-_0-9]', name)[0].split()[-1]}^X"))


def test_a_value_that_cannot_be_read_ends_nothing(tmp_path):
    original = small()
    original._dict[Tag("PatientName")] = RawDataElement(Tag("PatientName"), "XX", 4, b"abcd", 0, False, True)
    require_untelling(tmp_path / "case-1", original)


def test_a_word_that_every_protocol_has_is_nobodys_name(tmp_path):
    require_untelling(tmp_path / "head_neck", small(PatientName="Head^Neck"))


def test_the_refusal_repeats_nothing_of_the_name(tmp_path):
    with pytest.raises(InputError) as refusal:
        require_untelling(tmp_path / "Mustermann_CT", small())
    assert "mustermann" not in str(refusal.value).lower()


@pytest.mark.parametrize("out", ["out/Mustermann_1", "out/case/Mustermann"])
@pytest.mark.parametrize("words", [(), ("--one",)])
def test_a_study_that_is_to_be_called_after_the_patient_is_refused_before_any_work(out, words, tmp_path, capsys):
    write_series(tmp_path / "in", Series(stored_head(), tags={"PatientName": "Mustermann^Erika"}))
    more = ["--header", "research", "--key", str(tmp_path / "project.key"), "--quiet", *words]
    assert main(["study", str(tmp_path / "in"), str(tmp_path / out), *more]) == 2
    assert "name of the output holds a name" in "".join(capsys.readouterr())
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    write_series(folder, Series(stored_head(), tags={"PatientName": "Mustermann^Erika"}))
    return read_dicom_series(folder)


def test_nothing_is_left_of_a_series_that_was_to_be_called_after_the_patient(ct, tmp_path):
    policy = Profile(bytes(range(32)), options_named("research"), name="research")
    with pytest.raises(InputError, match="name of the output holds"):
        write_dicom_series(ct, ct.volume, tmp_path / "Mustermann", Marks("done"), header=policy)
    assert list(tmp_path.iterdir()) == []


def test_a_series_that_keeps_its_header_is_called_as_wanted(ct, tmp_path):
    write_dicom_series(ct, ct.volume, tmp_path / "Mustermann", Marks("done"), header=KeepHeader())
    assert (tmp_path / "Mustermann").is_dir()


def test_a_file_called_after_the_uid_of_an_original_is_a_finding(known, tmp_path):
    cleaned = Profile(bytes(range(32)), options_named("research")).clean(small(PatientBirthDate="19640812", StudyInstanceUID=STUDY))
    cleaned.save_as(tmp_path / f"{STUDY}.dcm", enforce_file_format=True)
    assert list(map(str, verify_headers(tmp_path, known, options_named("research")))) == ["file 0: name: holds a UID of an original"]
