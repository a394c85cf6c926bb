"""Image files in: values, scalar types, geometry, and what is refused."""

import gzip
import re
import shutil
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_series import head
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.input.padding import without_padding
from FaceDeidLNLib.output.images import write_image
from scipy.spatial.transform import Rotation

HU = head().astype(np.int16)


def image(array=HU, turn=(0, 0, 0)):
    out = sitk.GetImageFromArray(array)
    out.SetSpacing((0.5, 0.75, 2.5))
    out.SetOrigin((-10, 20, -30))
    out.SetDirection(Rotation.from_euler("xyz", turn, degrees=True).as_matrix().ravel().tolist())
    return out


def write(path, array=HU, compress=True, **kwargs):
    sitk.WriteImage(image(array, **kwargs), str(path), compress)
    return path


def write_nrrd(path, space="left-posterior-superior", directions="(0.5,0,0) (0,0.75,0) (0,0,2.5)", origin="(-10,20,-30)"):
    text = f"NRRD0004\ntype: short\ndimension: 3\nspace: {space}\nsizes: 24 20 12\nspace directions: {directions}\n"
    text += f"kinds: domain domain domain\nendian: little\nencoding: raw\nspace origin: {origin}\nPatientName:=Doe\n\n"
    path.write_bytes(text.encode() + HU.tobytes())
    return path


