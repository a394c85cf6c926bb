"""Files of a series' folder that are cut, empty, too deep or no DICOM: none of them vanishes without a word."""

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom_damaged import require_others
from FaceDeidLNLib.input.dicom_files import read_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, "no preamble"]


def item(depth):
    inner = Dataset()
    inner.CodeValue = "1"
    if depth:
        inner.add_new(0x0040A730, "SQ", Sequence([item(depth - 1)]))
        inner[0x0040A730].is_undefined_length = True
    return inner


@pytest.fixture(scope="module", params=SYNTAXES)
def pair(request, tmp_path_factory):
    """Two slices in a folder, the second with sequences of undefined length, and its bytes."""
    folder = tmp_path_factory.mktemp("pair")
    bare = request.param == "no preamble"
    paths = write_series(folder, Series(stored_head(shape=(2, 6, 8)), syntax=ImplicitVRLittleEndian if bare else request.param))
    ds = pydicom.dcmread(paths[1])
    ds.ProcedureCodeSequence = Sequence([item(2), item(0)])
    ds["ProcedureCodeSequence"].is_undefined_length = True
    if bare:
        ds.file_meta, ds.preamble = FileMetaDataset(), None
        ds.save_as(paths[1], implicit_vr=True, little_endian=True, enforce_file_format=False)
    else:
        ds.save_as(paths[1])
    return folder, paths[1], paths[1].read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_slice_cut_at_any_byte_stops_the_run_by_name(pair, share):
    folder, path, content = pair
    path.write_bytes(content[: int(share * len(content.rstrip(b"\0")))])
    uid = {pydicom.dcmread(other).SeriesInstanceUID for other in folder.iterdir() if other != path}
    with pytest.raises(InputError, match=path.name):
        require_others(read_folder(folder, lambda file: file.path).damaged, uid, uid)


def test_whole_slices_of_every_kind_are_read(pair):
    folder, path, content = pair
    path.write_bytes(content)
    assert len(read_folder(folder, lambda file: file.path).files) == 2


def test_zeros_after_the_last_element_are_padding(tmp_path):
    path = write_series(tmp_path, Series(stored_head()))[3]
    path.write_bytes(path.read_bytes() + bytes(512))
    assert np.array_equal(read_ct(tmp_path).volume.array, Series(stored_head()).hu)


