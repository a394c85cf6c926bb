"""Headers of image files that tell something twice or otherwise than the format has it: read rightly, or refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.images import image_header, read_volume
from test_image_bytes import HU, nrrd_header, write_mha, write_nifti, write_nrrd

WITHOUT_PLACE = {"space": "", "space directions": "", "space origin": ""}


@pytest.mark.parametrize("offset", [0, 100, 348])
@pytest.mark.parametrize("version", [1, 2])
def test_the_header_of_a_nifti_is_never_read_as_voxels(tmp_path, version, offset):
    path = write_nifti(tmp_path / "ct.nii", version=version)
    content = bytearray(path.read_bytes())
    struct.pack_into("<f" if version == 1 else "<q", content, 108 if version == 1 else 168, offset)
    path.write_bytes(content)
    with pytest.raises(InputError, match="does not say where its voxels begin"):
        read_volume(path)


@pytest.mark.parametrize("write", [write_nifti, write_nrrd, write_mha])
def test_a_file_that_goes_on_after_its_last_voxel_is_refused_though_it_is_not_compressed(tmp_path, write):
    path = write(tmp_path / {write_nifti: "ct.nii", write_nrrd: "ct.nrrd", write_mha: "ct.mha"}[write])
    content = path.read_bytes()
    path.write_bytes(content + bytes(512))  # a disk's blocks
    assert np.array_equal(read_volume(path).array, HU)
    path.write_bytes(content + bytes(1 << 20))
    with pytest.raises(InputError, match="goes on after its last voxel"):
        read_volume(path)


@pytest.mark.parametrize("endian", ["bigendian", "middle"])
def test_an_order_of_bytes_that_a_nrrd_does_not_know_is_not_guessed(tmp_path, endian):
    with pytest.raises(InputError, match=f"endian {endian}"):
        read_volume(write_nrrd(tmp_path / "ct.nrrd", endian=endian))


def test_an_axis_of_negative_spacing_runs_the_other_way(tmp_path):
    path = write_nrrd(tmp_path / "ct.nrrd", **WITHOUT_PLACE, spacings="-0.5 0.75 2.5")
    ours, theirs = read_volume(path).geometry, sitk.ReadImage(str(path))
    for index in ((0, 0, 0), (23, 19, 11)):
        assert np.allclose(ours.to_lps(np.array([index[::-1]]))[0], theirs.TransformIndexToPhysicalPoint(index))


@pytest.mark.parametrize(
    "fields",
    [
        {"spacings": "9 9 9"},
        {"units": '"m" "m" "m"'},
        {"axis mins": "5 6 7"},
        {**WITHOUT_PLACE, "spacings": "0.5 0.75 2.5", "axis mins": "5 6 7"},
        {**WITHOUT_PLACE, "axismaxs": "12 15 30"},
        {**WITHOUT_PLACE, "spacings": "0.5 0.75 2.5 1"},
        {**WITHOUT_PLACE, "spacings": "0.5 0.75 2.5", "axis mins": "0 0 7"},
        {"space origin": "(1,2)"},
        {"space origin": "(1,2,3,4)"},
    ],
)
def test_a_nrrd_that_tells_its_place_in_two_ways_or_with_other_numbers_is_refused(tmp_path, fields):
    with pytest.raises(InputError, match="damaged"):
        read_volume(write_nrrd(tmp_path / "ct.nrrd", **fields))


def test_a_nrrd_without_a_place_may_say_that_its_axes_begin_at_0(tmp_path):
    path = write_nrrd(tmp_path / "ct.nrrd", **WITHOUT_PLACE, spacings="0.5 0.75 2.5", **{"axis mins": "0 0 0"})
    assert np.allclose(read_volume(path).geometry.spacing, (0.5, 0.75, 2.5))


def test_empty_lengths_beside_directions_tell_nothing(tmp_path):
    path = write_nrrd(tmp_path / "ct.nrrd", spacings="nan NaN nan", units='"" "" ""')
    assert np.allclose(read_volume(path).geometry.spacing, (0.5, 0.75, 2.5))


@pytest.mark.parametrize("name", ["skin\x85 node", "skin\u2028node", "brain\\node", "one\ntwo", "a\\\\n"])
def test_a_key_of_a_nrrd_keeps_its_value(tmp_path, name):
    written = name.replace("\\", "\\\\").replace("\n", "\\n")
    content = nrrd_header().decode()[:-1] + f"Segment0_Name:={written}\n\n"
    (tmp_path / "ct.nrrd").write_bytes(content.encode() + HU.tobytes())
    assert image_header(tmp_path / "ct.nrrd").keys == {"Segment0_Name": name}


@pytest.mark.parametrize("fields", [{"Position": "1 1 1"}, {"Rotation": "1 0 0 0 1 0 0 0 1"}, {"HeaderSize": 10}, {" Offset": "4 5 6"}])
def test_a_metaimage_that_tells_its_place_in_two_ways_is_refused(tmp_path, fields):
    with pytest.raises(InputError, match="damaged"):
        read_volume(write_mha(tmp_path / "ct.mha", **fields))


def test_a_metaimage_may_tell_how_large_a_voxel_is_beside_its_step(tmp_path):
    path = write_mha(tmp_path / "ct.mha", Position="1 2 3", ElementSize="9 9 9")
    assert np.allclose(read_volume(path).geometry.spacing, (0.5, 0.75, 2.5))


def test_a_metaimage_may_tell_the_same_twice(tmp_path):
    path = write_mha(tmp_path / "ct.mha", **{"Rotation": "0 1.0000000001 0 -1 0 0 0 0 1", " NDims": "3"})
    with_two = path.read_bytes().replace(b"NDims", b"Comment = a\nComment = b\nNDims", 1)
    path.write_bytes(with_two)
    assert np.array_equal(read_volume(path).array, HU)
