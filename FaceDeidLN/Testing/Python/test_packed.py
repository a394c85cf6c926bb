"""Packed files among slices are told as that: slices may be in there."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.input.packed import packed_apart
from FaceDeidLNLib.study.plan import plan


def zipped():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("slice.dcm", b"slice")
    return target.getvalue()


def in_tar():
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("slice.dcm"))
    return target.getvalue()


PACKED = {"more.zip": zipped, "more.tar": in_tar, "more.tgz": lambda: gzip.compress(in_tar()), "MORE": zipped}
OTHERS = {"Thumbs.db": b"\xd0\xcf\x11\xe0", "notes.txt": b"packed", "ct.nii.gz": gzip.compress(b"n"), "empty.zip": b""}


@pytest.mark.parametrize("name", PACKED)
def test_a_packed_file_is_known_by_how_it_begins(name, tmp_path):
    (tmp_path / name).write_bytes(PACKED[name]())
    assert packed_apart([tmp_path / name]) == ((tmp_path / name,), ())


@pytest.mark.parametrize("name", OTHERS)
def test_another_file_is_none(name, tmp_path):
    (tmp_path / name).write_bytes(OTHERS[name])
    assert packed_apart([tmp_path / name]) == ((), (tmp_path / name,))


def test_a_packed_file_beside_slices_is_told_apart_from_others(tmp_path):
    write_series(tmp_path, Series(stored_head()))
    (tmp_path / "more.zip").write_bytes(zipped())
    (tmp_path / "notes.txt").write_text("no DICOM", encoding="utf-8")
    notes = read_dicom_series(tmp_path).notes
    assert "1 file (more.zip) is packed and left out, with whatever slices are in there" in notes
    assert "1 file (notes.txt) is no DICOM and left out" in notes


def test_a_plan_of_a_study_tells_what_is_packed_by_its_name(tmp_path, capsys):
    write_series(tmp_path, Series(stored_head()))
    (tmp_path / "more.zip").write_bytes(zipped())
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("no DICOM", encoding="utf-8")
    main(["study", str(tmp_path), str(tmp_path.parent / "out"), "--dry-run"])
    said = capsys.readouterr().out
    assert "1 file (more.zip) is packed: left behind, and instances in there were not looked at" in said


@pytest.mark.parametrize("look", [read_ct, plan])
def test_a_packed_input_is_told_to_be_unpacked(look, tmp_path):
    (tmp_path / "study.zip").write_bytes(zipped())
    with pytest.raises(InputError, match="study.zip is packed: unpack it"):
        look(tmp_path / "study.zip")


@pytest.mark.parametrize("look", [read_ct, plan])
def test_a_folder_of_packed_files_alone_is_told_to_be_unpacked(look, tmp_path):
    (tmp_path / "study.zip").write_bytes(zipped())
    with pytest.raises(InputError, match=r"holds no DICOM file, and 1 file \(study.zip\) is packed: unpack it"):
        look(tmp_path)


@pytest.mark.parametrize("name", ["ct.hdr", "ct.img", "CT.IMG"])
def test_one_of_a_pair_of_files_is_told_to_be_saved_as_one(name, tmp_path):
    (tmp_path / name).write_bytes(b"\0" * 400)
    with pytest.raises(InputError, match="one of two files.*save them as one"):
        read_ct(tmp_path / name)
