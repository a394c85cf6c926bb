"""Which slices of a folder are the CT: by SOP class and geometry, one stack of one patient."""

import os

import numpy as np
import pydicom
import pytest
from dicom_series import Series, spoil, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

HU = Series(stored_head()).hu


def change(path, **tags):
    ds = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(ds, keyword, value)
    ds.save_as(path)


def dose_page(folder, series):
    """A colour page of the console with no place in space."""
    page = write_series(folder / "page", Series(stored_head()[:1]))[0]
    ds = pydicom.dcmread(page)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    ds.SeriesInstanceUID, ds.SeriesDescription = series, "Dose Report"
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(ds, keyword)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.Rows, ds.Columns, ds.PixelData = 7, 16, 16, b"\x80" * 768
    ds.save_as(page)
    return page


@pytest.mark.parametrize("own_series", [True, False])
def test_a_secondary_capture_is_no_slice_and_is_told(tmp_path, own_series):
    series = Series(stored_head())
    write_series(tmp_path, series)
    page = dose_page(tmp_path, generate_uid() if own_series else series.uid)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.volume.array, HU)
    assert ct.notes == (f"1 file ({page.name}) is no CT slice and left out: Dose Report",)


def with_pictures(folder, count):
    """A series with pictures of its own class stored among its slices, whose places go on below it; the pictures' paths."""
    series = Series(stored_head())
    paths = write_series(folder, series)
    for path in paths[:count]:
        change(path, ImageType=["DERIVED", "SECONDARY"])
    return series, paths[:count]


def test_a_slice_whose_name_hides_it_is_a_slice(tmp_path):
    for path in write_series(tmp_path, Series(stored_head()))[4:6]:
        path.rename(path.with_name(f".{path.name}"))
    (tmp_path / "._slice000.dcm").write_bytes(b"\0\5\x16\7 of macOS")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / ".#IM1.dcm").symlink_to(tmp_path / "nowhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / ".pipe")
    assert np.array_equal(read_ct(tmp_path).volume.array, HU)


def test_slices_behind_a_link_to_a_folder_are_read_and_loops_of_links_end(tmp_path):
    (tmp_path / "other").mkdir()
    for path in write_series(tmp_path / "in", Series(stored_head()))[6:]:
        path.rename(tmp_path / "other" / path.name)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "round").symlink_to(tmp_path / "in")
    ct = read_ct(tmp_path / "in")
    assert np.array_equal(ct.volume.array, HU)
    assert ct.notes == ()


def test_a_link_out_of_the_folder_brings_nothing_of_its_neighbours(tmp_path):
    write_series(tmp_path / "in", Series(stored_head()))
    write_series(tmp_path / "beside", Series(stored_head()))
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    assert len(read_ct(tmp_path / "in").files) == len(stored_head())


def test_a_link_that_leads_nowhere_may_be_a_slice_that_is_missing(tmp_path):
    first, *_ = write_series(tmp_path, Series(stored_head()))
    first.unlink()
    first.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"{first.name} is a link that leads nowhere: a slice may be missing"):
        read_ct(tmp_path)


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_pictures_among_the_slices_are_left_out_and_told(tmp_path, count):
    _, pictures = with_pictures(tmp_path, count)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.volume.array, HU[count:])
    assert "of another kind (ImageType)" in ct.notes[0]
    assert not {*ct.files} & {*pictures}


TURNED = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "ImagePositionPatient": [-7, 10, 40]}


def test_a_picture_of_where_the_slices_lie_is_left_out_and_told(tmp_path):
    first, *rest = write_series(tmp_path, Series(stored_head()))
    change(first, **TURNED)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.volume.array, HU[1:])
    assert ct.notes == (f"1 file ({first.name}) is in another plane than the slices of the series and left out",)
    assert {*ct.files} == {*rest}


@pytest.mark.parametrize("number", [0, 5])
def test_a_slice_whose_direction_is_damaged_is_no_picture(tmp_path, number):
    change(write_series(tmp_path, Series(stored_head()))[number], ImageOrientationPatient=TURNED["ImageOrientationPatient"])
    with pytest.raises(InputError, match="is turned against"):
        read_ct(tmp_path)


