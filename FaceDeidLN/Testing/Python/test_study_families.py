"""Every family of objects: what is hidden, what stays to the bit, and that an untouched face in any object is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.study import documents, pet_mr, proof, rtdose, rtstruct, seg
from FaceDeidLNLib.study.documents import DocumentsFamily
from FaceDeidLNLib.study.family import DoubtError, Series, StudyRun
from FaceDeidLNLib.study.grids import RegionVoxels, region_voxels
from FaceDeidLNLib.study.measures import MEASURES
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import plan, to_do
from FaceDeidLNLib.study.proof import prove
from FaceDeidLNLib.study.references import close_references, references_of
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.review import SHOWERS
from FaceDeidLNLib.study.rules import WITHHELD
from study_bench import Bench, other_segments

pytestmark = pytest.mark.usefixtures("heads_remembered")

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.fixture
def work(bench, tmp_path) -> StudyRun:
    run = bench.again(tmp_path)
    FAMILIES["registration"].release(bench.series("registration"), run)
    return run


def released(run: StudyRun, bench: Bench, family: str) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(run.writer.written[instance.uid]) for instance in bench.series(family).instances]


def image_series(bench: Bench, modality: str) -> Series:
    return next(series for series in to_do(bench.planned, "pet_mr") if series.instances[0].text("Modality") == modality)


def nothing(*_: object) -> RegionVoxels:
    return RegionVoxels(np.zeros((0, 3), dtype=int), *(np.zeros(0),) * 3)


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_an_image_follows_and_changes_nothing_far_from_the_face(bench, work, modality):
    series = image_series(bench, modality)
    done = FAMILIES["pet_mr"].release(series, work)[0]
    assert done.decision.outcome is Outcome.FOLLOW
    assert done.figures["share_of_step_left"] < 0.3
    for instance in series.instances:
        before, after = pydicom.dcmread(instance.path), pydicom.dcmread(work.writer.written[instance.uid])
        rows = np.argwhere((before.pixel_array != after.pixel_array).any(axis=1))
        behind = before.ImagePositionPatient[1] + before.PixelSpacing[0] * rows
        assert not rows.size or behind.max() < 40.0


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_an_untouched_image_is_doubtful(bench, work, modality, monkeypatch):
    monkeypatch.setattr(pet_mr, "region_voxels", nothing)
    with pytest.raises(DoubtError, match="old skin"):
        FAMILIES["pet_mr"].release(image_series(bench, modality), work)


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_the_proof_finds_an_untouched_image(bench, work, modality, monkeypatch):
    monkeypatch.setattr(pet_mr, "region_voxels", nothing)
    monkeypatch.setattr(pet_mr, "step_left", lambda *_: None)
    FAMILIES["pet_mr"].release(image_series(bench, modality), work)
    assert any(modality in doubt for doubt in prove(work.writer.root, work).doubts)


def test_protected_voxels_of_a_pet_stay(bench):
    hidden = next(iter(bench.run.hidden.values()))
    grid = bench.source.phantom.ct.geometry
    spared = hidden.spared_on(grid)
    voxels = region_voxels(hidden, grid, 6.0)
    assert spared.any()
    assert not spared[voxels.index].any()


def test_structures_on_the_skin_are_made_anew_and_nodes_stay_byte_for_byte(bench, work):
    done = FAMILIES["rtstruct"].release(bench.series("rtstruct"), work)[0]
    assert done.figures["made_anew"] == ["BODY", "Structure 7"]
    before, after = pydicom.dcmread(bench.source.folder / "rtstruct.dcm"), released(work, bench, "rtstruct")[0]
    node = [[list(one.ContourData) for one in rtstruct.contours_of(dataset, 3)[0].ContourSequence] for dataset in (before, after)]
    assert node[0] == node[1]


def test_untouched_structures_are_doubtful(bench, work, monkeypatch):
    monkeypatch.setattr(rtstruct, "remake", lambda *_: None)
    with pytest.raises(DoubtError, match="'BODY', 'Structure 7'"):
        FAMILIES["rtstruct"].release(bench.series("rtstruct"), work)


def test_the_proof_finds_untouched_structures(bench, work, monkeypatch):
    monkeypatch.setattr(rtstruct, "followers", lambda *_: {})
    monkeypatch.setattr(rtstruct, "require_no_copy", lambda *_: None)
    monkeypatch.setattr(rtstruct, "require_no_line", lambda *_: None)
    monkeypatch.setattr(rtstruct, "require_apart", lambda *_: None)
    FAMILIES["rtstruct"].release(bench.series("rtstruct"), work)
    assert sum("RTSTRUCT" in doubt for doubt in prove(work.writer.root, work).doubts) == 2


def test_dose_is_cut_in_the_region_and_stays_elsewhere(bench, work):
    FAMILIES["rtdose"].release(bench.series("rtdose"), work)
    before, after = pydicom.dcmread(bench.source.folder / "dose.dcm").pixel_array, released(work, bench, "rtdose")[0].pixel_array
    changed = before != after
    assert changed.any()
    assert not after[changed].any()


def test_an_untouched_dose_is_doubtful(bench, work, monkeypatch):
    monkeypatch.setattr(rtdose, "region_voxels", nothing)
    with pytest.raises(DoubtError, match="old skin"):
        FAMILIES["rtdose"].release(bench.series("rtdose"), work)


def test_the_proof_finds_an_untouched_dose(bench, work, monkeypatch):
    monkeypatch.setattr(rtdose, "region_voxels", nothing)
    monkeypatch.setattr(rtdose, "step_left", lambda *_: None)
    FAMILIES["rtdose"].release(bench.series("rtdose"), work)
    assert any("RTDOSE" in doubt for doubt in prove(work.writer.root, work).doubts)


def test_a_segment_on_the_skin_is_clipped_and_a_node_stays_to_the_bit(bench, work):
    done = FAMILIES["seg"].release(bench.series("seg"), work)[0]
    assert done.figures["clipped"] == ["Segment_1"]
    before, after = pydicom.dcmread(bench.source.folder / "seg.dcm"), released(work, bench, "seg")[0]
    node = [frames_of(dataset, 2) for dataset in (before, after)]
    assert len(node[0])
    assert np.array_equal(*node)


def frames_of(dataset: pydicom.Dataset, number: int) -> np.ndarray:
    groups = dataset.PerFrameFunctionalGroupsSequence
    own = [index for index, item in enumerate(groups) if item.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number]
    return dataset.pixel_array[own]


def test_untouched_segments_are_doubtful(bench, work, monkeypatch):
    monkeypatch.setattr(seg, "clip", lambda *_: [])
    with pytest.raises(DoubtError, match="Segment_1"):
        FAMILIES["seg"].release(bench.series("seg"), work)


def test_the_proof_finds_untouched_segments(bench, work, monkeypatch):
    monkeypatch.setattr(seg, "clip", lambda *_: [])
    monkeypatch.setattr(seg, "require_no_copy", lambda *_: None)
    monkeypatch.setattr(seg, "require_apart", lambda *_: None)
    FAMILIES["seg"].release(bench.series("seg"), work)
    assert any("SEG" in doubt for doubt in prove(work.writer.root, work).doubts)


@pytest.mark.parametrize("shows_nothing", [True, False, None])
def test_what_nothing_measures_is_a_doubt_unless_its_family_says_that_it_shows_nothing(bench, work, monkeypatch, shows_nothing):
    monkeypatch.setattr(proof, "family_of", lambda sop_class: "toy")
    if shows_nothing is not None:
        monkeypatch.setitem(FAMILIES, "toy", SimpleNamespace(shows_nothing=shows_nothing))
    doubts = prove(work.writer.root, work).doubts
    assert any("may show the old skin, and nothing measures it (toy)" in doubt for doubt in doubts) is not shows_nothing


def test_every_family_that_leaves_and_shows_something_is_measured_and_drawn():
    shown = {name for name, family in FAMILIES.items() if not family.shows_nothing}
    assert shown - {WITHHELD} == MEASURES.keys() == SHOWERS.keys()


def test_an_icon_left_in_any_object_is_found(bench, work):
    FAMILIES["documents"].release(bench.series("documents"), work)
    path = work.writer.written[bench.series("documents").instances[0].uid]
    dataset = pydicom.dcmread(path)
    dataset.IconImageSequence = [pydicom.Dataset()]
    dataset.save_as(path)
    assert any("icon" in doubt for doubt in prove(work.writer.root, work).doubts)


def test_references_lead_to_the_released_instances_alone(bench, work):
    FAMILIES["documents"].release(bench.series("documents"), work)
    dataset = released(work, bench, "documents")[0]
    new = frozenset(work.writer.policy.uid(uid) for uid in work.writer.written)
    assert set(references_of(dataset)) <= new
    close_references(dataset, frozenset())
    assert not list(references_of(dataset))


@pytest.mark.parametrize(("place", "value"), [(0, 1.2), (0, -1.0), (0, 0.0), (3, np.nan), (7, np.inf), (15, 0.0), (15, 2.0)])
def test_a_registration_that_is_not_rigid_or_leads_nowhere_is_withheld(bench, tmp_path, place, value):
    dataset = pydicom.dcmread(bench.source.folder / "reg.dcm")
    one = dataset.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence[0]
    values = list(one.FrameOfReferenceTransformationMatrix)
    one.FrameOfReferenceTransformationMatrix = [*values[:place], value, *values[place + 1 :]]
    dataset.save_as(tmp_path / "reg.dcm")
    planned = plan(tmp_path).studies[0]
    assert planned.entries[0].decision.outcome is Outcome.WITHHOLD


def test_a_presentation_state_with_an_overlay_is_withheld(bench, tmp_path):
    dataset = pydicom.dcmread(bench.source.folder / "ko.dcm")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    dataset.add_new(0x60003000, "OW", b"\0" * 64)
    dataset.save_as(tmp_path / "pr.dcm")
    study = plan(tmp_path).studies[0].study
    assert DocumentsFamily().decide(study.series[0], study)[0].outcome is Outcome.WITHHOLD


@pytest.mark.parametrize(
    ("keyword", "values"),
    [("GraphicData", 1.0), ("VerticesOfThePolygonalShutter", 1), ("AnchorPoint", 1.0), ("BoundingBoxTopLeftHandCorner", 1.0)],
)
def test_whatever_places_many_points_may_draw_the_face(keyword, values):
    few, many = pydicom.Dataset(), pydicom.Dataset()
    for dataset, count in ((few, 10), (many, 70)):
        parts = [pydicom.Dataset() for _ in range(count)]
        for part in parts:
            setattr(part, keyword, [values, values])
        dataset.GraphicObjectSequence = parts
    assert documents.judged(few).outcome is Outcome.KEEP
    assert documents.judged(many).outcome is Outcome.WITHHOLD


def test_an_image_that_nothing_leads_to_is_withheld(bench, tmp_path):
    run = bench.again(tmp_path)  # no registration
    assert FAMILIES["pet_mr"].release(image_series(bench, "MR"), run)[0].decision.outcome is Outcome.WITHHOLD


def changed_copy(bench: Bench, folder: Path, name: str, change: Callable[[pydicom.Dataset], None]) -> Series:
    """One object of the study, changed, as a series of its own."""
    dataset = pydicom.dcmread(bench.source.folder / name)
    change(dataset)
    (folder / "changed").mkdir()
    dataset.save_as(folder / "changed" / name)
    return plan(folder / "changed").studies[0].study.series[0]


def test_structures_of_several_frames_of_reference_are_doubtful(bench, work, tmp_path):
    def change(dataset: pydicom.Dataset) -> None:
        dataset.StructureSetROISequence[2].ReferencedFrameOfReferenceUID = "1.2.3"

    with pytest.raises(DoubtError, match="several frames"):
        FAMILIES["rtstruct"].release(changed_copy(bench, tmp_path, "rtstruct.dcm", change), work)


def test_a_structure_that_is_called_after_the_skin_and_is_a_node_stays_byte_for_byte(bench, work, tmp_path):
    def change(dataset: pydicom.Dataset) -> None:
        dataset.StructureSetROISequence[2].ROIName = "node contour"

    done = FAMILIES["rtstruct"].release(changed_copy(bench, tmp_path, "rtstruct.dcm", change), work)[0]
    assert done.figures["made_anew"] == ["BODY", "Structure 7"]


def test_a_segment_that_is_called_after_the_skin_and_is_a_node_stays_to_the_bit(bench, work, tmp_path):
    def change(dataset: pydicom.Dataset) -> None:
        dataset.SegmentSequence[1].SegmentLabel = "node mask"

    done = FAMILIES["seg"].release(changed_copy(bench, tmp_path, "seg.dcm", change), work)[0]
    assert done.figures["clipped"] == ["Segment_1"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda dose: setattr(dose, "ROIContourSequence", [pydicom.Dataset()]), "isodose"),
        (lambda dose: [delattr(dose, name) for name in ("PixelData", "Rows")], "no grid of doses"),
    ],
)
def test_a_dose_with_isodose_contours_or_of_histograms_alone_is_doubtful(change, said, bench, work, tmp_path):
    with pytest.raises(DoubtError, match=said):
        FAMILIES["rtdose"].release(changed_copy(bench, tmp_path, "dose.dcm", change), work)


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_segmentations_of_every_type_are_clipped_and_keep_their_nodes(bench, work, tmp_path, kind):
    series = other_segments(bench, tmp_path, kind)
    done = FAMILIES["seg"].release(series, work)[0]
    assert done.figures["clipped"] == ["Segment_1"]
    before, after = pydicom.dcmread(series.instances[0].path), pydicom.dcmread(work.writer.written[series.instances[0].uid])
    nodes = [dataset.pixel_array == 2 if kind == "LABELMAP" else frames_of(dataset, 2) for dataset in (before, after)]
    assert nodes[0].any()
    assert np.array_equal(*nodes)


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_untouched_segmentations_of_every_type_are_doubtful(bench, work, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(seg, "clip", lambda *_: [])
    with pytest.raises(DoubtError, match="Segment_1"):
        FAMILIES["seg"].release(other_segments(bench, tmp_path, kind), work)


#: What README's table of outcomes calls a family.
CALLED = {
    "ct": "CT that shows the face best",
    "pet_mr": "PET, MR",
    "rtstruct": "RT structure set",
    "seg": "segmentation",
    "rtdose": "RT dose",
    "registration": "rigid registration",
    "documents": "key objects",
}


def readme_outcomes() -> dict[str, set[str]]:
    """README's rows of objects, each with the outcomes in bold."""
    text = README.read_text(encoding="utf-8").split("#### Whole studies")[1]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text.split("| object | outcome |")[1].split("\n\n")[0], re.M)
    return {name: set(re.findall(r"\*\*(\w+)\*\*", cell)) for name, cell in rows}


