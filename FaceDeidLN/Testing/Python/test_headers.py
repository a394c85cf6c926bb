"""Headers: no canary survives, what ties objects together does, and the proof sees what the cleaning left."""

from __future__ import annotations

import io
import re
import shutil

import pydicom
import pytest
from canaries import CLASSES, filled, with_meta
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.header.base import HeaderError, KeepHeader
from FaceDeidLNLib.header.known import known_in
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.header.vocabulary import cleaned
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.output.dicom import Marks, write_dicom_series
from header_objects import item
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

KEY = bytes(range(32))
EVERYTHING = "research,clean-graphics,clean-structured-content"


def profile(text="research", key=KEY, **more):
    return Profile(key, options_named(text), name=text, **more)


def written(dataset):
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


def left(raw, canaries):
    plain = re.sub(rb"2\.25\.\d+", b"", raw)  # the many digits of a new UID hold any eight by chance
    return [word for word in (*canaries.texts, *canaries.uids, *canaries.dates) if word.encode() in plain]


@pytest.mark.parametrize("name", CLASSES)
def test_no_canary_of_any_attribute_survives(name):
    dataset, canaries = filled(CLASSES[name])
    assert len(left(written(dataset), canaries)) > 1000
    assert left(written(profile().clean(dataset)), canaries) == []


@pytest.mark.parametrize("options", ["basic", EVERYTHING])
def test_no_canary_survives_other_options(options):
    dataset, canaries = filled()
    assert left(written(profile(options).clean(dataset)), canaries) == []


