"""Small files that promise much: refused within seconds and little memory, before what they promise is made."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import re
import sys
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_series import Series, head, stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input import dicom_bounds, place, rtstruct, segments
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.markups import read_curve_json, read_landmarks_json
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.output.certificate import is_certified
from FaceDeidLNLib.study.instances import find_instances
from fuzz_targets import make_structures
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

if sys.platform == "win32":
    pytest.skip("limits of memory and time are set by POSIX means", allow_module_level=True)

import resource

GRID = Geometry((40, 60, 60), np.diag([2.0, 2.0, 3.0, 1.0]))
CPU_SECONDS, MOST_BYTES = 5, 500 << 20


def refused(read: Callable[[Path], object], path: Path) -> str:
    """The sentence with which a reader refuses a file, in a process of its own with little time and memory."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_read, args=(theirs, read, path))
    process.start()
    theirs.close()
    assert ours.poll(90), "still reading"
    said = ours.recv()
    process.join()
    assert process.exitcode == 0
    return said


def _read(connection: multiprocessing.connection.Connection, read: Callable[[Path], object], path: Path) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_BYTES,) * 2)
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + CPU_SECONDS + 1,) * 2)
    warnings.simplefilter("ignore")
    try:
        read(path)
        connection.send("it was read")
    except InputError as refusal:
        connection.send(str(refusal))
    except BaseException as error:
        connection.send(f"{type(error).__name__}: {error}")


def nrrd_header(*lines: str) -> bytes:
    space = ["space: left-posterior-superior", "space origin: (0,0,0)", "endian: little"]
    return ("\n".join(["NRRD0005", *space, *lines]) + "\n\n").encode()


def zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros as gzip files in a row."""
    return gzip.compress(bytes(64 << 20), 9) * (megabytes // 64)


CUBE = ("type: short", "dimension: 3", "sizes: 1200 1200 1200", "space directions: (0.5,0,0) (0,0.5,0) (0,0,0.5)")


def test_a_cube_of_holes_is_refused(tmp_path):
    with (tmp_path / "ct.nrrd").open("wb") as file:
        content = nrrd_header(*CUBE, "encoding: raw")
        file.write(content)
        file.truncate(len(content) + 2 * 1200**3)
    assert "larger than any CT" in refused(read_ct, tmp_path / "ct.nrrd")


def test_a_cube_of_compressed_zeros_is_refused(tmp_path):
    (tmp_path / "ct.nrrd").write_bytes(nrrd_header(*CUBE, "encoding: gzip") + zeros(3456))
    assert "larger than any CT" in refused(read_ct, tmp_path / "ct.nrrd")


def test_a_ct_of_compressed_zeros_is_refused(tmp_path):
    lines = ("type: short", "dimension: 3", "sizes: 512 512 1000", "space directions: (0.5,0,0) (0,0.5,0) (0,0,0.5)", "encoding: gzip")
    (tmp_path / "ct.nrrd").write_bytes(nrrd_header(*lines) + zeros(512))
    assert "no CT shrinks so" in refused(read_ct, tmp_path / "ct.nrrd")


@pytest.mark.parametrize("read", [read_ct, lambda path: read_any_segments(path, GRID)], ids=["ct", "nodes"])
def test_a_nifti_that_goes_on_for_gigabytes_is_refused(tmp_path, read):
    nibabel.save(nibabel.Nifti1Image(head((10, 10, 10)).astype(np.int16), np.diag([1.0, 1.0, 1.0, 1.0])), tmp_path / "a.nii")
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes()) + zeros(10_240))
    assert "goes on after its last voxel" in refused(read, tmp_path / "ct.nii.gz")


@pytest.mark.parametrize("sizes", ["8 1000 1000 1000", "2000 60 60 40", "1 1200 1200 1200"])
def test_a_segmentation_of_gigabytes_is_refused(tmp_path, sizes):
    lines = ("type: uchar", "dimension: 4", f"sizes: {sizes}", "space directions: none (2,0,0) (0,2,0) (0,0,3)", "encoding: gzip")
    (tmp_path / "a.seg.nrrd").write_bytes(nrrd_header(*lines) + zeros(8192))
    assert "far larger than a segmentation" in refused(lambda path: read_any_segments(path, GRID), tmp_path / "a.seg.nrrd")


def turned(degrees: float, spacing: float) -> np.ndarray:
    """Axes turned about the rows of a slice."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    matrix[:3, :3] = spacing * np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return matrix


@pytest.mark.parametrize("degrees", [0.0, 10.0])
def test_a_mask_of_very_many_voxels_is_laid_on_the_ct_within_the_limits(tmp_path, degrees):
    shape = (400, 400, 400)

    def laid(_: Path) -> None:
        mask = Segment("all", Volume(np.ones(shape, dtype=bool), Geometry(shape, turned(degrees, 0.3))))
        assert place_segments([mask], GRID)[0].voxels

    assert refused(laid, tmp_path) == "it was read"


