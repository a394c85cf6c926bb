"""A CT that shows a part of what the CT that decides shows gets the same new face."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.study import ct as ct_family
from FaceDeidLNLib.study.ct import follow_ct
from FaceDeidLNLib.study.hidden import HiddenFace
from synthetic_study import study_phantom

pytestmark = pytest.mark.usefixtures("heads_remembered")

#: Boxes of the synthetic head (k, j, i): its upper half, its left half, a sinus's and an ear's small field of view.
PARTS = {
    "upper half": Box((35, 0, 0), (70, 74, 64)),
    "left half": Box((0, 0, 35), (70, 74, 64)),
    "sinuses": Box((15, 0, 12), (60, 40, 52)),
    "ear": Box((20, 15, 0), (60, 60, 24)),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_ct_that_decides_has_its_new_face(part, tmp_path):
    ct, box = study_phantom().ct, PARTS[part]
    case = ct_family.deface(Request(ct, parameters=Parameters(seed=1)))
    hidden = HiddenFace.of(case, (), np.random.default_rng(1))
    shown = CtInput(ct.crop(box), tmp_path, ".nrrd")
    followed = follow_ct(hidden, shown)
    changed = followed.result.array != shown.volume.array
    apart = np.abs(followed.result.array.astype(float) - case.result.array[box.slices]) > 200.0
    assert apart.sum() < 0.001 * changed.sum()
