"""With the project's key one patient gets one new surface, however often and of whichever scan he is released; without it never twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.effect.base import SEED_BITS
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.run import _learn, _surface_of
from pydicom.dataset import Dataset
from synthetic_study import StudyFolder, study_phantom

RESEARCH = options_named("research")
KEY = bytes(range(32))


def seed(key: bytes = KEY, pseudonyms: dict[str, str] | None = None, **values: str) -> int:
    """What draws the surface of a patient."""
    dataset = Dataset()
    for keyword, value in {"PatientID": "p-017", "StudyInstanceUID": "1.2.3", **values}.items():
        setattr(dataset, keyword, value)
    return Profile(key, RESEARCH, pseudonyms or {}).surface_seed(dataset)


def test_a_patient_has_one_seed_in_all_studies_however_his_number_is_spelled():
    assert seed() == seed(StudyInstanceUID="1.2.4") == seed(PatientID=" P-017 ")


def test_another_patient_and_another_key_have_other_seeds():
    assert len({seed(), seed(PatientID="p-018"), seed(key=bytes(32))}) == 3


def test_a_patient_has_one_seed_whether_or_not_a_header_says_who_gave_out_his_number():
    assert seed() == seed(IssuerOfPatientID="Hospital")


@pytest.mark.parametrize("words", [{"PatientID": "p-017", "IssuerOfPatientID": "Hospital"}, {"PatientID": "", "PatientBirthDate": ""}])
def test_a_study_has_the_seed_of_its_ct_whatever_its_other_objects_tell_of_the_patient(tmp_path, words):
    patient = {"PatientID": words["PatientID"], "PatientBirthDate": "19500607"}
    path, *_ = StudyFolder(tmp_path / "in", study_phantom()).series(study_phantom().ct, "ct", "Head", **patient)
    ct = pydicom.dcmread(path)
    other = Dataset()
    for keyword, value in {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67",
        "SOPInstanceUID": "1.2.3.4",
        "Modality": "SR",
        **patient,
        **words,
    }.items():
        setattr(other, keyword, value)
    other.PatientName, other.StudyInstanceUID, other.SeriesInstanceUID = ct.PatientName, ct.StudyInstanceUID, "1.2.3.5"
    (tmp_path / "in" / "a").mkdir()
    pydicom.dcmwrite(tmp_path / "in" / "a" / "sr.dcm", other, implicit_vr=False, little_endian=True, enforce_file_format=False)
    (planned,), policy = plan(tmp_path / "in").studies, Profile(KEY, RESEARCH)
    _learn(planned, policy)
    assert len(planned.entries) > 1
    assert _surface_of(planned, policy) == Profile(KEY, RESEARCH).surface_seed(ct)


def test_studies_of_nobody_have_seeds_of_their_own():
    assert seed(PatientID="") != seed(PatientID="", StudyInstanceUID="1.2.4")


def test_numbers_of_one_pseudonym_have_one_seed():
    given = {"p-017": "A", "q-9": "A", "q-8": "B"}
    assert seed(pseudonyms=given) == seed(pseudonyms=given, PatientID="q-9") != seed(pseudonyms=given, PatientID="q-8")


def test_a_seed_is_as_long_as_one_that_is_drawn():
    assert SEED_BITS - 32 < max(seed(PatientID=str(n)).bit_length() for n in range(20)) <= SEED_BITS


def test_headers_that_are_kept_have_no_seed():
    assert KeepHeader().surface_seed(Dataset()) is None


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scan")
    StudyFolder(folder / "in", study_phantom()).series(study_phantom().ct, "a", "Head")
    return folder


def released(scan: Path, name: str, *words: str) -> np.ndarray:
    """Stored values of the slices, in the order of their places."""
    assert main([*words[:1], str(scan / "in"), str(scan / name), *words[1:]]) == 0
    slices = [pydicom.dcmread(path) for path in (scan / name).rglob("*.dcm")]
    return np.stack([one.pixel_array for one in sorted(slices, key=lambda one: one.ImagePositionPatient[2])])


def test_studies_and_single_cts_of_a_patient_get_the_same_surface(scan):
    cleaned = ["--header", "research", "--key", str(scan / "project.key")]
    assert np.array_equal(released(scan, "study", "study", *cleaned), released(scan, "single", "deface", *cleaned))


def test_the_surface_is_the_same_where_one_slice_alone_says_who_gave_out_the_number(scan):
    path = sorted((scan / "in").rglob("*.dcm"))[-1]
    dataset = pydicom.dcmread(path)
    dataset.IssuerOfPatientID = "Hospital"
    dataset.save_as(path)
    cleaned = ["--header", "research", "--key", str(scan / "project.key")]
    try:
        assert np.array_equal(released(scan, "study-1", "study", *cleaned), released(scan, "single-1", "deface", *cleaned))
    finally:
        del dataset.IssuerOfPatientID
        dataset.save_as(path)


def test_another_key_draws_another_surface(scan):
    one, other = (released(scan, name, "deface", "--header", "research", "--key", str(scan / f"{name}.key")) for name in ("one", "other"))
    assert not np.array_equal(one, other)


def test_without_a_key_each_release_draws_a_surface_of_its_own(scan):
    assert not np.array_equal(released(scan, "first", "deface"), released(scan, "second", "deface"))
