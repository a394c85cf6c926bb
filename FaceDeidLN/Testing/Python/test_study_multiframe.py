"""Multi-frame CT, PET and MR, of which only a part of the head is in view: they follow, and are never released with the face."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.study import ct as ct_family
from FaceDeidLNLib.study import pet_mr
from FaceDeidLNLib.study.family import DoubtError, Options, Series, StudyRun
from FaceDeidLNLib.study.grids import RegionVoxels
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import plan, to_do
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.writer import StudyWriter
from synthetic_objects import mr_of, noisy, pet_of, write_multiframe
from synthetic_study import MR, PET, StudyFolder, coarse, study_phantom

pytestmark = pytest.mark.usefixtures("heads_remembered")

#: Share of the slices that are in view, from below: of CT the whole face and little more, of PET and MR the lower part of it.
IN_VIEW = {"CT": (0.3, 0.8), "PT": (0.0, 0.5), "MR": (0.0, 0.6)}


def part(image: Volume, modality: str) -> Volume:
    low, high = (int(share * image.array.shape[0]) for share in IN_VIEW[modality])
    return image.crop(Box((low, 0, 0), (high, *image.array.shape[1:])))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> StudyFolder:
    """A CT of slices, which decides, and a multi-frame object of each modality."""
    study = StudyFolder(tmp_path_factory.mktemp("frames") / "in", study_phantom())
    study.series(study.phantom.ct, "ct", "Head")
    derived = {"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}
    images = {
        "CT": (part(noisy(study.phantom.ct, 6), "CT"), -1024.0, derived),
        "PT": (part(pet_of(coarse(study.phantom.ct, 5.0)), "PT"), 0.0, PET),
        "MR": (part(mr_of(coarse(study.phantom.ct, 4.0)), "MR"), 0.0, MR),
    }
    for modality, (image, intercept, tags) in images.items():
        write_multiframe(study.series(image, f"{modality}-slices", "", intercept, **tags), study.folder / f"{modality}.dcm", modality)
    return study


@pytest.fixture(scope="module")
def decided(source, tmp_path_factory) -> StudyRun:
    """The work on the study after its CT was de-identified."""
    planned = plan(source.folder).studies[0]
    writer = StudyWriter(tmp_path_factory.mktemp("out"), KeepHeader())
    for entry in planned.entries:
        writer.policy.learn(entry.instance.header)
    run = StudyRun(planned.study, Options(parameters=Parameters(seed=11)), writer, np.random.default_rng(1))
    FAMILIES["ct"].release(to_do(planned, "ct")[0], run)
    return run


def series_of(run: StudyRun, modality: str) -> Series:
    return next(one for one in run.study.series if one.instances[0].path.name == f"{modality}.dcm")


@pytest.mark.parametrize("modality", IN_VIEW)
def test_a_multi_frame_object_follows_as_one_object_of_as_many_frames(decided, modality):
    series = series_of(decided, modality)
    (done,) = FAMILIES[series.family].release(series, decided)
    assert done.decision.outcome is Outcome.FOLLOW
    before, after = (pydicom.dcmread(path) for path in (series.instances[0].path, decided.writer.written[series.instances[0].uid]))
    assert (after.SOPClassUID, after.NumberOfFrames) == (before.SOPClassUID, before.NumberOfFrames)
    changed = before.pixel_array != after.pixel_array
    assert 0.0 < changed.mean() < 0.3


@pytest.mark.parametrize("modality", IN_VIEW)
def test_a_multi_frame_object_with_its_face_is_doubtful(decided, monkeypatch, modality):
    monkeypatch.setattr(ct_family, "apply_effect", lambda effect, ct, face, parameters: ct)
    monkeypatch.setattr(pet_mr, "region_voxels", lambda *_: RegionVoxels(np.zeros((0, 3), dtype=int), *(np.zeros(0),) * 3))
    series = series_of(decided, modality)
    with pytest.raises(DoubtError):
        FAMILIES[series.family].release(series, decided)
