"""What is no slice of a CT series, or is there twice, is left out and told; what may be a slice of its own is refused."""

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study.plan import plan
from pydicom.uid import generate_uid

HU = Series(stored_head()).hu
COLOUR = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, "PixelData": bytes(2 * 3 * 20 * 24)}
NOWHERE = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "FrameOfReferenceUID": None}


def add(path, name, offset=0, **tags):
    """Write a slice once more as an instance of its own, its values changed by ``offset``."""
    ds = pydicom.dcmread(path)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    ds.PixelData = (ds.pixel_array + offset).astype("<u2").tobytes()
    for keyword, value in tags.items():
        setattr(ds, keyword, value)
    ds.save_as(path.with_name(name))


def sizes(folder):
    """How many instances each series of the one study's plan has."""
    return sorted(len(series.instances) for series in plan(folder).studies[0].study.series)


@pytest.mark.parametrize("tags", [COLOUR, NOWHERE, NOWHERE | {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}])
def test_a_page_of_the_console_among_the_slices_is_left_out_alone(tmp_path, tags):
    paths = write_series(tmp_path, Series(stored_head()))
    add(paths[0], "page.dcm", **tags)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.volume.array, HU)
    assert "1 file (page.dcm) is" in ct.notes[0]
    assert sizes(tmp_path) == [1, len(HU)]


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_a_slice_that_lost_a_part_of_its_place_is_no_page(tmp_path, keyword):
    paths = write_series(tmp_path, Series(stored_head()))
    add(paths[0], "slice.dcm", **{keyword: None})
    with pytest.raises(InputError, match=keyword):
        read_ct(tmp_path)


@pytest.mark.parametrize("count", [1, 4, len(HU)])
def test_slices_that_were_sent_again_under_other_uids_are_read_once(tmp_path, count):
    paths = write_series(tmp_path, Series(stored_head()))
    for n, path in enumerate(paths[:count]):
        add(path, f"z{n}.dcm", InstanceNumber=100 + n)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.volume.array, HU)
    assert {*ct.files} == {*paths}
    assert "sent again" in ct.notes[0]
    assert sizes(tmp_path) == [1] * count + [len(HU)]


@pytest.mark.parametrize("count", [1, len(HU)])
@pytest.mark.parametrize("change", [{"offset": 1}, {"RescaleIntercept": "-1000"}])
def test_other_values_at_the_place_of_a_slice_are_refused(tmp_path, change, count):
    paths = write_series(tmp_path, Series(stored_head()))
    for n, path in enumerate(paths[:count]):
        add(path, f"z{n}.dcm", **change)
    with pytest.raises(InputError, match="at the place of another one"):
        read_ct(tmp_path)
    assert sizes(tmp_path) == [len(HU) + count]


def test_the_same_values_in_two_phases_are_no_slices_sent_again(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    for n, path in enumerate(paths):
        add(path, f"z{n}.dcm", offset=n % 2, TemporalPositionIdentifier=2)
    with pytest.raises(InputError, match="2 stacks of slices that differ in TemporalPositionIdentifier"):
        read_ct(tmp_path)
    assert sizes(tmp_path) == [len(HU), len(HU)]


@pytest.mark.parametrize("count", [1, 5])
def test_slices_that_watch_the_contrast_agent_at_one_place_are_left_out_alone(tmp_path, count):
    paths = write_series(tmp_path, Series(stored_head(), tags={"AcquisitionNumber": 1}))
    for n in range(count):
        add(paths[5], f"z{n}.dcm", offset=n + 1, AcquisitionNumber=2)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.volume.array, HU)
    assert "at the place of another slice" in ct.notes[0]
    assert sizes(tmp_path) == [1] * count + [len(HU)]


def test_a_file_of_the_same_uid_is_no_slice_that_watches_the_contrast_agent(tmp_path):
    paths = write_series(tmp_path, Series(stored_head(), tags={"AcquisitionNumber": 1}))
    add(paths[5], "z.dcm", offset=1, AcquisitionNumber=2, SOPInstanceUID=pydicom.dcmread(paths[5]).SOPInstanceUID)
    with pytest.raises(InputError, match="at the place of another one"):
        read_ct(tmp_path)


def test_a_short_part_of_a_scan_beside_the_others_is_no_slice_too_many(tmp_path):
    paths = write_series(tmp_path, Series(stored_head(), tags={"AcquisitionNumber": 1}))
    ds = pydicom.dcmread(paths[0])
    ds.AcquisitionNumber = 2
    ds.save_as(paths[0])
    add(paths[5], "z.dcm", offset=1, AcquisitionNumber=2)
    ct = read_ct(tmp_path)
    assert {*ct.files} == {*paths}


def test_thick_slices_between_thin_ones_are_a_stack_of_their_own(tmp_path):
    paths = write_series(tmp_path, Series(stored_head(), tags={"SliceThickness": 2.5}))
    for n, path in enumerate(paths[::2]):
        x, y, z = pydicom.dcmread(path).ImagePositionPatient
        add(path, f"z{n}.dcm", SliceThickness=5, ImagePositionPatient=[x, y, z + 1])
    with pytest.raises(InputError, match="2 stacks of slices that differ in SliceThickness"):
        read_ct(tmp_path)
    assert sizes(tmp_path) == [len(HU) // 2, len(HU)]


def test_thin_slices_in_the_midst_of_thick_ones_are_one_stack(tmp_path):
    places = [0, 5, 10, 15, 17.5, 20, 22.5, 25, 30, 35, 40, 45]
    for path, place in zip(write_series(tmp_path, Series(stored_head())), places, strict=True):
        ds = pydicom.dcmread(path)
        ds.ImagePositionPatient, ds.SliceThickness = [0, 0, place], 2.5 if 15 <= place < 25 else 5
        ds.save_as(path)
    assert len(read_ct(tmp_path).files) == len(places)


def test_one_series_exported_twice_is_read_once_whoever_wrote_it(tmp_path):
    paths = write_series(tmp_path, Series(stored_head()))
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.file_meta.SourceApplicationEntityTitle = "OTHER"
        ds.save_as(path.with_name(f"z{path.name}"))
    ct = read_ct(tmp_path)
    assert {*ct.files} == {*paths}
    assert "the same as another file" in ct.notes[0]


def test_a_file_without_sop_class_is_told_as_that_and_not_as_a_file_that_was_cut(tmp_path):
    first, *_ = write_series(tmp_path, Series(stored_head()))
    ds = pydicom.dcmread(first)
    del ds.SOPClassUID
    ds.save_as(first)
    with pytest.raises(InputError, match=f"{first.name} has no SOP Class UID"):
        read_ct(tmp_path)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (NOWHERE, "in colour or at no place in space"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "ImagePositionPatient": [40, 3, 9]}, "in another plane"),
        ({}, "sent again"),
    ],
)
def test_a_study_tells_what_an_image_is_that_it_withholds_alone(tmp_path, tags, said):
    paths = write_series(tmp_path, Series(stored_head()))
    add(paths[0], "z.dcm", **tags)
    (reason,) = {entry.decision.reason for entry in plan(tmp_path).studies[0].entries if entry.instance.path.name == "z.dcm"}
    assert said in reason