@pytest.mark.parametrize("after", [b"what somebody wrote there\n", b"\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_bytes_after_the_pixels_are_told_as_that_and_not_as_a_file_that_was_cut(tmp_path, packed, after):
    path = write_series(tmp_path, Series(stored_head()))[3]
    if packed:
        ds = pydicom.dcmread(path)
        ds.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        ds.save_as(path)
    whole = path.read_bytes()
    path.write_bytes(whole + after)
    with pytest.raises(InputError, match=f"{path.name} goes on after its pixels .* get it again"):
        read_ct(tmp_path)
    path.write_bytes(whole[:-40])
    with pytest.raises(InputError, match=f"{path.name} ends before its data do"):
        read_ct(tmp_path)


def test_an_element_that_claims_two_gigabytes_stops_the_run(tmp_path):
    path = write_series(tmp_path, Series(stored_head()))[3]
    ds = pydicom.dcmread(path)
    ds.add_new(0x00189999, "UN", b"12345678")
    ds.save_as(path)
    content = path.read_bytes()
    at = content.index(b"\x18\x00\x99\x99UN\0\0") + 8
    path.write_bytes(content[:at] + (2**31).to_bytes(4, "little") + content[at + 4 :])
    with pytest.raises(InputError, match=f"{path.name} ends before its data do"):
        read_ct(tmp_path)


@pytest.mark.parametrize("content", [b"", bytes(100), bytes(4000), b"no slice, but somebody's text. " * 20])
def test_a_file_with_the_ending_of_dicom_that_is_none_stops_the_run(tmp_path, content):
    write_series(tmp_path, Series(stored_head()))
    (tmp_path / "slice999.DCM").write_bytes(content)
    with pytest.raises(InputError, match="slice999.DCM .*a slice may be missing"):
        read_ct(tmp_path)


def test_an_empty_file_named_like_the_slices_stops_the_run(tmp_path):
    for path in write_series(tmp_path, Series(stored_head())):
        path.rename(tmp_path / f"2.25.{path.stem[5:]}")
    (tmp_path / "2.25.77").write_bytes(b"")
    with pytest.raises(InputError, match=r"2\.25\.77 is empty"):
        read_ct(tmp_path)


def test_files_that_are_no_dicom_are_told_in_one_line(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    (tmp_path / "README").write_text("text of somebody, longer than a preamble. " * 9)
    (tmp_path / "thumbnail.jpg").write_bytes(b"\xff\xd8\xff" + bytes(300))
    assert read_ct(tmp_path).notes == ("2 files (README, thumbnail.jpg) are no DICOM and left out",)


def test_sequences_nested_too_deeply_become_one_sentence(tmp_path):
    path = write_series(tmp_path, Series(stored_head()))[3]
    ds = pydicom.dcmread(path)
    deep = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000
    close = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * 3000
    ds.save_as(path)
    content = path.read_bytes()
    at = content.index(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(content[:at] + deep + close + content[at:])
    with pytest.raises(InputError, match=f"{path.name} nests its elements too deeply"):
        read_ct(tmp_path)


def test_slices_that_the_headers_tell_of_and_that_are_not_here_are_told(tmp_path):
    paths = write_series(tmp_path, Series(stored_head(), tags={"ImagesInAcquisition": 12, "AcquisitionNumber": 1}))
    assert read_ct(tmp_path).notes == ()
    for path in paths[-2:]:
        path.unlink()
    assert read_ct(tmp_path).notes == ("the headers tell of 12 images in the acquisition, and 10 slices are here",)


def cut(path, share=0.9):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path.name


def test_a_damaged_file_of_another_series_is_told_and_stops_nothing(tmp_path):
    series = Series(stored_head())
    write_series(tmp_path / "one", series)
    name = cut(write_series(tmp_path / "two", Series(stored_head(seed=2)))[0])
    ct = read_ct(tmp_path, series.uid)
    assert np.array_equal(ct.volume.array, series.hu)
    assert ct.notes == (f"1 file ({name}) is damaged, of another series, and left out",)


def test_a_damaged_file_of_another_modality_is_told_and_stops_nothing(tmp_path):
    write_series(tmp_path / "one", Series(stored_head()))
    path = write_series(tmp_path / "two", Series(stored_head(seed=2), tags={"Modality": "MR"}))[0]
    path.rename(tmp_path / "one" / "mr.dcm")
    cut(tmp_path / "one" / "mr.dcm")
    assert read_ct(tmp_path / "one").notes == ("1 file (mr.dcm) is damaged, of another series, and left out",)


def test_a_damaged_file_of_another_modality_alone_is_told_as_damaged(tmp_path):
    name = cut(write_series(tmp_path, Series(stored_head()[:1], tags={"Modality": "MR"}))[0])
    with pytest.raises(InputError, match=f"{name} ends before its data do"):
        read_ct(tmp_path)


def test_a_damaged_slice_of_a_series_of_its_own_may_be_a_slice_of_the_stack(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    for n, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        ds.SeriesInstanceUID = f"1.2.3.{n}"
        ds.save_as(path)
    name = cut(paths[4])
    with pytest.raises(InputError, match=name):
        read_ct(tmp_path)


def test_a_damaged_file_of_the_series_that_was_chosen_stops_the_run(tmp_path):
    write_series(tmp_path / "one", Series(stored_head()))
    series = Series(stored_head(seed=2))
    name = cut(write_series(tmp_path / "two", series)[0])
    with pytest.raises(InputError, match=name):
        read_ct(tmp_path, series.uid)


@pytest.mark.parametrize("tag", ["Rows", "RescaleSlope", "ImagePositionPatient", "PixelRepresentation"])
@pytest.mark.parametrize("value", [b"1_0 ", b"\xff\xfe\x01", b"\\\\x"])
def test_a_value_that_pydicom_cannot_decode_or_only_python_takes_for_a_number_is_refused(tmp_path, tag, value):
    path = write_series(tmp_path, Series(stored_head()))[2]
    dataset = pydicom.dcmread(path)
    number = tag_for_keyword(tag)
    dataset[number] = RawDataElement(Tag(number), dataset[number].VR, len(value), value, 0, False, True)
    pydicom.dcmwrite(path, dataset)
    with pytest.raises(InputError, match="damaged"):
        read_ct(tmp_path)
