"""Small DICOM files that promise much: refused within seconds and little memory, before what they promise is made."""

from __future__ import annotations

import io
import re
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.input import dicom_bounds, rtstruct, segments
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study.instances import find_instances
from fuzz_targets import make_structures
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

if sys.platform == "win32":
    pytest.skip("limits of memory and time are set by POSIX means", allow_module_level=True)

from bounded import CPU_SECONDS, refused

GRID = Geometry((40, 60, 60), np.diag([2.0, 2.0, 3.0, 1.0]))


def structures(path: Path, contours: int, points: int) -> None:
    """An RTSTRUCT whose one structure has so many contours of so many points."""
    dataset = pydicom.dcmread(make_structures(path.parent))
    drawn = dataset.ROIContourSequence[0].ContourSequence
    text = b"1\\2\\3\\" * points
    text = text[:-1] + b" " * (len(text[:-1]) % 2)
    drawn[0][0x30060050] = RawDataElement(Tag(0x30060050), "DS", len(text), text, 0, False, True)
    drawn[:] = [drawn[0]] * contours
    dataset.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize(("contours", "points"), [(1, 10_000_000), (1000, 10_000)])
def test_structures_of_millions_of_points_are_refused(tmp_path, contours, points):
    structures(tmp_path / "rt.dcm", contours, points)
    assert "more than anybody draws" in refused(lambda path: read_any_segments(path, GRID), tmp_path / "rt.dcm")


