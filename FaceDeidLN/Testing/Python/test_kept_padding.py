"""Padding is written as it was. Where it stands before the face, the old face would show against it: nothing may be released."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from dicom_series import Series, write_series
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import resample
from FaceDeidLNLib.input.calibration import as_worked_on, in_own_values
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.release import as_stored
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.files import Leader
from FaceDeidLNLib.verify.kept_padding import MOST_SHARE, share_before
from FaceDeidLNLib.verify.privacy import RECOGNISABLE
from FaceDeidLNLib.verify.verdict import Verdict
from scipy import ndimage
from written import write_volume


@functools.cache
def phantom():
    """The synthetic head; the same object for all tests."""
    return make_phantom((3.6, 3.4, 4.0), seed=1)


#: What came of which voxels.
_CASES = {}


def hidden(ct):
    """The case of a CT, worked on once whatever file it is from: all lie at the head's place. Padding has nothing to do with levels."""
    assert ct.geometry.same_as(phantom().ct.geometry)
    key = ct.array.tobytes()
    if key not in _CASES:
        _CASES[key] = deface(Request(ct, parameters=Parameters(levels=())))
    return _CASES[key]


@functools.cache
def whole():
    """The case of the head as it was scanned."""
    return hidden(phantom().ct)


def clipped(low, high):
    """Values of the head in a window alone, as networks are trained on."""
    return np.clip(phantom().ct.array, low, high).astype(np.int16)


@functools.cache
def around(mm):
    """The patient with so much (mm) of the air around him (k, j, i)."""
    grid = phantom().ct.geometry
    body = resample(find_body(phantom().ct), grid, order=0, fill=0.0).array > 0.5
    return ndimage.distance_transform_edt(~body, sampling=grid.sampling) <= mm


def masked(value, mm):
    """Values of the head with one value in place of all that lies further than ``mm`` from the patient."""
    return np.where(around(mm), phantom().ct.array, value).astype(np.int16)


def as_series(values, folder):
    """The values as DICOM at the head's place."""
    grid = phantom().ct.geometry
    axes, (i, j, _) = grid.ijk_to_lps[:3, :3] / np.array(grid.spacing), grid.spacing
    place = {"step": grid.ijk_to_lps[:3, 2], "origin": grid.ijk_to_lps[:3, 3]}
    write_series(folder, Series(values.astype(np.int32) + 1024, rows=axes[:, :2].T, spacing=(j, i), **place))
    return folder


def as_image(values, folder):
    """The values as an image file at the head's place."""
    return write_volume(phantom().ct.with_array(values), folder.with_suffix(".nrrd"))


CASES = {
    "a narrow window": lambda: clipped(-160, 240),
    "a window of soft tissue": lambda: clipped(-500, 500),
    "a wide window": lambda: clipped(-800, 800),
    "a background of water around 6 mm of air": lambda: masked(0, 6.0),
}


@pytest.mark.parametrize("write", [as_image, as_series])
@pytest.mark.parametrize("kind", CASES)
def test_a_face_that_padding_stands_before_is_not_released(kind, write, tmp_path):
    ct = read_ct(write(CASES[kind](), tmp_path / "ct"))
    stored = as_stored(ct, hidden(ct.volume))
    assert stored.verdict is Verdict.REVIEW
    assert any("padding" in reason and "as it was scanned" in reason for reason in stored.reasons), stored.reasons
    assert stored.privacy == RECOGNISABLE
    assert len(stored.causes) == len(set(stored.causes))


def test_what_was_verified_is_what_is_written(tmp_path):
    ct = read_ct(as_image(masked(0, 6.0), tmp_path / "ct"))
    made = hidden(ct.volume)
    stored = as_stored(ct, made)
    assert not np.array_equal(stored.result.array, made.result.array)
    assert np.array_equal(as_worked_on(ct, in_own_values(ct, stored.result)).array, stored.result.array)


def test_an_image_that_padding_stands_before_the_face_of_does_not_follow(tmp_path):
    image = read_ct(as_image(clipped(-800, 800), tmp_path / "ct"))
    with pytest.raises(DoubtError, match="padding"):
        Leader(whole(), (), accepted=False).follow(image, is_ct=True)


def test_padding_of_a_round_field_of_view_counts_where_it_ends_at_the_face():
    ct, face = phantom().ct, whole().face
    place = ct.geometry.to_lps(np.indices(ct.array.shape).reshape(3, -1).T).reshape(*ct.array.shape, 3)
    marks = phantom().landmarks
    centre = (marks.position("tragion_left") + marks.position("tragion_right")) / 2
    radius = np.linalg.norm((marks.position("pronasale") - centre)[:2])
    beyond = np.hypot(*np.moveaxis(place - centre, -1, 0)[:2]) - radius
    shares = [share_before(beyond > mm, ct.geometry, face) for mm in (20.0, 5.0, -15.0)]
    assert shares[0] == 0.0 < shares[1] <= MOST_SHARE < shares[2]
