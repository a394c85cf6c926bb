"""DICOM series in: values, geometry, and what is refused."""

import re
import shutil

import numpy as np
import pydicom
import pytest
from dicom_series import BIG, Series, head, spoil, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.case import StoredSlice
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom_pixels import _whole_values
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

TILT = np.deg2rad(18.5)
VARIANTS = {
    "unsigned with intercept -1024": Series(stored_head()),
    "signed": Series(stored_head(0.0), intercept=0.0, signed=True),
    "12 of 16 bits": Series(stored_head(), bits=12),
    "slope that is no whole number": Series(stored_head(-1100.5, 0.37), slope=0.37, intercept=-1100.5),
    "implicit": Series(stored_head(), syntax=ImplicitVRLittleEndian),
    "deflated": Series(stored_head(), syntax=DeflatedExplicitVRLittleEndian),
    "JPEG 2000": Series(stored_head(**BIG), syntax=JPEG2000Lossless),
    "JPEG 2000 signed": Series(stored_head(0.0, **BIG), intercept=0.0, signed=True, syntax=JPEG2000Lossless),
    "RLE": Series(stored_head(), syntax=RLELossless),
    "0.5 mm": Series(stored_head(), step=np.array([0, 0, 0.5])),
    "5 mm": Series(stored_head(), step=np.array([0, 0, 5.0])),
    "oblique": Series(stored_head(), rows=np.array([[0.8, 0.6, 0], [0, 0, -1.0]]), step=np.array([-1.2, 1.6, 0.0])),
    "feet first order": Series(stored_head(), rows=np.array([[1.0, 0, 0], [0, -1.0, 0]]), step=np.array([0, 0, -2.0])),
    "gantry tilt": Series(stored_head(), rows=np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)]]), step=np.array([0, 0, 3.0])),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_series_is_read_in_hu_with_its_geometry(tmp_path, name):
    series = VARIANTS[name]
    write_series(tmp_path, series)
    ct = read_ct(tmp_path)
    assert np.allclose(ct.volume.array, series.hu, atol=1e-4)
    assert np.allclose(ct.volume.geometry.ijk_to_lps, series.affine, atol=1e-5)
    assert ct.frame_of_reference_uid == series.frame


