"""A background that was masked at a distance from the skin ends in the shape of the old face: nothing may be released with it."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.case.find import LOOKS_ANEW, Finder
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.progress import idle
from FaceDeidLNLib.core.volume import Volume, resample
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.release import as_stored
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.files import Leader
from FaceDeidLNLib.verify.masked_background import LEAST_ALIKE, LEAST_MET, mask_ends
from FaceDeidLNLib.verify.privacy import RECOGNISABLE
from FaceDeidLNLib.verify.verdict import Verdict
from scipy import ndimage
from written import write_volume

#: What the verdict says of a mask alone.
SAID = "mm from the skin"
#: Air (mm) that is put around the head, so that there is room for a mask, and the noise of air (HU).
ROOM_MM, NOISE_HU = 70.0, 10.0
#: Node levels have nothing to do with a mask.
NO_LEVELS = Parameters(levels=())


@functools.cache
def scan() -> Volume:
    """The synthetic head with room around it and air as a scanner measures it."""
    ct = make_phantom((3.6, 3.4, 4.0), seed=1).ct
    room = [(0, 0), *((round(ROOM_MM / step),) * 2 for step in ct.geometry.sampling[1:])]
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] = ct.geometry.to_lps(np.array([[0, -room[1][0], -room[2][0]]]))[0]
    array = np.pad(ct.array, room, constant_values=-1000).astype(np.float32)
    air = np.random.default_rng(0).normal(0.0, NOISE_HU, array.shape)
    array = np.where(array < -900, np.maximum(array + air, -1024), array)
    return Volume(np.rint(array).astype(np.int16), Geometry(array.shape, matrix))


@functools.cache
def from_skin() -> np.ndarray:
    """How far (mm) each voxel lies from the patient."""
    grid = scan().geometry
    body = resample(find_body(scan()), grid, order=0, fill=0.0).array > 0.5
    return ndimage.distance_transform_edt(~body, sampling=grid.sampling)


@functools.cache
def from_axis() -> np.ndarray:
    """How far (mm) each voxel lies from the line along the patient through the middle of the picture."""
    step, shape = scan().geometry.sampling, scan().array.shape
    across = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape[1:], step[1:], strict=True)]
    return np.broadcast_to(np.hypot(across[0][:, None], across[1]), shape)


def masked(beyond: np.ndarray, value: int) -> Volume:
    """The scan with one value where ``beyond`` is set."""
    return scan().with_array(np.where(beyond, value, scan().array).astype(np.int16))


@functools.cache
def landmarks() -> Landmarks:
    """The landmarks of the scan, which no mask moves."""
    return detect_landmarks(scan())


class LookedBefore(Finder):
    """Looks for everything but the landmarks, which are the scan's."""

    def automatic(self, ct, alive=idle):
        return landmarks()


def released(ct: Volume, folder, finder: Finder | None = None):
    """A file of the CT on the road up to the gate."""
    read = read_ct(write_volume(ct, folder / "ct.nrrd"))
    return read, as_stored(read, deface(Request(read.volume, parameters=NO_LEVELS), finder=finder or LookedBefore()))


@pytest.mark.parametrize(("mm", "value"), [(17.0, 0), (45.0, 0), (45.0, -1024), (45.0, -2000), (30.0, -500)])
def test_a_head_masked_at_a_distance_is_not_released(mm, value, tmp_path):
    _, case = released(masked(from_skin() > mm, value), tmp_path)
    assert case.verdict is Verdict.REVIEW
    assert any(SAID in reason for reason in case.reasons), case.reasons
    assert case.privacy == RECOGNISABLE


def test_what_is_said_of_it_names_the_distance(tmp_path):
    _, case = released(masked(from_skin() > 30.0, 0), tmp_path, LOOKS_ANEW)
    told = [reason for reason in case.reasons if SAID in reason]
    assert len(told) == 1
    assert abs(float(told[0].split("masked ")[1].split(" mm")[0]) - 30.0) <= 4.0


@pytest.mark.parametrize(("radius", "value"), [(130.0, 0), (150.0, -1024), (130.0, -2000)])
def test_a_round_field_of_view_says_nothing_of_the_face(radius, value, tmp_path):
    ct, case = released(masked(from_axis() > radius, value), tmp_path)
    ends = mask_ends(ct.padding_worked_on, ct.volume, case.result, case.face)
    assert ends.met > LEAST_MET
    assert ends.alike < LEAST_ALIKE
    assert not any(SAID in reason for reason in case.reasons)


@pytest.mark.parametrize("value", [-1000, -1024])
def test_air_of_one_value_is_no_mask(value, tmp_path):
    ct, case = released(masked(scan().array < -900, value), tmp_path)
    assert mask_ends(ct.padding_worked_on, ct.volume, case.result, case.face).met < LEAST_MET
    assert not any(SAID in reason for reason in case.reasons)


def test_an_mr_that_was_masked_does_not_follow(tmp_path):
    hidden = deface(Request(scan(), parameters=NO_LEVELS), finder=LookedBefore())
    assert hidden.verdict is Verdict.PASS
    tissue = np.clip((scan().array.astype(float) + 1000.0) / 10.0, 0.0, 110.0) + 3.0
    kept = read_image(scan().with_array(tissue.astype(np.float32)), tmp_path / "whole.nrrd")
    assert Leader(hidden, (), accepted=False).follow(kept, is_ct=False) is not None
    cut = read_image(scan().with_array(np.where(from_skin() > 40.0, 0.0, tissue).astype(np.float32)), tmp_path / "cut.nrrd")
    with pytest.raises(DoubtError, match=SAID):
        Leader(hidden, (), accepted=False).follow(cut, is_ct=False)


def read_image(volume: Volume, path):
    """An image file that is no CT, as it is read for --also."""
    from FaceDeidLNLib.study.files import _read

    return _read(write_volume(volume, path))[0]
