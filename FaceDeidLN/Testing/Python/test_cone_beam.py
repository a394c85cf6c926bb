"""A cone-beam CT has no calibrated HU: told so, worked on where a person placed the landmarks, and written with its own values."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from dicom_series import Series, head, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.output.certificate import certificate_path
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks
from FaceDeidLNLib.output.images import write_image
from FaceDeidLNLib.output.markups import write_landmarks_json
from FaceDeidLNLib.phantom import make_phantom
from written import write_volume

SHAPE = (40, 48, 48)
FACE = (slice(8, 20), slice(10, 30), slice(12, 34))


def raw(hu: np.ndarray, slope: float, air: float, padding: float | None) -> np.ndarray:
    """What a cone beam makes of HU: another scale, noise, and a round field of view outside of which is padding."""
    values = (hu + np.random.default_rng(2).normal(0, 60, hu.shape) + 1000) * slope + air
    rows, columns = np.indices(hu.shape[1:]) - np.array(hu.shape[1:])[:, None, None] / 2
    if padding is not None:
        values[:, np.hypot(rows / hu.shape[1], columns / hu.shape[2]) > 0.49] = padding
    return values


@pytest.mark.parametrize("dtype", ["i2", "u2", "f4"])
@pytest.mark.parametrize("padding", [None, 0, 450, 4000])
def test_an_image_is_worked_on_in_hu_and_keeps_its_own_values(tmp_path, dtype, padding):
    values = raw(head(SHAPE), 0.7, 600, padding).astype(dtype)
    path = write_volume(Volume(values, Geometry(SHAPE, np.eye(4))), tmp_path / "ct.nrrd")
    with pytest.raises(InputError, match="cone-beam CT.*--landmarks"):
        read_ct(path)
    ct = read_ct(path, by_hand=True)
    result = ct.volume.with_array(ct.volume.array.copy())
    result.array[FACE] = -1000
    write_image(ct, result, tmp_path / "out.nrrd")
    written = read_volume(tmp_path / "out.nrrd").array
    inside = np.zeros(SHAPE, bool)
    inside[FACE] = True
    assert written.dtype == values.dtype
    assert np.array_equal(written[~inside], values[~inside])
    assert abs(np.median(written[inside]) - 600) < 25


@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_a_dicom_series_is_worked_on_in_hu_and_keeps_its_stored_values(tmp_path, slope):
    stored = np.rint(raw(head(SHAPE), 0.7, 600, None)).astype(np.int32)
    write_series(tmp_path / "in", Series(stored, slope=slope, intercept=-100.0))
    ct = read_ct(tmp_path / "in", by_hand=True)
    assert abs(np.median(ct.volume.array[head(SHAPE) < -500]) + 1000) < 60
    result = ct.volume.with_array(ct.volume.array.copy())
    result.array[FACE] = -1000
    write_dicom_series(ct, result, tmp_path / "out", Marks("x"))
    files = sorted((pydicom.dcmread(f) for f in (tmp_path / "out").iterdir()), key=lambda d: d.ImagePositionPatient[2])
    changed = np.stack([d.pixel_array for d in files]) != stored
    assert changed[FACE].mean() > 0.9
    changed[FACE] = False
    assert not changed.any()
    assert {d.RescaleSlope for d in files} == {slope}


def test_what_is_in_hu_is_never_calibrated(tmp_path):
    path = write_volume(Volume(head(SHAPE).astype(np.int16), Geometry(SHAPE, np.eye(4))), tmp_path / "ct.nrrd")
    assert read_ct(path, by_hand=True).calibration is None


def test_with_landmarks_by_hand_the_face_is_hidden_and_the_result_is_recognisable(tmp_path):
    phantom = make_phantom((3.0, 3.0, 3.0), seed=1)
    values = np.rint(raw(phantom.ct.array, 0.6, 300, 0)).astype(np.int16)
    path, out = write_volume(phantom.ct.with_array(values), tmp_path / "ct.nrrd"), tmp_path / "out.nrrd"
    write_landmarks_json(tmp_path / "by-hand.mrk.json", phantom.landmarks)
    assert main(["deface", str(path), str(out)]) == 2
    words = ["deface", str(path), str(out), "--landmarks", str(tmp_path / "by-hand.mrk.json"), "--accept-recognisable"]
    assert main(words) == 0
    changed = phantom.ct.with_array(read_volume(out).array != values)
    for name in ("pronasale", "sellion", "eye_left", "eye_right", "pogonion"):
        k, j, i = np.rint(changed.geometry.to_kji(phantom.landmarks.position(name))[0]).astype(int)
        assert changed.array[k - 2 : k + 3, j - 3 : j + 4, i - 2 : i + 3].any(), name
    assert json.loads(certificate_path(out).read_text())["privacy"] == "recognisable"


@pytest.mark.parametrize("ending", ["nrrd", "dicom"])
def test_verify_and_evaluate_compare_the_values_of_a_cone_beam_as_they_are(tmp_path, capsys, ending):
    values = np.rint(raw(head(SHAPE), 0.7, 600, None)).astype(np.int32)
    mask = np.zeros(SHAPE, np.uint8)
    mask[FACE] = 1
    after = np.where(mask, 600, values).astype(np.int32)
    before, result = tmp_path / "in", tmp_path / "out"
    if ending == "nrrd":
        before = write_volume(Volume(values.astype(np.int16), Geometry(SHAPE, np.eye(4))), tmp_path / "ct.nrrd")
        result = write_volume(Volume(after.astype(np.int16), Geometry(SHAPE, np.eye(4))), tmp_path / "out.nrrd")
    else:
        write_series(before, Series(values))
        write_series(result, Series(after))
    assert main(["verify", str(before), str(result), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed_voxels"] == int((after != values).sum())
    structure = write_volume(read_ct(before, by_hand=True).volume.with_array(mask), tmp_path / "mask.nrrd")
    assert main(["evaluate", str(before), str(result), "--structures", str(structure), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["structures"][0]["kept"] == (after == values)[FACE].mean()


@pytest.mark.parametrize("instead", [3000, -1000])
def test_what_changed_in_padding_alone_is_seen(tmp_path, capsys, instead):
    values = np.rint(raw(head(SHAPE), 1.0, -1000, 4000)).astype(np.int16)
    other = values.copy()
    other[values == 4000] = instead
    before, after = (
        write_volume(Volume(array, Geometry(SHAPE, np.eye(4))), tmp_path / name)
        for array, name in ((values, "before.nrrd"), (other, "after.nrrd"))
    )
    main(["verify", str(before), str(after), "--json"])
    assert json.loads(capsys.readouterr().out)["changed_voxels"] == int((values == 4000).sum())
