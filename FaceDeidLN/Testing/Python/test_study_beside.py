"""What is drawn beside the old skin: sheets, single slices, pieces in many objects, and what no segment or structure is named for."""

from __future__ import annotations

import copy
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from contourpy import contour_generator
from FaceDeidLNLib.study import seg, seg_frames
from FaceDeidLNLib.study.beside import at_one_depth, filled_up, longest
from FaceDeidLNLib.study.documents import judged
from FaceDeidLNLib.study.family import DoubtError, StudyRun
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.references import every_item
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.rtstruct import INNER_SHARE, SHARE, followers, follows, share_followed
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from scipy import ndimage
from study_bench import Bench
from synthetic_objects import sources_of

pytestmark = pytest.mark.usefixtures("heads_remembered")
HEAD_HU = -400
#: Shorter (mm) than what a single contour may run along the old skin.
PIECE_MM = 70.0


def head_of(bench: Bench) -> np.ndarray:
    return np.stack([ndimage.binary_fill_holes(plane) for plane in bench.source.phantom.ct.array > HEAD_HU])


def node_of(bench: Bench) -> np.ndarray:
    return bench.source.phantom.segment("LN cheek left").mask.array


def write_seg(path: Path, bench: Bench, pixels: np.ndarray, kind: str = "BINARY", names: tuple[str, ...] = ("Segment_1",)) -> None:
    code = highdicom.sr.CodedConcept("123037004", "SCT", "Anatomical structure")
    manual = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    described = [highdicom.seg.SegmentDescription(number, name, code, code, manual) for number, name in enumerate(names, start=1)]
    series, instance = generate_uid(prefix=None), generate_uid(prefix=None)
    sources = sources_of(sorted((bench.source.folder / "ct").iterdir()))
    highdicom.seg.Segmentation(sources, pixels, kind, described, series, 9, instance, 1, "maker", "model", "1", "1").save_as(path)


def released(folder: Path, bench: Bench, root: Path) -> StudyRun:
    """Every object of a folder, released one after the other."""
    run = bench.again(root)
    for series in plan(folder).studies[0].study.series:
        FAMILIES[series.family].release(series, run)
    return run


def pieces_of_skin(bench: Bench) -> list[np.ndarray]:
    """The outlines of the head in its slices, cut into short pieces (N, 3; LPS mm), those that lie in the face region."""
    ct, hidden = bench.source.phantom.ct, next(iter(bench.run.hidden.values()))
    out = []
    for k, plane in enumerate(head_of(bench)):
        for line in contour_generator(z=plane.astype(float)).lines(0.5):
            points = ct.geometry.to_lps(np.column_stack([np.full(len(line), k), line[:, ::-1]]))
            place = np.cumsum(np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=1)) // PIECE_MM
            parts = [points[place == number] for number in np.unique(place)]
            out += [part for part in parts if len(part) > 3 and hidden.in_region(part).any()]
    return out


def add_structure(dataset: Dataset, name: str, rings: list[np.ndarray]) -> None:
    number = len(dataset.StructureSetROISequence) + 1
    roi, drawn = copy.deepcopy(dataset.StructureSetROISequence[0]), Dataset()
    roi.ROINumber, roi.ROIName, drawn.ReferencedROINumber, drawn.ContourSequence = number, name, number, []
    for ring in rings:
        item = Dataset()
        item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(ring)
        item.ContourData = [f"{value:.2f}" for value in ring.ravel()]
        drawn.ContourSequence.append(item)
    dataset.StructureSetROISequence.append(roi)
    dataset.ROIContourSequence.append(drawn)


