"""DICOM SEG written by highdicom gives the same protected voxels as the same structure in a .seg.nrrd."""

from __future__ import annotations

import builtins
import copy

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.input.segments import read_segments
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

highdicom = pytest.importorskip("highdicom", reason="highdicom is not installed (pip install highdicom)")

SHAPE = (12, 20, 24)


def node_mask() -> np.ndarray:
    """A node with a hollow, in the middle slices only."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4:8, 6:13, 8:17] = True
    mask[5, 9, 10:12] = False
    return mask


def write_seg(folder, path, kind="BINARY", name="LN Ib left", frame=None, pixels=None):
    """A SEG of ``node_mask``, or of other pixels, on the series in ``folder``, made by highdicom."""
    images = sorted((pydicom.dcmread(file) for file in folder.iterdir()), key=lambda ds: ds.ImagePositionPatient[2])
    for image in images:
        image.StudyID, image.AccessionNumber, image.StudyDate, image.StudyTime = "1", "", "20200101", "000000"
        image.ReferringPhysicianName, image.PatientBirthDate, image.PatientSex = "", "", ""
        image.SliceThickness = 2.5
        if frame is not None:
            image.FrameOfReferenceUID = frame
    algorithm = highdicom.AlgorithmIdentificationSequence("hand", codes.DCM.ArtificialIntelligence, "1")
    description = highdicom.seg.SegmentDescription(
        1,
        name,
        codes.SCT.AnatomicalStructure,
        Code("59441001", "SCT", "Lymph node"),
        highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm,
    )
    pixels = (node_mask() if pixels is None else pixels).astype(np.float32 if kind == "FRACTIONAL" else np.uint8)
    seg = highdicom.seg.Segmentation(
        images,
        pixels,
        highdicom.seg.SegmentationTypeValues[kind],
        [description],
        highdicom.UID(),
        1,
        highdicom.UID(),
        1,
        "tests",
        "phantom",
        "1",
        "1",
    )
    seg.save_as(path)
    return path


@pytest.fixture
def series(tmp_path):
    """A CT series on oblique axes, as it was read, and its folder."""
    turn = np.radians(20)
    rows = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0]])
    folder = tmp_path / "ct"
    write_series(folder, Series(stored_head(shape=SHAPE), rows=rows))
    return read_ct(folder), folder


def seg_nrrd(ct, path):
    """The same mask as a .seg.nrrd."""
    image = sitk.GetImageFromArray(node_mask().astype(np.uint8))
    geometry = ct.volume.geometry
    image.SetSpacing(geometry.spacing)
    image.SetOrigin([float(v) for v in geometry.ijk_to_lps[:3, 3]])
    image.SetDirection([float(v) for v in (geometry.ijk_to_lps[:3, :3] / np.asarray(geometry.spacing)).ravel()])
    for key, value in {"Name": "LN Ib left", "ID": "Segment_1", "LabelValue": "1", "Layer": "0"}.items():
        image.SetMetaData(f"Segment0_{key}", value)
    sitk.WriteImage(image, str(path))
    return read_segments(path)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_dicom_seg_protects_the_same_voxels_as_the_seg_nrrd(series, tmp_path, kind):
    ct, folder = series
    found = read_any_segments(write_seg(folder, tmp_path / "seg.dcm", kind), ct.volume.geometry, ct.frame_of_reference_uid)
    by_seg = place_segments(found, ct.volume.geometry)[0].full(SHAPE)
    by_nrrd = place_segments(seg_nrrd(ct, tmp_path / "nodes.seg.nrrd"), ct.volume.geometry)[0].full(SHAPE)
    assert np.array_equal(by_seg, by_nrrd)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("taken", [range(12), (0, 1, 2, 3, 4, 5, 6, 7, 9, 11)], ids=["tilted", "tilted and uneven"])
def test_a_dicom_seg_of_a_ct_whose_slices_are_no_box_protects_its_own_voxels(tmp_path, kind, taken):
    whole = Series(stored_head(shape=SHAPE), step=np.array([0.0, 0.6, 2.5]))
    for k, path in enumerate(write_series(tmp_path / "ct", whole)):
        if k not in taken:
            path.unlink()
    path = write_seg(tmp_path / "ct", tmp_path / "seg.dcm", kind, pixels=node_mask()[list(taken)])
    ct = read_ct(tmp_path / "ct").volume.geometry
    assert ct.shape == SHAPE
    placed = place_segments(read_any_segments(path, ct), ct)[0].full(SHAPE)
    np.testing.assert_array_equal(placed, node_mask())


def test_frames_of_a_dicom_seg_beside_the_pixels_of_a_tilted_ct_are_refused(tmp_path):
    write_series(tmp_path / "ct", Series(stored_head(shape=SHAPE), step=np.array([0.0, 0.6, 2.5])))
    path = write_seg(tmp_path / "ct", tmp_path / "seg.dcm")
    geometry = read_ct(tmp_path / "ct").volume.geometry
    matrix = geometry.ijk_to_lps.copy()
    matrix[:3, 3] += (0.2, 0.0, 0.0)
    with pytest.raises(InputError, match=r"does not lie on the pixels of the CT.*give a \.seg\.nrrd"):
        read_any_segments(path, Geometry(SHAPE, matrix))


def with_number(path, number):
    """A label map of 16 bits whose only segment has another number."""
    seg = pydicom.dcmread(path)
    pixels, seg.SegmentSequence[-1].SegmentNumber = seg.pixel_array.astype("<u2") * number, number
    seg.BitsAllocated, seg.BitsStored, seg.HighBit = 16, 16, 15
    seg.PixelData = pixels.tobytes()
    seg["PixelData"].VR = "OW"
    seg.save_as(path)
    return path


@pytest.mark.parametrize("number", [255, 256, 257, 1001])
def test_a_segment_of_a_label_map_is_read_whatever_its_number(series, tmp_path, number):
    ct, folder = series
    path = with_number(write_seg(folder, tmp_path / "seg.dcm", "LABELMAP"), number)
    segment = read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid)[0]
    np.testing.assert_array_equal(place_segments([segment], ct.volume.geometry)[0].full(SHAPE), node_mask())


def test_a_segmentation_that_is_compressed_as_a_whole_is_read(series, tmp_path):
    ct, folder = series
    path = write_seg(folder, tmp_path / "seg.dcm", "LABELMAP", pixels=np.zeros((12, 20, 24), bool) | (np.arange(12) > 5)[:, None, None])
    seg = pydicom.dcmread(path)
    seg.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    seg.save_as(path, enforce_file_format=True)
    assert path.stat().st_size < 12 * 20 * 24
    assert read_any_segments(path, ct.volume.geometry)[0].mask.array.sum() == 6 * 20 * 24


def test_the_name_and_the_terminology_code_are_read(series, tmp_path):
    ct, folder = series
    segment = read_any_segments(write_seg(folder, tmp_path / "seg.dcm"), ct.volume.geometry)[0]
    assert (segment.name, segment.code.split()[0]) == ("LN Ib left", "SCT:59441001")


def test_another_frame_of_reference_is_refused_with_both_uids(series, tmp_path):
    ct, folder = series
    other = pydicom.uid.generate_uid()
    path = write_seg(folder, tmp_path / "seg.dcm", frame=other)
    with pytest.raises(InputError) as error:
        read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid)
    assert other in str(error.value)
    assert ct.frame_of_reference_uid in str(error.value)


def test_a_segmentation_of_a_plain_picture_is_refused_in_a_sentence(series, tmp_path):
    ct, folder = series
    seg = pydicom.dcmread(write_seg(folder, tmp_path / "seg.dcm"))
    del seg.FrameOfReferenceUID
    for group in (*seg.SharedFunctionalGroupsSequence, *seg.PerFrameFunctionalGroupsSequence):
        for place in ("PlanePositionSequence", "PlaneOrientationSequence"):
            group.pop(place, None)
    seg.save_as(tmp_path / "seg.dcm")
    with pytest.raises(InputError, match="seg.dcm"):
        read_any_segments(tmp_path / "seg.dcm", ct.volume.geometry)


def test_a_name_that_is_not_there_is_refused_with_those_that_are(series, tmp_path):
    ct, folder = series
    with pytest.raises(InputError, match="there are: LN Ib left"):
        read_any_segments(write_seg(folder, tmp_path / "seg.dcm"), ct.volume.geometry, names=["IIa"])


def test_evaluate_measures_the_structures_of_a_dicom_seg(series, tmp_path, capsys):
    _, folder = series
    seg = write_seg(folder, tmp_path / "seg.dcm")
    assert main(["evaluate", str(folder), str(folder), "--structures", str(seg)]) == 0
    assert "LN Ib left | 100.000" in capsys.readouterr().out
    assert main(["evaluate", str(folder), str(folder), "--structures", str(with_undrawn(seg))]) == 0
    assert "LN Ib left | 100.000" in capsys.readouterr().out


def with_undrawn(path):
    """The SEG with a second segment that it describes and has no frame of."""
    seg = pydicom.dcmread(path)
    more = copy.deepcopy(seg.SegmentSequence[0])
    more.SegmentNumber, more.SegmentLabel = 2, "LN II left"
    seg.SegmentSequence.append(more)
    seg.save_as(path)
    return path


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_segment_that_nobody_drew_is_told_by_its_name_and_protects_nothing(series, tmp_path, capsys, kind):
    _, folder = series
    seg = with_undrawn(write_seg(folder, tmp_path / "seg.dcm", kind))
    main(["verify", str(folder), str(folder), "--nodes", str(seg)])
    said = capsys.readouterr().err
    assert "'LN II left': it is empty, and protects nothing" in said
    assert f"'LN Ib left': 0 of {np.count_nonzero(node_mask())} voxels changed" in said


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_only_a_segment_that_nobody_drew_is_refused_by_its_name(series, tmp_path, capsys, kind):
    _, folder = series
    seg = with_undrawn(write_seg(folder, tmp_path / "seg.dcm", kind))
    assert main(["verify", str(folder), str(folder), "--nodes", str(seg), "--node-segments", "LN II left"]) == 2
    assert "'LN II left' (file:seg.dcm) is empty" in capsys.readouterr().err


def test_an_old_pydicom_is_told_to_be_too_old(series, tmp_path, monkeypatch):
    ct, folder = series
    path = write_seg(folder, tmp_path / "seg.dcm")
    true_import = builtins.__import__

    def without_highdicom(name, *args):
        if name.startswith("highdicom"):
            raise ImportError(name)
        return true_import(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_highdicom)
    monkeypatch.setattr(pydicom, "__version__", "2.4.4")
    with pytest.raises(InputError, match=r"Slicer before 5\.12"):
        read_any_segments(path, ct.volume.geometry)


def other_number(seg):
    seg.SegmentSequence[-1].SegmentNumber = 9


def other_label(seg):
    pixels = np.frombuffer(seg.PixelData, np.uint8).copy()
    pixels[np.flatnonzero(pixels)[0]] = 7
    seg.PixelData = pixels.tobytes()


def fewer_frames(seg):
    seg.NumberOfFrames = 2


def no_segment(seg):
    seg.SegmentSequence = []


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("BINARY", other_number, "does not describe its segment 1"),
        ("FRACTIONAL", other_number, "does not describe its segment 1"),
        ("LABELMAP", other_number, "does not describe its segment 1"),
        ("LABELMAP", other_label, "does not describe its segment 7"),
        ("BINARY", fewer_frames, "4 of its 2 frames are described"),
        ("LABELMAP", fewer_frames, "4 of its 2 frames are described"),
        ("BINARY", no_segment, "does not describe its segment 1"),
    ],
)
def test_a_segmentation_that_shows_more_than_it_describes_is_refused(series, tmp_path, kind, change, sentence):
    ct, folder = series
    path = write_seg(folder, tmp_path / "s.dcm", kind)
    seg = pydicom.dcmread(path)
    change(seg)
    seg.save_as(path)
    with pytest.raises(InputError, match=sentence):
        read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid)


def test_a_ct_slice_is_no_segmentation(series):
    ct, folder = series
    with pytest.raises(InputError, match="no segmentation"):
        read_any_segments(next(folder.iterdir()), ct.volume.geometry)
