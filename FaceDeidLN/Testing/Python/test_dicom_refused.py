"""DICOM series that are no usable CT are refused with the reason."""

import os
import struct
import sys

import numpy as np
import pydicom
import pytest
from dicom_series import BIG, Series, spoil, stored_head, write_series
from FaceDeidLNLib.commands.batches.cases import find_cases
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.code_streams import Told, why_not_as_told
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom import read_dicom_series
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)


def test_two_patients_in_one_series_are_refused(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    ds = pydicom.dcmread(paths[0])
    ds.PatientID = "P2"
    ds.save_as(paths[0])
    with pytest.raises(InputError, match="two patients"):
        read_ct(tmp_path)


@pytest.mark.parametrize("read", [read_ct, lambda path: find_cases(path, path.parent.with_name("results"))])
def test_the_index_of_a_medium_is_refused_with_what_to_give_instead(tmp_path, read):
    write_series(tmp_path, Series(stored_head()))
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes([200]))
    with pytest.raises(InputError, match="give the folder that it lies in"):
        read(tmp_path / "DICOMDIR")


def test_two_patients_in_one_folder_are_refused_without_their_names(tmp_path):
    write_series(tmp_path / "a", Series(stored_head()))
    write_series(tmp_path / "b", Series(stored_head(), tags={"PatientID": "P2", "PatientName": "Roe^Richard"}))
    with pytest.raises(InputError, match="of 2 patients") as caught:
        read_ct(tmp_path)
    assert "Roe" not in str(caught.value)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"Modality": "MR"}, "holds no CT images but MR"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "only scout"),
        ({"PhotometricInterpretation": "RGB"}, "is RGB"),
        ({"NumberOfFrames": "2"}, "multi-frame"),
        ({"RescaleSlope": "0"}, "slope of 0"),
        ({"RescaleIntercept": "0"}, "does not look like a CT in Hounsfield units"),
        ({"RescaleSlope": "0.001", "RescaleIntercept": "-1"}, "does not look like a CT in Hounsfield units"),
    ],
)
def test_a_series_that_is_no_usable_ct_is_refused(tmp_path, tags, sentence):
    write_series(tmp_path, Series(stored_head(), tags=tags))
    with pytest.raises(InputError, match=sentence):
        read_ct(tmp_path)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"ImagePositionPatient": None}, "has no ImagePositionPatient"),
        ({"PixelSpacing": None}, "has no PixelSpacing"),
        ({"PixelSpacing": [0.75, 0.6]}, "differs in size or pixel spacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0.99995, -0.01]}, "is turned against"),
        ({"ImagePositionPatient": [-7, -20, 32.5]}, "shifted against each other"),
        ({"FrameOfReferenceUID": "1.2.3"}, "in another frame of reference"),
    ],
)
def test_one_odd_slice_is_refused_with_the_reason(tmp_path, tags, sentence):
    spoil(write_series(tmp_path, Series(stored_head()))[1], **tags)
    with pytest.raises(InputError, match=sentence):
        read_ct(tmp_path)


def test_ct_objects_without_pixels_are_told_as_that(tmp_path):
    for path in write_series(tmp_path, Series(stored_head())):
        spoil(path, Rows=None)
    with pytest.raises(InputError, match="holds no CT images but CT objects without rows of pixels"):
        read_ct(tmp_path)


def test_a_slice_with_empty_pixels_is_refused(tmp_path):
    path = write_series(tmp_path, Series(stored_head()))[2]
    data = pydicom.dcmread(path)
    data.PixelData = b""
    data.save_as(path)
    with pytest.raises(InputError, match=f"{path.name} .*truncated"):
        read_ct(tmp_path)