def small(**values):
    """A data set with what a scanner writes, little of it."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES["CT"], "1.2.3.4"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Mustermann^Erika", "4711-0815", "20200131"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return with_meta(dataset)


def test_descriptions_keep_what_identifies_nobody():
    dataset = profile().clean(small(SeriesDescription="CT Hals KM axial 1.0 B30f Mustermann", ProtocolName="Neck_Routine (Adult)"))
    assert dataset.SeriesDescription == "CT Hals KM axial 1.0 B30f"
    assert dataset.ProtocolName == "Neck_Routine (Adult)"


@pytest.mark.parametrize("text", ["12.03.1987", "1987-03-12", "Dr. Xylander", "0711 / 123456", "mail@clinic.example", "/home/xylander"])
def test_dates_numbers_and_names_leave_a_description(text):
    kept = cleaned(f"neck {text}")
    assert not any(word in kept for word in ("1987", "Xylander", "xylander", "123456", "clinic.example"))


def test_the_patients_own_words_leave_every_text_even_where_they_are_medical():
    policy = profile()
    dataset = small(PatientName="Neck^Axial", SeriesDescription="neck axial contrast")
    assert policy.clean(dataset).SeriesDescription == "contrast"


def test_a_name_from_one_instance_is_found_in_the_texts_of_another():
    policy = profile()
    policy.learn(small(OperatorsName="Liver^Anna"))
    assert policy.clean(small(SeriesDescription="liver native")).SeriesDescription == "native"


def test_geometry_and_pixels_are_untouched():
    values = {
        "ImagePositionPatient": [1.5, 2, 3],
        "PixelSpacing": [0.5, 0.5],
        "RescaleSlope": "1",
        "PixelData": b"\1\2\3\4",
        "Rows": 1,
        "Columns": 2,
    }
    dataset = profile().clean(small(**values))
    assert {keyword: dataset[keyword].value for keyword in values} == {keyword: small(**values)[keyword].value for keyword in values}


def test_dates_of_one_patient_move_together():
    policy = profile()
    one, other = policy.clean(small(StudyDate="20200131")), policy.clean(small(StudyDate="20200207"))
    days = (pydicom.valuerep.DA(other.StudyDate) - pydicom.valuerep.DA(one.StudyDate)).days
    assert days == 7
    assert one.StudyDate != "20200131"
    assert one.LongitudinalTemporalInformationModified == "MODIFIED"


def test_references_lead_to_the_new_instances():
    policy, item = profile(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CLASSES["CT"], "1.2.3.4"
    image, other = small(), small(SOPInstanceUID="1.2.3.5", ReferencedImageSequence=Sequence([item]))
    policy.clean(image), policy.clean(other)
    assert other.ReferencedImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert other.FrameOfReferenceUID == image.FrameOfReferenceUID
    assert other.SOPClassUID == CLASSES["CT"]


def test_the_same_key_gives_the_same_and_another_key_gives_others():
    first, again, other = (profile(key=key).clean(small()) for key in (KEY, KEY, bytes(32)))
    for keyword in ("SOPInstanceUID", "PatientID", "StudyDate"):
        assert first[keyword].value == again[keyword].value
        assert first[keyword].value != other[keyword].value


def test_cleaning_an_own_output_again_changes_nothing_but_uids():
    once = profile().clean(small(SeriesDescription="CT neck", PatientAge="042Y", PatientSex="F"))
    before = {e.keyword: str(e.value) for e in once if e.VR not in ("UI", "SQ")}
    twice = profile().clean(once)
    assert {e.keyword: str(e.value) for e in twice if e.VR not in ("UI", "SQ")} == before


def test_nobody_can_pretend_that_an_instance_was_cleaned_before():
    dataset = small(DeidentificationMethod=["FaceDeidLN header 0123456789ab"], PatientIdentityRemoved="YES")
    assert profile().clean(dataset).StudyDate != "20200131"


def _dated(**values):
    """A small object with dates at two depths."""
    inner = item(ScheduledProcedureStepStartDate="20200202")
    return small(**{"ContentDate": "20200201", "RequestAttributesSequence": [inner], **values})


CHANGED_UNDER_A_MARK = {
    "a date": lambda one: setattr(one, "ContentDate", "19991231"),
    "a date in an item": lambda one: setattr(one.RequestAttributesSequence[0], "ScheduledProcedureStepStartDate", "19991231"),
    "another date": lambda one: setattr(one, "AcquisitionDateTime", "19991231101112"),
    "a date less": lambda one: delattr(one, "ContentDate"),
    "a date in an item of a private sequence": lambda one: one.private_block(0x99, "X", create=True).add_new(
        1, "SQ", [item(StudyDate="19990101")]
    ),
    "the number": lambda one: setattr(one, "PatientID", "4711"),
    "the study's number": lambda one: setattr(one, "StudyID", "4711"),
}


@pytest.mark.parametrize("change", CHANGED_UNDER_A_MARK)
def test_a_mark_under_which_a_date_or_number_was_changed_is_none(change):
    policy = profile()
    own = pydicom.dcmread(io.BytesIO(written(policy.clean(_dated(StudyID="7")))))
    assert policy.is_own(own)
    CHANGED_UNDER_A_MARK[change](own)
    assert not policy.is_own(own)


def test_the_mark_of_another_header_is_none():
    policy = profile()
    own, other = policy.clean(_dated()), _dated(ContentDate="20200203")
    other.DeidentificationMethod = own.DeidentificationMethod
    other.PatientID, other.PatientName, other.StudyDate = own.PatientID, own.PatientName, own.StudyDate
    assert policy.clean(other).ContentDate != "20200203"


def test_the_marks_say_profile_options_and_face():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113102", "DCM", "Clean Recognizable Visual Features Option"
    dataset = profile().clean(small(DeidentificationMethodCodeSequence=Sequence([code]), RecognizableVisualFeatures="NO"))
    codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107", "113108", "113111", "113102"]
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.RecognizableVisualFeatures == "NO"


def test_safe_private_numbers_stay_and_other_private_elements_go():
    dataset = small()
    block = dataset.private_block(0x01F1, "ELSCINT1", create=True)
    block.add_new(0x26, "DS", "0.688")
    block.add_new(0x99, "LO", "Mustermann")
    dataset.private_block(0x0029, "UNKNOWN", create=True).add_new(0x10, "LO", "x")
    cleaned_one = profile().clean(dataset)
    assert [float(e.value) for e in cleaned_one if e.tag.is_private and e.tag.element > 0xFF] == [0.688]
    assert verify_names(cleaned_one) == []


def verify_names(dataset):
    return [element for element in dataset if element.tag.is_private and "Muster" in str(element.value)]


def test_a_report_whose_content_the_profile_removes_is_withheld():
    with pytest.raises(HeaderError, match="clean-structured-content"):
        profile().clean(small(ContentSequence=Sequence([Dataset()])))


def test_pseudonyms_of_ones_own_are_used_and_a_patient_without_one_is_withheld():
    assert profile(pseudonyms={"4711-0815": "LNQ-001"}).clean(small()).PatientID == "LNQ-001"
    with pytest.raises(HeaderError, match="pseudonyms"):
        profile(pseudonyms={"other": "LNQ-002"}).clean(small())


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    write_series(folder, Series(stored_head(), tags={"InstitutionName": "Klinikum Musterstadt", "PatientBirthDate": "19500203"}))
    return read_dicom_series(folder)


def test_a_series_is_written_with_clean_headers_and_the_same_voxels(ct, tmp_path):
    policy = profile()
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("done", True), header=policy)
    assert policy.facts()["findings"] == 0
    again = read_dicom_series(tmp_path / "out")
    assert (again.volume.array == ct.volume.array).all()
    assert again.volume.geometry.same_as(ct.volume.geometry)
    assert verify_headers(tmp_path / "out", known_in(ct.path)) == []
    first = pydicom.dcmread(again.files[0])
    assert first.RecognizableVisualFeatures == "NO"
    assert "done" in first.DerivationDescription


def test_a_kept_header_keeps_names_and_renews_instances(ct, tmp_path):
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("done"), header=KeepHeader())
    new, old = pydicom.dcmread(next((tmp_path / "out").glob("*.dcm"))), pydicom.dcmread(ct.files[0])
    assert new.PatientName == old.PatientName
    assert new.StudyInstanceUID == old.StudyInstanceUID
    assert new.SeriesInstanceUID != old.SeriesInstanceUID


def test_a_finding_of_the_proof_stops_the_release(ct, tmp_path):
    class Forgetful(Profile):
        def clean(self, dataset):
            name = dataset.PatientName
            dataset = super().clean(dataset)
            dataset.SeriesDescription = f"of {name}"
            return dataset

    with pytest.raises(OutputError, match="findings"):
        write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("done"), header=Forgetful(KEY, options_named("research")))
    assert list(tmp_path.iterdir()) == []


LEAKS = {
    "a name in a text": {"ImageComments": "Jane Doe-Erikson"},
    "an institution": {"StudyDescription": "Klinikum Musterstadt"},
    "an identifier": {"PatientComments": "P1-778899"},
    "a birth date": {"PatientBirthDate": "19500203"},
    "an original UID": {"FrameOfReferenceUID": None},
    "a missing mark": {"PatientIdentityRemoved": "NO"},
}


@pytest.fixture(scope="module")
def clean_one(tmp_path_factory):
    """An original slice and what was written of it; and what is known of the original."""
    place = tmp_path_factory.mktemp("one")
    tags = {
        "PatientName": "Erikson^Jane",
        "PatientID": "P1-778899",
        "InstitutionName": "Klinikum Musterstadt",
        "PatientBirthDate": "19500203",
    }
    write_series(place / "in", Series(stored_head(), tags=tags))
    source = read_dicom_series(place / "in")
    write_dicom_series(source, source.volume, place / "out", Marks("done"), header=profile())
    return source, next((place / "out").glob("*.dcm")), known_in(place / "in")


@pytest.mark.parametrize("leak", LEAKS)
def test_the_proof_sees(leak, clean_one, tmp_path):
    source, path, known = clean_one
    shutil.copy(path, tmp_path)
    assert verify_headers(tmp_path, known) == []
    dataset = pydicom.dcmread(path)
    for keyword, value in LEAKS[leak].items():
        setattr(dataset, keyword, source.frame_of_reference_uid if value is None else value)
    dataset.save_as(tmp_path / path.name)
    assert verify_headers(tmp_path, known)


def test_the_proof_sees_a_private_element_and_a_reference_that_leads_out(ct, tmp_path):
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("done"), header=profile())
    path = next((tmp_path / "out").glob("*.dcm"))
    dataset, item = pydicom.dcmread(path), Dataset()
    dataset.private_block(0x0029, "X", create=True).add_new(1, "LO", "y")
    item.ReferencedSOPInstanceUID = "1.2.3"
    dataset.ReferencedImageSequence = Sequence([item])
    dataset.save_as(path)
    said = " ".join(str(finding) for finding in verify_headers(tmp_path / "out"))
    assert "private" in said
    assert "leads out" in said


def test_a_dose_names_the_plan_that_it_must_name_and_that_no_study_releases(tmp_path):
    plan = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.481.5", ReferencedSOPInstanceUID="1.2.3.9")
    written_to = tmp_path / "dose.dcm"
    dose = small(ReferencedRTPlanSequence=[plan])
    dose.SOPClassUID = dose.file_meta.MediaStorageSOPClassUID = CLASSES["RTDOSE"]
    written_to.write_bytes(written(profile().clean(dose)))
    assert verify_headers(tmp_path) == []
    (named,) = pydicom.dcmread(written_to).ReferencedRTPlanSequence
    assert named.ReferencedSOPInstanceUID not in ("", "1.2.3.9")
