"""Small files that promise much: refused within seconds and little memory, before what they promise is made."""

from __future__ import annotations

import functools
import gzip
import json
import os
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_series import head
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input import place
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.markups import read_curve_json, read_landmarks_json
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.output.certificate import is_certified
from hypothesis import given, settings
from hypothesis import strategies as st

if sys.platform == "win32":
    pytest.skip("limits of memory and time are set by POSIX means", allow_module_level=True)

from bounded import refused

GRID = Geometry((40, 60, 60), np.diag([2.0, 2.0, 3.0, 1.0]))


def nrrd_header(*lines: str) -> bytes:
    space = ["space: left-posterior-superior", "space origin: (0,0,0)", "endian: little"]
    return ("\n".join(["NRRD0005", *space, *lines]) + "\n\n").encode()


#: Megabytes of zeros in one gzip file.
PART = 64


@functools.cache
def packed_part() -> bytes:
    return gzip.compress(bytes(PART << 20), 9)


def zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros as gzip files in a row."""
    return packed_part() * (megabytes // PART)


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
