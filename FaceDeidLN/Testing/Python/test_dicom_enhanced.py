"""Enhanced and legacy-converted multi-frame CT: read, and written back as what it was."""

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom_enhanced import split_frames
from FaceDeidLNLib.input.dicom_header import HeaderSlice
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import EnhancedCTImageStorage, JPEG2000Lossless, RLELossless, generate_uid

MOVED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
FACE = (slice(3, 7), slice(0, 9), slice(6, 18))


def item(**tags):
    found = Dataset()
    for keyword, value in tags.items():
        setattr(found, keyword, value)
    return Sequence([found])


def enhanced(folder, series, order=None, slopes=None, per_frame_spacing=False, files=1, syntax=None):
    """A series as enhanced CT: frames in any order, with a rescale of their own where ``slopes`` has one; the paths."""
    paths = write_series(folder / "classic", series)
    order = np.arange(len(paths)) if order is None else np.asarray(order)
    written = []
    for n, frames in enumerate(np.array_split(order, files)):
        ds = pydicom.dcmread(paths[0])
        for keyword in MOVED:
            delattr(ds, keyword)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.NumberOfFrames, ds.InstanceNumber = len(frames), n + 1
        sources = [pydicom.dcmread(paths[k]) for k in frames]
        measures = item(PixelSpacing=sources[0].PixelSpacing, SliceThickness="2.5")
        rescale = item(RescaleSlope=str(series.slope), RescaleIntercept=str(series.intercept), RescaleType="HU")
        shared = item(PlaneOrientationSequence=item(ImageOrientationPatient=sources[0].ImageOrientationPatient))
        if not per_frame_spacing:
            shared[0].PixelMeasuresSequence = measures
        if slopes is None:
            shared[0].PixelValueTransformationSequence = rescale
        ds.SharedFunctionalGroupsSequence = shared
        groups = []
        for number, (k, source) in enumerate(zip(frames, sources, strict=True)):
            group = item(
                PlanePositionSequence=item(ImagePositionPatient=source.ImagePositionPatient),
                FrameContentSequence=item(StackID="1", InStackPositionNumber=int(k) + 1, FrameAcquisitionNumber=number + 1),
                DerivationImageSequence=item(SourceImageSequence=item(ReferencedSOPInstanceUID=source.SOPInstanceUID)),
            )[0]
            if per_frame_spacing:
                group.PixelMeasuresSequence = measures
            if slopes is not None:
                group.PixelValueTransformationSequence = item(RescaleSlope=str(slopes[k][0]), RescaleIntercept=str(slopes[k][1]))
            groups.append(group)
        ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
        ds.PixelData = b"".join(source.PixelData for source in sources)
        if syntax is not None:
            ds.compress(syntax, generate_instance_uid=False)
        written.append(folder / "in" / f"E{n}.dcm")
        written[-1].parent.mkdir(exist_ok=True)
        ds.save_as(written[-1])
    return written


SLOPES = [(1.0, -1024.0) if k % 2 else (2.0, -1000.0) for k in range(12)]
VARIANTS = {
    "shared": {},
    "frames in another order": {"order": np.random.default_rng(2).permutation(12)},
    "rescale per frame": {"slopes": SLOPES},
    "spacing per frame": {"per_frame_spacing": True},
    "one frame a file": {"files": 12},
    "two files": {"files": 2},
    "RLE": {"syntax": RLELossless},
    "JPEG 2000": {"syntax": JPEG2000Lossless, "big": True},
}


def hu_of(series, slopes):
    if slopes is None:
        return series.hu
    return np.stack([plane * slope + intercept for plane, (slope, intercept) in zip(series.stored, slopes, strict=True)])


@pytest.mark.parametrize("name", VARIANTS)
def test_an_enhanced_ct_is_read_and_written_back_as_one(tmp_path, name):
    options = dict(VARIANTS[name])
    series = Series(stored_head(shape=(12, 64, 72)) if options.pop("big", False) else stored_head())
    paths = enhanced(tmp_path, series, **options)
    ct = read_ct(tmp_path / "in")
    assert np.array_equal(ct.volume.array, hu_of(series, options.get("slopes")))
    assert np.allclose(ct.volume.geometry.ijk_to_lps, series.affine)
    array = ct.volume.array.copy()
    array[FACE] = -1000
    write_dicom_series(ct, ct.volume.with_array(array), tmp_path / "out", Marks("x", tested=True))
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == len(paths)
    assert np.array_equal(read_ct(tmp_path / "out").volume.array, array)
    before = {
        tuple(ds.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient): ds
        for ds in map(pydicom.dcmread, paths)
    }
    for file in files:
        after = pydicom.dcmread(file)
        source = before[tuple(after.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient)]
        assert after.SOPClassUID == EnhancedCTImageStorage
        assert after.SharedFunctionalGroupsSequence == source.SharedFunctionalGroupsSequence
        for group in source.PerFrameFunctionalGroupsSequence:
            del group.DerivationImageSequence
        assert after.PerFrameFunctionalGroupsSequence == source.PerFrameFunctionalGroupsSequence


