"""Files of a study that cannot be read: they never leave, never end the run in a traceback, and make their study a REVIEW."""

from __future__ import annotations

import errno

import pydicom
import pytest
from dicom_series import Series, spoil, stored_head, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.dicom_damaged import Damaged, reasons_of
from FaceDeidLNLib.study.instances import _TAGS
from FaceDeidLNLib.study.plan import plan
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from synthetic_study import StudyFolder, study_phantom, write_key_objects, write_structures
from test_study_messages import write_no_ct

NAMES = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@pytest.fixture
def slices(tmp_path):
    return write_series(tmp_path / "in", Series(stored_head(shape=(2, 8, 8))))


def put(path, tag, vr, value):
    """An element of any representation and any bytes."""
    dataset = pydicom.dcmread(path)
    dataset._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    dataset.save_as(path)


@pytest.mark.parametrize(("vr", "value"), [("XX", b"garbage "), (None, b"\x01\x02\x03")])
def test_no_attribute_that_is_read_can_end_the_plan_in_a_traceback(slices, vr, value):
    content = slices[0].read_bytes()
    for keyword in _TAGS:
        put(slices[0], tag_for_keyword(keyword), vr or dictionary_VR(keyword).split(" ")[0], value)
        found = plan(slices[0].parent)
        assert sum(len(study.entries) for study in found.studies) + len(found.damaged) == 2, keyword
        slices[0].write_bytes(content)


@pytest.mark.parametrize("keyword", [*_TAGS[:4], "Modality", "PatientID", "ImagePositionPatient", "Rows"])
def test_a_file_with_an_attribute_of_no_representation_may_belong_to_its_study(slices, keyword):
    put(slices[0], tag_for_keyword(keyword), "XX", b"garbage ")
    (study,) = plan(slices[0].parent).studies
    assert [one.path for one in study.damaged] == [slices[0]]
    assert len(study.entries) == 1


def test_an_attribute_of_no_representation_in_a_sequence_is_met_too(slices):
    item = Dataset()
    item.FrameOfReferenceUID = "1.2"
    dataset = pydicom.dcmread(slices[0])
    dataset.ReferencedFrameOfReferenceSequence = [item]
    del dataset.FrameOfReferenceUID
    dataset.save_as(slices[0])
    slices[0].write_bytes(slices[0].read_bytes().replace(b"\x20\x00\x52\x00UI", b"\x20\x00\x52\x00XX"))
    assert [one.path for one in plan(slices[0].parent).damaged] == [slices[0]]


@pytest.mark.parametrize("keyword", ["SOPClassUID", *NAMES])
def test_a_file_without_one_of_its_names_is_damaged_and_the_others_are_planned(slices, keyword):
    dataset = pydicom.dcmread(slices[0])
    delattr(dataset, keyword)
    dataset.save_as(slices[0])
    found = plan(slices[0].parent)
    assert [one.path for one in found.damaged] == [slices[0]]
    assert [entry.instance.path for study in found.studies for entry in study.entries] == [slices[1]]


@pytest.mark.parametrize("what", ["cut", "empty", "of another study"])
def test_a_damaged_file_counts_for_every_study_that_it_may_belong_to(slices, what, tmp_path):
    (tmp_path / "in" / "other").mkdir()
    (other,) = write_series(tmp_path / "in" / "other", Series(stored_head(shape=(1, 8, 8)), study="1.2.3"))
    if what == "of another study":
        put(other, tag_for_keyword("Rows"), "XX", b"garbage ")
    else:
        other.write_bytes(other.read_bytes()[:200] if what == "cut" else b"")
    found = plan(tmp_path / "in")
    assert [one.path for one in found.damaged] == [other]
    assert bool(found.studies[0].damaged) == (what != "of another study")


def test_a_damaged_file_makes_its_study_a_review_that_names_it(tmp_path, capsys):
    write_no_ct(tmp_path / "in")
    first = sorted((tmp_path / "in").rglob("*.dcm"))[0]
    put(first, tag_for_keyword("SliceThickness"), "XX", b"garbage ")
    assert main(["study", str(tmp_path / "in"), str(tmp_path / "out"), "--quiet"]) == 3
    assert f"{first.name} holds something that cannot be read in SliceThickness" in "".join(capsys.readouterr())
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_file_that_nobody_may_read_is_not_called_damaged(slices, monkeypatch):
    opened = type(slices[0]).open

    def refused(path, *words, **more):
        if path == slices[1]:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *words, **more)

    monkeypatch.setattr(type(slices[0]), "open", refused)
    (one,) = plan(slices[0].parent).damaged
    assert str(one.error) == f"{slices[1].name} cannot be read (Permission denied): check the file and its permissions."


def test_a_reason_is_told_as_it_is_of_files_that_are_called_like_a_part_of_it(tmp_path):
    why = "a lacks a study, series, instance or class UID: get it again."
    files = [Damaged(tmp_path / folder / "a", InputError(why)) for folder in "xy"]
    assert reasons_of(files) == {f"a, ...{why[1:]}": 2}


def test_one_study_that_cannot_be_read_at_all_is_told_with_its_reason(slices, tmp_path, capsys):
    for path in slices:
        spoil(path, StudyInstanceUID=None)
    assert main(["study", str(tmp_path / "in"), str(tmp_path / "out"), "--one", "--quiet"]) == 2
    assert "holds no study that can be read: " in (said := "".join(capsys.readouterr()))
    assert f"{min(slices).name}, ... lacks a study, series, instance or class UID" in said


def test_every_file_that_stays_behind_is_told_and_each_reason_once(slices, tmp_path, capsys):
    for path in slices:
        spoil(path, StudyInstanceUID=None)
    (tmp_path / "in" / "notes.txt").write_text("no DICOM", encoding="utf-8")
    assert main(["study", str(tmp_path / "in"), str(tmp_path / "out")]) == 3
    said = "".join(capsys.readouterr())
    assert said.count(f"withhold {len(slices):4} x {min(slices).name}, ... lacks a study, series, instance or class UID") == 1
    assert said.count("lacks") == 1
    assert "1 file (notes.txt) is no DICOM instance: left behind" in said


@pytest.mark.parametrize("write", [write_key_objects, write_structures])
@pytest.mark.parametrize("share", [0.6, 0.9, 0.98])
def test_an_object_whose_sequences_were_cut_off_is_not_taken_for_a_whole_one(slices, write, share):
    head = pydicom.dcmread(slices[0])
    study = StudyFolder(slices[0].parent, study_phantom(), head.StudyInstanceUID, head.FrameOfReferenceUID)
    write(slices[0].parent / "object.dcm", slices[0], study)
    content = (slices[0].parent / "object.dcm").read_bytes()
    (slices[0].parent / "object.dcm").write_bytes(content[: int(share * len(content)) // 2 * 2])
    (planned,) = plan(slices[0].parent).studies
    assert [one.path.name for one in planned.damaged] == ["object.dcm"]
    assert "truncated or damaged" in str(planned.damaged[0].error)
    assert len(planned.entries) == 2
