"""Segmentations in several files (concatenations): all parts are wanted, and each keeps its count of frames."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.inputs import read_all
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.concatenations import require_all_parts
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.study.seg import write_frames
from pydicom.pixels import pack_bits
from test_dicom_seg import SHAPE, node_mask, write_seg

PARTS = 3


@pytest.fixture
def cut(tmp_path):
    """A CT's folder, and the files of a node on it that is cut into three."""
    write_series(tmp_path / "ct", Series(stored_head(shape=SHAPE)))
    whole = write_seg(tmp_path / "ct", tmp_path / "whole.dcm")
    uid, files = pydicom.uid.generate_uid(), []
    for part in range(PARTS):
        seg = pydicom.dcmread(whole)
        mine = np.array_split(np.arange(int(seg.NumberOfFrames)), PARTS)[part]
        seg.PixelData = pack_bits(seg.pixel_array[mine], pad=True)
        groups = seg.PerFrameFunctionalGroupsSequence
        seg.PerFrameFunctionalGroupsSequence = [groups[index] for index in mine]
        seg.NumberOfFrames, seg.ConcatenationFrameOffsetNumber = len(mine), int(mine[0])
        seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        seg.ConcatenationUID, seg.InConcatenationNumber, seg.InConcatenationTotalNumber = uid, part + 1, PARTS
        files.append(tmp_path / f"part{part}.dcm")
        seg.save_as(files[-1])
    return tmp_path / "ct", files


@pytest.mark.parametrize("given", [(0,), (0, 2), (1, 2)])
def test_a_segmentation_without_all_its_parts_is_refused(cut, given):
    missing = ", ".join(str(part + 1) for part in range(PARTS) if part not in given)
    with pytest.raises(InputError, match=rf"one of 3 parts of a segmentation: give the others too \(missing: {missing}\)"):
        require_all_parts([cut[1][part] for part in given])


def test_parts_that_do_not_say_how_many_they_are_are_refused(cut):
    for path in cut[1]:
        part = pydicom.dcmread(path)
        del part.InConcatenationTotalNumber
        part.save_as(path)
    with pytest.raises(InputError, match="does not say of how many: give the whole as .seg.nrrd"):
        require_all_parts(cut[1][:1])


def test_all_parts_protect_the_whole_node(cut):
    folder, files = cut
    ct = read_ct(folder)
    placed = [one.full(SHAPE) for one in place_segments(read_all(files, ct), ct.volume.geometry)]
    np.testing.assert_array_equal(np.logical_or.reduce(placed), node_mask())


@pytest.mark.parametrize("option", ["--nodes", "--protect"])
def test_a_part_alone_ends_the_command_with_a_sentence(cut, option, capsys):
    folder, files = cut
    assert main(["verify", str(folder), str(folder), option, str(files[0])]) == 2
    assert "give the others too" in capsys.readouterr().err


def test_a_part_keeps_its_empty_frames_for_the_parts_count_their_frames_together(cut):
    part = pydicom.dcmread(cut[1][1])
    frames = np.zeros((int(part.NumberOfFrames), part.Rows, part.Columns), dtype=np.uint8)
    assert write_frames(part, frames) == 0