def test_a_picture_in_a_plane_of_its_own_joins_no_two_stacks(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    for number, path in enumerate(paths[:4]):
        change(path, **{**TURNED, "ImagePositionPatient": [-7, 10 + number, 40]})
    change(paths[4], ImageOrientationPatient=[0, 1, 0, 0, 0, -1], ImagePositionPatient=[9, -30, 40])
    with pytest.raises(InputError, match="2 stacks of slices that differ in direction"):
        read_ct(tmp_path)


def test_slices_whose_direction_is_written_with_few_digits_are_no_pictures(tmp_path):
    paths = write_series(tmp_path, Series(stored_head(), rows=np.array([[1, 0, 0], [0, 0.99875, 0.049999]])))
    change(paths[3], ImageOrientationPatient=[1, 0, 0, 0, 0.99875, 0.050001])
    assert np.array_equal(read_ct(tmp_path).volume.array, HU)


def test_a_slice_without_a_direction_is_no_picture(tmp_path):
    first, *_ = write_series(tmp_path, Series(stored_head()))
    change(first, ImageOrientationPatient=None)
    with pytest.raises(InputError, match="ImageOrientationPatient"):
        read_ct(tmp_path)


def test_many_pictures_among_the_slices_are_a_stack_of_their_own(tmp_path):
    series, _ = with_pictures(tmp_path, 3)
    with pytest.raises(InputError, match=f"2 stacks of slices that differ in kind .*{series.uid}#2"):
        read_ct(tmp_path)
    assert np.array_equal(read_ct(tmp_path, f"{series.uid}#2").volume.array, HU[3:])


def test_a_ct_whose_slices_are_all_secondary_captures_is_read(tmp_path):
    write_series(tmp_path, Series(stored_head(), tags={"SOPClassUID": SecondaryCaptureImageStorage}))
    assert np.array_equal(read_ct(tmp_path).volume.array, HU)


@pytest.mark.parametrize("name", ["Doe^Jane^", "Doe^Jane^^^=", "DOE^JANE", "Doe^Jane "])
def test_a_name_written_in_two_ways_makes_no_second_patient(tmp_path, name):
    for path in write_series(tmp_path, Series(stored_head()))[6:]:
        change(path, PatientName=name)
    assert np.array_equal(read_ct(tmp_path).volume.array, HU)


def test_one_patient_id_under_two_names_is_told_as_that(tmp_path):
    for path in write_series(tmp_path, Series(stored_head()))[6:]:
        change(path, PatientName="Roe^Jane")
    with pytest.raises(InputError, match="one PatientID under two names") as caught:
        read_ct(tmp_path)
    assert "Roe" not in str(caught.value)


def test_one_series_per_slice_is_one_series(tmp_path):
    for path in write_series(tmp_path / "in", Series(stored_head())):
        change(path, SeriesInstanceUID=generate_uid())
    ct = read_ct(tmp_path / "in")
    assert np.array_equal(ct.volume.array, HU)
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x"))
    written = [pydicom.dcmread(file) for file in (tmp_path / "out").iterdir()]
    assert not {ds.SeriesInstanceUID for ds in written} & ct.source_uids
    assert np.array_equal(read_ct(tmp_path / "out").volume.array, HU)


def test_slices_that_an_anonymiser_gave_a_frame_of_reference_each_are_one_ct(tmp_path):
    for path in write_series(tmp_path, Series(stored_head())):
        spoil(path, FrameOfReferenceUID=generate_uid())
    assert len(read_ct(tmp_path).files) == len(stored_head())


def test_one_series_per_slice_with_two_kernels_is_listed(tmp_path):
    for kernel in ("B30f", "B70f"):
        for path in write_series(
            tmp_path / kernel, Series(stored_head(), study="1.2.3", frame="1.2.4", tags={"ConvolutionKernel": kernel})
        ):
            change(path, SeriesInstanceUID=generate_uid())
    with pytest.raises(InputError, match="2 CT series: choose one"):
        read_ct(tmp_path)


MIXTURES = {
    "kernel": ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}, 0.0, "differ in ConvolutionKernel"),
    "kernel between the others": ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}, 1.0, "differ in ConvolutionKernel"),
    "phase": ({"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}, 0.0, "differ in AcquisitionNumber"),
    "time": ({"AcquisitionTime": "101010"}, {"AcquisitionTime": "101030"}, 0.0, "differ in AcquisitionTime"),
    "time of the content": ({"ContentTime": "101010"}, {"ContentTime": "101030"}, 0.0, "differ in ContentTime"),
    "date and time": (
        {"AcquisitionDateTime": "20200101101010"},
        {"AcquisitionDateTime": "20200101101030"},
        0.0,
        "differ in AcquisitionDateTime",
    ),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_two_stacks_in_one_series_are_listed_and_one_can_be_chosen(tmp_path, name):
    first, second, shift, sentence = MIXTURES[name]
    series = Series(stored_head(), tags=first)
    write_series(tmp_path / "a", series)
    other = Series(stored_head(seed=2), tags=second, uid=series.uid, origin=series.origin + np.array([0, 0, shift]))
    paths = write_series(tmp_path / "b", other)
    with pytest.raises(InputError, match=f"2 stacks of slices that {sentence}: choose one .*{series.uid}#2"):
        read_ct(tmp_path)
    assert np.array_equal(read_ct(tmp_path, f"{series.uid}#2").volume.array, other.hu)
    assert np.array_equal(read_ct(paths[3]).volume.array, other.hu)
    for number in ("3", "\u00b2"):
        with pytest.raises(InputError, match=f"no stack {number} but 2"):
            read_ct(tmp_path, f"{series.uid}#{number}")


def test_reformats_under_the_same_series_are_another_stack(tmp_path):
    series = Series(stored_head())
    write_series(tmp_path / "a", series)
    write_series(
        tmp_path / "b", Series(stored_head(), uid=series.uid, rows=np.array([[1.0, 0, 0], [0, 0, -1.0]]), step=np.array([0, 2.0, 0]))
    )
    with pytest.raises(InputError, match="differ in direction"):
        read_ct(tmp_path)


def test_two_acquisitions_of_a_neck_that_differ_by_few_degrees_are_two_stacks(tmp_path):
    series = Series(stored_head())
    write_series(tmp_path / "a", series)
    tilted = np.array([[1.0, 0, 0], [0, np.cos(0.05), np.sin(0.05)]])
    write_series(tmp_path / "b", Series(stored_head(seed=2), uid=series.uid, rows=tilted))
    with pytest.raises(InputError, match="2 stacks of slices that differ in direction"):
        read_ct(tmp_path)
    assert np.array_equal(read_ct(tmp_path, f"{series.uid}#1").volume.array, Series(stored_head(seed=2)).hu)


def test_one_file_stands_for_the_series_that_it_belongs_to(tmp_path):
    write_series(tmp_path / "a", Series(stored_head()))
    path = write_series(tmp_path / "b", Series(stored_head(seed=2)))[5]
    for other in (tmp_path / "a").iterdir():
        other.rename(tmp_path / "b" / f"other-{other.name}")
    ct = read_ct(path)
    assert np.array_equal(ct.volume.array, Series(stored_head(seed=2)).hu)
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x"))
    assert len(list((tmp_path / "out").iterdir())) == 12


def test_a_file_that_is_no_slice_is_refused(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    page = dose_page(tmp_path, generate_uid()).rename(tmp_path / "page.dcm")
    with pytest.raises(InputError, match="is no slice of a CT series"):
        read_ct(page)


def test_overlay_planes_in_unused_bits_are_none_of_the_ct_s_business(tmp_path):
    for path in write_series(tmp_path, Series(stored_head(shape=(9, 15, 19)), bits=12)):
        ds = pydicom.dcmread(path)
        ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") | 0x1000).tobytes()
        for tag, vr, value in ((0x0010, "US", 15), (0x0011, "US", 19), (0x0050, "SS", [1, 1]), (0x0100, "US", 16), (0x0102, "US", 12)):
            ds.add_new(0x60000000 + tag, vr, value)
        ds.save_as(path)
    assert np.array_equal(read_ct(tmp_path).volume.array, Series(stored_head(shape=(9, 15, 19))).hu)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
def test_a_spacing_that_is_no_number_and_that_nobody_needs_does_not_matter(tmp_path, syntax):
    series = Series(stored_head(shape=(9, 64, 72)), syntax=syntax)
    for path in write_series(tmp_path, series):
        ds = pydicom.dcmread(path)
        ds.add_new(0x00180088, "DS", "NaN")
        ds.save_as(path)
    assert np.array_equal(read_ct(tmp_path).volume.array, series.hu)


def padded(folder, value, tags, **series):
    stored = stored_head()
    rows, columns = np.indices(stored.shape[1:])
    outside = ((rows - 9.5) / 9.4) ** 2 + ((columns - 11.5) / 11.4) ** 2 > 1
    stored[:, outside] = value
    stored[6, 10, 12] = value  # the same value within the body is a measurement
    write_series(folder, Series(stored, tags=tags, **series))
    return stored, outside


@pytest.mark.parametrize(
    "tags", [{"PixelPaddingValue": 63536}, {"PixelPaddingValue": 63000, "PixelPaddingRangeLimit": 64000}, {}, {"PixelPaddingValue": 0}]
)
def test_bright_padding_counts_as_air_and_stays_as_it_is(tmp_path, tags):
    stored, outside = padded(tmp_path / "in", 63536, tags)
    ct = read_ct(tmp_path / "in")
    assert np.all(ct.volume.array[:, outside] == -1000)
    assert ct.volume.array[6, 10, 12] == 63536 - 1024
    result = ct.volume.with_array(np.full_like(ct.volume.array, 30))
    write_dicom_series(ct, result, tmp_path / "out", Marks("x"))
    written = np.stack([pydicom.dcmread(file).pixel_array for file in sorted((tmp_path / "out").iterdir())])
    assert np.array_equal(written[:, outside], stored[:, outside])
    assert np.all(written[:, ~outside] == 30 + 1024)


def test_objects_of_other_kinds_are_told(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    for name, modality in (("dose", "RTDOSE"), ("pet", "PT")):
        folder = tmp_path / name
        folder.mkdir()
        for path in write_series(folder, Series(stored_head()[:2])):
            change(path, Modality=modality)
    (told,) = read_ct(tmp_path).notes
    assert told.startswith("4 files (")
    assert told.endswith("are no CT and left out (PT, RTDOSE); the command study takes all objects of a study")


@pytest.mark.parametrize("limit", [1000, 2000, 60000])
def test_a_range_of_padding_that_holds_tissue_is_refused(tmp_path, limit):
    write_series(tmp_path, Series(stored_head(), tags={"PixelPaddingValue": 0, "PixelPaddingRangeLimit": limit}))
    with pytest.raises(InputError, match="HU padding, as tissue has them"):
        read_ct(tmp_path)