@pytest.mark.parametrize("axis", [0, 2])
def test_one_plane_of_the_head_in_a_segmentation_is_withheld(bench, tmp_path, axis):
    head = head_of(bench)
    plane = np.zeros_like(head)
    middle = tuple(slice(size // 2, size // 2 + 1) if number == axis else slice(None) for number, size in enumerate(head.shape))
    plane[middle] = head[middle]
    (tmp_path / "in").mkdir()
    write_seg(tmp_path / "in" / "seg.dcm", bench, plane.astype(np.uint8)[..., None])
    with pytest.raises(DoubtError, match="runs along the old skin"):
        released(tmp_path / "in", bench, tmp_path / "out")


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_pixels_of_a_segment_that_is_not_described_are_withheld(bench, tmp_path, kind):
    head, node = head_of(bench), node_of(bench)
    pixels = np.where(node, 2, head).astype(np.uint8) if kind == "LABELMAP" else np.stack([head, node], axis=-1).astype(np.uint8)
    (tmp_path / "in").mkdir()
    write_seg(tmp_path / "in" / "seg.dcm", bench, pixels, kind, ("Segment_1", "LN cheek"))
    dataset = pydicom.dcmread(tmp_path / "in" / "seg.dcm")
    dataset.SegmentSequence = [item for item in dataset.SegmentSequence if item.SegmentNumber != 1]
    dataset.save_as(tmp_path / "in" / "seg.dcm")
    with pytest.raises(DoubtError, match="does not describe"):
        released(tmp_path / "in", bench, tmp_path / "out")


def test_a_map_of_probabilities_that_ends_before_the_skin_and_shows_it_within_is_withheld(bench, tmp_path):
    head, node = head_of(bench), np.zeros_like(head_of(bench))
    nose = next(iter(bench.run.hidden.values())).state.landmarks.position("pronasale")
    k, j, i = np.rint(bench.source.phantom.ct.geometry.to_kji(nose[None])[0]).astype(int)
    node[k - 11 : k + 12, max(j - 13, 0) : j + 14, i - 12 : i + 13] = True
    (tmp_path / "in").mkdir()
    write_seg(tmp_path / "in" / "seg.dcm", bench, np.where(node, np.where(head, 0.9, 0.02), 0.0)[..., None], "FRACTIONAL")
    with pytest.raises(DoubtError, match="follows? the old skin"):
        released(tmp_path / "in", bench, tmp_path / "out")


def test_a_map_of_probabilities_of_a_node_stays(bench, tmp_path):
    soft = ndimage.gaussian_filter(node_of(bench).astype(np.float32), 0.7)
    (tmp_path / "in").mkdir()
    write_seg(tmp_path / "in" / "seg.dcm", bench, np.where(soft > 0.02, soft, 0.0)[..., None], "FRACTIONAL", ("LN cheek",))
    run = released(tmp_path / "in", bench, tmp_path / "out")
    before = pydicom.dcmread(tmp_path / "in" / "seg.dcm")
    assert np.array_equal(before.pixel_array, pydicom.dcmread(run.writer.written[before.SOPInstanceUID]).pixel_array)


@pytest.mark.parametrize("place", ["a structure that is not listed", "the observations", "beside as many empty items of one that is"])
def test_contours_of_no_structure_that_is_listed_are_withheld(bench, tmp_path, place):
    dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
    dataset.StructureSetROISequence = dataset.StructureSetROISequence[2:]
    if place == "the observations":
        dataset.RTROIObservationsSequence[2].ContourSequence = dataset.ROIContourSequence[0].ContourSequence
        dataset.ROIContourSequence = dataset.ROIContourSequence[2:]
    elif place != "a structure that is not listed":
        dataset.ROIContourSequence[2].ContourSequence += [Dataset() for _ in range(1000)]
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "rtstruct.dcm")
    with pytest.raises(DoubtError, match="no structure that it lists"):
        released(tmp_path / "in", bench, tmp_path / "out")


def test_pieces_of_the_old_skin_beside_an_outline_that_is_made_anew_are_withheld(bench, tmp_path):
    dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
    for number, piece in enumerate(pieces_of_skin(bench)):
        add_structure(dataset, f"S{number}", [piece])
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "rtstruct.dcm")
    with pytest.raises(DoubtError, match="each of them a part of it"):
        released(tmp_path / "in", bench, tmp_path / "out")


def test_points_of_the_old_skin_in_an_outline_whose_contours_are_made_anew_are_withheld(bench, tmp_path):
    dataset, middle = pydicom.dcmread(bench.source.folder / "rtstruct.dcm"), bench.source.phantom.ct.geometry.shape[2] // 2
    profile = [(k, np.flatnonzero(plane[:, middle])[0], middle) for k, plane in enumerate(head_of(bench)) if plane[:, middle].any()]
    for point in bench.source.phantom.ct.geometry.to_lps(np.array(profile, dtype=float)):
        item = Dataset()
        item.ContourGeometricType, item.NumberOfContourPoints, item.ContourData = "POINT", 1, [f"{value:.2f}" for value in point]
        dataset.ROIContourSequence[0].ContourSequence.append(item)
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "rtstruct.dcm")
    with pytest.raises(DoubtError, match="runs along the old skin"):
        released(tmp_path / "in", bench, tmp_path / "out")


def test_pieces_of_the_old_skin_in_many_structure_sets_are_withheld(bench, tmp_path):
    pieces = pieces_of_skin(bench)
    (tmp_path / "in").mkdir()
    for number in range(60):
        dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
        dataset.StructureSetROISequence, dataset.ROIContourSequence = dataset.StructureSetROISequence[2:], dataset.ROIContourSequence[2:]
        dataset.StructureSetROISequence[0].ROINumber = dataset.ROIContourSequence[0].ReferencedROINumber = 1
        add_structure(dataset, "S", pieces[number::60])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
        dataset.save_as(tmp_path / "in" / f"{number:02d}.dcm")
    with pytest.raises(DoubtError, match="with the other drawn objects of its study"):
        released(tmp_path / "in", bench, tmp_path / "out")