def set_scaling(path, slope, intercept):
    """Put scl_slope and scl_inter into the header of an uncompressed NIfTI file."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<ff", content, 112, slope, intercept)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("turn", [(0, 0, 0), (90, 0, 180), (10, -20, 30)])
@pytest.mark.parametrize("extension", [".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd"])
def test_an_image_file_keeps_values_type_and_geometry(tmp_path, extension, turn):
    ct = read_ct(write(tmp_path / f"ct{extension}", turn=turn))
    matrix = ct.volume.geometry.ijk_to_lps
    assert ct.volume.array.dtype == np.int16
    assert np.array_equal(ct.volume.array, HU)
    assert np.allclose(matrix[:3, :3], Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * [0.5, 0.75, 2.5], atol=1e-6)
    assert np.allclose(matrix[:3, 3], (-10, 20, -30), atol=1e-4)
    assert (ct.kind, ct.files) == (extension, (tmp_path / f"ct{extension}",))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64, np.int64])
def test_the_scalar_type_stays(tmp_path, dtype):
    assert read_ct(write(tmp_path / "ct.nrrd", HU.astype(dtype))).volume.array.dtype == dtype


@pytest.mark.parametrize(
    ("space", "signs"),
    [("left-posterior-superior", (1, 1, 1)), ("right-anterior-superior", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1))],
)
def test_the_space_of_a_nrrd_is_turned_into_lps(tmp_path, space, signs):
    matrix = read_ct(write_nrrd(tmp_path / "ct.nrrd", space)).volume.geometry.ijk_to_lps
    assert np.allclose(matrix[:3, :3], np.diag(signs) @ np.diag([0.5, 0.75, 2.5]))
    assert np.allclose(matrix[:3, 3], np.array(signs) * (-10, 20, -30))


def test_the_shear_of_a_nrrd_is_kept(tmp_path):
    matrix = read_ct(write_nrrd(tmp_path / "ct.nrrd", directions="(0.5,0,0) (0,0.75,0) (0,0.8,2.5)")).volume.geometry.ijk_to_lps
    assert np.allclose(matrix[:3, 2], (0, 0.8, 2.5))


def test_a_nrrd_in_a_space_that_is_not_the_patients_is_refused(tmp_path):
    with pytest.raises(InputError, match="scanner-xyz"):
        read_ct(write_nrrd(tmp_path / "ct.nrrd", "scanner-xyz"))


@pytest.mark.parametrize(("slope", "intercept", "dtype"), [(1.0, -24.0, np.int16), (2.0, 1000.0, np.int16), (0.0, 0.0, np.int16)])
def test_a_scaled_nifti_of_whole_hu_is_no_float_copy(tmp_path, slope, intercept, dtype):
    stored = np.rint((HU // 2 * 2 - intercept) / (slope or 1)).astype(np.int16)
    ct = read_ct(set_scaling(write(tmp_path / "ct.nii", stored), slope, intercept))
    assert ct.volume.array.dtype == dtype
    assert np.array_equal(ct.volume.array, HU // 2 * 2)


def test_a_scaled_nifti_of_fractions_stays_float(tmp_path):
    ct = read_ct(set_scaling(write(tmp_path / "ct.nii"), 1.05, 0.5))
    assert np.array_equal(ct.volume.array, HU * float(np.float32(1.05)) + 0.5)


def test_a_4d_file_with_one_frame_is_read(tmp_path):
    sitk.WriteImage(sitk.JoinSeries(image()), str(tmp_path / "ct.nii.gz"))
    assert np.array_equal(read_ct(tmp_path / "ct.nii.gz").volume.array, HU)


def test_a_nifti_beside_another_of_its_name_has_its_own_voxels(tmp_path):
    write(tmp_path / "ct.nii.gz")
    write(tmp_path / "ct.nii", HU + 1)
    assert np.array_equal(read_ct(tmp_path / "ct.nii.gz").volume.array, HU)


@pytest.mark.parametrize("share", [0.1, 0.6, 0.98])
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("extension", [".nrrd", ".nii", ".nii.gz", ".mha"])
def test_a_truncated_file_is_refused(tmp_path, extension, compress, share):
    path = write(tmp_path / f"ct{extension}", compress=compress)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"^ct\.\S+ .*truncated"):
        read_ct(path)


def test_a_nifti_truncated_before_its_compression_is_refused(tmp_path):
    path = write(tmp_path / "ct.nii.gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-100]))
    with pytest.raises(InputError, match="truncated"):
        read_ct(path)


def test_a_nrrd_without_its_data_file_is_refused(tmp_path):
    path = write(tmp_path / "ct.nhdr")
    for data in tmp_path.glob("ct.raw*"):
        data.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_ct(path)


@pytest.mark.parametrize("name", ["ct.nrrd", "folder", "ct.nii.gz", "ct.xyz"])
def test_a_missing_path_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"{name} does not exist"):
        read_ct(tmp_path / name)


def test_a_file_of_another_kind_is_refused_with_the_kinds_that_can_be_read(tmp_path):
    (tmp_path / "ct.docx").write_text("x")
    with pytest.raises(InputError, match=r"give a DICOM folder .* or one of \.nii\.gz, \.nrrd"):
        read_ct(tmp_path / "ct.docx")


def test_a_file_of_text_is_refused_as_image(tmp_path):
    for name in ("ct.nrrd", "ct.nii", "ct.nii.gz", "ct.mha"):
        (tmp_path / name).write_text("no image\n" * 100)
        with pytest.raises(InputError, match=f"^{name} "):
            read_ct(tmp_path / name)
        (tmp_path / name).unlink()


def test_a_series_uid_for_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="DICOM folder only"):
        read_ct(write(tmp_path / "ct.nrrd"), "1.2.3")


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (HU[5], "no 3-D volume"),
        (HU[5:6], "no 3-D volume"),
        (HU[:5], "only 5 slices"),
        (np.where(HU[6, 10, 12] == HU, np.nan, HU).astype(np.float32), "NaN or infinite"),
        (np.where(HU[6, 10, 12] == HU, np.inf, HU).astype(np.float32), "NaN or infinite"),
        ((HU + 1024).astype(np.uint16), "does not look like a CT in Hounsfield units"),
        ((HU / 1000).astype(np.float32), "does not look like a CT in Hounsfield units"),
        (np.clip((HU + 500) / 2000, 0, 1).astype(np.float32), "does not look like a CT in Hounsfield units"),
        (HU.astype(np.int32) * 10, "does not look like a CT in Hounsfield units"),
        (np.abs(HU // 4).astype(np.uint8), "does not look like a CT in Hounsfield units"),
        (np.full_like(HU, -1000), "near 0, as soft tissue is"),
    ],
)
def test_what_is_no_ct_in_hu_is_refused(tmp_path, array, sentence):
    with pytest.raises(InputError, match=sentence):
        read_ct(write(tmp_path / "ct.nrrd", array) if array.ndim == 3 else write_plane(tmp_path / "ct.nrrd", array))


def test_stored_values_whose_background_was_masked_are_refused_though_their_airways_read_as_soft_tissue(tmp_path):
    stored = np.where(HU < -700, -1000, HU).astype(np.int16) + 1024
    stored[3:8, 8:12, 10:14] = 30  # a throat, which is not joined to the air around the patient
    with pytest.raises(InputError, match="as in stored values without their rescale"):
        read_ct(write(tmp_path / "ct.nrrd", stored.astype(np.int16)))


@pytest.mark.parametrize("padding", [-1500, -2000, -2048, -3024, -32768])
def test_a_ct_whose_padding_was_blended_when_it_was_resampled_is_a_ct(tmp_path, padding):
    hu = HU.copy()
    hu[:, :, :5], hu[:, :, 5] = padding, (padding + hu[:, :, 5]) // 2
    hu[:, :, 6] = (padding + 3 * hu[:, :, 6]) // 4
    assert np.array_equal(read_ct(write(tmp_path / "ct.nrrd", hu)).volume.array, hu)


@pytest.mark.parametrize("value", [0, 3071, 32767, -500])
@pytest.mark.parametrize("extension", [".nrrd", ".nii.gz", ".mha"])
def test_what_fills_the_corners_is_worked_on_as_air_and_written_as_it_was(tmp_path, value, extension):
    rows, columns = np.indices(HU.shape[1:]) - np.array(HU.shape[1:])[:, None, None] / 2
    hu, outside = HU.copy(), np.hypot(rows / HU.shape[1], columns / HU.shape[2]) > 0.49
    hu[:, outside] = value
    hu[5, 8, 8] = value  # within the body the same value is a measurement
    ct = read_ct(write(tmp_path / f"ct{extension}", hu))
    assert np.all(ct.volume.array[:, outside] == -1000)
    assert ct.volume.array[5, 8, 8] == value
    write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert np.array_equal(read_volume(tmp_path / f"out{extension}").array, hu)


@pytest.mark.parametrize(("slope", "air"), [(1.0, 0), (0.5, 0), (0.8, -600), (1.0, -700), (20.0, 12768)])
def test_a_cone_beam_without_calibration_is_told_how_to_become_hu(tmp_path, slope, air):
    shape = (40, 48, 48)
    raw = (head(shape) + np.random.default_rng(2).normal(0, 60, shape) + 1000) * slope + air
    with pytest.raises(InputError, match="cone-beam CT") as told:
        read_ct(write(tmp_path / "ct.nrrd", raw.astype(np.float32)))
    factor, sign, offset = re.search(r"worked on as (\S+) x value ([+-])(\S+)\.", str(told.value)).groups()
    hu = float(factor) * raw + float(sign + offset)
    assert abs(np.median(hu[head(shape) < -500]) + 1000) < 60
    assert abs(np.median(hu[head(shape) > -500]) - 40) < 60


def test_a_volume_of_one_value_has_no_padding():
    volume = Volume(np.zeros((9, 9, 9), np.int16), Geometry((9, 9, 9), np.eye(4)))
    assert without_padding(volume) == (volume, None)


def test_values_on_both_sides_of_air_without_one_padding_value_are_no_ct(tmp_path):
    phase = np.random.default_rng(0).integers(-4096, 4096, HU.shape).astype(np.int16)
    with pytest.raises(InputError, match="% of the voxels are below air"):
        read_ct(write(tmp_path / "ct.nrrd", phase))


def write_plane(path, array):
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return path


def test_a_4d_file_of_several_frames_is_refused(tmp_path):
    sitk.WriteImage(sitk.JoinSeries([image(), image()]), str(tmp_path / "ct.nii.gz"))
    with pytest.raises(InputError, match="no 3-D volume"):
        read_ct(tmp_path / "ct.nii.gz")


def test_an_rgb_file_is_refused(tmp_path):
    colour = sitk.Compose([sitk.Cast(image(), sitk.sitkUInt8)] * 3)
    sitk.WriteImage(colour, str(tmp_path / "ct.nrrd"))
    with pytest.raises(InputError, match="one number per voxel"):
        read_ct(tmp_path / "ct.nrrd")


def test_padding_far_below_air_is_accepted(tmp_path):
    padded = HU.copy()
    padded[:, :4] = -3024
    assert np.array_equal(read_ct(write(tmp_path / "ct.nrrd", padded)).volume.array, padded)


def test_every_real_head_is_taken_for_a_ct(data_folder, tmp_path):
    for path in sorted((data_folder / "heads").glob("*ct*.n*")):
        shutil.copy(path, tmp_path)
        assert read_ct(tmp_path / path.name).volume.array.dtype == np.int16


SHEARED = [[-0.5, 0, 0, 10], [0, -0.75, 0.8, -20], [0, 0, 2.5, -30]]
MOVED = [[-0.5, 0, 0, 10], [0, -0.75, 0, -21], [0, 0, 2.5, -30]]


def set_forms(path, qform_code, sform_code, sform):
    """Put the codes of both forms and the sform (3, 4; RAS) into the header of an uncompressed NIfTI-1 file."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<hh", content, 252, qform_code, sform_code)
    struct.pack_into("<12f", content, 280, *np.ravel(sform).tolist())
    path.write_bytes(content)
    return path


