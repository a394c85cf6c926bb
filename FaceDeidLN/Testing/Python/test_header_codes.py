"""Codes, coded words, tracking texts and numbers of cleaned headers: nothing of the patient stays in them, and standard codes do."""

from __future__ import annotations

import io

import pydicom
import pytest
from FaceDeidLNLib.header.codes import is_well_formed
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from header_objects import bytes_of, item, small
from pydicom.sequence import Sequence
from pydicom.sr import _concepts_dict as listed

BOTH = pytest.mark.parametrize("text", ["basic", "research"])
PATIENT = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Groß-Weißmüller^Jörg", "PatientID": "00471122"}


def cleaned(text, **values):
    return Profile(bytes(range(32)), options_named(text)).clean(small(**{**PATIENT, **values}))


@BOTH
def test_a_tracking_text_is_cleaned_as_a_free_text_is(text):
    segment = item(TrackingID="node Weissmueller Xylander 5 March 1960", TrackingUID="1.2.3.4.5.77", SegmentNumber=1)
    assert cleaned(text, SegmentSequence=Sequence([segment])).SegmentSequence[0].TrackingID == "node"


@BOTH
@pytest.mark.parametrize("value", ["WEISSMUELLER", "GROSS", "WEISSMULLER", "JOERG_GROSS", "5 3 1960", "0047 1122", "471122"])
def test_a_coded_word_that_is_the_patients_in_another_spelling_goes(text, value):
    dataset = cleaned(text, BodyPartExamined=value, ImageType=["ORIGINAL", "PRIMARY", "AXIAL", value])
    assert not dataset.get("BodyPartExamined")
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL", ""]


@BOTH
def test_a_number_that_is_the_patients_without_its_zeros_goes(text):
    dataset = cleaned(text, SeriesNumber=471122, InstanceNumber=7, SliceLocation="471122.0", AcquisitionNumber="00471122")
    assert [dataset.get(keyword) for keyword in ("SeriesNumber", "SliceLocation")] == [None, None]
    assert not dataset.get("AcquisitionNumber")
    assert dataset.InstanceNumber == 7


def test_a_short_number_of_the_patient_goes_from_the_number_of_a_series_alone():
    dataset = cleaned("research", PatientID="4711", SeriesNumber=4711, InstanceNumber=4711)
    assert dataset.get("SeriesNumber") is None
    assert dataset.InstanceNumber == 4711


@BOTH
@pytest.mark.parametrize("number", ["20200131", "31012020", "1312020", "20200207"])
def test_a_day_of_the_study_goes_from_numbers(text, number):
    dataset = cleaned(text, SeriesDate="20200207", SeriesNumber=number, AcquisitionNumber=number, InstanceNumber=20)
    assert [dataset.get(keyword) for keyword in ("SeriesNumber", "AcquisitionNumber")] == [None, None]
    assert dataset.InstanceNumber == 20


@BOTH
@pytest.mark.parametrize(
    "values", [{"InstanceCreationDate": "20200301"}, {"AcquisitionDateTime": "20200301101112"}, {"StudyDate": "2020.03.01"}]
)
def test_a_day_goes_from_numbers_whatever_date_it_is(text, values):
    assert cleaned(text, SeriesNumber="20200301", **values).get("SeriesNumber") is None


def test_dates_of_nobody_take_no_numbers_and_names_with_them():
    dataset = cleaned(
        "research", InstanceCreationDate="00000000", SeriesDate="00010101", SeriesNumber=10101, ManufacturerModelName="Scan 5"
    )
    assert (dataset.SeriesNumber, dataset.ManufacturerModelName) == (10101, "Scan 5")


CODES = {
    "SNOMED CT": ("SCT", "123037004", True),
    "a wrong check digit": ("SCT", "123037005", False),
    "DCM": ("DCM", "113105", True),
    "DCM of no such form": ("DCM", "4711220", False),
    "LOINC": ("LN", "24627-2", True),
    "a private scheme": ("99X", "123037004", False),
    "the patient's number": ("DCM", "121058", False),
}


@BOTH
@pytest.mark.parametrize("case", CODES)
def test_a_code_of_a_standard_scheme_stays_where_it_is_well_formed(text, case):
    scheme, value, stays = CODES[case]
    code = item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="Neck")
    segment = item(SegmentNumber=1, SegmentedPropertyTypeCodeSequence=Sequence([code]))
    new = cleaned(text, PatientID="00121058", SegmentSequence=Sequence([segment])).SegmentSequence[0]
    assert (new.SegmentedPropertyTypeCodeSequence[0].get("CodeValue") == value) is stays


def test_the_same_code_of_two_schemes_is_judged_by_its_scheme():
    """Elements of the same bytes are judged once, but not where something else decides."""
    codes = [item(CodeValue="123037004", CodingSchemeDesignator=scheme, CodeMeaning="Neck") for scheme in ("SCT", "99X", "SCT")]
    segments = Sequence([item(SegmentedPropertyTypeCodeSequence=Sequence([code])) for code in codes])
    read = pydicom.dcmread(io.BytesIO(bytes_of(small(SegmentSequence=segments))))
    new = Profile(bytes(32), options_named("research")).clean(read)
    values = [segment.SegmentedPropertyTypeCodeSequence[0].get("CodeValue") for segment in new.SegmentSequence]
    assert [value == "123037004" for value in values] == [True, False, True]


@pytest.mark.parametrize("scheme", ["SCT", "DCM"])
def test_codes_of_the_standard_are_well_formed(scheme):
    codes = [code for meanings in listed.concepts[scheme].values() for code in meanings if code.isdigit()]
    assert len(codes) > 4000
    assert sum(not is_well_formed(code, scheme) for code in codes) <= 1


STANDARD = "1.2.840.10008.5.1.4.1.1.2"


@BOTH
@pytest.mark.parametrize("uid", [f"{STANDARD}.20200131101112.7", "1.2.840.10008.471122.1"])
def test_a_uid_that_only_begins_like_one_of_the_standard_is_replaced(text, uid):
    dataset = cleaned(text, SOPInstanceUID=uid, ReferencedImageSequence=Sequence([item(ReferencedSOPInstanceUID=uid)]))
    assert dataset.SOPInstanceUID.startswith("2.25.")
    assert dataset.SOPClassUID == STANDARD


@BOTH
@pytest.mark.parametrize("part", ["471122", "20200131", "20200131101112", "31012020101112"])
def test_a_uid_of_a_class_or_terminology_keeps_no_number_of_the_patient_and_no_date(text, part):
    scheme = item(CodingSchemeDesignator="99X", CodingSchemeUID=f"1.2.276.{part}.3")
    dataset = cleaned(text, RelatedGeneralSOPClassUID=f"1.2.276.{part}", CodingSchemeIdentificationSequence=Sequence([scheme]))
    assert part not in str(dataset)


def test_uids_of_makers_classes_stay():
    dataset = cleaned("research", RelatedGeneralSOPClassUID="1.2.840.113619.4.26", SOPClassUID=STANDARD, PatientID="10008")
    assert (dataset.RelatedGeneralSOPClassUID, dataset.SOPClassUID) == ("1.2.840.113619.4.26", STANDARD)
