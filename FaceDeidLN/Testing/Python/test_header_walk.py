"""Headers, element by element: what must be there stays there, names hide nowhere, and the proof goes by what was asked for."""

from __future__ import annotations

import errno
import io
import os
import struct

import pydicom
import pytest
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.header.base import HeaderError
from FaceDeidLNLib.header.known import Known, known_in
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from header_objects import bytes_of, item, small
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from test_below import refusing

REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def profile(text="research,clean-structured-content"):
    return Profile(bytes(range(32)), options_named(text))


HIDDEN = {
    "a coded word": {"ImageType": ["ORIGINAL", "PRIMARY", "MUSTERMANNERIKA"]},
    "a program's version": {"SoftwareVersions": "VA40 Mustermann"},
    "a model": {"ManufacturerModelName": "of Mustermann_Erika"},
    "a label": {"ContentLabel": "MUSTERMANN"},
    "a description": {"SeriesDescription": "neck MustermannErika"},
}


@pytest.mark.parametrize("place", HIDDEN)
def test_a_name_hides_in(place):
    assert b"mustermann" not in bytes_of(profile().clean(small(**HIDDEN[place]))).lower()


def test_a_number_with_a_slash_goes_from_texts_and_codes():
    code = item(CodeValue="2172/75", CodingSchemeDesignator="99X", CodeMeaning="neck 2172/75")
    cleaned = bytes_of(profile().clean(small(ProcedureCodeSequence=Sequence([code]), SeriesDescription="neck 2172/75")))
    assert b"2172" not in cleaned