def test_a_second_slice_at_the_place_of_another_is_refused_by_name(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    data = pydicom.dcmread(paths[3])
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.PixelData = bytes(len(data.PixelData))
    data.save_as(tmp_path / "again.dcm")
    with pytest.raises(InputError, match="1 slice lies at the place of another one.*again.dcm"):
        read_ct(tmp_path)


def test_two_files_of_one_instance_that_differ_are_refused_by_name(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    data = pydicom.dcmread(paths[3])
    data.PixelData = bytes(len(data.PixelData))
    data.save_as(tmp_path / "again.dcm")
    with pytest.raises(InputError, match="again.dcm"):
        read_ct(tmp_path)


def test_slices_of_one_number_are_refused_because_an_archive_keeps_one_of_them(tmp_path):
    for path in write_series(tmp_path, Series(stored_head())):
        data = pydicom.dcmread(path)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        data.save_as(path)
    with pytest.raises(InputError, match="the same SOP Instance UID"):
        read_ct(tmp_path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_slice_is_refused(tmp_path, syntax, share):
    path = write_series(tmp_path, Series(stored_head(**BIG), syntax=syntax))[5]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=f"{path.name} .*truncated"):
        read_ct(tmp_path)


@pytest.mark.parametrize(("columns", "after"), [(24, 2 * 24 * 20), (2400, 1 << 16)])
def test_a_slice_of_more_pixels_than_its_header_tells_is_refused_and_padding_to_whole_blocks_is_none(tmp_path, columns, after):
    series = Series(stored_head(shape=(12, 20, columns)))
    paths = write_series(tmp_path, series)
    content = pydicom.dcmread(paths[4]).PixelData
    spoil(paths[4], PixelData=content + bytes(512))
    assert np.array_equal(read_dicom_series(tmp_path).volume.array, series.hu)
    spoil(paths[4], PixelData=content + bytes(after))
    with pytest.raises(InputError, match=f"{paths[4].name} holds more than its header says"):
        read_dicom_series(tmp_path)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("told", [{"Rows": 32}, {"Columns": 36}, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}])
def test_compressed_slices_that_are_not_of_the_size_that_their_headers_tell_are_refused_and_no_other_picture(tmp_path, syntax, told):
    for path in write_series(tmp_path, Series(stored_head(**BIG), syntax=syntax)):
        spoil(path, **told)
    with pytest.raises(InputError, match="is not what its header says .* the header is damaged, get it again"):
        read_dicom_series(tmp_path)


def test_bits_that_a_header_leaves_unused_and_bytes_of_padding_are_no_other_size():
    told = Told(64, 72, 16)
    jpeg_of_12_bits = bytes.fromhex("ffd8 ffe0 0004 0000 ff ffc3 000b 0c 0040 0048 01 011100")
    assert why_not_as_told(jpeg_of_12_bits, JPEGLossless, told) == ""
    assert why_not_as_told(jpeg_of_12_bits, JPEGLossless, Told(72, 64, 16)) == "its pixels are 64 x 72 of 12 bits"
    row = bytes([257 - 72, 1])
    rle = struct.pack("<16I", 2, 64, 64 + 64 * 2, *[0] * 13) + 64 * row + 64 * row + bytes(2)
    assert why_not_as_told(rle, RLELossless, told) == ""


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no DICOM file"):
        read_ct(tmp_path)


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="holds no DICOM file"):
        read_ct(tmp_path)


def test_fewer_than_eight_slices_are_refused(tmp_path):
    write_series(tmp_path, Series(stored_head()[2:9]))
    with pytest.raises(InputError, match="only 7 slices"):
        read_ct(tmp_path)


def test_a_single_slice_is_refused(tmp_path):
    write_series(tmp_path, Series(stored_head()[2:3]))
    with pytest.raises(InputError, match="only 1 slice"):
        read_ct(tmp_path)


def put(paths, keyword, value):
    """Write a value that pydicom itself would not let pass, into the headers of some slices."""
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.add_new(keyword, pydicom.datadict.dictionary_VR(keyword), value)
        ds.save_as(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("which", [slice(5, 6), slice(None)], ids=["one slice", "all slices"])
@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [
        ("ImagePositionPatient", ["nan"] * 3, "no finite number in ImagePositionPatient"),
        ("ImagePositionPatient", ["inf"] * 3, "no finite number in ImagePositionPatient"),
        ("PixelSpacing", ["0", "0"], "spacing that is not above 0"),
        ("PixelSpacing", ["-1", "-1"], "spacing that is not above 0"),
        ("PixelSpacing", ["inf", "inf"], "no finite number in PixelSpacing"),
        ("RescaleSlope", "nan", "no finite number in RescaleSlope"),
        ("RescaleSlope", ["1", "2"], "2 numbers in RescaleSlope"),
        ("RescaleIntercept", None, "0 numbers in RescaleIntercept"),
        ("Columns", None, "0 numbers in Columns"),
        ("BitsAllocated", None, "0 numbers in BitsAllocated"),
        ("BitsStored", 255, "stores 255 bits in 16"),
        ("HighBit", 65535, "up to bit 65535"),
        ("HighBit", [15, 11], "2 numbers in HighBit"),
        ("NumberOfFrames", -7, "-7 in NumberOfFrames"),
        ("RescaleSlope", "1e300", r"1e\+300 in RescaleSlope"),
        ("SamplesPerPixel", None, "0 numbers in SamplesPerPixel"),
    ],
)
def test_a_header_with_an_impossible_number_is_refused(tmp_path, keyword, value, sentence, which):
    put(write_series(tmp_path, Series(stored_head()))[which], keyword, value)
    with pytest.raises(InputError, match=sentence):
        read_ct(tmp_path)


def test_a_number_that_is_a_word_is_refused(tmp_path):
    path = write_series(tmp_path, Series(stored_head()))[5]
    path.write_bytes(path.read_bytes().replace(b"-1024.0", b"unknown"))
    with pytest.raises(InputError, match="holds no number in RescaleIntercept: the header is damaged"):  # whatever the word, it is not told
        read_ct(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text everywhere else")
def test_a_slice_whose_name_is_no_text_is_refused(tmp_path):
    path = write_series(tmp_path, Series(stored_head()))[5]
    path.rename(tmp_path / os.fsdecode(b"Sch\xe4del.dcm"))
    with pytest.raises(InputError, match="holds bytes that are no text"):
        read_ct(tmp_path)


def test_a_compression_that_cannot_be_read_is_named(tmp_path):
    path = write_series(tmp_path, Series(stored_head(**BIG), syntax=JPEG2000Lossless))[3]
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([b"no picture"])
    ds.save_as(path)
    with pytest.raises(InputError, match=r"its compression \(JPEG 2000"):
        read_ct(tmp_path)