@pytest.mark.skipif(not README.is_file(), reason="README.md is no part of an installed module")
@pytest.mark.parametrize("family", CALLED)
def test_the_table_of_readme_says_what_the_plan_does(bench, family):
    planned = {
        decision.outcome.value
        for series in bench.planned.study.series
        if series.family == family
        for decision in bench.planned.decisions(series)
    }
    called = CALLED[family]
    assert [said for name, said in readme_outcomes().items() if name.startswith(called) or f", {called}" in name] == [planned]


@pytest.mark.skipif(not README.is_file(), reason="README.md is no part of an installed module")
def test_the_table_of_readme_has_every_family_and_every_outcome():
    assert set(CALLED) | {"withheld"} == set(FAMILIES)
    assert set().union(*readme_outcomes().values()) == {outcome.value for outcome in Outcome}


def test_an_empty_segmentation_stays(bench, work, tmp_path):
    def change(dataset: pydicom.Dataset) -> None:
        dataset.PixelData = bytes(len(dataset.PixelData))

    series = changed_copy(bench, tmp_path, "seg.dcm", change)
    assert FAMILIES["seg"].release(series, work)[0].figures["frames_dropped"] == 0


def test_contours_longer_than_an_explicit_value_are_read_and_written_so_that_others_read_them(bench, work, tmp_path):
    def change(dataset: pydicom.Dataset) -> None:
        node = dataset.ROIContourSequence[2].ContourSequence[0]
        node.ContourData = [*node.ContourData] * (1 + 70_000 // len("\\".join(map(str, node.ContourData))))

    with pytest.warns(UserWarning, match="64 kByte"):
        series = changed_copy(bench, tmp_path, "rtstruct.dcm", change)
    FAMILIES["rtstruct"].release(series, work)
    written = pydicom.dcmread(work.writer.written[series.instances[0].uid])
    assert written.file_meta.TransferSyntaxUID.is_implicit_VR
    assert len(written.ROIContourSequence[2].ContourSequence[0].ContourData) > 5000
