"""Folders as people have them: discs with an index and a viewer, sticks, exports with files of any name; what of it may be an instance."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import Series as Written
from dicom_series import stored_head, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.header.known import known_in
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.input.dicom_bounds import MOST_ELEMENTS
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.staging import staged
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

STORED = np.random.default_rng(1).integers(0, 900, (12, 12, 10))


def write_indexed(folder: Path) -> Path:
    files = FileSet()
    for path in write_series(
        folder / "source", Written(STORED, tags={"StudyID": "1", "StudyTime": "120000", "SeriesNumber": 1, "AccessionNumber": ""})
    ):
        files.add(path)
    files.write(folder / "disc")
    return folder / "disc" / "DICOMDIR"


def test_an_index_stands_for_its_folder_and_what_it_lists_and_is_not_there_is_said(tmp_path):
    index = write_indexed(tmp_path)
    whole = plan(index)
    assert len(whole.studies[0].entries) == 12
    assert not whole.damaged
    missing = whole.studies[0].entries[3].instance.path
    missing.unlink()
    assert [one.path for one in plan(index).damaged] == [missing]


def test_what_an_index_lists_in_capitals_is_found_in_small_letters(tmp_path):
    index = write_indexed(tmp_path)
    for path in sorted(index.parent.rglob("*"), reverse=True):
        path.rename(path.with_name(path.name.lower()))
    assert plan(index.with_name("dicomdir")).damaged == ()


@pytest.mark.parametrize("content", [bytes(128) + b"DICM", bytes(128) + b"DICM" + b"junk" * 40, b""])
def test_a_damaged_index_is_no_instance_that_is_missing(content, tmp_path):
    write_series(tmp_path / "in", Written(STORED))
    (tmp_path / "in" / "DICOMDIR").write_bytes(content)
    assert (plan(tmp_path / "in").damaged, len(plan(tmp_path / "in" / "DICOMDIR").studies[0].entries)) == ((), 12)
    assert known_in(tmp_path / "in").unread == []


def test_a_large_file_that_is_no_dicom_is_no_instance_that_is_missing(tmp_path):
    write_series(tmp_path / "in", Written(STORED))
    for name in ("thumbs.db", "disk.img"):
        (tmp_path / "in" / name).write_bytes(bytes(8 * MOST_ELEMENTS + 8))
    planned = plan(tmp_path / "in")
    assert (planned.damaged, len(planned.others), len(planned.studies[0].entries)) == ((), 2, 12)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["n" * 251 + ".dcm", "ä" * 125 + ".dcm", os.fsdecode(b"M\xfcller.dcm")])
def test_a_series_is_read_whatever_its_files_are_called(name, tmp_path):
    first, *_ = write_series(tmp_path / "in", Written(stored_head()))
    first.rename(first.with_name(name))
    series = plan(tmp_path / "in").studies[0].study.series[0]
    with staged(series.instances) as folder:
        assert len(read_dicom_series(folder).files) == len(series.instances)


def test_a_compressed_file_and_a_link_that_leads_nowhere_may_be_instances_that_are_missing(tmp_path):
    first, *_ = write_series(tmp_path / "in", Written(STORED))
    first.with_name("9.dcm.gz").write_bytes(gzip.compress(first.read_bytes()))
    (tmp_path / "in" / "gone").symlink_to(tmp_path / "nowhere")
    assert sorted(one.path.name for one in plan(tmp_path / "in").studies[0].damaged) == ["9.dcm.gz", "gone"]


def test_what_macos_puts_beside_each_file_is_no_instance_that_is_missing(tmp_path):
    for path in write_series(tmp_path / "in", Written(STORED)):
        path.with_name(f"._{path.name}").write_bytes(b"\0\x05\x16\x07\0\2\0\0Mac OS X        " + bytes(100))
    (study,) = plan(tmp_path / "in").studies
    assert (study.damaged, len(study.entries)) == ((), 12)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", [".nomedia", ".gitkeep", "Icon\r"])
def test_an_empty_mark_of_a_folder_is_no_instance_that_is_missing(name, tmp_path):
    for path in write_series(tmp_path / "in", Written(STORED)):
        path.rename(path.with_suffix(""))
    (tmp_path / "in" / name).touch()
    assert plan(tmp_path / "in").damaged == ()
    (tmp_path / "in" / "IM99").touch()
    assert len(plan(tmp_path / "in").damaged) == 1


def test_an_object_of_no_study_is_no_instance_that_is_missing(tmp_path):
    first, *_ = write_series(tmp_path / "in", Written(STORED))
    palette = pydicom.dcmread(first)
    palette.SOPClassUID, palette.SOPInstanceUID = "1.2.840.10008.5.1.4.39.1", generate_uid(prefix=None)
    del palette.StudyInstanceUID, palette.SeriesInstanceUID
    palette.save_as(tmp_path / "in" / "palette.dcm")
    planned = plan(tmp_path / "in")
    assert (planned.damaged, [path.name for path in planned.others]) == ((), ["palette.dcm"])


@pytest.mark.parametrize("look", [plan, read_dicom_series])
def test_the_dictionary_of_a_viewer_is_no_instance_that_is_missing(look, tmp_path):
    write_series(tmp_path / "in", Written(stored_head()))
    dictionary = tmp_path / "in" / "viewer" / "dicom.dic"
    dictionary.parent.mkdir()
    dictionary.write_text("#\n# Copyright\n(0002,0000)\tUL\tFileMetaInformationGroupLength\t1\tdicom\n")
    assert not getattr(look(tmp_path / "in"), "damaged", ())
    dictionary.write_bytes(bytes(300))
    with contextlib.suppress(InputError):
        assert look(tmp_path / "in").damaged


def test_the_same_bytes_under_another_name_are_an_instance_that_is_missing(tmp_path):
    path = write_series(tmp_path / "in", Written(STORED))[0]
    path.write_bytes(b"\0\x05\x16\x07\0\2\0\0Mac OS X        " + bytes(100))
    (study,) = plan(tmp_path / "in").studies
    assert len(study.damaged) == 1
