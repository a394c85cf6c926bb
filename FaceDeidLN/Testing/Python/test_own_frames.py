"""Structure sets that invent a frame of reference count where they name the slices of a CT and lie in them, and nowhere else."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.inputs import frame_notes_of, make_request, request_per_frame
from FaceDeidLNLib.commands.main import make_parser
from FaceDeidLNLib.commands.study import _file_lines
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.input import dicom_segments
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study import rtstruct
from FaceDeidLNLib.study.belonging import CtFrames
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import StudyPlan, plan, to_do
from FaceDeidLNLib.study.proof import prove
from FaceDeidLNLib.study.registry import FAMILIES
from pydicom.dataset import Dataset
from study_bench import Bench
from synthetic_study import StudyFolder, _object, study_phantom, write_structures

pytestmark = pytest.mark.usefixtures("heads_remembered")

OWN = "1.2.826.0.1.3680043.8.498.7"
SHAPE = (12, 40, 44)
Change = Callable[[Dataset], None]


def contours(dataset: Dataset) -> list[Dataset]:
    return [one for item in dataset.ROIContourSequence for one in item.ContourSequence]


def invent(path: Path, slices: Sequence[Path], change: Change = lambda dataset: None) -> Path:
    """Give a structure set a frame of reference of its own, and each contour the nearest slice that it lies on, as rt-utils does."""
    headers = [pydicom.dcmread(one, stop_before_pixels=True) for one in slices]
    normal = np.cross(*np.array(headers[0].ImageOrientationPatient, dtype=float).reshape(2, 3))
    heights = np.array([header.ImagePositionPatient for header in headers], dtype=float) @ normal
    dataset = pydicom.dcmread(path)
    for contour in contours(dataset):
        image, near = Dataset(), np.abs(heights - np.array(contour.ContourData[:3], dtype=float) @ normal).argmin()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = headers[near].SOPClassUID, headers[near].SOPInstanceUID
        contour.ContourImageSequence = [image]
    for roi in dataset.StructureSetROISequence:
        roi.ReferencedFrameOfReferenceUID = OWN
    dataset.FrameOfReferenceUID = dataset.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = OWN
    change(dataset)
    dataset.save_as(path)
    return path


def write_node(path: Path, ct: CtInput) -> Path:
    """A node of squares on some slices, in the CT's frame of reference."""
    dataset = _object(ct.files[0], "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "Contours")
    roi, drawn, frame = Dataset(), Dataset(), Dataset()
    roi.ROINumber = drawn.ReferencedROINumber = 1
    roi.ROIName, roi.ReferencedFrameOfReferenceUID = "LN Ib left", ct.frame_of_reference_uid
    drawn.ContourSequence, frame.FrameOfReferenceUID = [], ct.frame_of_reference_uid
    for k in (3, 4, 5, 6):
        one = Dataset()
        points = ct.volume.geometry.to_lps(np.array([(k, 10, 10), (k, 10, 20), (k, 20, 20), (k, 20, 10)], dtype=float))
        one.ContourGeometricType, one.NumberOfContourPoints = "CLOSED_PLANAR", 4
        one.ContourData = [f"{value:.2f}" for value in points.ravel()]
        drawn.ContourSequence.append(one)
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.ReferencedFrameOfReferenceSequence = [roi], [drawn], [frame]
    dataset.save_as(path, enforce_file_format=True)
    return path


def a_ct(folder: Path, **more: object) -> CtInput:
    write_series(folder, Series(stored_head(shape=SHAPE), **more))
    return read_ct(folder)


def read(path: Path, ct: CtInput) -> list[Segment]:
    return read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid, planes=ct.planes)


@pytest.mark.parametrize(
    "placed",
    [
        {},
        {"step": np.array([0, 0.7, 2.4])},
        {"rows": np.array([[0.8, 0.6, 0], [-0.6, 0.8, 0]]), "step": np.array([0, 0, -2.5])},
        {"rows": np.array([[0, 1.0, 0], [0, 0, -1.0]]), "step": np.array([2.5, 0, 0])},
    ],
    ids=["axial", "tilted gantry", "turned", "sagittal"],
)
def test_a_set_with_a_frame_of_its_own_gives_the_same_voxels_where_its_contours_lie_in_the_slices_they_name(placed, tmp_path):
    ct = a_ct(tmp_path / "ct", **placed)
    path = write_node(tmp_path / "rt.dcm", ct)
    before = read(path, ct)[0]
    after = read(invent(path, ct.files), ct)[0]
    assert before.mask.array.any()
    assert np.array_equal(before.mask.array, after.mask.array)
    assert np.array_equal(before.mask.geometry.ijk_to_lps, after.mask.geometry.ijk_to_lps)


