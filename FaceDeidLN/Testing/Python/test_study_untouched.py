"""An untouched face in any object is found: copies of the old skin at any depth and in parts, images of any contrast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.reface import roughness
from FaceDeidLNLib.study import pet_mr, rtdose, rtstruct
from FaceDeidLNLib.study.family import DoubtError, StudyRun
from FaceDeidLNLib.study.grids import RegionVoxels
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.proof import Surface, prove
from FaceDeidLNLib.study.rays import rays_of
from FaceDeidLNLib.study.registry import FAMILIES
from scipy import ndimage
from study_bench import Bench
from synthetic_study import coarse

pytestmark = pytest.mark.usefixtures("heads_remembered")


@pytest.fixture
def work(bench, tmp_path) -> StudyRun:
    return bench.again(tmp_path)


def nothing(*_: object) -> RegionVoxels:
    return RegionVoxels(np.zeros((0, 3), dtype=int), *(np.zeros(0),) * 3)


def patches(hidden: HiddenFace, depth_mm: float, parts: int) -> list[tuple[str, np.ndarray]]:
    """The old skin at a depth, cut into parts."""
    unit, before, _ = rays_of(hidden)
    known = ~np.isnan(before)
    points = hidden.face.frame.origin + unit[known] * (before[known] - depth_mm)[:, None]
    return [(f"part {number}", part) for number, part in enumerate(np.array_split(points, parts))]


def test_structures_that_follow_the_old_skin_together_are_doubtful(bench):
    with pytest.raises(DoubtError, match="together"):
        rtstruct.require_no_copy(patches(next(iter(bench.run.hidden.values())), 1.0, 60), next(iter(bench.run.hidden.values())))


def dose_and_border(bench: Bench, veil_seed: int) -> tuple[HiddenFace, float]:
    """A face with another draw of the veil, and the share of the border of the dose that lies at one depth below the old skin."""
    hidden = next(iter(bench.run.hidden.values()))
    hidden = replace(hidden, veil=np.clip(8.0 + 2.5 * roughness(hidden.face, np.random.default_rng(veil_seed)), 4.0, 12.0))
    unit, before, _ = rays_of(hidden)
    inner = hidden.face.raster.sample(rtdose.border(hidden), hidden.face.raster.directions()[hidden.face.inside])
    points = hidden.face.frame.origin + unit * inner[:, None]
    return hidden, Surface.of("dose", hidden.depth_before(points[~np.isnan(before)])).alike


@pytest.mark.parametrize("veil_seed", range(3))
def test_the_border_of_a_dose_is_no_copy_of_the_old_skin_in_any_draw(bench, veil_seed):
    hidden, alike = dose_and_border(bench, veil_seed)
    assert alike < 0.5 < rtstruct.most_left(hidden)


@pytest.mark.parametrize("depth_mm", [4.0, 10.0])
def test_the_proof_finds_a_dose_that_ends_at_one_depth_below_the_old_skin(bench, work, monkeypatch, depth_mm):
    monkeypatch.setattr(rtdose, "step_left", lambda *_: None)
    monkeypatch.setattr(rtdose, "border", lambda hidden: at_depth(hidden, depth_mm))
    FAMILIES["rtdose"].release(bench.series("rtdose"), work)
    assert any("RTDOSE" in doubt for doubt in prove(work.writer.root, work).doubts)


def at_depth(hidden: HiddenFace, depth_mm: float) -> np.ndarray:
    """The distance of the old skin less a depth, on the face's raster."""
    _, before, _ = rays_of(hidden)
    out = np.full(hidden.face.raster.shape, 200.0)
    out[hidden.face.inside] = np.nan_to_num(before, nan=200.0) - depth_mm
    return out


def contrast(ct: Volume, kind: str) -> Volume:
    """The head as other sequences and scanners show it, without the place of its face."""
    body = ct.array > -400
    depth = 4.0 * ndimage.distance_transform_edt(body)
    shown = {
        "T1, bright fat": np.where(body, np.where(depth < 6, 600.0, 250.0), 15.0),
        "T2, dim skin": np.where(body, np.where(depth < 3, 120.0, np.where(depth < 9, 500.0, 300.0)), 20.0),
        "low contrast": np.where(body, 60.0, 20.0),
        "blurred PET": ndimage.gaussian_filter(np.where(body, 200.0, 0.0), 8.0 / 2.355 / 4.0),
        "faint PET": ndimage.gaussian_filter(np.where(body, 40.0, 20.0), 8.0 / 2.355 / 4.0),
    }[kind]
    return ct.with_array(np.abs(shown + np.random.default_rng(5).normal(0, 10, body.shape)).astype(np.float32))


@pytest.mark.parametrize("kind", ["T1, bright fat", "T2, dim skin", "low contrast", "blurred PET", "faint PET"])
def test_an_untouched_image_of_any_contrast_is_doubtful(bench, monkeypatch, kind):
    monkeypatch.setattr(pet_mr, "region_voxels", nothing)
    image = contrast(coarse(bench.source.phantom.ct, 4.0), kind)
    with pytest.raises(DoubtError, match="old skin"):
        pet_mr.follow_image(next(iter(bench.run.hidden.values())), image, np.eye(4), 3.0, np.random.default_rng(1))
