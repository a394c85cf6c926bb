"""The proof of headers and what lies beside DICOM: packed files, texts, image files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import nibabel
import numpy as np
import pytest
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.header.known import Known, known_of
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.input.dicom_bounds import MOST_ELEMENTS
from header_objects import bytes_of, small

RESEARCH = options_named("research")
ORIGINAL = {"PatientName": "Mustermann^Erika", "PatientBirthDate": "19640812"}


def found_beside(name, content, folder):
    """The findings of a clean release that a file lies in."""
    known = Known()
    known.take(small(**ORIGINAL))
    Profile(bytes(range(32)), RESEARCH).clean(small(**ORIGINAL)).save_as(folder / "a.dcm", enforce_file_format=True)
    (folder / name).write_bytes(content)
    return list(map(str, verify_headers(folder, known, RESEARCH)))


def zipped(content):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.dcm", content)
    return target.getvalue()


def in_tar(content):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as packed:
        entry = tarfile.TarInfo("a.dcm")
        entry.size = len(content)
        packed.addfile(entry, io.BytesIO(content))
    return target.getvalue()


PACKED = {"gz": gzip.compress, "zip": zipped, "tar": in_tar, "xz": lzma.compress, "bz2": bz2.compress}


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_original_beside_a_clean_release_is_a_finding(kind, tmp_path):
    found = found_beside(f"more.{kind}", PACKED[kind](bytes_of(small(**ORIGINAL))), tmp_path)
    assert found == [f"more.{kind}: file: is packed, so that nobody looked into it: unpack it, or take it away"]


def test_packed_originals_are_told_where_nothing_was_found(tmp_path, capsys):
    released, originals = tmp_path / "out", tmp_path / "in"
    released.mkdir()
    originals.mkdir()
    assert found_beside("notes.txt", b"nothing", released) == []
    (originals / "a.dcm").write_bytes(bytes_of(small(**ORIGINAL)))
    (originals / "more.zip").write_bytes(zipped(bytes_of(small(**ORIGINAL))))
    assert main(["verify-headers", str(released), "--originals", str(originals), "--header", "research"]) == 0
    assert "Of the originals 1 file (more.zip) is packed: nobody looked" in capsys.readouterr().out


def test_a_large_file_that_is_no_dicom_can_be_looked_at(tmp_path):
    zeros = bytes(8 * MOST_ELEMENTS + 8)
    assert found_beside("disk.img", zeros, tmp_path) == []
    assert known_of([tmp_path / "disk.img"]).unread == []


def test_what_a_packed_image_was_called_is_looked_at(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), dtype=np.int16), np.eye(4)), tmp_path / "ct.nii")
    packed = io.BytesIO()
    with gzip.GzipFile("Mustermann.nii", "wb", fileobj=packed) as target:
        target.write((tmp_path / "ct.nii").read_bytes())
    (tmp_path / "ct.nii").unlink()
    assert found_beside("ct.nii.gz", packed.getvalue(), tmp_path) == ["ct.nii.gz: bytes: a name or place of an original stands in the file"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_name_in_a_text_is_a_finding_in_any_encoding(encoding, tmp_path):
    found = found_beside("notes.txt", "neck of Mustermann".encode(encoding), tmp_path)
    assert found == ["notes.txt: bytes: a name or place of an original stands in the file"]


@pytest.mark.parametrize("text", ["19640812", "1964-08-12", "born on 12.08.1964."])
def test_a_day_of_an_original_in_a_text_is_a_finding(text, tmp_path):
    assert found_beside("notes.txt", text.encode(), tmp_path) == ["notes.txt: text: holds a date of an original"]


def test_the_decimals_of_a_figure_are_no_day(tmp_path):
    assert found_beside("figures.csv", b"case,share\n1,0.19640812\n", tmp_path) == []


def test_the_day_of_a_certificate_is_no_finding(tmp_path):
    assert found_beside("study-01.certificate.json", b'{"created": "1964-08-12T10:00:00"}', tmp_path) == []


def nifti(text):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = text
    return gzip.compress(image.to_bytes())


def test_a_packed_nifti_is_looked_into(tmp_path):
    found = found_beside("ct.nii.gz", nifti("Mustermann"), tmp_path)
    assert found == ["ct.nii.gz: bytes: a name or place of an original stands in the file"]


def test_a_packed_nifti_that_says_nothing_is_no_finding(tmp_path):
    assert found_beside("ct.nii.gz", nifti("neck"), tmp_path) == []


@pytest.mark.parametrize("options", ["[{}]", "[1]", "[[]]", '"basic"'])
def test_a_certificate_that_names_no_options_is_refused_in_a_sentence(options, tmp_path, capsys):
    small(**ORIGINAL).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    (tmp_path / "a.certificate.json").write_text(f'{{"headers": {{"options": {options}}}}}')
    assert main(["verify-headers", str(tmp_path)]) == 2
    assert "Name a profile with --header" in capsys.readouterr().err
