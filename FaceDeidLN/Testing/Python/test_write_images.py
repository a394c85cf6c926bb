"""Image files out: the same kind, values, type and geometry, or nothing."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.output import images, nrrd
from FaceDeidLNLib.output.images import write_image
from scipy.spatial.transform import Rotation
from test_read_images import HU, write, write_nrrd

WRITABLE = [".nrrd", ".nii.gz", ".nii", ".mha"]


def case(tmp_path, array=HU, matrix=None):
    """A CT as if read from a file in ``tmp_path``."""
    matrix = np.diag([0.5, 0.75, 2.5, 1.0]) if matrix is None else matrix
    return CtInput(Volume(array, Geometry(array.shape, matrix)), tmp_path / "in" / "ct.nrrd", ".nrrd")


def oblique(flip=1.0):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (12, -7, 33), degrees=True).as_matrix() @ np.diag([0.5, 0.75, flip * 2.5])
    matrix[:3, 3] = (-123.4, 56.7, -890.1)
    return matrix


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("extension", WRITABLE)
def test_an_image_is_written_with_its_values_and_type(tmp_path, extension, dtype):
    ct = case(tmp_path, HU.astype(dtype))
    write_image(ct, ct.volume, tmp_path / f"out{extension}")
    again = read_ct(tmp_path / f"out{extension}").volume.array
    assert again.dtype == dtype
    assert np.array_equal(again, ct.volume.array)


@pytest.mark.parametrize("flip", [1.0, -1.0])
@pytest.mark.parametrize("extension", WRITABLE)
def test_an_oblique_or_mirrored_grid_is_written_as_it_is(tmp_path, extension, flip):
    ct = case(tmp_path, matrix=oblique(flip))
    write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert read_ct(tmp_path / f"out{extension}").volume.geometry.same_as(ct.volume.geometry)


@pytest.mark.parametrize("extension", [".nrrd", ".mha"])
def test_a_gantry_tilt_is_written_as_it_is(tmp_path, extension):
    matrix = np.diag([0.5, 0.75, 2.5, 1.0])
    matrix[1, 2] = 0.8
    ct = case(tmp_path, matrix=matrix)
    write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert np.allclose(read_ct(tmp_path / f"out{extension}").volume.geometry.ijk_to_lps, matrix)


@pytest.mark.parametrize("extension", [".nii", ".nii.gz"])
def test_a_gantry_tilt_is_refused_for_nifti_with_the_way_out(tmp_path, extension):
    matrix = np.diag([0.5, 0.75, 2.5, 1.0])
    matrix[1, 2] = 0.8
    ct = case(tmp_path, matrix=matrix)
    with pytest.raises(InputError, match=r"write \.nrrd instead"):
        write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert list(tmp_path.iterdir()) == []


def test_a_sheared_nifti_is_told_why_no_nifti_is_written_of_it(tmp_path):
    matrix = np.diag([0.5, 0.75, 2.5, 1.0])
    matrix[1, 2] = 0.8
    ct = replace(case(tmp_path, matrix=matrix), kind=".nii.gz")
    with pytest.raises(InputError, match=r"not perpendicular, and programs that read NIfTI disagree .*: write \.nrrd instead"):
        write_image(ct, ct.volume, tmp_path / "out.nii.gz")


def test_no_key_of_the_source_travels_along(tmp_path):
    ct = read_ct(write_nrrd(tmp_path / "in.nrrd"))
    assert b"Doe" in (tmp_path / "in.nrrd").read_bytes()
    write_image(ct, ct.volume, tmp_path / "out.nrrd")
    assert not sitk.ReadImage(str(tmp_path / "out.nrrd")).HasMetaDataKey("PatientName")
    assert b"Doe" not in (tmp_path / "out.nrrd").read_bytes()


def test_a_dicom_series_may_become_an_image_file(tmp_path):
    write_series(tmp_path / "in", Series(stored_head()))
    ct = read_ct(tmp_path / "in")
    write_image(ct, ct.volume, tmp_path / "out.nrrd")
    again = read_ct(tmp_path / "out.nrrd")
    assert np.array_equal(again.volume.array, ct.volume.array)
    assert again.volume.geometry.same_as(ct.volume.geometry)


@pytest.mark.parametrize("extension", [".nhdr", ".mhd", ".dcm", ""])
def test_a_kind_that_cannot_be_released_in_one_file_is_refused(tmp_path, extension):
    ct = case(tmp_path)
    with pytest.raises(InputError, match="in a single file"):
        write_image(ct, ct.volume, tmp_path / f"out{extension}")


@pytest.mark.parametrize("extension", [".NII.GZ", ".nii.GZ", ".Nii", ".MHA"])
def test_capitals_in_an_ending_that_cannot_be_written_with_them_are_refused_with_the_way_out(tmp_path, extension):
    ct = case(tmp_path)
    with pytest.raises(InputError, match=f"in lower case, {extension.lower()}"):
        write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == []


@pytest.mark.parametrize("name", ["out.seg.nrrd", "out.SEG.NRRD", "out.seq.nrrd", "out.seg.nii.gz", ".seg.nrrd"])
def test_a_name_that_slicer_takes_for_a_segmentation_or_a_sequence_is_refused(tmp_path, name):
    ct = case(tmp_path)
    with pytest.raises(InputError, match="takes a file of this name for a se.*: leave out"):
        write_image(ct, ct.volume, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir() if path.name.lower().startswith(("out", "."))] == []


@pytest.mark.parametrize(
    "name", ["out.nii.nii.gz", "out.nii.nii", "out.img.nii.gz", "out.hdr.nii", "out.nii.gz.nii", "out.mha.mha", "image.nii"]
)
def test_a_name_with_a_second_ending_is_written_as_it_stands(tmp_path, name):
    ct = case(tmp_path)
    write_image(ct, ct.volume, tmp_path / name)
    assert np.array_equal(read_ct(tmp_path / name).volume.array, HU)
    assert [path.name for path in tmp_path.iterdir() if path.name != "in"] == [name]


@pytest.mark.parametrize("change", ["type", "grid"])
def test_a_result_that_does_not_fit_the_ct_is_refused(tmp_path, change):
    ct = case(tmp_path)
    result = Volume(HU.astype(np.int32), ct.volume.geometry) if change == "type" else Volume(HU, Geometry(HU.shape, np.eye(4)))
    with pytest.raises(OutputError, match="another scalar type or grid"):
        write_image(ct, result, tmp_path / "out.nrrd")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", ["voxel", "origin", "cut"])
@pytest.mark.parametrize("extension", [".nrrd", ".mha"])
def test_what_does_not_read_back_the_same_is_not_released(tmp_path, monkeypatch, spoil, extension):
    once = images._write

    def write_wrongly(result, partial, path):
        array, matrix = result.array.copy(), result.geometry.ijk_to_lps.copy()
        array[5, 4, 3] += spoil == "voxel"
        matrix[1, 3] += 0.1 * (spoil == "origin")
        once(Volume(array, Geometry(array.shape, matrix)), partial, path)
        if spoil == "cut":
            with partial.open("r+b") as file:
                file.truncate(2000)

    ct = case(tmp_path)
    monkeypatch.setattr(images, "_write", write_wrongly)
    with pytest.raises(OutputError, match="nothing is left of it"):
        write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_a_nrrd_is_read_by_others_as_it_was_meant(tmp_path, kind):
    limits = np.iinfo(kind) if kind[0] in "iu" else np.finfo(kind)
    array = np.linspace(float(limits.min) / 4, float(limits.max) / 4, 4 * 5 * 6).astype(kind).reshape(4, 5, 6)[:, ::-1]
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.1], [0.0, 0.0, 1.0]])  # sheared
    geometry = Geometry(array.shape, np.block([[turn * [1 / 3, 0.7, 2.5], np.array([[-1e-7], [123.4], [1e3]])], [np.zeros((1, 3)), 1.0]]))
    nrrd.write_nrrd(Volume(array, geometry), tmp_path / "a.nrrd", 1)
    image, own = sitk.ReadImage(str(tmp_path / "a.nrrd")), read_volume(tmp_path / "a.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(image), array)
    assert sitk.GetArrayFromImage(image).dtype == own.array.dtype == np.dtype(kind)
    assert np.array_equal(own.array, array)
    assert np.array_equal(own.geometry.ijk_to_lps, geometry.ijk_to_lps)
    assert np.allclose(image.TransformContinuousIndexToPhysicalPoint((5, 4, 3)), geometry.to_lps(np.array([[3, 4, 5]]))[0], atol=1e-6)


def test_the_input_is_never_overwritten(tmp_path):
    ct = read_ct(write(tmp_path / "ct.nrrd"))
    before = (tmp_path / "ct.nrrd").read_bytes()
    with pytest.raises(InputError, match="choose another place"):
        write_image(ct, ct.volume, tmp_path / "ct.nrrd", overwrite=True)
    assert (tmp_path / "ct.nrrd").read_bytes() == before