def test_slices_at_uneven_places_are_named_too(tmp_path):
    write_series(tmp_path / "ct", Series(stored_head(shape=SHAPE)), shuffle_seed=None)
    for path in sorted((tmp_path / "ct").iterdir())[8:]:
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient[2] += 1.1
        dataset.save_as(path)
    ct = read_ct(tmp_path / "ct")
    assert ct.stack is not None
    assert read(invent(write_node(tmp_path / "rt.dcm", ct), ct.files), ct)[0].mask.array.any()


def off_its_slice(dataset: Dataset) -> None:
    points = np.array(contours(dataset)[2].ContourData, dtype=float).reshape(-1, 3)
    contours(dataset)[2].ContourData = [f"{value:.2f}" for value in (points + (0, 0, 0.4)).ravel()]


def one_point_off(dataset: Dataset) -> None:
    contours(dataset)[0].ContourData[-1] += 0.4


def unnamed(dataset: Dataset) -> None:
    del contours(dataset)[1].ContourImageSequence


def without_a_uid(dataset: Dataset) -> None:
    del contours(dataset)[1].ContourImageSequence[0].ReferencedSOPInstanceUID


def of_the_next(dataset: Dataset) -> None:
    contours(dataset)[1].ContourImageSequence = contours(dataset)[2].ContourImageSequence


def of_two(dataset: Dataset) -> None:
    contours(dataset)[1].ContourImageSequence.append(contours(dataset)[2].ContourImageSequence[0])


@pytest.mark.parametrize("change", [off_its_slice, one_point_off, unnamed, without_a_uid, of_the_next, of_two])
def test_one_contour_that_does_not_lie_in_the_very_slice_it_names_has_the_set_refused(change, tmp_path):
    ct = a_ct(tmp_path / "ct")
    path = invent(write_node(tmp_path / "rt.dcm", ct), ct.files, change)
    with pytest.raises(InputError, match="it belongs to another scan"):
        read(path, ct)


def test_a_set_that_names_the_slices_of_another_ct_at_the_same_place_is_refused(tmp_path):
    ct, other = a_ct(tmp_path / "ct"), a_ct(tmp_path / "other")
    path = invent(write_node(tmp_path / "rt.dcm", ct), other.files)
    assert read(path, other)
    with pytest.raises(InputError, match="it belongs to another scan"):
        read(path, ct)


def test_a_ct_from_an_image_file_has_no_slices_to_name(tmp_path):
    from FaceDeidLNLib.output.images import write_image

    ct = a_ct(tmp_path / "ct")
    write_image(CtInput(ct.volume, tmp_path / "in", ".nrrd"), ct.volume, tmp_path / "ct.nrrd")
    image = read_ct(tmp_path / "ct.nrrd")
    path = invent(write_node(tmp_path / "rt.dcm", ct), ct.files)
    assert not image.planes
    assert read(path, image)  # nothing is compared
    assert notes(image, path) == ()


def notes(ct: CtInput, *nodes: Path) -> tuple[str, ...]:
    asked = make_parser().parse_args(["deface", "in", "out", *(part for path in nodes for part in ("--nodes", str(path)))])
    return frame_notes_of(make_request(asked, ct)[0])


def test_the_user_is_told_that_a_set_has_a_frame_of_its_own(tmp_path):
    ct = a_ct(tmp_path / "ct")
    path = write_node(tmp_path / "rt.dcm", ct)
    assert notes(ct, path) == ()
    told = "rt.dcm has a frame of reference of its own; all that it draws names a slice of this CT and lies in it"
    assert notes(ct, invent(path, ct.files)) == (told,)


@pytest.fixture(scope="module")
def two_days(tmp_path_factory) -> StudyFolder:
    """Series "a" and "b" of one day and "z" of another, and a structure set, rt.dcm, of the first day; each test links what it needs."""
    one = StudyFolder(tmp_path_factory.mktemp("days"), study_phantom())
    one.series(one.phantom.ct, "a", "Head")
    one.series(one.phantom.ct, "b", "Head sharp")
    StudyFolder(one.folder, one.phantom, one.study).series(one.phantom.ct, "z", "Another day")
    write_structures(one.folder / "rt.dcm", min((one.folder / "a").iterdir()), one)
    return one