def test_whole_hu_are_kept_in_16_bits(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    assert read_ct(tmp_path).volume.array.dtype == np.int16


def test_values_beyond_16_bits_are_not_cut(tmp_path):
    stored = stored_head()
    stored[5, 10, 10] = 60000
    write_series(tmp_path, Series(stored))
    assert read_ct(tmp_path).volume.array[5, 10, 10] == 60000 - 1024


def test_stored_values_are_recovered_exactly(tmp_path):
    series = VARIANTS["slope that is no whole number"]
    write_series(tmp_path, series)
    ct = read_ct(tmp_path)
    recovered = np.stack([how.to_stored(plane) for how, plane in zip(ct.stored, ct.volume.array, strict=True)])
    assert np.array_equal(recovered, series.stored)


def test_each_slice_has_its_own_rescale(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    ds = pydicom.dcmread(paths[4])
    ds.RescaleSlope, ds.RescaleIntercept = "2", "-2000"
    ds.PixelData = ((head()[4] + 2000) // 2).astype("<u2").tobytes()
    ds.save_as(paths[4])
    array = read_ct(tmp_path).volume.array
    assert np.array_equal(array[3], head()[3])
    assert np.array_equal(array[4], head()[4] // 2 * 2)


def test_slices_are_sorted_by_position_and_not_by_name_or_number(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    assert list(read_ct(tmp_path).files) == paths


def test_padding_stays_what_it_is(tmp_path):
    stored = stored_head(0.0)
    stored[:, :3] = -2000
    write_series(tmp_path, Series(stored, intercept=0.0, signed=True, tags={"PixelPaddingValue": -2000}))
    assert np.all(read_ct(tmp_path).volume.array[:, :3] == -2000)


def test_padding_beyond_the_stored_bits_is_refused(tmp_path):
    stored = stored_head(0.0)
    stored[:, :3] = -3000
    write_series(tmp_path, Series(stored, intercept=0.0, signed=True, bits=12, tags={"PixelPaddingValue": -3000}))
    with pytest.raises(InputError, match="pads with -3000, which its 12 stored bits cannot hold"):
        read_ct(tmp_path)


def test_bits_beyond_the_stored_ones_are_not_taken_for_values(tmp_path):
    for path in write_series(tmp_path, Series(stored_head(), bits=12)):
        ds = pydicom.dcmread(path)
        ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") | 0x8000).tobytes()
        ds.save_as(path)
    assert np.array_equal(read_ct(tmp_path).volume.array, head())


def test_a_file_without_preamble_is_read(tmp_path):
    for path in write_series(tmp_path, Series(stored_head(), syntax=ImplicitVRLittleEndian)):
        ds = pydicom.dcmread(path)
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.preamble = None
        ds.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[128:132] != b"DICM"
    assert np.array_equal(read_ct(tmp_path).volume.array, head())


def test_other_files_and_other_modalities_in_the_folder_are_passed_over(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    write_series(tmp_path / "dose", Series(stored_head(), tags={"Modality": "RTDOSE"}))
    (tmp_path / "README.txt").write_text("text of somebody, longer than a preamble. " * 9)
    assert np.array_equal(read_ct(tmp_path).volume.array, head())


def test_a_scout_beside_the_series_is_left_out(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    write_series(tmp_path / "scout", Series(stored_head()[:1], tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}))
    assert read_ct(tmp_path).volume.array.shape == head().shape


def test_several_series_are_listed_and_one_can_be_chosen(tmp_path):
    first, second = Series(stored_head()), Series(stored_head(seed=2), tags={"SeriesDescription": "Bone"})
    write_series(tmp_path / "a", first)
    write_series(tmp_path / "b", second)
    with pytest.raises(InputError, match="2 CT series: choose one with --series UID") as caught:
        read_ct(tmp_path)
    assert all(part in str(caught.value) for part in (first.uid, second.uid, "'Bone', 12 slices"))
    assert np.array_equal(read_ct(tmp_path, second.uid).volume.array, head(seed=2))


def test_an_unknown_series_is_refused_with_those_that_are_there(tmp_path):
    series = Series(stored_head())
    write_series(tmp_path, series)
    with pytest.raises(InputError, match=f"no CT series 1.2.3; there are: {series.uid}"):
        read_ct(tmp_path, "1.2.3")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
def test_values_that_are_shown_inverted_are_the_same_hu(tmp_path, syntax):
    series = Series(stored_head(), syntax=syntax)
    for path in write_series(tmp_path, series):
        spoil(path, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_ct(tmp_path).volume.array, series.hu)


@pytest.mark.parametrize("single", [False, True])
def test_a_second_copy_of_a_file_is_told_and_no_slice(tmp_path, single):
    series = Series(stored_head())
    paths = write_series(tmp_path, series)
    copy = tmp_path / "again.dcm"
    shutil.copy(paths[3], copy)
    ct = read_ct(copy if single else tmp_path)
    assert np.array_equal(ct.volume.array, series.hu)
    left = paths[3].name if single else r"(again|slice\d+).dcm"
    assert re.search(rf"1 file \({left}\) is the same as another file", "".join(ct.notes))


def test_a_series_without_uid_is_read(tmp_path):
    series = Series(stored_head())
    for path in write_series(tmp_path, series):
        spoil(path, SeriesInstanceUID=None)
    assert np.array_equal(read_ct(tmp_path).volume.array, series.hu)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", ["<u1", "<u2", ">u2"])
def test_every_word_has_the_value_of_its_stored_bits_wherever_they_lie(kind, signed):
    allocated = 8 * np.dtype(kind).itemsize
    words = np.arange(1 << allocated).astype(kind)
    for bits in range(1, allocated + 1):
        for high in range(allocated):
            low = max(0, high + 1 - bits)
            header, how = Dataset(), StoredSlice(bits_allocated=allocated, bits_stored=bits, signed=signed)
            header.HighBit = high
            expected = words.astype(np.int64) >> low & ((1 << bits) - 1)
            if signed:
                expected -= (expected >> (bits - 1)) << bits
            values = _whole_values(words, header, how)
            assert values.dtype.itemsize == words.dtype.itemsize
            assert np.array_equal(values, expected), (bits, high)


@pytest.mark.parametrize("intercept", [0.0, -1024.0])
def test_padding_becomes_air_and_its_stored_values_stay(tmp_path, intercept):
    stored = stored_head(0.0) if not intercept else stored_head()
    bright = 3000 - int(intercept)
    stored[:, :3] = stored[:, -3:] = bright
    write_series(tmp_path, Series(stored, intercept=intercept, signed=not intercept))
    ct = read_ct(tmp_path)
    assert np.all(ct.volume.array[ct.padding.mask] == -1000)
    assert ct.padding.mask[:, 0].all()
    assert np.all(ct.padding.values == bright)