def test_a_name_that_is_a_term_of_the_standard_stays_only_where_the_standard_has_it(tmp_path):
    values = {
        "BodyPartExamined": "HEAD",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "HEAD"],
        "ContentLabel": "HEAD",
        "ScanOptions": "AXIAL",
    }
    original = small(PatientName="Head^Axial", SeriesDescription="head neck", **values)
    known = Known()
    known.take(original)
    cleaned = profile("research").clean(original)
    assert cleaned.BodyPartExamined == "HEAD"
    assert list(cleaned.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL", ""]
    assert not cleaned.get("ContentLabel")
    assert not cleaned.get("ScanOptions")
    assert cleaned.SeriesDescription == "neck"
    cleaned.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert verify_headers(tmp_path, known, options_named("research")) == []
    cleaned.ScanOptions = "HEAD"
    cleaned.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert [finding.where for finding in verify_headers(tmp_path, known, options_named("research"))] == ["ScanOptions"]


@pytest.mark.parametrize("name", ["山田^太郎", "洪^길동", "王^小东"])
def test_names_of_other_scripts_go_even_written_letter_by_letter(name):
    dataset = small(SpecificCharacterSet="ISO_IR 192", PatientName=name, SeriesDescription=" ".join(name.replace("^", "")))
    assert profile().clean(dataset).get("SeriesDescription", "") == ""


@pytest.mark.parametrize(("age", "kept"), [("093Y", "090Y"), ("1200M", ""), ("045Y", "045Y")])
def test_ages_over_89_are_one_class(age, kept):
    assert profile().clean(small(PatientAge=age, PatientBirthDate="")).get("PatientAge", "") == kept


def test_what_the_standard_requires_keeps_a_value():
    cleaned = profile().clean(small(RTSTRUCT, StructureSetLabel="Mustermann", StudyID="7", OperatorsName="Doe^Jane"))
    assert cleaned.StructureSetLabel == "DEIDENTIFIED"
    assert cleaned.StudyID not in ("", "7")
    assert cleaned["OperatorsName"].is_empty


def test_persons_leave_a_report_at_any_depth_and_its_dates_move():
    def text(deep):
        inner = item(ValueType="TEXT", RelationshipType="CONTAINS", TextValue="node of Mustermann")
        person = item(ValueType="PNAME", RelationshipType="CONTAINS", PersonName="Doe^Jane")
        day = item(ValueType="DATE", RelationshipType="CONTAINS", Date="20200131")
        inner.ContentSequence = Sequence([person, day, *([text(deep - 1)] if deep else [])])
        return inner

    cleaned = bytes_of(profile().clean(small(REPORT, ContentSequence=Sequence([text(3)]))))
    assert not [word for word in (b"Mustermann", b"Doe", b"20200131") if word in cleaned]
    assert b"node of" in cleaned


def test_an_image_with_text_in_its_pixels_is_withheld():
    with pytest.raises(HeaderError, match="burned"):
        profile().clean(small(BurnedInAnnotation="YES"))


def test_a_mark_that_claims_more_than_was_asked_for_is_a_finding(tmp_path):
    profile("research").clean(small()).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert verify_headers(tmp_path, options=options_named("research")) == []
    assert "claims more" in str(verify_headers(tmp_path, options=options_named("basic"))[0])


def test_an_original_that_cannot_be_read_is_a_finding(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(bytes_of(small())[:200])
    profile("research").clean(small()).save_as(tmp_path / "out" / "a.dcm", enforce_file_format=True)
    assert "cannot be read" in str(verify_headers(tmp_path / "out", known_in(tmp_path / "in"), options_named("research")))


STORED = {
    "a number": (0x00189345, "FD", struct.pack("<d", 11.0367), 11.0367),
    "two numbers": (0x00189306, "FD", struct.pack("<2d", 0.6, 1.2), [0.6, 1.2]),
    "a coded word": (0x00189323, "CS", b"XYZ_EC", "XYZ_EC"),
    "a number as text": (0x00180050, "DS", b"1.25 ", 1.25),
    "a float that is none": (0x00189345, "FD", struct.pack("<d", float("nan")), None),
    "half a number": (0x00189345, "FD", b"\1\2\3\4", None),
    "a text under a number": (0x00180050, "DS", b"Mustermann", None),
    "a text under a code": (0x00189323, "CS", b"Erika Mustermann", None),
    "a free text": (0x00081030, "LO", b"neck", None),
}


@pytest.mark.parametrize("case", STORED)
@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_what_another_program_stored_as_bytes_is_read_where_it_can_be(case, vr):
    tag, wanted, raw, value = STORED[case]
    dataset = small()
    dataset.add(DataElement(tag, vr, raw, already_converted=True))
    cleaned = profile().clean(dataset)
    assert (tag in cleaned) == (value is not None)
    if value is not None:
        assert wanted == cleaned[tag].VR
        assert cleaned[tag].value == value


def test_safe_private_numbers_stay_where_their_representation_is_unknown():
    dataset = small()
    dataset.private_block(0x01F1, "ELSCINT1", create=True).add_new(0x26, "UN", b"0.688 ")
    cleaned = profile().clean(dataset)
    assert [float(element.value) for element in cleaned if element.tag.is_private and element.tag.element > 0xFF] == [0.688]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from(["Mustermann^Erika", "Head^Axial", "Neck^Ng"]), min_size=2, max_size=4))
def test_what_was_judged_before_is_judged_the_same(names):
    """Instances of several patients, read from files, by one policy and by one of their own each."""
    values = {"SeriesDescription": "neck of Mustermann, axial", "BodyPartExamined": "HEAD", "ScanOptions": "AXIAL", "KVP": "120"}
    files = [bytes_of(small(PatientName=name, PatientID=f"{n}-4711", **values)) for n, name in enumerate(names)]
    together, everyone = profile(), [pydicom.dcmread(io.BytesIO(file)) for file in files]
    for dataset in everyone:
        together.learn(dataset)
    for dataset, file in zip(everyone, files, strict=True):
        alone = profile()
        for other in files:
            alone.learn(pydicom.dcmread(io.BytesIO(other)))
        assert bytes_of(together.clean(dataset)) == bytes_of(alone.clean(pydicom.dcmread(io.BytesIO(file))))


def test_a_name_learnt_later_leaves_texts_that_were_judged_before():
    policy, file = profile(), bytes_of(small(SeriesDescription="liver neck"))
    assert policy.clean(pydicom.dcmread(io.BytesIO(file))).SeriesDescription == "liver neck"
    policy.learn(small(OperatorsName="Liver^Anna"))
    assert policy.clean(pydicom.dcmread(io.BytesIO(file))).SeriesDescription == "neck"