@settings(max_examples=10)
@given(seed=st.integers(0, 99), degrees=st.sampled_from([0.0, 7.0, 45.0]), slab=st.sampled_from([1, 30, 300]))
def test_a_mask_laid_on_the_ct_piece_by_piece_covers_what_it_covers_as_a_whole(seed, degrees, slab):
    mask = np.random.default_rng(seed).random((12, 10, 11)) > 0.9
    segment = Segment("some", Volume(mask, Geometry(mask.shape, turned(degrees, 2.7))))
    (whole,) = place_segments([segment], GRID)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "SLAB", slab)
        (pieces,) = place_segments([segment], GRID)
    assert pieces.box == whole.box
    assert np.array_equal(pieces.array, whole.array)


def curve(points: int, kind: str = "ClosedCurve") -> str:
    control = [{"label": f"p{n}", "position": [n % 97, n % 89, n % 83]} for n in range(points)]
    return json.dumps({"markups": [{"type": kind, "coordinateSystem": "LPS", "controlPoints": control}]}, separators=(",", ":"))


@pytest.mark.parametrize(("kind", "read"), [("ClosedCurve", read_curve_json), ("Fiducial", read_landmarks_json)])
def test_markups_of_a_hundred_thousand_points_are_refused(tmp_path, kind, read):
    (tmp_path / "a.mrk.json").write_text(curve(100_000, kind))
    said = refused(read, tmp_path / "a.mrk.json")
    assert "100000 points" in said
    assert len(said) < 300


def test_markups_of_many_unknown_names_are_refused_in_a_short_sentence(tmp_path):
    (tmp_path / "a.mrk.json").write_text(curve(9_000, "Fiducial"))
    assert len(refused(read_landmarks_json, tmp_path / "a.mrk.json")) < 600


def test_markups_of_hundreds_of_megabytes_are_refused_unread(tmp_path):
    with (tmp_path / "a.mrk.json").open("wb") as file:
        file.truncate(200 << 20)
    assert "200 MB" in refused(read_curve_json, tmp_path / "a.mrk.json")


def test_json_of_a_hundred_thousand_brackets_is_refused(tmp_path):
    (tmp_path / "a.mrk.json").write_text("[" * 100_000)
    assert "is no markups file" in refused(read_curve_json, tmp_path / "a.mrk.json")


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


def test_a_certificate_of_a_hundred_thousand_brackets_certifies_nothing(tmp_path):
    (tmp_path / "ct.nrrd").touch()
    (tmp_path / "ct.certificate.json").write_text("[" * 100_000)
    assert not is_certified(tmp_path / "ct.nrrd")


@pytest.mark.parametrize("name", ["nodes.nrrd", "nodes.dcm", "curve.mrk.json"])
def test_a_pipe_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    read = read_curve_json if name.endswith("json") else lambda path: read_any_segments(path, GRID)
    assert "pipe or device" in refused(read, tmp_path / name)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_a_device_as_data_file_is_refused(tmp_path, name):
    (tmp_path / "zero").symlink_to("/dev/zero")
    lines = (
        "type: short",
        "dimension: 3",
        "sizes: 40 40 40",
        "space directions: (1,0,0) (0,1,0) (0,0,1)",
        "encoding: raw",
        "data file: zero",
    )
    text = nrrd_header(*lines) if name == "a.nrrd" else b"NDims = 3\nDimSize = 40 40 40\nElementType = MET_SHORT\nElementDataFile = zero\n"
    (tmp_path / name).write_bytes(text)
    assert "there is no such file" in refused(read_ct, tmp_path / name)


def test_a_label_map_of_thousands_of_labels_is_refused(tmp_path):
    lines = ("type: int", "dimension: 3", "sizes: 60 60 40", "space directions: (2,0,0) (0,2,0) (0,0,3)", "encoding: raw")
    labels = np.arange(GRID.shape[0] * GRID.shape[1] * GRID.shape[2], dtype="<i4") % 900_000
    (tmp_path / "a.nrrd").write_bytes(nrrd_header(*lines) + labels.tobytes())
    assert "segments, more than any" in refused(lambda path: read_any_segments(path, GRID), tmp_path / "a.nrrd")


def test_a_header_of_thousands_of_segments_is_refused(tmp_path):
    keys = "".join(f"Segment{n}_Name:=n{n}\nSegment{n}_Layer:=0\n" for n in range(2_000))
    lines = ("type: uchar", "dimension: 3", "sizes: 60 60 40", "space directions: (2,0,0) (0,2,0) (0,0,3)", "encoding: raw", keys.strip())
    (tmp_path / "a.seg.nrrd").write_bytes(nrrd_header(*lines) + b"\1" * (60 * 60 * 40))
    assert "segments, more than any" in refused(lambda path: read_any_segments(path, GRID), tmp_path / "a.seg.nrrd")


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
