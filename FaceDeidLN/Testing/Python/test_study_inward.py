"""A structure that is the old face moved inwards gives it back when it is grown by as much: it is withheld, however deep it lies."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.study.dose_depth import require_depth_untold
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


def anterior_field(ct: Volume) -> np.ndarray:
    """The dose of one open field from the front: it falls off with the way through the head."""
    body = np.stack([ndimage.binary_fill_holes(plane) for plane in ct.array > -400])
    way = np.cumsum(body, axis=1) * ct.geometry.spacing[1]
    return np.where(body, np.exp(-way / 200.0), 0.0).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_field_from_the_front_tells_the_depth_below_the_old_skin(bench, noise):
    hidden, ct = next(iter(bench.run.hidden.values())), bench.source.phantom.ct
    dose = anterior_field(ct) * (1.0 + noise * np.random.default_rng(1).standard_normal(ct.array.shape).astype(np.float32))
    with pytest.raises(DoubtError, match="gives that skin back"):
        require_depth_untold(Volume(dose, ct.geometry), hidden)


def test_a_dose_around_a_target_does_not(bench):
    hidden, ct = next(iter(bench.run.hidden.values())), bench.source.phantom.ct
    middle = hidden.face.frame.origin
    away = np.linalg.norm(ct.geometry.to_lps(np.argwhere(np.ones(ct.array.shape, dtype=bool))) - middle, axis=1)
    dose = np.where(ct.array > -400, np.exp(-away.reshape(ct.array.shape) / 60.0), 0.0).astype(np.float32)
    require_depth_untold(Volume(dose, ct.geometry), hidden)


@pytest.mark.parametrize("dose", [np.zeros((9, 9, 9), dtype=np.float32), np.ones((9, 9, 9), dtype=np.float32)])
def test_nor_does_one_that_is_nowhere_or_everywhere_the_same(bench, dose):
    hidden = next(iter(bench.run.hidden.values()))
    require_depth_untold(Volume(dose, hidden.before.geometry.crop(Box((0, 0, 0), (9, 9, 9)))), hidden)


@pytest.mark.parametrize("name", ["heads/icrp110_female_pseudo_ct.nrrd", "open-kbp/pt_4_ct.nrrd"])
def test_the_bone_of_a_real_head_is_no_face_moved_inwards(data_folder, name):
    ct = read_ct(data_folder / name).volume
    hidden = HiddenFace.of(deface(Request(ct)), (), np.random.default_rng(0))
    for mask in (ct.array > 250, ndimage.binary_closing(ct.array > 250, iterations=3)):
        met, alike, _ = inward(ct.geometry.to_lps(np.argwhere(mask)), hidden)
        assert met > LEAST_MET
        assert alike < LEAST_ALIKE