def test_the_proof_sees_a_private_sequence_whose_items_are_not_private(tmp_path):
    cleaned = profile("research").clean(small())
    cleaned.add_new(0x00290010, "LO", "X")
    cleaned.add_new(0x00291001, "SQ", Sequence([item(SeriesNumber="1")]))
    cleaned.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert "(0029,1001)" in [finding.where for finding in verify_headers(tmp_path)]


def test_a_certificate_beside_that_names_the_patient_is_a_finding(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    small().save_as(tmp_path / "in" / "a.dcm", enforce_file_format=True)
    profile("research").clean(small()).save_as(tmp_path / "out" / "a.dcm", enforce_file_format=True)
    command = ["verify-headers", str(tmp_path / "out"), "--originals", str(tmp_path / "in"), "--header", "research", "--quiet"]
    certificate = tmp_path / "out.certificate.json"
    certificate.write_text('{"protected": [{"name": "GTV"}]}', encoding="utf-8")
    assert main(command) == 0
    certificate.write_text('{"protected": [{"name": "GTV Mustermann"}]}', encoding="utf-8")
    assert main(command) == 1


def test_a_file_without_a_preamble_is_a_finding_and_no_file_that_is_not_dicom(tmp_path):
    cleaned = profile("research").clean(small())
    cleaned.save_as(tmp_path / "whole.dcm", enforce_file_format=True)
    (tmp_path / "notes.txt").write_text("no DICOM", encoding="utf-8")
    assert verify_headers(tmp_path) == []
    raw = bytes_of(small())
    (tmp_path / "old").write_bytes(raw[raw.index(b"\x08\x00\x16\x00UI") :])
    assert list(map(str, verify_headers(tmp_path))) == ["old: file: is DICOM without a preamble: its values were not looked at"]


@pytest.mark.parametrize("empty", ["out", "in"])
def test_no_finding_in_a_folder_without_dicom_is_no_proof(empty, tmp_path, capsys):
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text("no DICOM", encoding="utf-8")
        if name != empty:
            profile("research").clean(small()).save_as(tmp_path / name / "a.dcm", enforce_file_format=True)
    command = ["verify-headers", str(tmp_path / "out"), "--originals", str(tmp_path / "in"), "--header", "research", "--quiet"]
    assert main(command) == 2
    assert f"{tmp_path / empty} holds no DICOM file" in capsys.readouterr().err


def test_what_cannot_be_looked_at_is_a_finding_and_not_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.dcm").symlink_to(tmp_path / "gone.dcm")
    assert main(["verify-headers", str(tmp_path / "out"), "--header", "research", "--quiet"]) == 1


def contoured():
    points = [0, 0, 0, 10, 0, 0, 10, 10, 0]
    contour = item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=3, ContourData=points)
    drawn = item(ReferencedROINumber=1, ContourSequence=Sequence([contour]))
    return small(RTSTRUCT, PatientName="Muster^Erika", ROIContourSequence=Sequence([drawn]))


def test_the_numbers_of_contours_are_no_identifiers():
    known = Known()
    known.take(contoured())
    assert 0x30060050 not in known.values
    assert "erika" in known.names


def test_originals_of_which_a_disk_shows_its_own_folder_alone_are_no_proof(tmp_path, capsys, monkeypatch):
    (tmp_path / "out").mkdir()
    profile("research").clean(small()).save_as(tmp_path / "out" / "a.dcm", enforce_file_format=True)
    (tmp_path / "stick" / "lost+found").mkdir(parents=True)
    monkeypatch.setattr(os, "scandir", refusing(tmp_path / "stick" / "lost+found", errno.EACCES))
    command = ["verify-headers", str(tmp_path / "out"), "--originals", str(tmp_path / "stick"), "--header", "research", "--quiet"]
    assert main(command) == 2
    assert "stick holds no DICOM file" in capsys.readouterr().err
