"""PET and MR that follow: what the user named stays in them by check, and without a measure of the CT that decides they are a doubt."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.segment import BoxMask
from FaceDeidLNLib.study import pet_mr
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.grids import region_voxels
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.measures import MEASURES
from FaceDeidLNLib.study.proof import prove
from FaceDeidLNLib.study.registry import FAMILIES
from test_study_families import image_series

pytestmark = pytest.mark.usefixtures("heads_remembered")


@pytest.fixture
def work(bench, tmp_path):
    run = bench.again(tmp_path)
    FAMILIES["registration"].release(bench.series("registration"), run)
    return run


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_an_image_is_doubtful_where_the_ct_that_decides_shows_too_little_to_measure_it_by(bench, work, modality, monkeypatch):
    monkeypatch.setitem(MEASURES, "ct", lambda *_: iter(()))
    FAMILIES["pet_mr"].release(image_series(bench, modality), work)
    assert any("too little of the face to measure it by" in doubt for doubt in prove(work.writer.root, work).doubts)


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_an_image_in_which_a_named_node_would_change_is_doubtful(bench, work, modality, monkeypatch):
    every_other = lambda self, grid: (BoxMask("Node", Box((0, 0, 0), grid.shape), np.indices(grid.shape)[0] % 2 == 0),)  # noqa: E731
    monkeypatch.setattr(HiddenFace, "protected_on", every_other)
    sparing_nothing = partial(region_voxels, spared=lambda hidden, grid: np.zeros(grid.shape, dtype=bool))
    monkeypatch.setattr(pet_mr, "region_voxels", sparing_nothing)
    with pytest.raises(DoubtError, match="voxels of protected segments changed in it"):
        FAMILIES["pet_mr"].release(image_series(bench, modality), work)
