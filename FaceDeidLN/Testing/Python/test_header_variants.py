"""The proof of headers sees names, numbers and dates in every form, and raises no alarm where there is none."""

from __future__ import annotations

import unicodedata

import pytest
from FaceDeidLNLib.header.known import Known
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.header.variants import Variants
from header_objects import item, small
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

PATIENT = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "Groß-Weißmüller^Jörg",
    "PatientID": "00471122",
    "PatientBirthDate": "19600305",
    "AccessionNumber": "ACC99123",
    "SeriesNumber": 3,
}
PROFILES = ("basic", "research", "research,clean-graphics,clean-structured-content,device-identity")


def findings(folder, change, text="research", name="IM0001.dcm", **patient):
    """What the proof finds of a cleaned object that was changed afterwards."""
    original, known = small(**{**PATIENT, **patient}), Known()
    known.take(original)
    cleaned = Profile(bytes(32), options_named(text)).clean(original)
    change(cleaned)
    cleaned.save_as(folder / name, enforce_file_format=True)
    return [str(finding) for finding in verify_headers(folder, known, options_named(text))]


def set_to(**values):
    return lambda dataset: [setattr(dataset, keyword, value) for keyword, value in values.items()]


FORMS = """
    GROSS, Weissmueller, WEISSMÜLLER, Weissmuller, Jörg Groß, JörgGroß, JOERGGROSS, J O E R G  G R O S S, node_of_gross,
    471122, 0047-1122, 0047 1122, P00471122, 0047/1122, 47.11.22, 9900471122, acc 99123, ACC-99123,
    5.3.1960, 05.03.60, 5 March 1960, 5. März 1960, March 5 1960, 05MAR1960, 5mar60, 05031960, 600305, 1960/3/5, 3/5/60, 05 03 60
"""


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_proof_sees_what_is_private_and_an_overlay_within_a_sequence(syntax, tmp_path):
    def nest(dataset):
        code = item(CodeValue="1")
        code.add_new(0x00090010, "LO", "ACME")
        code.add_new(0x60000010, "US", 5)
        dataset.ProcedureCodeSequence = Sequence([code])
        dataset.file_meta.TransferSyntaxUID = syntax

    found = findings(tmp_path, nest)
    assert [any(tag in finding for finding in found) for tag in ("(0009,0010)", "(6000,0010)")] == [True, True]


@pytest.mark.parametrize("form", [form.strip() for form in FORMS.split(",")])
@pytest.mark.parametrize("keyword", ["ImageComments", "SoftwareVersions", "TrackingID"])
def test_the_proof_sees(form, keyword, tmp_path):
    assert findings(tmp_path, set_to(**{keyword: f"neck {form}"}))


@pytest.mark.parametrize("number", ["20200131", "31012020"])
def test_the_proof_sees_a_day_of_the_study_in_a_number(number, tmp_path):
    assert findings(tmp_path, set_to(AcquisitionNumber=number))


@pytest.mark.parametrize("uid", ["1.2.276.471122.1", "1.2.276.19600305", "1.2.276.20200131101112.3", "1.2.840.10008.5.1.4.20200131"])
def test_the_proof_sees_the_patients_number_or_a_date_in_the_uid_of_a_class(uid, tmp_path):
    assert findings(tmp_path, set_to(RelatedGeneralSOPClassUID=uid))


def test_the_proof_sees_a_uid_that_only_begins_like_one_of_the_standard(tmp_path):
    uid = "1.2.840.10008.5.1.4.1.1.2.7.1"
    assert findings(tmp_path, set_to(SOPInstanceUID=uid), SOPInstanceUID=uid)


def test_a_terminology_of_a_makers_raises_no_alarm(tmp_path):
    uid = "1.2.840.113619.4.26"
    assert findings(tmp_path, set_to(ContextUID=uid), ContextUID=uid) == []


def test_the_proof_sees_a_decomposed_name_and_a_coded_one(tmp_path):
    assert findings(tmp_path, set_to(ImageComments=unicodedata.normalize("NFD", "Weißmüller")))
    assert findings(tmp_path, set_to(BodyPartExamined="WEISSMUELLER"))


@pytest.mark.parametrize(
    "values", [{"SeriesNumber": 471122}, {"SliceLocation": "471122"}, {"AcquisitionNumber": 19600305}, {"SeriesNumber": "05031960"}]
)
def test_the_proof_sees_the_patients_number_or_birth_in_a_number(values, tmp_path):
    assert findings(tmp_path, set_to(**values))


@pytest.mark.parametrize("number", ["-12.1234", "1.2e-005", "123456.0", "-0.12345"])
def test_other_numbers_raise_no_alarm(number, tmp_path):
    assert not findings(tmp_path, set_to(SliceLocation=number))


@given(st.text(max_size=40), st.text(alphabet="0123456789 .-/JanMärzGrosuß", max_size=30))
def test_any_text_can_be_looked_at(text, numbers):
    known = Known()
    known.take(small(**PATIENT))
    variants = Variants.of(known, known.telling().numbers)
    for one in (text, numbers):
        said = (variants.have_name(one, True), variants.have_number(one), variants.have_date(one), variants.are_number("", one))
        assert set(said) <= {True, False}