def test_a_contour_of_few_corners_is_filled_up_between_them():
    corners = np.array([(0.0, 0.0, 0.0), (40.0, 0.0, 0.0), (40.0, 2.0, 0.0)])
    points = filled_up(corners)
    assert all((np.abs(points - corner).sum(axis=1) < 1e-9).any() for corner in corners)
    assert np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1).max() < 4.1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_points_run_along_nothing(bench, count):
    hidden = next(iter(bench.run.hidden.values()))
    assert longest(at_one_depth(np.zeros((count, 3)), hidden)) == 0.0


def test_what_is_far_apart_is_not_one_stretch():
    line = np.column_stack([np.arange(0.0, 50.0, 2.0), np.zeros((25, 2))])
    assert longest(np.vstack([line, line + (100.0, 0.0, 0.0)])) < 60.0


@pytest.mark.parametrize("name", ["reg.dcm", "dose.dcm", "seg.dcm"])
def test_contours_in_an_object_that_nobody_looks_for_contours_in_do_not_leave(bench, tmp_path, name):
    dataset, item = pydicom.dcmread(bench.source.folder / name), Dataset()
    item.ROIContourSequence = pydicom.dcmread(bench.source.folder / "rtstruct.dcm").ROIContourSequence
    dataset.ReferencedSeriesSequence = [item]
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / name)
    run = released(tmp_path / "in", bench, tmp_path / "out")
    after = pydicom.dcmread(run.writer.written[dataset.SOPInstanceUID])
    assert sum(len(one.ContourData) for one in every_item(after) if "ContourData" in one) < 2000


def test_a_document_with_contours_is_withheld(bench):
    dataset = pydicom.dcmread(bench.source.folder / "ko.dcm")
    dataset.ROIContourSequence = pydicom.dcmread(bench.source.folder / "rtstruct.dcm").ROIContourSequence
    assert judged(dataset).outcome is Outcome.WITHHOLD


def at_depth(bench: Bench, share: float, depth_mm: float = 8.0) -> tuple[np.ndarray, np.ndarray, HiddenFace]:
    """Points (N, 3) at one depth below the old skin on about a share of the face, and their depths."""
    hidden = next(iter(bench.run.hidden.values()))
    grid = hidden.before.geometry
    points = grid.to_lps(np.argwhere(np.abs(hidden.before.array - depth_mm) < 1.0))
    points = points[hidden.in_region(points)]
    points = points[np.argsort(points[:, 2])]
    count = int(np.searchsorted([share_followed(points[:n], np.full(n, depth_mm), hidden) for n in range(0, len(points), 50)], share) * 50)
    return points[:count], np.full(count, depth_mm), hidden


@pytest.mark.parametrize(("name", "share", "remade"), [("Mandible", 0.1, False), ("Mandible", 0.2, True), ("Structure 7", 0.1, True)])
def test_what_is_called_after_bone_stays_where_it_covers_no_more_than_bone_does(name, share, remade, bench):
    points, depth, hidden = at_depth(bench, share)
    assert share_followed(points, depth, hidden) > SHARE
    assert (share_followed(points, depth, hidden) > INNER_SHARE) is (share > INNER_SHARE)
    assert follows(name, points, depth, hidden) is remade


def test_each_plane_is_looked_at_once_however_many_segments_are_clipped(bench, tmp_path, monkeypatch):
    head, looks, edges = head_of(bench), [], []
    (tmp_path / "in").mkdir()
    pixels = np.stack([head] * 3 + [node_of(bench)], axis=-1).astype(np.uint8)
    write_seg(tmp_path / "in" / "seg.dcm", bench, pixels, names=("Skin", "Body", "External", "LN cheek"))
    look, edge = seg._region_of, seg_frames._edge
    monkeypatch.setattr(seg, "_region_of", lambda grid, hidden: looks.append(grid) or look(grid, hidden))
    monkeypatch.setattr(seg_frames, "_edge", lambda mask: edges.append(mask) or edge(mask))
    released(tmp_path / "in", bench, tmp_path / "out")
    shown = np.count_nonzero(head.any(axis=(1, 2)))
    assert len(looks) == shown
    assert len(edges) == 2 * 3 * shown + np.count_nonzero(node_of(bench).any(axis=(1, 2)))


def test_contours_are_read_from_the_text_of_the_file_number_by_number_only_where_they_are_made_anew(bench):
    dataset, hidden = pydicom.dcmread(bench.source.folder / "rtstruct.dcm"), next(iter(bench.run.hidden.values()))
    assert followers(dataset, hidden, np.eye(4))
    contours = [one for item in dataset.ROIContourSequence for one in item.ContourSequence]
    assert all(isinstance(one.get_item("ContourData"), RawDataElement) for one in contours)
