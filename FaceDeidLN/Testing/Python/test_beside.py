"""Segmentations beside a CT that nobody named are mentioned."""

from __future__ import annotations

import shutil

import numpy as np
import SimpleITK as sitk
from FaceDeidLNLib.input.beside import segments_beside
from FaceDeidLNLib.input.ct import read_ct


def copied(phantom_ct_file, folder):
    return read_ct(shutil.copy(phantom_ct_file, folder / "ct.nrrd"))


def write_labels(ct, path, shift_mm=0.0):
    labels = np.zeros(ct.volume.array.shape, dtype=np.uint8)
    labels[10:14, 10:14, 10:14] = 1
    image = sitk.GetImageFromArray(labels)
    grid = sitk.ReadImage(str(ct.path))
    image.CopyInformation(grid)
    image.SetOrigin([value + shift_mm for value in grid.GetOrigin()])
    image.SetMetaData("Segment0_Name", "node")
    image.SetMetaData("Segment0_ID", "Segment_1")
    image.SetMetaData("Segment0_LabelValue", "1")
    image.SetMetaData("Segment0_Layer", "0")
    sitk.WriteImage(image, str(path))


def test_a_segmentation_beside_the_ct_is_mentioned_unless_it_was_given(phantom_ct_file, tmp_path):
    ct = copied(phantom_ct_file, tmp_path)
    write_labels(ct, tmp_path / "drawn.seg.nrrd")
    assert [note.split()[0] for note in segments_beside(ct, ())] == ["drawn.seg.nrrd"]
    assert segments_beside(ct, (tmp_path / "drawn.seg.nrrd",)) == ()


def test_one_of_another_place_and_one_that_cannot_be_read_are_not(phantom_ct_file, tmp_path):
    ct = copied(phantom_ct_file, tmp_path)
    write_labels(ct, tmp_path / "elsewhere.seg.nrrd", shift_mm=2000.0)
    (tmp_path / "broken.seg.nrrd").write_bytes(b"NRRD0004\n")
    (tmp_path / "notes").write_text("no DICOM")
    assert segments_beside(ct, ()) == ()