@pytest.mark.parametrize("name", ["Gross_Joerg_1.dcm", "471122.dcm", "1960-03-05.dcm"])
def test_the_proof_sees_what_a_file_is_called_and_does_not_repeat_it(name, tmp_path):
    found = findings(tmp_path, set_to(), name=name)
    assert any("of an original" in one for one in found)


def test_the_proof_sees_a_short_name_of_the_patient_in_a_free_text(tmp_path):
    assert findings(tmp_path, set_to(ImageComments="neck MA"), PatientName="Hu^Ma")
    assert not findings(tmp_path, set_to(ImageComments="neck axial", Manufacturer="MA Systems"), PatientName="Hu^Ma")


LEFT = {
    "PatientBirthName": "Somebody^Else",
    "OtherPatientIDs": "X-1",
    "OperatorsName": "Somebody^Else",
    "PatientAddress": "Somewhere",
    "ReferringPhysicianName": "Somebody^Else",
}


@pytest.mark.parametrize("keyword", LEFT)
@pytest.mark.parametrize("text", PROFILES)
def test_a_value_where_the_profile_leaves_none_is_a_finding(keyword, text, tmp_path):
    assert findings(tmp_path, set_to(**{keyword: LEFT[keyword]}), text)
    assert not findings(tmp_path, set_to(**{keyword: "DEIDENTIFIED"}), text)


def _hidden():
    """An object that says the same in all these forms at two depths, as somebody may have typed it."""
    said = [form.strip() for form in FORMS.split(",")]
    inner = item(TrackingID=" ".join(said), SegmentLabel="LN left Weissmueller", SegmentDescription="Gross 05 03 60")
    numbers = {"SeriesNumber": "471122", "SliceLocation": "471122", "AcquisitionNumber": "19600305", "BodyPartExamined": "GROSS"}
    texts = {"ImageComments": " / ".join(said), "SeriesDescription": "CT Max neck", "SoftwareVersions": said, "ProtocolName": "Neck 3.0"}
    return {**numbers, **texts, "SegmentSequence": Sequence([inner]), "OperatorsName": "Frost^Robin"}


@pytest.mark.parametrize("text", PROFILES)
@pytest.mark.parametrize("name", [PATIENT["PatientName"], "Lee^Ray", "Maas^Max", "The^Ct", "Plan^Head", "Baer^Ma"])
def test_what_was_cleaned_raises_no_alarm(text, name, tmp_path):
    assert findings(tmp_path, set_to(), text, PatientName=name, **_hidden()) == []


@pytest.mark.parametrize("name", ["Smith^John^^^Sr", "Sr^Ko", "Im^Jane"])
def test_what_releases_are_called_is_nobodys_name(name, tmp_path):
    (tmp_path / "05-SR").mkdir()
    assert not findings(tmp_path / "05-SR", set_to(), PatientName=name)
    known = Known()
    known.take(small(**{**PATIENT, "PatientName": name}))
    assert not verify_headers(tmp_path, known, options_named("research"))


@pytest.mark.parametrize("name", ["Ma^Hu", "Li^Xu"])
def test_a_station_or_serial_number_that_stays_may_hold_letters_of_a_short_name(name, tmp_path):
    values = {"StationName": "CT MA 1", "DeviceSerialNumber": "HU 12"}
    assert not findings(tmp_path, set_to(), "research,device-identity", PatientName=name, **values)


@pytest.mark.parametrize("held", [b"MUSTERMANN_E", b"MUSTERMANN1 ", b"E_MUSTERMANN", b"x_00471122_x"])
def test_a_name_or_number_glued_into_binary_data_is_found(tmp_path, held):
    said = findings(tmp_path, set_to(RedPaletteColorLookupTableData=held), PatientName="Mustermann^Erika")
    assert any("bytes" in finding for finding in said)


def test_a_name_is_found_where_the_tag_of_the_next_element_begins_like_a_letter(tmp_path):
    values = {"RedPaletteColorLookupTableData": b"MUSTERMANN", "ContentLabel": "TAG 0070 IS p"}
    said = findings(tmp_path, set_to(**values), PatientName="Mustermann^Erika")
    assert any("bytes" in finding for finding in said)


@pytest.mark.parametrize("name", ["Marker^Jo", "Planar^Jo", "Channel^Jo"])
def test_a_family_name_that_is_a_term_of_the_standard_is_no_finding_where_it_is_that_and_one_elsewhere(tmp_path, name):
    terms = [item(ReferencedROINumber=1, RTROIInterpretedType=term) for term in ("MARKER", "BRACHY_CHANNEL")]
    drawn = [item(ReferencedROINumber=1, ContourSequence=[item(ContourGeometricType="CLOSED_PLANAR")])]
    change = set_to(RTROIObservationsSequence=terms, ROIContourSequence=drawn)
    assert findings(tmp_path, change, PatientName=name) == []
    held = set_to(RedPaletteColorLookupTableData=name.replace("^", " ").upper().encode())
    said = findings(tmp_path, lambda dataset: [change(dataset), held(dataset)], PatientName=name)
    assert any("bytes" in finding for finding in said)
