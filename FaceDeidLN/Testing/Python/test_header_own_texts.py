"""Patients called as the marks of a cleaned header, or the form of a certificate, say in every release."""

from __future__ import annotations

import json

import pytest
from FaceDeidLNLib.header.known import Known
from FaceDeidLNLib.header.options import PROFILE, RESEARCH_OPTIONS, options_named
from FaceDeidLNLib.header.other_files import found_in
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.output.certificate import SCHEMA
from header_objects import small

#: Surnames that are words of the marks, of the certificates or of the derivation, and what other programs write for a name.
CALLED = [
    "Basic^Ivan",
    "Clean^John",
    "Option^A",
    "Safe^Mary",
    "Private^First",
    "Retain^Dates",
    "Modified^X",
    "Face^Lin",
    "Header^Max",
    "Derived^X",
    "Python^Monty",
    "Region^X",
    "REMOVED",
    "PATIENT",
    "Patient^Anonymous",
    "Test^Patient",
    "DEIDENTIFIED",
    "Unknown^Unknown",
    "NONE",
]
CERTIFICATE = {
    "schema": SCHEMA,
    "checks": {"face_skin": {"changed": "at least 90 %"}, "node_levels": [{"derived_from": "hyoid"}], "changed_outside_face": 0},
    "header": {"counts": {"removed": 29, "emptied": 3}, "options": list(RESEARCH_OPTIONS), "profile": PROFILE},
    "protected": [{"changed": 0, "name": "LN Ib left", "voxels": "some"}],
    "software": {"FaceDeidLN": "1.0", "Python": "3.11"},
}
DERIVATION = "FaceDeidLN 1.0: face de-identified, region full+ears, effect reface, privacy tested: surface, learned"

DERIVATION_OF_FOLLOWERS = "FaceDeidLN: face de-identified after the CT of the study"


def findings(folder, called, certificate=CERTIFICATE, **later):
    """What is found in a cleaned object of a patient of that name, with ``later`` values, and its certificate."""
    options = options_named("research")
    known, profile, original = Known(), Profile(bytes(range(32)), options), small(PatientName=called, ReferringPhysicianName=called)
    known.take(original)
    cleaned = profile.clean(small(PatientName=called, ReferringPhysicianName=called))
    for keyword, value in later.items():
        setattr(cleaned, keyword, value)
    (folder / "out").mkdir()
    cleaned.save_as(folder / "out" / "IM0001.dcm", enforce_file_format=True)
    beside = folder / "out.certificate.json"
    beside.write_text(json.dumps(certificate, indent=2))
    return list(map(str, verify_headers(folder / "out", known, options, [beside])))


@pytest.mark.parametrize("called", CALLED)
def test_a_patient_called_like_a_word_of_the_marks_can_be_released(tmp_path, called):
    assert findings(tmp_path, called, DerivationDescription=DERIVATION) == []


@pytest.mark.parametrize("called", ["Basic^Ivan", "Private^First", "Patient^Anonymous"])
def test_the_same_word_is_found_in_any_other_value(tmp_path, called):
    word = called.split("^")[0]
    assert findings(tmp_path, called, StudyDescription=f"CT of {word}")


@pytest.mark.parametrize("called", ["REMOVED", "Private^First", "Python^Monty"])
def test_the_same_word_is_found_in_a_value_of_the_certificate(tmp_path, called):
    told = {**CERTIFICATE, "protected": [{"name": f"node of {called.split('^')[0]}", "changed": 0}]}
    assert findings(tmp_path, called, told) == ["out.certificate.json: bytes: a name or place of an original stands in the file"]


@pytest.mark.parametrize(
    "told",
    [{**CERTIFICATE, "files": {"Private": "a" * 64}}, {"Private First": "no certificate of this program"}],
    ids=["file", "other form"],
)
def test_the_same_word_is_found_in_the_name_of_a_file_and_in_any_other_form(tmp_path, told):
    assert findings(tmp_path, "Private^First", told) == ["out.certificate.json: bytes: a name or place of an original stands in the file"]


@pytest.mark.parametrize("remark", ["drawn by Jörgensen", "drawn by\nMiller", "drawn by\tMiller"])
def test_what_json_escapes_is_read(tmp_path, remark):
    (tmp_path / "list.json").write_text(json.dumps({"remark": remark}))
    known = Known(names={"jörgensen", "miller"})
    assert list(found_in(tmp_path / "list.json", (tmp_path / "list.json").read_bytes(), known))


def test_a_derivation_that_goes_on_after_another_text_is_searched(tmp_path):
    assert findings(tmp_path, "Region^X", DerivationDescription=f"by Region; {DERIVATION}")


@pytest.mark.parametrize("options", ["research", "basic"])
@pytest.mark.parametrize("own", [DERIVATION, DERIVATION_OF_FOLLOWERS])
@pytest.mark.parametrize("before", ["", "axial Jorgensen; "])
def test_what_was_done_to_the_face_can_be_read_in_a_cleaned_header(options, own, before):
    cleaned = Profile(bytes(range(32)), options_named(options)).clean(small(DerivationDescription=before + own))
    assert cleaned.DerivationDescription == ("axial; " if before and options == "research" else "") + own


def test_a_derivation_that_only_begins_like_an_own_one_is_cleaned():
    policy = Profile(bytes(range(32)), options_named("research"))
    cleaned = policy.clean(small(DerivationDescription="FaceDeidLN by Jorgensen: face de-identified after the CT of the study"))
    assert "Jorgensen" not in cleaned.DerivationDescription
