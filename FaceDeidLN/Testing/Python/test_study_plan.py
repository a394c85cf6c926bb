"""What is planned for folders as people have them (copies, phases, scouts among slices, several patients); where registrations lead."""

from __future__ import annotations

import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import Series as Written
from dicom_series import stored_head, write_series
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume, canonical_grid, resample
from FaceDeidLNLib.face.styles import STYLES
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.output.dicom import derived_slices
from FaceDeidLNLib.output.dicom_header import Marks
from FaceDeidLNLib.study import decide_ct
from FaceDeidLNLib.study.family import Options, Study, StudyRun
from FaceDeidLNLib.study.instances import find_instances
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import COPY, MIXED, TWO, Plan, plan, to_do
from FaceDeidLNLib.study.registration import rigid, ways
from FaceDeidLNLib.study.staging import staged, staged_instance
from FaceDeidLNLib.study.writer import StudyWriter
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import MRImageStorage, RLELossless, generate_uid
from synthetic_documents import PLANNED, write_enhanced, write_the_rest
from synthetic_study import StudyFolder, study_phantom

STORED = np.random.default_rng(1).integers(0, 900, (12, 12, 10))


def reasons(planned: Plan) -> list[str]:
    return [entry.decision.reason for study in planned.studies for entry in study.entries]


@pytest.mark.parametrize("tags", [{}, {"Modality": "MR", "SOPClassUID": MRImageStorage}])
def test_a_picture_of_where_the_slices_lie_does_not_withhold_them(tmp_path, tags):
    first, *_ = write_series(tmp_path / "a", Written(STORED, tags=tags))
    dataset = pydicom.dcmread(first)
    dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [1, 0, 0, 0, 0, -1], [-7, 10, 40]
    dataset.save_as(first)
    sizes = [len(series.instances) for series in plan(tmp_path).studies[0].study.series]
    assert sorted(sizes) == [1, len(STORED) - 1]


def test_a_copy_of_a_file_is_withheld_and_no_doubt(tmp_path):
    first = write_series(tmp_path / "a", Written(STORED))[0]
    shutil.copy(first, tmp_path / "b.dcm")
    planned = plan(tmp_path)
    assert reasons(planned).count(COPY) == 1
    assert not any(entry.decision.doubtful for entry in planned.studies[0].entries)


def test_a_copy_that_is_only_stored_otherwise_is_a_copy(tmp_path):
    first = pydicom.dcmread(write_series(tmp_path / "a", Written(STORED))[0])
    first.file_meta.ImplementationVersionName = "OTHER"
    first.save_as(tmp_path / "b.dcm")
    assert reasons(plan(tmp_path)).count(COPY) == 1


def test_a_copy_whose_pixels_are_compressed_is_a_copy(tmp_path):
    paths = write_series(tmp_path / "a", Written(STORED))
    copies = [pydicom.dcmread(path) for path in paths[:2]]
    copies[1].PixelData = (STORED[1] + 1).astype("<u2").tobytes()
    for number, copy in enumerate(copies):
        copy.compress(RLELossless, generate_instance_uid=False)
        copy.save_as(tmp_path / f"{number}.dcm")
    assert (reasons(plan(tmp_path)).count(COPY), reasons(plan(tmp_path)).count(TWO)) == (1, 13)
    (tmp_path / "1.dcm").unlink()
    assert (reasons(plan(tmp_path)).count(COPY), reasons(plan(tmp_path)).count(TWO)) == (1, 0)


def test_two_objects_of_one_uid_are_a_doubt_and_so_is_all_of_their_series(tmp_path):
    paths = write_series(tmp_path / "a", Written(STORED))
    other = pydicom.dcmread(paths[4])
    other.add_new(0x7FE00010, "OW", bytes(len(other.PixelData)))
    other.save_as(tmp_path / "b.dcm")
    planned = plan(tmp_path)
    assert reasons(planned) == [TWO] * 13
    assert all(entry.decision.doubtful for entry in planned.studies[0].entries)