def deflated_bomb(path: Path, megabytes: int, begin: bytes = b"") -> None:
    """Turn a DICOM file into one whose deflated data set is ``begin`` and so many megabytes of zeros: empty elements of 8 bytes each."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    dataset.save_as(path, enforce_file_format=True)
    start = 132 + 12 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength
    packer = zlib.compressobj(1, wbits=-15)
    head = packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(32 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    with path.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        file.write(head + block * (megabytes // 32) + packer.flush())


@pytest.fixture
def few_elements(monkeypatch):
    """A lower limit, met sooner."""
    monkeypatch.setattr(dicom_bounds, "MOST_ELEMENTS", 50_000)


#: Pixels of a gigabyte.
PIXELS = b"\xe0\x7f\x10\x00OW\0\0\0\0\0\x40"


@pytest.mark.parametrize(("megabytes", "begin"), [(32, b""), (640, PIXELS)], ids=["elements", "pixels"])
def test_a_deflated_structure_set_that_becomes_too_large_is_refused(tmp_path, megabytes, begin):
    path = make_structures(tmp_path)
    deflated_bomb(path, megabytes, begin)
    assert "when it is unpacked" in refused(lambda file: read_any_segments(file, GRID), path)


def test_a_deflated_slice_that_becomes_too_large_is_refused_wherever_it_is_read(tmp_path, few_elements):
    paths = write_series(tmp_path / "in", Series(stored_head()))
    deflated_bomb(paths[3], 32)
    assert "when it is unpacked" in refused(read_ct, tmp_path / "in")
    assert "when it is unpacked" in refused(_study_of, tmp_path / "in")


def _study_of(folder: Path) -> None:
    raise find_instances(folder).damaged[0].error


def test_deflated_slices_that_become_too_large_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_bounds, "MOST_BYTES", 50 << 20)
    for path in write_series(tmp_path / "in", Series(stored_head(), syntax="1.2.840.10008.1.2.1.99"))[:2]:
        deflated_bomb(path, 32, PIXELS)
    assert "unpack" in refused(read_ct, tmp_path / "in")


def test_slices_of_too_many_elements_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_bounds, "MOST_ELEMENTS", 200)
    monkeypatch.setattr(dicom_bounds, "USUAL_ELEMENTS", 0)
    write_series(tmp_path / "in", Series(stored_head()))
    assert "unpacked or read" in refused(read_ct, tmp_path / "in")


def test_a_slice_of_holes_is_refused(tmp_path, few_elements):
    paths = write_series(tmp_path / "in", Series(stored_head()))
    with paths[3].open("ab") as file:
        file.truncate(20 << 30)
    assert "when it is unpacked or read" in refused(read_ct, tmp_path / "in")


@pytest.mark.parametrize(("size", "spacing", "said"), [(60_000, 0.75, "larger than any CT"), (5_000, 0.06, "no CT shrinks so")])
def test_compressed_slices_that_claim_to_be_huge_are_refused(tmp_path, size, spacing, said):
    for path in write_series(tmp_path / "in", Series(stored_head(), syntax=JPEGLSLossless)):
        dataset = pydicom.dcmread(path)
        dataset.Rows = dataset.Columns = size
        dataset.PixelSpacing = [spacing, spacing]
        at = dataset.PixelData.index(b"\xff\xf7")  # the size in the code stream (ITU-T T.87, C.2.2)
        dataset.PixelData = dataset.PixelData[: at + 5] + 2 * size.to_bytes(2, "big") + dataset.PixelData[at + 9 :]
        dataset.save_as(path)
    assert said in refused(read_ct, tmp_path / "in")


def test_a_structure_set_of_empty_items_is_refused(tmp_path):
    path, items = make_structures(tmp_path), b"\xfe\xff\x00\xe0\0\0\0\0" * 300_000
    whole = path.read_bytes()
    at = whole.index(b"\x06\x30\x39\x00SQ")
    path.write_bytes(whole[: at + 8] + len(items).to_bytes(4, "little") + items)
    assert "when it is unpacked or read" in refused(lambda file: read_any_segments(file, GRID), path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, "1.2.840.10008.1.2.1.99"])
def test_the_elements_of_a_whole_file_are_counted_as_they_are(tmp_path, syntax):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "T-D1160", "SRT"
    tags = {"AnatomicRegionSequence": [code, code], "PatientComments": "long " * 100}
    path = write_series(tmp_path, Series(stored_head(), syntax=syntax, tags=tags))[0]
    room = dicom_bounds.Room()
    room.require(path)
    dataset = pydicom.dcmread(path)
    in_meta = 0 if syntax == "1.2.840.10008.1.2.1.99" else len(dataset.file_meta)
    assert room.elements == in_meta + len(dataset) + 2 * (1 + len(code))


#: What the beginning of an element may be made of.
PIECES = (*(bytes([n]) for n in (0, 1, 2, 8, 0x7F, 0xE0, 0xFE, 0xFF)), b"\xfe\xff\x00\xe0", b"UN", b"OW", b"SQ", b"US")


@given(st.lists(st.sampled_from(PIECES)), st.booleans(), st.integers(0, 64))
def test_elements_seen_in_the_first_bytes_count_as_those_that_are_read_one_by_one(pieces, big, window):
    data = b"".join(pieces)

    def counted(begin):
        source = dicom_bounds._Plain(io.BytesIO(data), len(data))
        source.skip(begin)
        found = list(dicom_bounds._headers(source, big))
        return np.array([len(found), sum(is_item for is_item, _ in found), sum(size for _, size in found)])

    seen, at = dicom_bounds._seen_in(data[:window], 0, big)
    assert (np.array(seen) + counted(at) == counted(0)).all()


def test_twenty_thousand_files_beside_a_series_take_seconds(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    for number in range(20_000):
        (tmp_path / f"note{number}.txt").touch()
    begin = time.process_time()
    assert "20000 files" in read_ct(tmp_path).notes[0]
    assert time.process_time() - begin < CPU_SECONDS  # a busy machine counts more of them


def test_dicom_nested_a_thousand_deep_is_refused(tmp_path):
    paths = write_series(tmp_path / "in", Series(stored_head()))
    item = b""
    for _ in range(2_000):
        item = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item
    with paths[0].open("ab") as file:
        file.write(b"\xe1\x7f\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item)
    assert re.search("too deeply|cannot be read|ends before", refused(read_ct, tmp_path / "in"))


def drawn(path: Path, structures: int, planes: int, ring: np.ndarray) -> Path:
    """An RTSTRUCT of so many structures of so many contours, all of the same points (N, 2) in mm in their planes."""
    dataset = pydicom.dcmread(make_structures(path.parent))
    rois, items = [], []
    for number in range(structures):
        roi, item = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, f"n{number}"
        item.ReferencedROINumber, item.ContourSequence = number, []
        for z in np.linspace(0, 117, planes):
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            text = "\\".join(f"{x:.1f}\\{y:.1f}\\{z:.0f}" for x, y in ring).encode()
            text += b" " * (len(text) % 2)
            contour[0x30060050] = RawDataElement(Tag(0x30060050), "DS", len(text), text, 0, False, True)
            item.ContourSequence.append(contour)
        rois.append(roi)
        items.append(item)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = rois, items
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    ("structures", "planes", "points", "said"),
    [(51, 1, 3, "segments, more than any"), (1, 4, 3_000, "draws more than anybody"), (40, 2, 3, "draws more than anybody")],
    ids=["structures", "crossings", "voxels"],
)
def test_a_structure_set_that_takes_minutes_to_draw_is_refused(tmp_path, monkeypatch, structures, planes, points, said):
    monkeypatch.setattr(rtstruct, "MOST_CROSSINGS", 300_000)
    monkeypatch.setattr(rtstruct, "LEAST_VOXELS", 1)
    monkeypatch.setattr(segments, "MOST_SEGMENTS", 50)
    zigzag = np.column_stack([np.linspace(0, 118, points), 118.0 * (np.arange(points) % 2)])
    path = drawn(tmp_path / "rt.dcm", structures, planes, zigzag)
    assert said in refused(lambda file: read_any_segments(file, GRID), path)