def linked(study: StudyFolder, names: str, folder: Path) -> None:
    """Some series of a study in a folder of their own."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(study.folder / name)


def invented(study: StudyFolder, series: str, path: Path) -> Path:
    """The structure set of a study with a frame of its own, whose contours name the slices of a series."""
    path.write_bytes((study.folder / "rt.dcm").read_bytes())
    return invent(path, sorted((study.folder / series).iterdir()))


@pytest.mark.parametrize("series", ["a", "b"])
@pytest.mark.parametrize("days", [1, 2])
def test_in_a_study_a_set_given_for_the_nodes_counts_for_the_frame_whose_slices_it_names(series, days, two_days, tmp_path):
    one = two_days
    linked(one, "abz" if days == 2 else "ab", tmp_path / "in")
    path = invented(one, series, tmp_path / "rt.dcm")
    frames = CtFrames.of(plan(tmp_path / "in").studies)
    assert frames.of_file(path) == {one.frame}
    read = make_parser().parse_args(["study", "in", "out", "--nodes", str(path), "--node-segments", "LN cheek"])
    asked = Namespace(**{**vars(read), "landmarks": None, "curve": None, "face_segment": None})
    request = request_per_frame(asked, frames)(read_ct(tmp_path / "in" / "a"), one.frame)
    assert [segment.name for segment in request.protected] == ["LN cheek"]
    assert [note.partition(";")[0] for note in frames.notes] == ["rt.dcm has a frame of reference of its own"]


def test_such_a_set_is_read_for_its_segments_alone_and_once_more_to_tell_frames_apart(two_days, tmp_path, monkeypatch):
    one = two_days
    linked(one, "az", tmp_path / "in")
    path = invented(one, "a", tmp_path / "rt.dcm")
    reads, read_one = [], dicom_segments._read
    monkeypatch.setattr(dicom_segments, "_read", lambda path: reads.append(path) or read_one(path))
    options = make_parser().parse_args(["study", "in", "out", "--nodes", str(path)])
    options.landmarks = options.curve = options.face_segment = None
    frames = CtFrames.of(plan(tmp_path / "in").studies)
    request_per_frame(options, frames)(read_ct(tmp_path / "in" / "a"), one.frame)
    assert _file_lines(options, frames)[0].startswith("  note: rt.dcm has a frame of reference of its own")
    assert len(reads) == 2
    reads.clear()
    assert notes(read_ct(tmp_path / "in" / "a"), path)
    assert len(reads) == 1


def study_with(bench: Bench, folder: Path, change: Change = lambda dataset: None) -> StudyPlan:
    """The study of the bench, whose structure set has a frame of its own, planned anew."""
    folder.mkdir()
    for path in bench.source.folder.iterdir():
        if path.name != "rtstruct.dcm":
            (folder / path.name).symlink_to(path)
    (folder / "rtstruct.dcm").write_bytes((bench.source.folder / "rtstruct.dcm").read_bytes())
    invent(folder / "rtstruct.dcm", sorted((bench.source.folder / "ct").iterdir()), change)
    return plan(folder).studies[0]


def test_such_a_set_of_a_study_is_clipped_as_one_of_the_cts_frame_and_leaves_in_that(bench, tmp_path):
    planned, work = study_with(bench, tmp_path / "in"), bench.again(tmp_path / "out")
    done = FAMILIES["rtstruct"].release(to_do(planned, "rtstruct")[0], work)[0]
    assert done.figures["made_anew"] == ["BODY", "Structure 7"]
    assert done.decision.reason.endswith("all that it draws names a slice of this CT and lies in it, and it gets the CT's")
    after = pydicom.dcmread(work.writer.written[done.instances[0].uid])
    named = {str(roi.ReferencedFrameOfReferenceUID) for roi in after.StructureSetROISequence} | {
        str(after.FrameOfReferenceUID),
        str(after.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID),
    }
    assert named == {bench.source.frame}
    assert not prove(work.writer.root, work).doubts


def test_such_a_set_that_is_left_untouched_is_doubtful(bench, tmp_path, monkeypatch):
    planned, work = study_with(bench, tmp_path / "in"), bench.again(tmp_path / "out")
    monkeypatch.setattr(rtstruct, "remake", lambda *_: None)
    with pytest.raises(DoubtError, match="'BODY', 'Structure 7'"):
        FAMILIES["rtstruct"].release(to_do(planned, "rtstruct")[0], work)


@pytest.mark.parametrize("change", [off_its_slice, unnamed])
def test_a_set_of_a_study_that_does_not_lie_in_the_slices_it_names_is_withheld(change, bench, tmp_path):
    planned = study_with(bench, tmp_path / "in", change)
    instance = next(one for series in planned.study.series if series.family == "rtstruct" for one in series.instances)
    assert instance.frame == OWN
    done = FAMILIES["rtstruct"].release(to_do(planned, "rtstruct")[0], bench.again(tmp_path / "out"))[0]
    assert done.decision.outcome is Outcome.WITHHOLD


def test_a_set_in_the_frame_of_another_image_of_the_study_lies_there_whatever_slices_it_names(bench, tmp_path):
    mr = pydicom.dcmread(next((bench.source.folder / "mr").iterdir()), stop_before_pixels=True).FrameOfReferenceUID

    def change(dataset: Dataset) -> None:
        dataset.FrameOfReferenceUID = mr

    planned = study_with(bench, tmp_path / "in", change)
    assert next(one for series in planned.study.series if series.family == "rtstruct" for one in series.instances).frame == mr