def changed(paths, folder, **values):
    """Copies of files with other values."""
    folder.mkdir()
    for path in paths:
        dataset = pydicom.dcmread(path)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        dataset.save_as(folder / path.name)


@pytest.mark.parametrize("values", [{"PatientID": "anonymous"}, {"StudyInstanceUID": "1.2.3.4.5"}], ids=["patient", "study"])
def test_one_instance_in_two_studies_is_a_doubt_in_both(values, tmp_path):
    changed(write_series(tmp_path / "a", Written(STORED)), tmp_path / "b", **values)
    planned = plan(tmp_path)
    assert reasons(planned) == [TWO] * 24
    assert all(entry.decision.doubtful for study in planned.studies for entry in study.entries)


def test_one_series_of_two_patients_is_a_doubt_of_both(tmp_path):
    paths = write_series(tmp_path / "a", Written(STORED))
    changed(paths[::2], tmp_path / "b", PatientID="another")
    for path in paths[::2]:
        path.unlink()
    assert reasons(plan(tmp_path)) == [MIXED] * 12


@pytest.mark.parametrize("keyword", ["TemporalPositionIdentifier", "ConvolutionKernel", "AcquisitionNumber"])
def test_stacks_of_one_ct_series_are_worked_on_one_by_one(tmp_path, keyword):
    one = Written(STORED, tags={keyword: "1"})
    write_series(tmp_path / "a", one)
    write_series(tmp_path / "b", replace(one, tags={keyword: "2"}))
    parts = to_do(plan(tmp_path).studies[0], "ct")
    assert [(part.uid, len(part.instances)) for part in parts] == [(one.uid, 12), (one.uid, 12)]
    assert len({part.stack for part in parts}) == 2


def frames_of_phases(path: Path, like: Path, phases: tuple[str, ...], series: str) -> None:
    """A multi-frame CT whose frames belong to these phases, in turns where there are several."""
    grid = Geometry((24, 12, 10), np.diag([3.0, 3.0, 3.0, 1.0]))
    write_enhanced(path, like, Volume(np.zeros(grid.shape, dtype=np.float32), grid), "CT")
    dataset = pydicom.dcmread(path)
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence[0].TemporalPositionIndex = int(phases[number % len(phases)])
        turn = number // len(phases)
        frame.PlanePositionSequence[0].ImagePositionPatient = [0.0, 0.0, 3.0 * turn]
    dataset.SeriesInstanceUID = series
    dataset.save_as(path)


@pytest.mark.parametrize(("objects", "worked_on"), [((("1",), ("2",)), [1, 1]), ((("1",), ("2", "3")), [2])])
def test_multi_frame_objects_of_one_series_are_worked_on_one_by_one_unless_one_holds_several_stacks(objects, worked_on, tmp_path):
    like = write_series(tmp_path / "like", Written(STORED[:1]))[0]
    (tmp_path / "in").mkdir()
    for number, phases in enumerate(objects):
        frames_of_phases(tmp_path / "in" / f"{number}.dcm", like, phases, "1.2.3.4")
    parts = to_do(plan(tmp_path / "in").studies[0], "ct")
    assert [len(part.instances) for part in parts] == worked_on
    assert len({part.stack for part in parts}) == len(worked_on)


def test_a_scout_in_the_series_of_the_slices_is_withheld_alone(tmp_path):
    one = Written(STORED)
    write_series(tmp_path / "a", one)
    scout = replace(
        one, stored=STORED[:1], rows=np.array([[1.0, 0, 0], [0, 0, -1]]), tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    )
    write_series(tmp_path / "b", scout)
    said = [entry.decision.outcome for entry in plan(tmp_path).studies[0].entries]
    assert said.count(Outcome.WITHHOLD) == 1
    assert said.count(Outcome.DEFACE) == 12