def test_the_parts_of_a_concatenation_are_one_of_their_own(tmp_path):
    """Under its old UID they would belong together with the images that show the face."""
    for number, path in enumerate(enhanced(tmp_path, Series(stored_head()), files=3), start=1):
        part = pydicom.dcmread(path)
        part.ConcatenationUID, part.InConcatenationNumber, part.SOPInstanceUIDOfConcatenationSource = "1.2.3.4", number, "1.2.3.5"
        part.save_as(path)
    ct = read_ct(tmp_path / "in")
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x"))
    parts = [pydicom.dcmread(file) for file in sorted((tmp_path / "out").iterdir())]
    assert sorted(part.InConcatenationNumber for part in parts) == [1, 2, 3]
    (uid,) = {part.ConcatenationUID for part in parts}
    assert uid != "1.2.3.4"
    (whole,) = {part.SOPInstanceUIDOfConcatenationSource for part in parts}  # each part must name it (PS3.3 C.7.6.16)
    assert whole not in ("", "1.2.3.5", *(part.SOPInstanceUID for part in parts))


def test_an_attribute_at_the_top_as_well_as_in_the_frames_is_no_other_frame_s(tmp_path):
    """Slices of a series share what they have alike, so that nobody may write into it."""
    for name in ("alone", "both"):
        for path in enhanced(tmp_path / name, Series(stored_head()), files=2):
            ds = pydicom.dcmread(path)
            if name == "both":
                ds.ImagePositionPatient, ds.RescaleSlope, ds.RescaleIntercept = [1, 2, 3], "3", "7"
            ds.save_as(path)
    alone, both = (read_ct(tmp_path / name / "in").volume for name in ("alone", "both"))
    assert alone.geometry.same_as(both.geometry)
    assert np.array_equal(alone.array, both.array)


def test_frames_that_are_not_described_are_refused(tmp_path):
    (path,) = enhanced(tmp_path, Series(stored_head()))
    ds = pydicom.dcmread(path)
    del ds.PerFrameFunctionalGroupsSequence[5]
    ds.save_as(path)
    with pytest.raises(InputError, match="describes 11 of its 12 frames"):
        read_ct(tmp_path / "in")


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_more_pixels_than_frames_are_refused(tmp_path, syntax):
    (path,) = enhanced(tmp_path, Series(stored_head()), syntax=syntax)
    ds = pydicom.dcmread(path)
    ds.NumberOfFrames = 10
    ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[:10]
    ds.save_as(path)
    with pytest.raises(InputError, match="more than its header says"):
        read_ct(path)


def test_fewer_pixels_than_frames_are_refused(tmp_path):
    (path,) = enhanced(tmp_path, Series(stored_head()))
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.PixelData[:-960]
    ds.save_as(path)
    with pytest.raises(InputError, match="truncated"):
        read_ct(tmp_path / "in")


def test_two_phases_in_one_object_are_refused_with_what_differs(tmp_path):
    (path,) = enhanced(tmp_path, Series(stored_head()))
    ds = pydicom.dcmread(path)
    for n, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        group.FrameContentSequence[0].TemporalPositionIndex = 1 + n // 6
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, float(n % 6)]
    ds.save_as(path)
    with pytest.raises(InputError, match="holds 2 stacks of slices that differ in TemporalPositionIndex: export each as an object"):
        read_ct(tmp_path / "in")
    with pytest.raises(InputError, match="export them as objects of their own"):
        read_ct(tmp_path / "in", f"{ds.SeriesInstanceUID}#1")


def test_a_legacy_converted_ct_is_read_and_written_back_as_one(tmp_path):
    highdicom = pytest.importorskip("highdicom")
    series = Series(stored_head())
    classic = [pydicom.dcmread(path) for path in write_series(tmp_path / "classic", series)]
    for ds in classic:
        ds.PatientBirthDate = ds.PatientSex = ds.AccessionNumber = ds.StudyTime = ds.ReferringPhysicianName = ds.StudyID = ""
        ds.Manufacturer, ds.SoftwareVersions, ds.SeriesNumber = "Maker", "1", 1
        ds.SliceThickness, ds.BurnedInAnnotation, ds.ImageComments = "2.5", "NO", "a"
        ds.ContentDate, ds.ContentTime, ds.AcquisitionDate, ds.AcquisitionTime = "20200102", "101010", "20200102", "101010"
        ds.RescaleType, ds.FrameOfReferenceUID = "HU", series.frame
    converted = highdicom.legacy.LegacyConvertedEnhancedCTImage(classic, generate_uid(), 1, generate_uid(), 1)
    (tmp_path / "in").mkdir()
    converted.save_as(tmp_path / "in" / "legacy.dcm")
    ct = read_ct(tmp_path / "in")
    assert np.array_equal(ct.volume.array, series.hu)
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x"))
    (file,) = (tmp_path / "out").iterdir()
    content = file.read_bytes()
    assert not [ds.SOPInstanceUID for ds in classic if ds.SOPInstanceUID.encode() in content]
    assert pydicom.dcmread(file).SOPClassUID == converted.SOPClassUID
    assert np.array_equal(read_ct(tmp_path / "out").volume.array, series.hu)


def test_frames_that_break_a_reader_are_refused_without_the_value_that_broke_it(tmp_path):
    header = Dataset({Tag(0x00280008): RawDataElement(Tag(0x00280008), "IS", 4, b"word", 0, False, True)})
    header.SharedFunctionalGroupsSequence = Sequence([])
    with pytest.raises(InputError, match=r"^The frames of e.dcm cannot be read: the header is damaged, get it again.$"):
        split_frames(HeaderSlice(tmp_path / "e.dcm", header))


def test_frames_whose_unit_is_not_hu_are_no_ct(tmp_path):
    (path,) = enhanced(tmp_path / "in", Series(stored_head()))
    ds = pydicom.dcmread(path)
    ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].RescaleType = "Z_EFF"
    ds.save_as(path)
    with pytest.raises(InputError, match="holds effective atomic numbers and no HU"):
        read_ct(path)