def test_a_nifti_with_sheared_axes_keeps_its_shear(tmp_path):
    geometry = read_ct(set_forms(write(tmp_path / "ct.nii"), 0, 1, SHEARED)).volume.geometry
    assert np.allclose(geometry.ijk_to_lps[:3], np.array(SHEARED) * [[-1], [-1], [1]])


@pytest.mark.parametrize("sform", [SHEARED, MOVED])
def test_a_nifti_whose_two_forms_differ_is_refused(tmp_path, sform):
    with pytest.raises(InputError, match="two different places"):
        read_ct(set_forms(write(tmp_path / "ct.nii"), 1, 2, sform))


def test_a_nifti_with_a_qform_alone_is_read(tmp_path):
    ct = read_ct(set_forms(write(tmp_path / "ct.nii"), 1, 0, np.zeros((3, 4))))
    assert np.allclose(ct.volume.geometry.ijk_to_lps[:3, 3], (-10, 20, -30))


def test_a_nifti_with_an_sform_alone_is_read(tmp_path):
    ct = read_ct(set_forms(write(tmp_path / "ct.nii"), 0, 1, MOVED))
    assert np.allclose(ct.volume.geometry.ijk_to_lps[:3, 3], (-10, 21, -30))


@pytest.mark.parametrize(
    ("name", "text"), [("ct.nrrd", "sizes: 1_0 4 4"), ("ct.nrrd", "sizes: \u0661\u0660 4 4"), ("ct.mha", "DimSize = 1_0 4 4")]
)
def test_what_only_python_takes_for_a_number_is_none(name, text, tmp_path):
    nrrd = "NRRD0005\ntype: uchar\ndimension: 3\nencoding: raw\nspacings: 1 1 1\n{}\n\n"
    meta = "NDims = 3\nElementType = MET_UCHAR\n{}\nElementDataFile = LOCAL\n"
    (tmp_path / name).write_text((nrrd if name == "ct.nrrd" else meta).format(text) + "x" * 160)
    with pytest.raises(InputError, match="number"):
        read_volume(tmp_path / name)