def damage(paths: list[Path], keyword: str, value: bytes) -> None:
    """Have such bytes stand for a value in files."""
    for path in paths:
        ds, tag = pydicom.dcmread(path), Tag(tag_for_keyword(keyword))
        ds._dict[tag] = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)
        ds.save_as(path)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "NumberOfFrames"])
@pytest.mark.parametrize("value", [b"1 ", b"abc ", b"1\\x\\0 ", b"\\\\ ", b"nan ", b"1\\nan\\2\\3\\4\\5"])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_place_of_damaged_numbers_is_told_in_words(tmp_path, keyword, value, modality):
    tags = {} if modality == "CT" else {"Modality": "MR", "SOPClassUID": MRImageStorage}
    damage(write_series(tmp_path, Written(STORED, tags=tags)), keyword, value)
    said = {*reasons(plan(tmp_path))}
    assert said
    assert all("Error:" not in reason for reason in said)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "NumberOfFrames", "Rows"])
def test_a_damaged_ct_withholds_no_other_of_its_frame_of_reference(tmp_path, keyword):
    whole = Written(STORED)
    write_series(tmp_path / "whole", whole)
    damage(write_series(tmp_path / "damaged", Written(STORED, study=whole.study, frame=whole.frame)), keyword, b"abc ")
    entries = plan(tmp_path).studies[0].entries
    assert {entry.decision.outcome for entry in entries if entry.instance.path.parent.name == "whole"} == {Outcome.DEFACE}
    assert Outcome.DEFACE not in {entry.decision.outcome for entry in entries if entry.instance.path.parent.name == "damaged"}


def test_files_of_any_name_in_any_order_and_folder_are_found_and_links_are_followed(tmp_path):
    written = write_series(tmp_path / "real", Written(STORED))
    names = ["b/1.2.840.1", "b/z.txt", "IM 0", "a/b/c/.hidden", "DICOM", "ä.ima", "b/x.nrrd"]
    for path, name in zip(written, names, strict=False):
        place = tmp_path / "in" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    (tmp_path / "in" / "file").symlink_to(written[7])
    (tmp_path / "other").mkdir()
    for path in written[8:]:
        path.rename(tmp_path / "other" / path.name)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "a" / "round").symlink_to(tmp_path / "in")
    assert len(plan(tmp_path / "in").studies[0].entries) == 12


def test_the_headless_script_of_slicer_plans_a_study(tmp_path, capsys):
    write_series(tmp_path / "in", Written(STORED))
    script = runpy.run_path(str(Path(__file__).parents[2] / "Scripts" / "deface.py"))
    assert script["main"](["--", "study", str(tmp_path / "in"), str(tmp_path / "out"), "--dry-run"]) == 0
    assert "deface" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_every_kind_of_object_has_its_planned_outcome(tmp_path):
    study = StudyFolder(tmp_path, study_phantom())
    study.series(study.phantom.ct, "ct", "Head")
    write_the_rest(tmp_path, study)
    found = {entry.instance.text("SeriesDescription"): entry.decision.outcome.value for entry in plan(tmp_path).studies[0].entries}
    assert found == {**PLANNED, "Head": "deface"}


def test_patients_and_studies_in_one_folder_are_kept_apart(tmp_path):
    one = Written(STORED)
    write_series(tmp_path / "a", one)
    write_series(tmp_path / "b", replace(one, tags={"PatientID": "P2"}))
    write_series(tmp_path / "c", Written(STORED))
    assert len({(study.study.patient, study.study.uid) for study in plan(tmp_path).studies}) == 3


def test_one_patient_in_two_spellings_has_one_study(tmp_path):
    one = Written(STORED, tags={"PatientID": "ab 1"})
    write_series(tmp_path / "a", one)
    write_series(tmp_path / "b", replace(one, uid=generate_uid(prefix=None), tags={"PatientID": "AB 1 "}))
    assert [len(study.study.series) for study in plan(tmp_path).studies] == [2]


