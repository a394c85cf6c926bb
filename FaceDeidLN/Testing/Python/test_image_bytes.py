"""Image files against independent readings of their bytes (nibabel, pynrrd, SimpleITK): the same to the bit, or a refusal."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from dicom_series import head
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.images import image_files, read_volume

nib = pytest.importorskip("nibabel")

HU = head().astype(np.int16)
RAS = np.diag([0.5, 0.75, 2.5, 1.0])
RAS[:3, 3] = (10, -20, -30)
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Orders and signs of the axes.
LYINGS = {"RAS": ((0, 1, 2), (1, 1, 1)), "LPS": ((0, 1, 2), (-1, -1, 1)), "PIR": ((1, 2, 0), (-1, -1, 1)), "SAL": ((2, 1, 0), (1, 1, -1))}


def lying(name: str) -> np.ndarray:
    """An affine to RAS mm whose axes lie in that order."""
    order, signs = LYINGS[name]
    affine = np.eye(4)
    affine[:3, :3] = RAS[:3, :3][:, list(order)] * signs
    affine[:3, 3] = RAS[:3, 3]
    return affine


def write_nifti(path: Path, array=HU, affine=RAS, version=1, order="<", unit="mm", slope=None, codes=(1, 1)) -> Path:
    kind = {1: nib.Nifti1Image, 2: nib.Nifti2Image}[version]
    header = kind.header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    image = kind(array.T, affine, header)
    image.header.set_xyzt_units(unit)
    image.set_qform(affine, code=codes[0])
    image.set_sform(affine, code=codes[1])
    if slope is not None:
        image.header.set_slope_inter(*slope)
    nib.save(image, path)
    return path


def same_as_nibabel(path: Path, scale: float = 1.0) -> bool:
    """The volume has nibabel's values, to the bit, at nibabel's places."""
    ours, theirs = read_volume(path), nib.load(path)
    affine = TO_LPS @ theirs.affine
    affine[:3] *= scale
    values = np.squeeze(theirs.get_fdata(dtype=np.float64)).T
    return np.array_equal(ours.array.astype(np.float64), values, equal_nan=True) and np.allclose(
        ours.geometry.ijk_to_lps, affine, atol=1e-4
    )


@pytest.mark.parametrize("lie", LYINGS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_nifti_is_read_as_nibabel_reads_it(tmp_path, ending, version, order, lie):
    assert same_as_nibabel(write_nifti(tmp_path / f"ct{ending}", affine=lying(lie), version=version, order=order))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_a_nifti_keeps_its_type_and_every_value(tmp_path, dtype):
    low, high = (-1e30, 1e30) if dtype[0] == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    array = np.clip(HU.astype(np.float64), low, high).astype(dtype)
    array[0, 0, :2] = np.array([low, high], dtype=dtype)
    volume = read_volume(write_nifti(tmp_path / "ct.nii", array))
    assert volume.array.dtype == dtype
    assert np.array_equal(volume.array, array)


@pytest.mark.parametrize("slope", [(1.05, 0.5), (0.5, -1024), (1, -1024), (-1, 0), (1e-3, 7)])
@pytest.mark.parametrize("dtype", ["i2", "u2", "f4"])
def test_a_scaled_nifti_has_nibabels_values_to_the_last_bit(tmp_path, dtype, slope):
    assert same_as_nibabel(write_nifti(tmp_path / "ct.nii.gz", (HU + 1100).astype(dtype), slope=slope))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nan_and_infinity_are_refused_in_every_format(tmp_path, dtype, ending, value):
    array = HU.astype(dtype)
    array[:, :, :4] = value
    path = tmp_path / f"ct{ending}"
    if ending.startswith(".nii"):
        write_nifti(path, array)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    with pytest.raises(InputError, match="NaN or infinite"):
        read_ct(path)


@pytest.mark.parametrize(("unit", "scale"), [("meter", 1000.0), ("micron", 0.001), ("mm", 1.0), ("unknown", 1.0)])
def test_the_unit_of_a_nifti_is_read(tmp_path, unit, scale):
    affine = RAS.copy()
    affine[:3] /= scale
    assert same_as_nibabel(write_nifti(tmp_path / "ct.nii", affine=affine, unit=unit), scale)


@pytest.mark.parametrize("move", ["apart", "mirrored", "turned over in place"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_nifti_in_two_places_is_refused(tmp_path, version, move):
    other = RAS.copy()
    if move == "apart":
        other[2, 3] += 20.0
    else:
        other[0, 0] *= -1
        other[0, 3] += RAS[0, 0] * (HU.shape[2] - 1) if move != "mirrored" else 0.0
    image = nib.load(write_nifti(tmp_path / "a.nii", version=version))
    image.set_sform(other, code=1)
    nib.save(image, tmp_path / "ct.nii")
    with pytest.raises(InputError, match="two different places"):
        read_ct(tmp_path / "ct.nii")


def test_a_nifti_without_a_place_is_refused(tmp_path):
    with pytest.raises(InputError, match="how the patient lies"):
        read_ct(write_nifti(tmp_path / "ct.nii", codes=(0, 0)))


def test_a_turn_by_half_a_circle_is_read_from_the_qform(tmp_path):
    assert same_as_nibabel(write_nifti(tmp_path / "ct.nii", affine=np.diag([-1.0, -1.0, 1.0, 1.0]) @ RAS, codes=(1, 0)))


def test_a_nifti_whose_voxel_sizes_have_a_sign_is_read_as_nibabel_reads_it(tmp_path):
    path = write_nifti(tmp_path / "ct.nii", codes=(1, 1))
    sizes = np.frombuffer(path.read_bytes()[80:88], "<f4")  # pixdim[1:3]
    with path.open("r+b") as file:
        file.seek(80)
        file.write((-sizes).tobytes())
    assert same_as_nibabel(path)


@pytest.mark.parametrize("kind", ["c8", "c16", "rgb"])
def test_a_nifti_of_several_numbers_per_voxel_is_refused(tmp_path, kind):
    array = np.zeros(HU.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]) if kind == "rgb" else HU.astype(kind)
    with pytest.raises(InputError, match="one number per voxel"):
        read_ct(write_nifti(tmp_path / "ct.nii", array))


def nrrd_header(**fields: str) -> bytes:
    told = {
        "type": "short",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "24 20 12",
        "space directions": "(0.5,0,0) (0,0.75,0) (0,0,2.5)",
        "space origin": "(-10,20,-30)",
        "endian": "little",
        "encoding": "raw",
        **fields,
    }
    return ("NRRD0005\n" + "".join(f"{name}: {value}\n" for name, value in told.items() if value) + "\n").encode()


def write_nrrd(path: Path, array=HU, **fields: str) -> Path:
    data = array.tobytes()
    path.write_bytes(nrrd_header(**fields) + (gzip.compress(data) if fields.get("encoding") == "gzip" else data))
    return path


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "i8", "u8", "f4", "f8"])
def test_a_nrrd_is_read_as_pynrrd_reads_it(tmp_path, dtype, encoding, order):
    array = np.abs(HU).astype(dtype).astype(("<" if order == "little" else ">") + dtype)
    names = {"i2": "short", "u2": "uint16", "i4": "int", "i8": "long long int", "u8": "uint64", "f4": "float", "f8": "double"}
    path = write_nrrd(tmp_path / "ct.nrrd", array, type=names[dtype], endian=order, encoding=encoding)
    ours, (theirs, header) = read_volume(path), nrrd.read(str(path))
    assert ours.array.dtype == dtype
    assert np.array_equal(ours.array, theirs.T)
    assert np.array_equal(ours.geometry.ijk_to_lps[:3, :3].T, header["space directions"])


@pytest.mark.parametrize(("unit", "length"), [("um", 1000.0), ("m", 0.001), ("cm", 0.1), ("mm", 1.0)])
def test_the_unit_of_a_nrrd_is_read(tmp_path, unit, length):
    told = {"space directions": f"({0.5 * length},0,0) (0,{0.75 * length},0) (0,0,{2.5 * length})"}
    told |= {"space origin": f"({-10 * length},{20 * length},{-30 * length})", "space units": f'"{unit}" "{unit}" "{unit}"'}
    matrix = read_ct(write_nrrd(tmp_path / "ct.nrrd", **told)).volume.geometry.ijk_to_lps
    assert np.allclose(matrix[:3], np.column_stack([np.diag([0.5, 0.75, 2.5]), (-10, 20, -30)]))


def test_a_unit_that_is_no_length_is_refused(tmp_path):
    with pytest.raises(InputError, match="gives lengths in 'furlong'"):
        read_ct(write_nrrd(tmp_path / "ct.nrrd", **{"space units": '"furlong" "furlong" "furlong"'}))


@pytest.mark.parametrize("step", ["500", "0.0005"])
def test_voxels_that_are_not_in_millimetres_are_refused(tmp_path, step):
    with pytest.raises(InputError, match="not in millimetres"):
        read_ct(write_nrrd(tmp_path / "ct.nrrd", **{"space directions": f"({step},0,0) (0,{step},0) (0,0,{step})"}))


def write_mha(path: Path, array=HU, packed=False, **fields: object) -> Path:
    told = {"ObjectType": "Image", "NDims": 3, "BinaryData": True, "BinaryDataByteOrderMSB": False, "CompressedData": packed}
    told |= {"TransformMatrix": "0 1 0 -1 0 0 0 0 1", "Offset": "1 2 3", "ElementSpacing": "0.5 0.75 2.5", "DimSize": "24 20 12"}
    data = zlib.compress(array.tobytes()) if packed else array.tobytes()
    told |= {"ElementType": "MET_SHORT", "CompressedDataSize": len(data), **fields, "ElementDataFile": "LOCAL"}
    path.write_bytes("".join(f"{name} = {value}\n" for name, value in told.items()).encode() + data)
    return path


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("name", "dtype"), [("MET_SHORT", "i2"), ("MET_USHORT", "u2"), ("MET_INT", "i4"), ("MET_DOUBLE", "f8")])
def test_a_metaimage_is_read_as_simpleitk_reads_it(tmp_path, name, dtype, packed, big):
    array = np.abs(HU).astype((">" if big else "<") + dtype)
    path = write_mha(tmp_path / "ct.mha", array, packed, ElementType=name, BinaryDataByteOrderMSB=big)
    ours, theirs = read_volume(path), sitk.ReadImage(str(path))
    assert np.array_equal(ours.array, sitk.GetArrayFromImage(theirs))
    for index in ((0, 0, 0), (23, 19, 11)):
        assert np.allclose(ours.geometry.to_lps(np.array([index[::-1]]))[0], theirs.TransformIndexToPhysicalPoint(index))


def test_the_unit_of_a_metaimage_is_read(tmp_path):
    told = {"DistanceUnits": "um", "ElementSpacing": "500 750 2500", "Offset": "1000 2000 3000"}
    matrix = read_ct(write_mha(tmp_path / "ct.mha", **told)).volume.geometry.ijk_to_lps
    assert np.allclose(np.linalg.norm(matrix[:3, :3], axis=0), (0.5, 0.75, 2.5))
    assert np.allclose(matrix[:3, 3], (1, 2, 3))


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_the_voxels_beside_a_detached_header_are_read_and_counted_as_input(tmp_path, encoding):
    data = HU.tobytes()
    (tmp_path / "ct.bin").write_bytes(gzip.compress(data) if encoding == "gzip" else data)
    (tmp_path / "ct.nhdr").write_bytes(nrrd_header(encoding=encoding, **{"data file": "ct.bin"}))
    assert np.array_equal(read_volume(tmp_path / "ct.nhdr").array, HU)
    assert image_files(tmp_path / "ct.nhdr") == (tmp_path / "ct.nhdr", tmp_path / "ct.bin")


def test_an_output_in_place_of_an_inputs_voxels_is_refused(tmp_path, capsys):
    (tmp_path / "voxels.nrrd").write_bytes(HU.tobytes())
    (tmp_path / "ct.nhdr").write_bytes(nrrd_header(**{"data file": "voxels.nrrd"}))
    assert main(["deface", str(tmp_path / "ct.nhdr"), str(tmp_path / "voxels.nrrd"), "--overwrite"]) == 2
    assert "is, holds or lies inside" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["/dev/zero", "../ct.bin", "pipe", "LIST", "ct.%03d.raw 1 12 1", "folder", "missing.raw"])
def test_voxels_elsewhere_than_beside_their_header_are_refused(tmp_path, name):
    (tmp_path / "in" / "folder").mkdir(parents=True)
    (tmp_path / "ct.bin").write_bytes(HU.tobytes())
    os.mkfifo(tmp_path / "in" / "pipe")
    (tmp_path / "in" / "ct.nhdr").write_bytes(nrrd_header(**{"data file": name}))
    with pytest.raises(InputError):
        read_volume(tmp_path / "in" / "ct.nhdr")


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_a_pipe_is_refused_and_does_not_hang(tmp_path, ending):
    os.mkfifo(tmp_path / f"ct{ending}")
    with pytest.raises(InputError, match="pipe or device"):
        read_ct(tmp_path / f"ct{ending}")


@pytest.mark.parametrize(
    "fields", [{"sizes": "1200 1200 1200"}, {"sizes": "1200 1200 1200", "encoding": "gzip"}, {"sizes": "9 0 9"}, {"sizes": "9 9"}]
)
def test_a_header_that_promises_what_the_file_cannot_hold_is_refused_unread(tmp_path, fields):
    with pytest.raises(InputError):
        read_ct(write_nrrd(tmp_path / "ct.nrrd", **fields))


def test_a_compressed_nifti_that_goes_on_after_its_last_voxel_is_refused(tmp_path):
    path = write_nifti(tmp_path / "ct.nii")
    with gzip.open(tmp_path / "ct.nii.gz", "wb", 1) as file:
        file.write(path.read_bytes())
        for _ in range(64):
            file.write(bytes(1 << 20))
    with pytest.raises(InputError, match="goes on after its last voxel"):
        read_ct(tmp_path / "ct.nii.gz")


def test_several_gzip_members_in_a_row_are_one_file(tmp_path):
    content = write_nifti(tmp_path / "a.nii").read_bytes()
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    assert np.array_equal(read_volume(tmp_path / "ct.nii.gz").array, HU)


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz"])
def test_a_changed_bit_in_a_compressed_file_is_noticed(tmp_path, ending):
    path = write_nrrd(tmp_path / "ct.nrrd", encoding="gzip") if ending == ".nrrd" else write_nifti(tmp_path / "ct.nii.gz")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1  # in the length and checksum at the end
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_ct(path)
