"""Slices that are blank, repeated or in another order hold no head: nothing is released as if they did."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import FaceFrame, fit_frame
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import AIR_HU, Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.slice_order import slice_doubts
from FaceDeidLNLib.verify.verdict import Verdict

#: What is said begins so.
SAID = "slices of the head "


def blank(slices: np.ndarray) -> None:
    slices[40:42] = AIR_HU


def repeat(slices: np.ndarray) -> None:
    slices[40] = slices[37]


def exchange(slices: np.ndarray) -> None:
    slices[[40, 41]] = slices[[41, 40]]


def turn_around(slices: np.ndarray) -> None:
    slices[38:47] = slices[38:47][::-1].copy()


DAMAGES = {"one value": blank, "repeat": repeat, "order than": exchange, "another order": turn_around}


def damaged(ct: Volume, damage, axis: int = 0) -> Volume:
    array = ct.array.copy()
    damage(np.moveaxis(array, axis, 0))
    return ct.with_array(array)


def lying(ct: Volume, axes: tuple[int, int, int]) -> Volume:
    """The same head with its array's axes in another order."""
    array = np.ascontiguousarray(ct.array.transpose(axes))
    columns = [2 - axes[2 - n] for n in range(3)]
    return Volume(array, Geometry(array.shape, ct.geometry.ijk_to_lps[:, [*columns, 3]]))


def frame_of(ct: Volume) -> FaceFrame:
    return fit_frame(detect_landmarks(ct))


@pytest.mark.parametrize("said", DAMAGES)
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
def test_it_is_told_whichever_axis_runs_along_the_head(phantom, said, axes):
    ct, frame = lying(phantom.ct, axes), frame_of(phantom.ct)
    assert slice_doubts(ct, frame) == ()
    told = slice_doubts(damaged(ct, DAMAGES[said], axes.index(0)), frame)
    assert any(said in one and one.startswith(SAID) for one in told), told


def test_it_is_no_pass(phantom):
    case = deface(Request(damaged(phantom.ct, exchange)))
    assert case.verdict is Verdict.REVIEW
    assert any(reason.startswith(SAID) for reason in case.reasons), case.reasons


def test_slices_that_a_finer_grid_repeats_are_not_told(phantom):
    ct = phantom.ct
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:, 2] /= 1.5
    finer = ct.array[np.arange(int(1.5 * len(ct.array))) * 2 // 3]
    assert slice_doubts(Volume(finer, Geometry(finer.shape, matrix)), frame_of(ct)) == ()


@pytest.mark.parametrize(
    "name", ["heads/cthead_ct.nrrd", "heads/headsq_ct.nrrd", "open-kbp/pt_152_ct.nrrd", "open-kbp-partial/pt_92_ct.nrrd"]
)
def test_real_slices_are_in_order(data_folder, name):
    ct = read_ct(data_folder / name).volume
    assert slice_doubts(ct, frame_of(ct)) == ()
