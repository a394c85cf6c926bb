"""Objects in big endian, without preamble or of slices of several depths are read as any other: none is withheld for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.whole import whole_of
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

pytestmark = pytest.mark.usefixtures("heads_remembered")
#: A file of each family that is no image, and the family.
OBJECTS = {"rtstruct.dcm": "rtstruct", "dose.dcm": "rtdose", "reg.dcm": "registration", "ko.dcm": "documents"}


def in_big_endian(source: Path, place: Path) -> None:
    dataset = pydicom.dcmread(source)
    if "PixelData" in dataset:
        values = dataset.pixel_array
        dataset.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
        dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dcmwrite(place, dataset, implicit_vr=False, little_endian=False, force_encoding=True)


def without_preamble(source: Path, place: Path) -> None:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_dataset(buffer, pydicom.dcmread(source))
    place.write_bytes(buffer.getvalue())


def plain(dataset: Dataset) -> str:
    """All elements but the pixels, whose representation a file may leave open."""
    return "\n".join(str(element) for element in dataset if element.keyword != "PixelData")


@pytest.mark.parametrize("store", [in_big_endian, without_preamble])
@pytest.mark.parametrize("name", [*OBJECTS, "seg.dcm"])
def test_the_same_data_set_is_read_however_it_is_stored(bench, tmp_path, store, name):
    if (name, store) == ("seg.dcm", in_big_endian):
        pytest.skip("single bits have no order of bytes that all writers agree on")
    store(bench.source.folder / name, tmp_path / name)
    assert plain(whole_of(tmp_path / name)) == plain(pydicom.dcmread(bench.source.folder / name))


@pytest.mark.parametrize("bits", [16, 32])
def test_pixels_of_big_endian_come_as_little_endian(bench, tmp_path, bits):
    dose = pydicom.dcmread(bench.source.folder / "dose.dcm")
    values = (dose.pixel_array // 2).astype(f"<u{bits // 8}")
    dose.BitsAllocated = dose.BitsStored = bits
    dose.HighBit, dose.PixelData = bits - 1, values.tobytes()
    dose.save_as(tmp_path / "little.dcm")
    in_big_endian(tmp_path / "little.dcm", tmp_path / "big.dcm")
    assert whole_of(tmp_path / "big.dcm").PixelData == values.tobytes()


@pytest.mark.parametrize("store", [in_big_endian, without_preamble])
@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_written_however_it_was_stored(bench, tmp_path, store, name):
    series, run = bench.series(OBJECTS[name]), bench.again(tmp_path / "out")
    store(bench.source.folder / name, tmp_path / name)
    instance = replace(series.instances[0], path=tmp_path / name)
    series = replace(series, instances=(instance,))
    assert all(done.released for done in FAMILIES[OBJECTS[name]].release(series, run))
    assert pydicom.dcmread(run.writer.written[instance.uid]).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_a_float_in_a_nested_item_is_turned(tmp_path):
    dataset, item = Dataset(), Dataset()
    item.VectorGridData = np.array([1.5, -2.25], dtype=">f4").tobytes()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.DeformableRegistrationSequence = "1.2.3", "1.2.4", [item]
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dcmwrite(tmp_path / "grid.dcm", dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    values = whole_of(tmp_path / "grid.dcm").DeformableRegistrationSequence[0].VectorGridData
    assert np.frombuffer(values, dtype="<f4").tolist() == [1.5, -2.25]


def test_each_slice_is_written_in_the_bits_that_it_came_in(bench, tmp_path):
    series, run = bench.series("pet_mr"), bench.again(tmp_path / "out")
    FAMILIES["registration"].release(bench.series("registration"), run)
    (tmp_path / "mixed").mkdir()
    for number, instance in enumerate(series.instances):
        dataset = pydicom.dcmread(instance.path)
        if number % 2:
            values = np.clip(dataset.pixel_array // 2, 0, 255).astype(np.uint8)
            dataset.BitsAllocated = dataset.BitsStored = 8
            dataset.HighBit, dataset.RescaleSlope = 7, "2"
            dataset.PixelData = values.tobytes() + b"\0" * (values.size % 2)
        dataset.save_as(tmp_path / "mixed" / instance.path.name)
    mixed = plan(tmp_path / "mixed").studies[0].study.series[0]
    FAMILIES["pet_mr"].release(mixed, run)
    for instance in mixed.instances:
        before, after = pydicom.dcmread(instance.path), pydicom.dcmread(run.writer.written[instance.uid])
        assert (after.BitsAllocated, after.HighBit) == (before.BitsAllocated, before.HighBit)
        assert np.array_equal(after.pixel_array[-4:], before.pixel_array[-4:])


def test_texts_of_a_contour_that_is_made_anew_keep_their_letters(bench, tmp_path):
    dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        contour.private_block(0x3007, "Maker", create=True).add_new(1, "LO", "Körperkontur")
    dataset.save_as(tmp_path / "rtstruct.dcm")
    series, run = plan(tmp_path).studies[0].study.series[0], bench.again(tmp_path / "out")
    FAMILIES["rtstruct"].release(series, run)
    written = pydicom.dcmread(run.writer.written[series.instances[0].uid])
    assert {one[0x3007, 0x1001].value for one in written.ROIContourSequence[0].ContourSequence} == {"Körperkontur"}
