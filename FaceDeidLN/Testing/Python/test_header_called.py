"""What a release with cleaned headers is called: nothing that its headers were cleaned of."""

from __future__ import annotations

import pytest
from dicom_series import Series, stored_head, write_series
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

STUDY = "1.2.840.99999.7.4711"


@pytest.fixture(scope="module")
def known():
    known = Known()
    known.take(small(PatientBirthDate="19640812", StudyInstanceUID=STUDY))
    return known


@pytest.mark.parametrize("name", ["Mustermann_CT", "MUSTERMANNERIKA", "case 2172-75", "ct-20200131", "1964-08-12", STUDY])
def test_a_release_called_after_an_original_is_refused(name, known, tmp_path):
    with pytest.raises(InputError, match="name of the output holds"):
        require_untelling(tmp_path / name, known)


@pytest.mark.parametrize("name", ["case-0007", "study-01", "neck_ct", "ct-deface", "out"])
def test_a_release_called_anything_else_is_none(name, known, tmp_path):
    require_untelling(tmp_path / name, known)


def test_the_refusal_repeats_nothing_of_the_name(known, tmp_path):
    with pytest.raises(InputError) as refusal:
        require_untelling(tmp_path / "Mustermann_CT", known)
    assert "mustermann" not in str(refusal.value).lower()


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
