"""Objects of several persons under one study UID are told apart by their number; without one they are a doubt."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from dicom_series import Series as Written
from dicom_series import stored_head, write_series
from FaceDeidLNLib.commands.study import plan_text
from FaceDeidLNLib.study.persons import SEVERAL
from FaceDeidLNLib.study.plan import NAMELESS, plan

SHAPE = (5, 16, 16)


def one_study(folder: Path, number: str, *persons: tuple[str, str]) -> Path:
    """A study with a series of each person (name, day of birth), all of one patient number."""
    for index, (name, day) in enumerate(persons):
        tags = {"PatientID": number, "PatientName": name, "PatientBirthDate": day}
        write_series(folder / f"s{index}", Written(stored_head(shape=SHAPE), study="1.2.3", frame="1.2.4", tags=tags))
    return folder


def reasons(folder: Path) -> set[str]:
    return {entry.decision.reason for study in plan(folder).studies for entry in study.entries}


@pytest.mark.parametrize("other", [("Smith^Anna", ""), ("Doe^Jane", "19610304")])
def test_two_persons_without_a_number_under_one_study_uid_are_a_doubt(other, tmp_path):
    (study,) = plan(one_study(tmp_path, "", ("Doe^Jane", "19500102"), other)).studies
    assert {entry.decision.reason for entry in study.entries} == {NAMELESS}
    assert all(entry.decision.doubtful for entry in study.entries)


@pytest.mark.parametrize("other", [("DOE^JANE^^", ""), ("", "")])
def test_one_person_without_a_number_in_two_spellings_is_no_doubt(other, tmp_path):
    assert NAMELESS not in reasons(one_study(tmp_path, "", ("Doe^Jane", "19500102"), other))


def test_two_names_of_one_number_are_told_and_stop_nothing(tmp_path):
    planned = plan(one_study(tmp_path, "P1", ("Doe^Jane", ""), ("Smith^Anna", "")))
    assert planned.studies[0].notes == (SEVERAL,)
    assert f"note: {SEVERAL}" in plan_text(planned)
    assert not any(entry.decision.doubtful for entry in planned.studies[0].entries)


def test_one_name_in_two_spellings_is_not_told(tmp_path):
    assert plan(one_study(tmp_path, "P1", ("Müller^Jane", ""), ("MUELLER^JANE^", ""))).studies[0].notes == ()


def test_one_name_in_letters_and_in_characters_is_no_doubt(tmp_path):
    folder = one_study(tmp_path, "", ("Yamada^Tarou", ""), ("Yamada^Tarou", ""))
    for path in (folder / "s1").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet, dataset.PatientName = ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"
        dataset.save_as(path)
    assert NAMELESS not in reasons(folder)
