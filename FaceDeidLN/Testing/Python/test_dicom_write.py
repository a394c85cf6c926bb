"""DICOM series out: the same series, changed only where the result is."""

import errno
import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.input import dicom
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output import to_disk
from FaceDeidLNLib.output.dicom import derived_slices, representable, write_dicom_series
from FaceDeidLNLib.output.dicom_encoder import Encoder, save
from FaceDeidLNLib.output.dicom_header import Marks
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless
from test_dicom_read import VARIANTS

MARKS = Marks("Face removed: full, mask")
KEPT = [
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "BitsStored",
    "BitsAllocated",
    "HighBit",
    "PixelRepresentation",
    "InstanceNumber",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "SeriesDescription",
    "PatientName",
    "StudyDate",
]
FACE = (slice(3, 7), slice(0, 9), slice(6, 18))


def defaced(ct, value=-1000):
    array = ct.volume.array.copy()
    array[FACE] = value
    return ct.volume.with_array(array)


def written(tmp_path, series, marks=MARKS, value=-1000):
    """The CT that was read, its result, and the files written, in slice order."""
    write_series(tmp_path / "in", series)
    ct = read_ct(tmp_path / "in")
    result = defaced(ct, value)
    write_dicom_series(ct, result, tmp_path / "out", marks)
    return ct, result, sorted((tmp_path / "out").iterdir())


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request, tmp_path_factory):
    """A series, its CT as read, the result and the files written."""
    series = VARIANTS[request.param]
    return series, *written(tmp_path_factory.mktemp("variant"), series)


def test_a_series_read_back_by_pydicom_has_the_stored_values_of_the_source_outside_the_face(variant):
    series, _, _, files = variant
    stored = np.stack([pydicom.dcmread(f).pixel_array for f in files])
    expected = series.stored.copy()
    expected[FACE] = np.rint((-1000 - series.intercept) / series.slope)
    assert np.array_equal(stored, expected)


def test_a_series_read_back_by_pydicom_keeps_positions_rescale_and_bits(variant):
    _, ct, _, files = variant
    for source, file in zip(ct.files, files, strict=True):
        before, after = pydicom.dcmread(source), pydicom.dcmread(file)
        assert [after[k].value for k in KEPT] == [before[k].value for k in KEPT]


def test_a_series_read_back_by_simpleitk_equals_the_result(variant):
    series, ct, result, files = variant
    again = np.concatenate([sitk.GetArrayFromImage(sitk.ReadImage(str(f))) for f in files])
    assert np.allclose(again, representable(ct, result).array, atol=1e-4)
    assert np.allclose(sitk.ReadImage(str(files[0])).GetOrigin(), series.origin, atol=1e-5)


def test_an_upright_series_read_by_the_series_reader_of_simpleitk_has_equal_geometry(tmp_path):
    ct, result, _ = written(tmp_path, Series(stored_head(shape=(9, 64, 72)), syntax=JPEG2000Lossless))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "out")))
    image = reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(image), result.array)
    assert np.allclose(image.GetSpacing(), ct.volume.geometry.spacing)
    assert np.allclose(image.GetOrigin(), ct.volume.geometry.ijk_to_lps[:3, 3])


