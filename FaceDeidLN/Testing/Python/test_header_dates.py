"""Dates and times of cleaned headers: one shift per patient, and a proof that tells a moved date from an original one."""

from __future__ import annotations

import datetime

import pytest
from FaceDeidLNLib.header.known import Known, known_of
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.header.values import DUMMY_DATE, moved
from header_objects import item, small
from hypothesis import given
from hypothesis import strategies as st

RESEARCH = options_named("research")


def profile(key=bytes(32)):
    return Profile(key, RESEARCH)


def one(day, **values):
    return small(StudyDate=day, StudyTime="101112.5", InstanceNumber=7, **values)


def saved(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return path


def found(folder, known):
    return [str(finding) for finding in verify_headers(folder, known, RESEARCH)]


def test_a_moved_date_that_is_another_patients_is_no_finding(tmp_path):
    cleaned = profile().clean(one("20200131"))
    known = Known()
    known.take(one("20200131"))
    known.take(small(PatientName="Other^One", PatientID="9", StudyDate=cleaned.StudyDate, StudyTime="070809", InstanceNumber=1))
    saved(cleaned, tmp_path / "a.dcm")
    assert found(tmp_path, known) == []


def test_a_moved_date_that_is_an_earlier_one_of_the_same_instance_is_no_finding(tmp_path):
    day = profile().clean(one("20200131")).StudyDate
    known = Known()
    known.take(one("20200131", PerformedProcedureStepStartDate=day))
    saved(profile().clean(one("20200131", PerformedProcedureStepStartDate=day)), tmp_path / "a.dcm")
    assert found(tmp_path, known) == []


@pytest.mark.parametrize("leak", [{"StudyDate": "20200131"}, {"ContentDate": "20200131"}, {"AcquisitionDateTime": "20200131101112"}])
def test_a_date_that_did_not_move_is_a_finding_even_where_another_patient_would_explain_it(leak, tmp_path):
    known, cleaned = Known(), profile().clean(one("20200131"))
    known.take(one("20200131"))
    known.take(one("20200207"))
    for keyword, value in leak.items():
        setattr(cleaned, keyword, value)
    saved(cleaned, tmp_path / "a.dcm")
    assert any("original date" in line for line in found(tmp_path, known))


def test_without_times_any_original_date_is_a_finding(tmp_path):
    known, cleaned = Known(), profile().clean(small(StudyDate="20200131"))
    known.take(small(StudyDate=cleaned.StudyDate))
    saved(cleaned, tmp_path / "a.dcm")
    assert any("original date" in line for line in found(tmp_path, known))


def test_an_own_output_cleaned_again_passes_the_proof_and_a_strangers_claim_does_not(tmp_path):
    policy = profile()
    first = saved(policy.clean(one("20200131")), tmp_path / "first.dcm")
    known = known_of([first], policy.is_own)
    (tmp_path / "out").mkdir()
    again = known_of([first], profile(bytes(range(32))).is_own)
    saved(policy.clean(policy.clean(one("20200131"))), tmp_path / "out" / "a.dcm")
    assert found(tmp_path / "out", known) == []
    assert found(tmp_path / "out", again) != []


@given(day=st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)), days=st.integers(1, 3650), later=st.integers(0, 9999))
def test_intervals_stay(day, days, later):
    one, other = (moved("DA", then.strftime("%Y%m%d"), days) for then in (day, day + datetime.timedelta(later)))
    apart = datetime.datetime.strptime(other, "%Y%m%d") - datetime.datetime.strptime(one, "%Y%m%d")
    assert apart.days == later


CASES = {
    "a date of ACR-NEMA": ("DA", "1994.05.23", "", "19940503"),
    "to the second": ("DT", "20200131101112.25", "", "20200111101112.25"),
    "a zone is not kept": ("DT", "20200131101112+0100", "", "20200111101112"),
    "another zone is told in the data set's own": ("DT", "20200131233000.5+0000", "+0100", "20200112003000.5"),
    "to the minute in another zone": ("DT", "202001310030-0500", "-0600", "202001102330"),
    "a year": ("DT", "2020", "", "2019"),
    "a month": ("DT", "202001", "", "201912"),
    "no day": ("DA", "20200231", "", None),
    "a word": ("DT", "Januar", "", None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_date_is_moved_by_twenty_days(case):
    vr, value, zone, expected = CASES[case]
    assert moved(vr, value, 20, zone) == expected


def test_a_range_of_dates_goes():
    dataset = small()
    dataset.add_new(0x00080022, "DA", "20200101-20200131")
    assert "AcquisitionDate" not in profile().clean(dataset)


def test_times_of_day_stay_where_dates_move_and_go_where_dates_go():
    values = {"StudyTime": "101112", "AcquisitionTime": "101500.123", "TimezoneOffsetFromUTC": "+0100"}
    moved_one = profile().clean(small(**values))
    assert (moved_one.StudyTime, moved_one.AcquisitionTime) == ("101112", "101500.123")
    assert "TimezoneOffsetFromUTC" not in moved_one
    basic = Profile(bytes(32), options_named("basic")).clean(small(**values))
    assert not basic.StudyTime
    assert "AcquisitionTime" not in basic


def shifted_by(original, new):
    """The days between two dates; None where there is no second one, or where a dummy stands for it."""
    if not new or str(new).startswith(DUMMY_DATE):
        return None
    first, second = (datetime.datetime.strptime(str(day)[:8], "%Y%m%d") for day in (original, new))
    return (first - second).days


@pytest.mark.parametrize("keyword", ["ContextGroupVersion", "ContextGroupLocalVersion"])
def test_the_version_of_a_terminology_which_anybody_can_look_up_does_not_tell_the_shift(keyword, tmp_path):
    code = item(CodeValue="F-10450", CodingSchemeDesignator="SRT", CodeMeaning="recumbent", MappingResource="DCMR", ContextIdentifier="19")
    setattr(code, keyword, "20020904000000.000000")
    original = one("20200131", PatientOrientationCodeSequence=[code])
    known = Known()
    known.take(original)
    cleaned = profile().clean(original)
    kept = cleaned.PatientOrientationCodeSequence[0]
    assert shifted_by("20200131", cleaned.StudyDate)
    assert shifted_by("20020904", kept.get(keyword)) is None
    assert (kept.CodeValue, kept.ContextIdentifier) == ("F-10450", "19")
    saved(cleaned, tmp_path / "a.dcm")
    assert found(tmp_path, known) == []


PLACEHOLDERS = ["19700101", "18000101", "00010101", "99991231", "20991231", "20380119", "19800101", "20000101", "2000.01.01"]


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_for_a_date_does_not_tell_the_shift(placeholder):
    cleaned = profile().clean(one("20200131", AcquisitionDate=placeholder, AcquisitionDateTime=f"{placeholder}000000"))
    assert shifted_by("20200131", cleaned.StudyDate)
    assert [shifted_by(placeholder.replace(".", ""), cleaned.get(keyword)) for keyword in ("AcquisitionDate", "AcquisitionDateTime")] == [
        None,
        None,
    ]


def test_the_first_year_of_ct_is_a_date():
    assert profile().clean(one("19720105")).StudyDate not in ("", DUMMY_DATE, "19720105")
