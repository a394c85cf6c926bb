"""A structure that is the old face moved inwards gives it back when it is grown by as much: it is withheld, however deep it lies."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.inward import LEAST_ALIKE, LEAST_MET, inward, require_no_inward_copy
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.rtdose import isodoses
from scipy import ndimage
from study_bench import other_segments

pytestmark = pytest.mark.usefixtures("heads_remembered")


@pytest.mark.parametrize("shrunk_mm", [14.0, 16.0, 18.0, 20.0])
def test_a_head_that_was_shrunk_is_the_old_face_moved_inwards(bench, tmp_path, shrunk_mm):
    with pytest.raises(DoubtError, match="Segment_1"):
        FAMILIES["seg"].release(other_segments(bench, tmp_path, "BINARY", shrunk_mm), bench.again(tmp_path))


@pytest.mark.parametrize("shrunk_mm", [14.0, 18.0, 24.0])
def test_so_is_a_structure_of_its_points(bench, shrunk_mm):
    hidden, ct = next(iter(bench.run.hidden.values())), bench.source.phantom.ct
    depth = ndimage.distance_transform_edt(ct.array > -400, sampling=ct.geometry.sampling)
    edge = np.argwhere((depth > shrunk_mm) & (depth <= shrunk_mm + max(ct.geometry.spacing)))
    with pytest.raises(DoubtError, match="moved inwards"):
        require_no_inward_copy([("core", ct.geometry.to_lps(edge))], hidden)


def test_a_dose_that_depends_on_depth_alone_has_an_isodose_that_is_the_old_face_moved_inwards(bench):
    hidden, ct = next(iter(bench.run.hidden.values())), bench.source.phantom.ct
    depth = ndimage.distance_transform_edt(ct.array > -400, sampling=ct.geometry.sampling)
    dose = np.where(depth > 12.0, np.exp(-depth / 60.0), 0.0).astype(np.float32)
    with pytest.raises(DoubtError, match="isodose"):
        require_no_inward_copy(isodoses(Volume(dose, ct.geometry), hidden), hidden)


def test_a_dose_that_falls_off_from_one_side_has_none(bench):
    hidden, ct = next(iter(bench.run.hidden.values())), bench.source.phantom.ct
    left = ct.geometry.to_lps(np.argwhere(np.ones(ct.array.shape, dtype=bool)))[:, 0].reshape(ct.array.shape)
    dose = np.where(ct.array > -400, np.exp((left - left.max()) / 60.0), 0.0).astype(np.float32)
    require_no_inward_copy(isodoses(Volume(dose, ct.geometry), hidden), hidden)


@pytest.mark.parametrize("name", ["heads/icrp110_female_pseudo_ct.nrrd", "open-kbp/pt_4_ct.nrrd"])
def test_the_bone_of_a_real_head_is_no_face_moved_inwards(data_folder, name):
    ct = read_ct(data_folder / name).volume
    hidden = HiddenFace.of(deface(Request(ct)), (), np.random.default_rng(0))
    for mask in (ct.array > 250, ndimage.binary_closing(ct.array > 250, iterations=3)):
        met, alike, _ = inward(ct.geometry.to_lps(np.argwhere(mask)), hidden)
        assert met > LEAST_MET
        assert alike < LEAST_ALIKE
