"""PET and MR series as stacks: classic and multi-frame, several echoes; and what is no volume at all."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import Series as Written
from dicom_series import write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.input.plausible import MIN_SLICES
from FaceDeidLNLib.study.family import Series
from FaceDeidLNLib.study.images import read_stacks, with_planes
from FaceDeidLNLib.study.instances import find_instances
from FaceDeidLNLib.study.no_volume import by_header
from FaceDeidLNLib.study.rtstruct import is_called_skin, is_skin
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, generate_uid

MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
STORED = np.random.default_rng(1).integers(0, 900, (9, 12, 10))


def series_of(folder: Path) -> Series:
    return Series("1", "pet_mr", find_instances(folder).instances)


def why(folder: Path, fewest: int = 2) -> str:
    series = series_of(folder)
    decision = by_header(series.instances[0], series, fewest)
    return "" if decision is None else decision.reason


def write_enhanced(path: Path, stored: np.ndarray, echoes: int = 1) -> None:
    """One file whose frames lie 2 mm apart, each place once per echo, written from the top down."""
    folder = path.parent / "classic"
    dataset = pydicom.dcmread(write_series(folder, Written(stored[:1], intercept=0.0, tags=MR))[0])
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    dataset.NumberOfFrames = len(stored)
    shared, plane, measures, scale = Dataset(), Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient, measures.PixelSpacing, measures.SliceThickness = [1, 0, 0, 0, 1, 0], [0.75, 0.5], 2.0
    scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = "2.0", "-5.0", "US"
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    shared.PixelValueTransformationSequence = [scale]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], []
    for number in range(len(stored)):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = [0.0, 0.0, -2.0 * (number // echoes)]
        group.PlanePositionSequence = [position]
        dataset.PerFrameFunctionalGroupsSequence.append(group)
    dataset.add_new(0x7FE00010, "OW", stored.astype("<u2").tobytes())
    dataset.save_as(path, enforce_file_format=True)


def test_frames_of_an_enhanced_image_are_slices_in_the_order_of_space(tmp_path):
    write_enhanced(tmp_path / "mr.dcm", STORED)
    (stack,) = read_stacks(find_instances(tmp_path).instances)
    assert np.array_equal(stack.volume.array, 2.0 * STORED[::-1] - 5.0)
    assert stack.volume.geometry.spacing == pytest.approx((0.5, 0.75, 2.0))


def test_echoes_at_the_same_places_are_a_stack_each(tmp_path):
    write_enhanced(tmp_path / "mr.dcm", np.repeat(STORED, 2, axis=0) + np.arange(18)[:, None, None] % 2, echoes=2)
    first, second = read_stacks(find_instances(tmp_path).instances)
    assert np.array_equal(second.volume.array - first.volume.array, np.full(STORED.shape, 2.0))


def test_echoes_of_one_file_do_not_each_keep_all_of_its_pixels(tmp_path):
    echoes, stored = 8, np.repeat(np.random.default_rng(2).integers(0, 900, (9, 64, 64)), 8, axis=0)
    write_enhanced(tmp_path / "mr.dcm", stored, echoes)
    dataset = pydicom.dcmread(tmp_path / "mr.dcm")
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.save_as(tmp_path / "mr.dcm", enforce_file_format=True)
    instances = find_instances(tmp_path).instances
    assert len(read_stacks(instances)) == echoes
    tracemalloc.start()
    stacks = read_stacks(instances)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    own = sum(stack.volume.array.nbytes for stack in stacks) + 2 * stored.size
    assert held < own + 4 * 2 * stored.size


def test_what_did_not_change_is_written_back_to_the_bit(tmp_path):
    write_enhanced(tmp_path / "mr.dcm", STORED)
    instances = find_instances(tmp_path).instances
    (stack,) = read_stacks(instances)
    changed = np.zeros(STORED.shape, dtype=bool)
    changed[2, 3, 4] = True
    planes = dict(stack.stored_with(changed, np.full(STORED.shape, 95.0)))
    dataset = with_planes(instances[0], [planes[frame] for frame in sorted(planes)], stack.stored[0], "test")
    expected = STORED.copy()
    expected[-3, 3, 4] = 50
    assert np.array_equal(dataset.pixel_array, expected)


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "projection"),
        ({"SeriesType": ["WHOLE BODY", "REPROJECTION"]}, "projection"),
        ({"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CSA MPR", "MIP_THICK"]}, "projection"),
        ({"ImageType": ["DERIVED", "PRIMARY", "PROJECTION"]}, "projection"),
        ({"SeriesDescription": "T1-MIP-COR"}, "projection"),
        ({"SeriesDescription": "Thick MIP(10mm)"}, "projection"),
        ({"SeriesDescription": "tMIP10, Projektion"}, "projection"),
        ({"SeriesDescription": "3D-VRT"}, "projection"),
        ({"SeriesDescription": "Radial Range", "Modality": "CT"}, "projection"),
        ({"SeriesDescription": "Ax T1 radial VIBE FS"}, ""),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]}, ""),
        ({"ImageType": ["DERIVED", "SECONDARY", "VOLUME"]}, "rendering"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "OTHER", "ND", "NORM", "MEAN"]}, ""),
        ({"ImageType": ["DERIVED", "PRIMARY", "OTHER", "MEAN"]}, "projection"),
        ({"SeriesDescription": "T1 MPR, Mipha-study"}, ""),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout"),
        ({"BurnedInAnnotation": "YES"}, "burned"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "rendering"),
        ({"ImageType": ["DERIVED", "PRIMARY", "MPR"]}, ""),
    ],
)
def test_what_is_no_volume_is_told_by_its_header(tmp_path, tags, word):
    write_series(tmp_path, Written(STORED, tags={**MR, **tags}))
    assert word in why(tmp_path)
    assert bool(word) == bool(why(tmp_path))


@pytest.mark.parametrize(
    ("kind", "technique", "word"),
    [("VOLUME", "NONE", ""), ("VOLUME", "MAX_IP", "projection"), ("VOLUME", "VOLUME_RENDER", "rendering"), ("LOCALIZER", "NONE", "scout")],
)
def test_of_a_multi_frame_object_its_frames_say_what_it_is(tmp_path, kind, technique, word):
    write_enhanced(tmp_path / "mr.dcm", STORED)
    dataset = pydicom.dcmread(tmp_path / "mr.dcm")
    dataset.ImageType, item = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], Dataset()
    item.FrameType, item.VolumeBasedCalculationTechnique = ["ORIGINAL", "PRIMARY", kind, "NONE"], technique
    dataset.PerFrameFunctionalGroupsSequence[2].MRImageFrameTypeSequence = [item]
    dataset.save_as(tmp_path / "mr.dcm")
    assert word in why(tmp_path)
    assert bool(word) == bool(why(tmp_path))


def test_a_rendering_with_functional_groups_of_another_class_is_no_volume(tmp_path):
    write_enhanced(tmp_path / "mr.dcm", STORED)
    dataset = pydicom.dcmread(tmp_path / "mr.dcm")
    dataset.ImageType, dataset.SOPClassUID = ["DERIVED", "SECONDARY", "VOLUME"], MRImageStorage
    dataset.save_as(tmp_path / "mr.dcm")
    assert "rendering" in why(tmp_path)


def test_a_survey_in_several_planes_is_withheld(tmp_path):
    one = Written(STORED[:3], tags=MR)
    write_series(tmp_path / "a", one)
    write_series(tmp_path / "b", replace(one, rows=np.array([[0.0, 1, 0], [0, 0, -1]]), step=np.array([2.5, 0, 0])))
    assert "several directions" in why(tmp_path)


def test_stacks_in_directions_that_differ_by_few_degrees_are_withheld(tmp_path):
    one = Written(STORED, tags=MR)
    write_series(tmp_path / "a", one)
    write_series(tmp_path / "b", replace(one, rows=np.array([[1.0, 0, 0], [0, np.cos(0.05), np.sin(0.05)]])))
    assert "several directions" in why(tmp_path)


def test_slices_of_several_frames_of_reference_are_withheld(tmp_path):
    one = Written(STORED, tags=MR)
    write_series(tmp_path / "a", one)
    write_series(tmp_path / "b", replace(one, frame=generate_uid(prefix=None)))
    assert "several frames" in why(tmp_path)


def test_a_fragment_of_a_ct_is_withheld(tmp_path):
    write_series(tmp_path, Written(STORED[:3]))
    assert "fragment of 3" in why(tmp_path, MIN_SLICES)


@pytest.mark.parametrize("name", ["EXTERNAL", "Körper", "peau", "Cuerpo", "Pelle", "тело", "皮肤", "95%", "Bolus_1", "contorno externo"])
def test_names_of_the_skin_in_other_languages_are_known(name):
    assert is_skin(name)


@pytest.mark.parametrize(
    "name", ["LN level II", "Vertebral body C2", "Mandible body", "Carotid body L", "Corpus callosum", "GTV", "Netzhaut re", "Schleimhaut"]
)
def test_inner_anatomy_is_no_skin_by_its_name(name):
    assert not is_skin(name)


@pytest.mark.parametrize("name", ["LN mask", "node contour", "GTV skin side", "LK Haut", "ganglio piel", "PTV surface", "Parotid outline"])
def test_a_node_a_target_or_a_gland_is_no_skin_whatever_else_its_name_holds(name):
    assert not is_skin(name)


def test_a_bolus_on_a_target_is_skin_by_its_name():
    assert is_skin("Bolus PTV")


@pytest.mark.parametrize(("depth", "is_called"), [([4.0, 9.0], False), ([1.0, 9.0], True), ([-6.0, -3.0], True), ([], False)])
def test_what_does_not_come_up_to_the_skin_is_none_by_its_name_alone(depth, is_called):
    assert is_called_skin("Mask 1", np.array(depth)) is is_called


def test_a_picture_among_the_slices_of_a_series_is_withheld_alone(tmp_path):
    picture = write_series(tmp_path, Written(STORED, intercept=0.0, tags=MR))[-1]
    dataset = pydicom.dcmread(picture)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.save_as(picture)
    series = series_of(tmp_path)
    withheld = {instance.path: decision.reason for instance in series.instances if (decision := by_header(instance, series, 2))}
    assert [*withheld] == [picture]
    assert "another kind (DERIVED SECONDARY)" in withheld[picture]


def test_images_of_two_kinds_at_the_same_places_are_two_volumes(tmp_path):
    written = Written(STORED, intercept=0.0, tags=MR)
    write_series(tmp_path / "a", written)
    for path in write_series(tmp_path / "b", written):
        dataset = pydicom.dcmread(path)
        dataset.ImageType = ["DERIVED", "PRIMARY", "W"]
        dataset.save_as(path)
    series = series_of(tmp_path)
    assert [by_header(instance, series, 2) for instance in series.instances] == [None] * 2 * len(STORED)


def test_a_series_that_lacks_a_slice_is_told_as_that(tmp_path):
    write_series(tmp_path, Written(STORED, tags=MR))[4].unlink()
    with pytest.raises(InputError, match=r"its slices lie .* to .* mm apart: one may be missing, get the series again"):
        read_stacks(find_instances(tmp_path).instances)