def shifted(x: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix


def work(links: dict[tuple[str, str], list[np.ndarray]]) -> StudyRun:
    writer = StudyWriter(Path(), None)
    return StudyRun(Study("1", "1", ()), Options(), writer, np.random.default_rng(1), {"ct": None}, links=links)


def test_registrations_lead_over_others_to_the_face():
    found = ways(work({("pet", "mr"): [shifted(3)], ("mr", "ct"): [shifted(5)], ("far", "other"): [shifted(1)]}))
    assert set(found) == {"mr", "pet"}
    assert found["pet"][0] == "ct"
    assert np.allclose(found["pet"][1], shifted(8))


def test_a_registration_without_a_matrix_is_not_taken_for_one_that_moves_nothing():
    dataset, item = Dataset(), Dataset()
    item.FrameOfReferenceUID = "1.2"
    dataset.RegistrationSequence = [item]
    assert not rigid(dataset)


def test_registrations_that_disagree_lead_nowhere():
    assert not ways(work({("mr", "ct"): [shifted(5), shifted(6)]}))
    assert ways(work({("mr", "ct"): [shifted(5), shifted(5.1)]}))


def test_frames_that_no_ct_shows_are_not_known_by_a_registration_among_themselves():
    assert not ways(work({("pet", "mr"): [shifted(3)], ("mr", "pet"): [shifted(-3)]}))


def test_a_compressed_ct_is_written_into_the_study_uncompressed(tmp_path):
    write_series(tmp_path / "in", Written(stored_head(), syntax=RLELossless))
    instances = find_instances(tmp_path / "in").instances
    (tmp_path / "out").mkdir()
    writer = StudyWriter(tmp_path / "out", KeepHeader())
    with staged(instances) as folder:
        ct = read_dicom_series(folder)
        for source, dataset in derived_slices(ct, ct.volume, Marks("", False), KeepHeader()):
            writer.put(staged_instance(source, instances), dataset)
    again = read_dicom_series(tmp_path / "out")
    assert np.array_equal(again.volume.array, ct.volume.array)
    assert not any(pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_compressed for path in writer.written.values())


def test_of_cts_that_show_the_whole_face_one_as_wide_as_a_head_decides_before_a_finer_one(tmp_path, monkeypatch):
    """A CT of the sinuses ends so close to the face that nothing of its study could be released where it decided."""
    monkeypatch.setattr(decide_ct, "landmarks_in_view", lambda series, alive: len(STYLES["full"].covers))
    ct = study_phantom().ct
    middle = ct.geometry.corners().mean(0)
    sinuses = resample(ct, canonical_grid(np.array([middle - 60.0, middle + 60.0]), 2.0))
    study = StudyFolder(tmp_path, study_phantom())
    study.series(ct, "a", "Head")
    study.series(sinuses, "b", "Sinuses")
    (planned,) = plan(tmp_path).studies
    deciding = {e.instance.text("SeriesDescription") for e in planned.entries if e.decision.outcome is Outcome.DEFACE}
    assert deciding == {"Head"}


def test_of_cts_that_show_the_whole_face_one_of_all_slices_decides_before_one_that_lacks_some(tmp_path, monkeypatch):
    """What lies between slices of the face that are too far apart cannot be judged, so that nothing could be released."""
    monkeypatch.setattr(decide_ct, "landmarks_in_view", lambda series, alive: len(STYLES["full"].covers))
    study = StudyFolder(tmp_path, study_phantom())
    for missing in study.series(study.phantom.ct, "a", "Gaps")[20:22]:
        missing.unlink()
    study.series(study.phantom.ct, "b", "Whole", ImageType=["DERIVED", "PRIMARY", "AXIAL"])
    (planned,) = plan(tmp_path).studies
    assert {e.instance.text("SeriesDescription") for e in planned.entries if e.decision.outcome is Outcome.DEFACE} == {"Whole"}
