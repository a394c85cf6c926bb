"""Segmentations that invent a frame of reference count where each frame names a slice of a CT and lies in it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.commands.inputs import frame_notes
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import StudyPlan, plan, to_do
from FaceDeidLNLib.study.proof import prove
from FaceDeidLNLib.study.registry import FAMILIES
from pydicom.dataset import Dataset
from study_bench import Bench

pytestmark = pytest.mark.usefixtures("heads_remembered")

OWN = "1.2.826.0.1.3680043.8.498.8"
Change = Callable[[Dataset], None]


def frames(dataset: Dataset) -> list[Dataset]:
    return list(dataset.PerFrameFunctionalGroupsSequence)


def invented(source: Path, path: Path, change: Change = lambda dataset: None) -> Path:
    """A segmentation with a frame of reference of its own."""
    dataset = pydicom.dcmread(source)
    dataset.FrameOfReferenceUID = OWN
    change(dataset)
    dataset.save_as(path)
    return path


def off_its_slice(dataset: Dataset) -> None:
    frames(dataset)[2].PlanePositionSequence[0].ImagePositionPatient[2] += 1.0


def turned_out_of_its_slice(dataset: Dataset) -> None:
    turned = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    turned.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(0.1)), float(np.sin(0.1))]


def unnamed(dataset: Dataset) -> None:
    del frames(dataset)[1].DerivationImageSequence


def of_the_next(dataset: Dataset) -> None:
    frames(dataset)[1].DerivationImageSequence = frames(dataset)[3].DerivationImageSequence


def beside_its_slice(dataset: Dataset) -> None:
    for frame in frames(dataset):
        frame.PlanePositionSequence[0].ImagePositionPatient[0] += 60.0


def turned_in_its_slice(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]


BAD = [off_its_slice, turned_out_of_its_slice, beside_its_slice, turned_in_its_slice, unnamed, of_the_next]


def test_it_gives_the_same_segments_as_one_in_the_cts_frame_and_that_is_told(bench, tmp_path):
    ct = read_ct(bench.source.folder / "ct")
    before, after = (
        read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid, planes=ct.planes)
        for path in (bench.source.folder / "seg.dcm", invented(bench.source.folder / "seg.dcm", tmp_path / "seg.dcm"))
    )
    assert len(before) > 1
    assert all(np.array_equal(one.mask.array, other.mask.array) for one, other in zip(before, after, strict=True))
    assert frame_notes(before) == ()
    assert len(frame_notes(after)) == 1


@pytest.mark.parametrize("change", BAD)
def test_one_with_a_frame_that_does_not_lie_in_the_slice_it_names_is_refused(change, bench, tmp_path):
    ct = read_ct(bench.source.folder / "ct")
    path = invented(bench.source.folder / "seg.dcm", tmp_path / "seg.dcm", change)
    with pytest.raises(InputError, match="it belongs to another scan"):
        read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid, planes=ct.planes)


def study_with(bench: Bench, folder: Path, change: Change = lambda dataset: None) -> StudyPlan:
    """The study of the bench, whose segmentation has a frame of its own, planned anew."""
    folder.mkdir()
    for path in bench.source.folder.iterdir():
        if path.name != "seg.dcm":
            (folder / path.name).symlink_to(path)
    invented(bench.source.folder / "seg.dcm", folder / "seg.dcm", change)
    return plan(folder).studies[0]


def test_such_a_segmentation_of_a_study_is_clipped_and_leaves_in_the_cts_frame(bench, tmp_path):
    planned, work = study_with(bench, tmp_path / "in"), bench.again(tmp_path / "out")
    (series,) = (one for one in to_do(planned, "seg") if any(instance.path.name == "seg.dcm" for instance in one.instances))
    done = FAMILIES["seg"].release(series, work)[0]
    assert done.figures["clipped"] == ["Segment_1"]
    assert done.decision.reason.endswith("and it gets the CT's")
    assert str(pydicom.dcmread(work.writer.written[done.instances[0].uid]).FrameOfReferenceUID) == bench.source.frame
    assert not prove(work.writer.root, work).doubts


@pytest.mark.parametrize("change", BAD)
def test_one_of_a_study_that_does_not_lie_in_the_slices_it_names_is_withheld(change, bench, tmp_path):
    planned = study_with(bench, tmp_path / "in", change)
    (instance,) = (one for series in planned.study.series for one in series.instances if one.path.name == "seg.dcm")
    assert instance.frame == OWN
    (series,) = (series for series in planned.study.series if instance in series.instances)
    done = FAMILIES["seg"].release(series, bench.again(tmp_path / "out"))[0]
    assert done.decision.outcome is Outcome.WITHHOLD
