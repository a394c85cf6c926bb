"""Doses, segmentations and structures that lie nowhere, or are shrunk, meet no face, and never leave as they came."""

from __future__ import annotations

import pydicom
import pytest
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.references import every_item
from FaceDeidLNLib.study.registry import FAMILIES
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

pytestmark = pytest.mark.usefixtures("heads_remembered")

#: What stands where numbers should.
LOST = [
    ("ImagePositionPatient", b""),
    ("ImagePositionPatient", b"nan\\0\\0 "),
    ("ImagePositionPatient", b"inf\\0\\0 "),
    ("ImageOrientationPatient", b"nan\\0\\0\\0\\1\\0 "),
    ("PixelSpacing", b"nan\\nan "),
]
#: The same head, drawn in metres.
SHRUNK = ("PixelSpacing", b"0.003\\0.003 ")


def lost(path, out, keyword, value):
    """The series of a copy of an object with other bytes in every attribute of a name."""
    dataset, tag = pydicom.dcmread(path), Tag(tag_for_keyword(keyword))
    for item in every_item(dataset):
        if tag in item:
            item._dict[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)
    out.mkdir()
    dataset.save_as(out / path.name)
    return plan(out).studies[0].study.series[0]


@pytest.mark.parametrize(("keyword", "value"), [*LOST, SHRUNK])
@pytest.mark.parametrize("family", ["rtdose", "seg"])
def test_what_lies_nowhere_or_is_shrunk_is_a_doubt(bench, tmp_path, family, keyword, value):
    series = lost(bench.series(family).instances[0].path, tmp_path / "lost", keyword, value)
    with pytest.raises(DoubtError, match="lies|mm wide"):
        FAMILIES[family].release(series, bench.again(tmp_path / "out"))


def test_a_dose_whose_frames_lie_nowhere_is_a_doubt(bench, tmp_path):
    path = bench.series("rtdose").instances[0].path
    frames = int(pydicom.dcmread(path).NumberOfFrames)
    value = b"\\".join([b"0", *[b"nan"] * (frames - 1)])
    series = lost(path, tmp_path / "lost", "GridFrameOffsetVector", value + b" " * (len(value) % 2))
    with pytest.raises(DoubtError, match="nobody knows where the dose lies"):
        FAMILIES["rtdose"].release(series, bench.again(tmp_path / "out"))


def in_unit(bench, folder, of_mm, kind="EXTERNAL"):
    """The series of a copy of the structure set whose numbers are so many times smaller, and whose BODY is of a type."""
    path = bench.series("rtstruct").instances[0].path
    dataset = pydicom.dcmread(path)
    for item in every_item(dataset):
        if "ContourData" in item:
            item.ContourData = [f"{float(value) / of_mm:.6f}" for value in item.ContourData]
    dataset.RTROIObservationsSequence[0].RTROIInterpretedType = kind
    folder.mkdir()
    dataset.save_as(folder / path.name)
    return plan(folder).studies[0].study.series[0]


def test_structures_in_metres_are_a_doubt(bench, tmp_path):
    with pytest.raises(DoubtError, match="'BODY' lie within 1 mm: they are in another unit"):
        FAMILIES["rtstruct"].release(in_unit(bench, tmp_path / "metres", 1000), bench.again(tmp_path / "out"))


@pytest.mark.parametrize("of_mm", [10, 25.4])
def test_structures_in_centimetres_or_inches_are_a_doubt_where_one_is_the_bodys_outline(bench, tmp_path, of_mm):
    with pytest.raises(DoubtError, match="'BODY' lies .* from the skin"):
        FAMILIES["rtstruct"].release(in_unit(bench, tmp_path / "small", of_mm), bench.again(tmp_path / "out"))


@pytest.mark.parametrize("of_mm", [2.2, 10, 25.4])
def test_structures_in_another_unit_are_a_doubt_where_one_is_called_the_body_without_a_type(bench, tmp_path, of_mm):
    with pytest.raises(DoubtError, match="'BODY' lies .* from the skin"):
        FAMILIES["rtstruct"].release(in_unit(bench, tmp_path / "small", of_mm, ""), bench.again(tmp_path / "out"))


def test_segments_in_another_unit_are_a_doubt_where_one_is_called_the_body(bench, tmp_path):
    path = bench.series("seg").instances[0].path
    dataset = pydicom.dcmread(path)
    dataset.SegmentSequence[0].SegmentLabel = "Body"
    for item in every_item(dataset):
        for keyword in ("PixelSpacing", "ImagePositionPatient"):
            if keyword in item:
                setattr(item, keyword, [f"{float(value) / 10:.6f}" for value in item[keyword].value])
    (tmp_path / "small").mkdir()
    dataset.save_as(tmp_path / "small" / path.name)
    with pytest.raises(DoubtError, match="'Body' lies .* from the skin"):
        FAMILIES["seg"].release(plan(tmp_path / "small").studies[0].study.series[0], bench.again(tmp_path / "out"))


def shrunk_about_its_centre(dataset, by=0.1):
    sizes = (dataset.Columns, dataset.Rows, dataset.NumberOfFrames)
    steps = (*map(float, dataset.PixelSpacing), float(dataset.GridFrameOffsetVector[1]))
    place = [float(at) + (1 - by) * size * step / 2 for at, size, step in zip(dataset.ImagePositionPatient, sizes, steps, strict=True)]
    dataset.ImagePositionPatient = [f"{value:.3f}" for value in place]
    dataset.PixelSpacing = [by * float(value) for value in dataset.PixelSpacing]
    dataset.GridFrameOffsetVector = [by * float(value) for value in dataset.GridFrameOffsetVector]


def moved_back(dataset):
    dataset.ImagePositionPatient[1] = float(dataset.ImagePositionPatient[1]) + 30


def with_pixels_in_centimetres(dataset):
    dataset.PixelSpacing = [0.1 * float(value) for value in dataset.PixelSpacing]


@pytest.mark.parametrize("change", [shrunk_about_its_centre, moved_back, with_pixels_in_centimetres])
def test_a_dose_that_ends_elsewhere_than_the_body_is_a_doubt(bench, tmp_path, change):
    path = bench.series("rtdose").instances[0].path
    dataset = pydicom.dcmread(path)
    change(dataset)
    (tmp_path / "elsewhere").mkdir()
    dataset.save_as(tmp_path / "elsewhere" / path.name)
    with pytest.raises(DoubtError, match="the end of the dose lies"):
        FAMILIES["rtdose"].release(plan(tmp_path / "elsewhere").studies[0].study.series[0], bench.again(tmp_path / "out"))
