"""Segments of one CT of a study count where that CT lies, in every series there, and nowhere else."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.commands.inputs import request_per_frame
from FaceDeidLNLib.commands.main import main, make_parser
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.segments import write_segments
from FaceDeidLNLib.study.belonging import CtFrames
from FaceDeidLNLib.study.plan import Plan, plan
from synthetic_objects import noisy
from synthetic_study import StudyFolder, remembered, study_phantom, write_segmentation, write_structures
from written import write_volume

#: Of another day: the same head elsewhere (mm), between the voxels of the first.
ELSEWHERE = (41.3, -40.9, 40.7)
NODE = "LN Ib left"


def small() -> Volume:
    """A piece of the head: planning one CT reads headers alone."""
    ct = study_phantom().ct
    return ct.crop(Box((0, 0, 0), (8, *ct.array.shape[1:])))


def shifted(volume: Volume, by: tuple[float, float, float] = ELSEWHERE) -> Volume:
    """The same voxels at another place."""
    matrix = volume.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += by
    return Volume(volume.array, Geometry(volume.array.shape, matrix))


def two_days(folder: Path, first: Volume, second: Volume) -> tuple[StudyFolder, StudyFolder]:
    """A study of two CTs in a frame of reference each."""
    one = StudyFolder(folder, study_phantom())
    other = StudyFolder(folder, study_phantom(), one.study)
    one.series(first, "a", "Today")
    other.series(second, "z", "Another day")
    return one, other


def file_on(volume: Volume, path: Path, name: str = NODE) -> Path:
    """A segmentation of one node on a volume's voxels."""
    mask = np.zeros(volume.array.shape, dtype=bool)
    mask[tuple(n // 2 for n in mask.shape)] = True
    write_segments(path, [tight(name, mask)], volume)
    return path


def options(*nodes: Path, names: tuple[str, ...] = ()) -> Namespace:
    """What the command line gives."""
    words = [word for path in nodes for word in ("--nodes", str(path))] + [word for name in names for word in ("--node-segments", name)]
    read = make_parser().parse_args(["study", "in", "out", *words])
    return Namespace(**{**vars(read), "landmarks": None, "curve": None, "face_segment": None})


@pytest.fixture
def planned(tmp_path) -> Plan:
    two_days(tmp_path / "in", small(), shifted(small()))
    return plan(tmp_path / "in")


def frame_of(planned: Plan, description: str) -> str:
    """The frame of reference of a series."""
    return next(one.frame for one in planned.studies[0].study.series if one.instances[0].text("SeriesDescription") == description)


@pytest.mark.parametrize("part", ["whole", "cut out"])
def test_an_image_file_counts_for_the_ct_on_whose_voxels_it_lies(part, planned, tmp_path):
    ct = shifted(small())
    if part == "cut out":
        ct = ct.crop(Box((2, 3, 4), (6, 20, 21)))
    found = CtFrames.of(planned.studies).of_file(file_on(ct, tmp_path / "nodes.seg.nrrd"))
    assert found == {frame_of(planned, "Another day")}


def test_an_image_file_between_the_voxels_of_all_cts_is_refused(planned, tmp_path):
    path = file_on(shifted(small(), (1.1, 0.9, 1.3)), tmp_path / "nodes.seg.nrrd")
    with pytest.raises(InputError, match=r"nodes\.seg\.nrrd belongs to none of the 2 frames of reference that the CTs lie in: give"):
        CtFrames.of(planned.studies).of_file(path)


def test_an_image_file_on_the_voxels_of_two_cts_is_refused(tmp_path):
    ct = study_phantom().ct
    two_days(tmp_path / "in", ct, ct.with_array(np.roll(ct.array, 2, axis=1)))
    found = CtFrames.of(plan(tmp_path / "in").studies)
    with pytest.raises(InputError, match="does not say which it belongs to: give a DICOM SEG or an RTSTRUCT"):
        found.of_file(file_on(ct, tmp_path / "nodes.seg.nrrd"))


def test_two_kernels_to_which_an_anonymiser_gave_a_frame_of_reference_each_share_a_file_on_their_voxels(tmp_path):
    ct = study_phantom().ct
    two_days(tmp_path / "in", ct, noisy(ct, 3))
    frames = CtFrames.of(plan(tmp_path / "in").studies)
    assert frames.of_file(file_on(ct, tmp_path / "nodes.seg.nrrd")) == set(frames.series)


def test_two_kernels_without_a_frame_of_reference_share_a_file_on_their_voxels(tmp_path):
    two_days(tmp_path / "in", small(), small())
    for path in (tmp_path / "in").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        del dataset.FrameOfReferenceUID
        dataset.save_as(path)
    frames = CtFrames.of(plan(tmp_path / "in").studies)
    assert frames.of_file(file_on(small(), tmp_path / "nodes.seg.nrrd")) == set(frames.series)
    assert len(frames.series) == 2


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT"])
def test_a_dicom_file_counts_where_its_frame_of_reference_is(kind, tmp_path):
    one, other = two_days(tmp_path / "in", study_phantom().ct, study_phantom().ct)
    slices, path = sorted((tmp_path / "in" / "z").iterdir()), tmp_path / "nodes.dcm"
    if kind == "SEG":
        write_segmentation(path, slices, other)
    else:
        write_structures(path, slices[0], other)
    frames = CtFrames.of(plan(tmp_path / "in").studies)
    assert frames.of_file(path) == {other.frame}
    stranger = CtFrames({"1.2.3": (), one.frame: ()})
    with pytest.raises(InputError, match="belongs to none of the 2 frames of reference"):
        stranger.of_file(path)


def test_where_there_is_one_frame_of_reference_a_file_on_any_grid_counts(tmp_path):
    StudyFolder(tmp_path / "in", study_phantom()).series(small(), "a", "Today")
    planned = plan(tmp_path / "in")
    path = file_on(shifted(small(), (1.1, 0.9, 1.3)), tmp_path / "nodes.seg.nrrd")
    assert CtFrames.of(planned.studies).of_file(path) == {frame_of(planned, "Today")}


def test_a_scout_in_a_frame_of_its_own_makes_no_choice(tmp_path):
    _, other = two_days(tmp_path / "in", small(), small())
    for path in (tmp_path / "in" / "z").iterdir():
        path.unlink()
    other.series(small(), "z", "Scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert len(CtFrames.of(plan(tmp_path / "in").studies).series) == 1


def test_a_ct_without_a_file_of_its_own_protects_nothing_and_asks_for_no_names(planned, tmp_path):
    request = request_per_frame(options(file_on(small(), tmp_path / "nodes.seg.nrrd"), names=(NODE,)), CtFrames.of(planned.studies))
    today, other = read_ct(tmp_path / "in" / "a"), read_ct(tmp_path / "in" / "z")
    assert [segment.name for segment in request(today, frame_of(planned, "Today")).protected] == [NODE]
    assert request(other, frame_of(planned, "Another day")).protected == ()


def test_names_of_segments_count_where_a_file_has_them(planned, tmp_path):
    files = file_on(small(), tmp_path / "a.seg.nrrd", "A"), file_on(shifted(small()), tmp_path / "b.seg.nrrd", "b")
    request = request_per_frame(options(*files, names=("A", "B")), CtFrames.of(planned.studies))
    for folder, description, name in (("a", "Today", "A"), ("z", "Another day", "b")):
        found = request(read_ct(tmp_path / "in" / folder), frame_of(planned, description))
        assert [segment.name for segment in found.protected] == [name]


@pytest.mark.parametrize("places", [(0.0, 0.0), (0.0, ELSEWHERE[0])])
def test_values_of_label_maps_are_asked_for_in_any_number_of_files_and_cts(places, planned, tmp_path):
    files = []
    for values, shift in (((3, 4), places[0]), ((5, 6), places[1])):
        volume = shifted(small()) if shift else small()
        labels = np.zeros(volume.array.shape, dtype=np.uint8)
        labels[2, 5:7, 5], labels[3, 5:7, 9] = values
        files.append(write_volume(volume.with_array(labels), tmp_path / f"{values[0]}.nrrd"))
    request = request_per_frame(options(*files, names=("3", "6")), CtFrames.of(planned.studies))
    cts = [(read_ct(tmp_path / "in" / folder), frame_of(planned, name)) for folder, name in (("a", "Today"), ("z", "Another day"))]
    assert [segment.name for ct in cts for segment in request(*ct).protected] == ["label_3", "label_6"]


def test_a_file_that_has_none_of_the_names_is_refused_where_a_ct_has_no_other(planned, tmp_path):
    files = file_on(small(), tmp_path / "a.seg.nrrd", "A"), file_on(shifted(small()), tmp_path / "b.seg.nrrd", "A 2")
    with pytest.raises(InputError, match=r"b.seg.nrrd counts for .*Another day.*no file that does has a segment of the names"):
        request_per_frame(options(*files, names=("A",)), CtFrames.of(planned.studies))


def test_a_plain_mask_is_asked_for_by_its_value_where_cts_lie_in_several_frames(planned, tmp_path):
    mask = np.zeros(small().array.shape, dtype=np.uint8)
    mask[2, 5:7, 5] = 1
    file = write_volume(small().with_array(mask), tmp_path / "mask.nrrd")
    request = request_per_frame(options(file, names=("1",)), CtFrames.of(planned.studies))
    assert len(request(read_ct(tmp_path / "in" / "a"), frame_of(planned, "Today")).protected) == 1


def test_a_name_that_no_file_of_several_cts_has_is_refused_before_any_work(planned, tmp_path):
    files = file_on(small(), tmp_path / "a.seg.nrrd", "A"), file_on(shifted(small()), tmp_path / "b.seg.nrrd", "B")
    with pytest.raises(InputError, match="None of the files of nodes has a segment 'C'"):
        request_per_frame(options(*files, names=("A", "C")), CtFrames.of(planned.studies))


def test_a_study_with_a_file_of_another_ct_is_refused_before_any_work(tmp_path, capsys):
    two_days(tmp_path / "in", small(), shifted(small()))
    path = file_on(shifted(small(), (1.1, 0.9, 1.3)), tmp_path / "nodes.seg.nrrd")
    assert main(["study", str(tmp_path / "in"), str(tmp_path / "out"), "--nodes", str(path), "--quiet"]) == 2
    assert "belongs to none of" in "".join(capsys.readouterr())
    assert not (tmp_path / "out").exists()


def test_a_study_says_for_which_ct_a_file_counted_and_protects_it_there(tmp_path, capsys, monkeypatch):
    remembered(monkeypatch)
    phantom = study_phantom()
    two_days(tmp_path / "in", phantom.ct, shifted(phantom.ct))
    nodes = [tight(s.name, np.asarray(s.mask.array, dtype=bool)) for s in phantom.segments if s.name.startswith("LN")]
    write_segments(tmp_path / "nodes.seg.nrrd", nodes, phantom.ct)
    words = ["--nodes", str(tmp_path / "nodes.seg.nrrd"), "--accept-recognisable", "--one"]
    assert main(["study", str(tmp_path / "in"), str(tmp_path / "out"), *words]) == 0
    assert "nodes.seg.nrrd counts for CT 'Today' (" in "".join(capsys.readouterr())
    before, after = phantom.ct.array, read_ct(tmp_path / "out" / "01-CT").volume.array
    changed = before != after
    assert changed.any()
    assert not any((changed & np.asarray(s.mask.array, dtype=bool)).any() for s in phantom.segments if s.name.startswith("LN"))