def test_the_new_series_has_new_uids_and_a_derived_image_type(tmp_path):
    ct, _, files = written(tmp_path, Series(stored_head()))
    before, after = [pydicom.dcmread(f) for f in ct.files], [pydicom.dcmread(f) for f in files]
    assert not {d.SOPInstanceUID for d in before} & {d.SOPInstanceUID for d in after}
    assert len({d.SOPInstanceUID for d in after}) == len(files)
    assert len({d.SeriesInstanceUID for d in after} | {before[0].SeriesInstanceUID}) == 2
    assert all(list(d.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"] for d in after)
    assert all(d.DerivationDescription == MARKS.description for d in after)


def test_the_file_meta_information_fits_the_data_set(tmp_path):
    for file in written(tmp_path, Series(stored_head(shape=(9, 64, 72)), syntax=JPEG2000Lossless))[2]:
        ds = pydicom.dcmread(file)
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID


def test_what_may_show_the_face_beside_the_pixel_data_is_removed(tmp_path):
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.PixelRepresentation, icon.PixelData = 8, 8, 8, 0, b"\1" * 64
    source = Dataset()
    source.ReferencedSOPInstanceUID = "1.2.3"
    tags = {"IconImageSequence": Sequence([icon]), "SourceImageSequence": Sequence([source]), "LargestImagePixelValue": 1}
    paths = write_series(tmp_path / "in", Series(stored_head(), tags=tags))
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.add_new(0x60000010, "US", 20)
        ds.add_new(0x60003000, "OW", b"\1" * 60)
        block = ds.private_block(0x0029, "MAKER", create=True)
        block.add_new(0x10, "OB", b"\2" * 4096)
        block.add_new(0x11, "LO", "kept")
        nested = Dataset()
        nested.add_new(0x00880200, "SQ", [icon])
        block.add_new(0x12, "SQ", [nested])
        ds.preamble = b"II*\0" * 32
        ds.save_as(path)
    ct = read_ct(tmp_path / "in")
    write_dicom_series(ct, defaced(ct), tmp_path / "out", MARKS)
    for file in (tmp_path / "out").iterdir():
        ds = pydicom.dcmread(file)
        assert not {"IconImageSequence", "SourceImageSequence", "LargestImagePixelValue"} & {e.keyword for e in ds.iterall()}
        assert not [e.tag for e in ds if e.tag.group == 0x6000]
        assert [e.value for e in ds.group_dataset(0x0029) if e.VR != "SQ"] == ["MAKER", "kept"]
        assert ds.preamble == bytes(128)


def test_untested_work_is_not_marked_as_clean(tmp_path):
    ds = pydicom.dcmread(written(tmp_path, Series(stored_head()))[2][0])
    assert "RecognizableVisualFeatures" not in ds
    assert "DeidentificationMethodCodeSequence" not in ds


@pytest.mark.parametrize("tested", [False, True])
def test_what_a_source_says_of_its_face_is_not_said_of_the_result(tmp_path, tested):
    write_series(tmp_path / "in", Series(stored_head()))
    for path in (tmp_path / "in").iterdir():
        ds = pydicom.dcmread(path)
        ds.RecognizableVisualFeatures = "NO"
        codes = [Dataset(), Dataset()]
        for code, value in zip(codes, ("113102", "113100"), strict=True):
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", "said before"
        ds.DeidentificationMethodCodeSequence = codes
        ds.save_as(path)
    ct = read_ct(tmp_path / "in")
    write_dicom_series(ct, defaced(ct), tmp_path / "out", Marks("x", tested))
    for path in (tmp_path / "out").iterdir():
        ds = pydicom.dcmread(path)
        assert ("RecognizableVisualFeatures" in ds) is tested
        assert [code.CodeValue for code in ds.DeidentificationMethodCodeSequence] == ["113100", "113102"][: 1 + tested]


def test_tested_work_is_marked_as_clean(tmp_path):
    ds = pydicom.dcmread(written(tmp_path, Series(stored_head()), Marks("x", tested=True))[2][0])
    assert ds.RecognizableVisualFeatures == "NO"
    assert [c.CodeValue for c in ds.DeidentificationMethodCodeSequence] == ["113102"]


def test_a_series_that_was_lossy_stays_marked_as_lossy(tmp_path):
    ds = pydicom.dcmread(written(tmp_path, Series(stored_head(), tags={"LossyImageCompression": "01"}))[2][0])
    assert ds.LossyImageCompression == "01"


def test_values_beyond_the_stored_range_are_clipped_and_nothing_wraps(tmp_path):
    ct, result, files = written(tmp_path, Series(stored_head(), bits=12), value=-2000)
    stored = np.stack([pydicom.dcmread(f).pixel_array for f in files])
    assert np.all(stored[FACE] == 0)
    assert np.all(representable(ct, result).array[FACE] == -1024)


def test_a_written_series_can_be_read_as_ct_again_with_the_same_frame_of_reference(tmp_path):
    ct, result, _ = written(tmp_path, Series(stored_head()))
    again = read_ct(tmp_path / "out")
    assert again.frame_of_reference_uid == ct.frame_of_reference_uid
    assert again.volume.geometry.same_as(ct.volume.geometry)
    assert np.array_equal(again.volume.array, result.array)


def test_the_evenly_spaced_part_of_a_real_tilted_scan_is_written_as_it_was(tmp_path, data_folder):
    (tmp_path / "in").mkdir()
    for n in range(1, 15):
        shutil.copy(data_folder / "ge-head-dicom" / f"{n:02d}.dcm", tmp_path / "in")
    ct = read_ct(tmp_path / "in")
    step = ct.volume.geometry.ijk_to_lps[:3, 2]
    assert np.allclose(step, (0, 0, 4.22), atol=1e-3)
    assert not ct.volume.geometry.is_orthogonal
    assert ct.volume.array.min() == -1500
    result = defaced(ct)
    write_dicom_series(ct, result, tmp_path / "out", MARKS)
    again = read_ct(tmp_path / "out")
    assert again.volume.geometry.same_as(ct.volume.geometry)
    assert np.array_equal(again.volume.array, result.array)


def test_an_image_file_is_refused_as_source_of_a_series(tmp_path):
    volume = Volume(stored_head().astype(np.int16) - 1024, Geometry((12, 20, 24), np.eye(4)))
    sitk.WriteImage(sitk.GetImageFromArray(volume.array), str(tmp_path / "a.nrrd"))
    ct = read_ct(tmp_path / "a.nrrd")
    with pytest.raises(InputError, match="no DICOM series"):
        write_dicom_series(ct, ct.volume, tmp_path / "out", MARKS)


def test_a_result_on_another_grid_is_refused_and_nothing_is_left(tmp_path):
    write_series(tmp_path / "in", Series(stored_head()))
    ct = read_ct(tmp_path / "in")
    moved = Volume(ct.volume.array, Geometry(ct.volume.array.shape, np.eye(4)))
    with pytest.raises(OutputError, match="another scalar type or grid"):
        write_dicom_series(ct, moved, tmp_path / "out", MARKS)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_source_slice_that_vanished_leaves_nothing_under_the_name(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom, "MOST_HELD", 0)  # as in a folder of very many files
    paths = write_series(tmp_path / "in", Series(stored_head()))
    ct = read_ct(tmp_path / "in")
    paths[6].unlink()
    with pytest.raises(OutputError, match="could not be written"):
        write_dicom_series(ct, defaced(ct), tmp_path / "out", MARKS)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_file_that_the_disk_does_not_take_leaves_nothing_under_the_name(tmp_path, monkeypatch):
    write_series(tmp_path / "in", Series(stored_head()))
    ct = read_ct(tmp_path / "in")

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(to_disk, "sync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_dicom_series(ct, ct.volume, tmp_path / "out", MARKS)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_source_slice_that_vanished_after_its_header_was_read_is_written_all_the_same(tmp_path):
    paths = write_series(tmp_path / "in", Series(stored_head()))
    ct = read_ct(tmp_path / "in")
    paths[6].unlink()
    write_dicom_series(ct, ct.volume, tmp_path / "out", MARKS)
    assert np.array_equal(read_ct(tmp_path / "out").volume.array, ct.volume.array)


def test_a_file_is_encoded_to_the_byte_as_pydicom_writes_it(tmp_path):
    paths = write_series(tmp_path / "in", Series(stored_head()))
    ct, encoder = read_ct(tmp_path / "in"), Encoder()
    for source, dataset in derived_slices(ct, ct.volume, MARKS, KeepHeader()):
        encoder.save(dataset, tmp_path / source.name)
        save(dataset, tmp_path / "pydicom.dcm")
        assert (tmp_path / source.name).read_bytes() == (tmp_path / "pydicom.dcm").read_bytes()
    assert len(list(tmp_path.glob("*.dcm"))) == len(paths) + 1


def odd_header(name, instance):
    """A header of decoded and stored elements, of sequences in sequences, in a character set that one item overrules."""
    inner, item, fresh, dataset = Dataset(), Dataset(), Dataset(), Dataset()
    inner.SpecificCharacterSet, inner.PatientName, inner.CodeMeaning = "ISO_IR 144", "Люкceмбypг", None
    item.add(RawDataElement(Tag(0x00080100), "SH", 4, b"T-1 ", 0, False, True))
    item.ConceptNameCodeSequence = [inner]
    item.set_original_encoding(False, True, item._character_set)
    fresh.CodeValue, fresh.NumericValue, fresh.ReferencedFrameNumber = "1", ["1.50", "2"], 3
    dataset.SpecificCharacterSet, dataset.PatientName, dataset.PatientComments = "ISO_IR 192", name, ""
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", instance
    dataset.ImageType, dataset.Rows, dataset.HighBit, dataset.RescaleSlope = ["DERIVED", "PRIMARY"], 1, True, "1"
    dataset.AnatomicRegionSequence, dataset.ViewCodeSequence, dataset.AcquisitionContextSequence = [item, fresh], [], [Dataset()]
    dataset.add(DataElement(0x00081140, "SQ", Sequence([fresh]), is_undefined_length=True))
    dataset.add(RawDataElement(Tag(0x00091001), "UN", 3, b"abc", 0, False, True))
    dataset.PixelData = b"\x01\x02\x03\x04"
    dataset["PixelData"].VR = "OW"
    dataset.set_original_encoding(False, True, dataset._character_set)
    return dataset


@pytest.mark.skipif(int(pydicom.__version__.split(".")[0]) < 3, reason="pydicom 2 is always asked itself")
def test_odd_elements_are_encoded_to_the_byte_as_pydicom_writes_them(tmp_path):
    encoder = Encoder()
    for name, instance in (("Müller^A", "2.25.1"), ("Müller^A", "2.25.12"), ("森^B", "2.25.34"), ("", "2.25.56"), ("森^B", "2.25.34")):
        encoder.save(odd_header(name, instance), tmp_path / "ours.dcm")
        save(odd_header(name, instance), tmp_path / "pydicom.dcm")
        assert (tmp_path / "ours.dcm").read_bytes() == (tmp_path / "pydicom.dcm").read_bytes()


def test_a_series_that_does_not_read_back_the_same_is_not_released(tmp_path, monkeypatch):
    write_series(tmp_path / "in", Series(stored_head()))
    ct = read_ct(tmp_path / "in")
    save = Encoder.save

    def spoiled(self, dataset, path):
        dataset.PixelData = dataset.PixelData[:-2] + b"\1\1"
        save(self, dataset, path)

    monkeypatch.setattr(Encoder, "save", spoiled)
    with pytest.raises(OutputError, match="not the one written"):
        write_dicom_series(ct, defaced(ct), tmp_path / "out", MARKS)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
