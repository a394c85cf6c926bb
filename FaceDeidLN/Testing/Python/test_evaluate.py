"""What is left for science, against computations that share nothing with the project's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.segment import BoxMask
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.verify.utility import dice, first_order, structure_utility, volume_utility
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from written import write_volume

PYRADIOMICS = {
    "90th percentile": "90Percentile", "energy": "Energy", "entropy": "Entropy", "kurtosis": "Kurtosis", "maximum": "Maximum",
    "median": "Median", "range": "Range", "skewness": "Skewness", "uniformity": "Uniformity", "variance": "Variance",
}  # fmt: skip
#: In the middle of the synthetic head.
CUBE = (slice(47, 57), slice(52, 62), slice(46, 56))


@given(arrays(np.int16, 200, elements=st.integers(-1000, 3000)))
def test_the_features_agree_with_simpleitk(values):
    label = sitk.LabelStatisticsImageFilter()
    image = sitk.GetImageFromArray(values.reshape(2, 10, 10))
    label.Execute(image, sitk.GetImageFromArray(np.ones((2, 10, 10), dtype=np.uint8)))
    mine = first_order(values)
    assert mine["maximum"] == label.GetMaximum(1)
    assert mine["range"] == label.GetMaximum(1) - label.GetMinimum(1)
    assert mine["variance"] == pytest.approx(label.GetVariance(1) * 199 / 200)
    assert mine["energy"] == pytest.approx(200 * (mine["variance"] + label.GetMean(1) ** 2))


def test_the_features_are_those_of_pyradiomics():
    firstorder = pytest.importorskip("radiomics.firstorder", reason="pyradiomics is not installed")
    random = np.random.default_rng(0)
    image = random.normal(40, 90, (20, 20, 20)).round().astype(np.int16)
    mask = (random.random(image.shape) > 0.5).astype(np.uint8)
    features = firstorder.RadiomicsFirstOrder(sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask), binWidth=25)
    features.enableAllFeatures()
    told = features.execute()
    assert first_order(image[mask > 0]) == pytest.approx({mine: float(told[theirs]) for mine, theirs in PYRADIOMICS.items()})


def cube(name="cube", shift=0):
    box = Box(tuple(s.start + shift for s in CUBE), tuple(s.stop + shift for s in CUBE))
    return BoxMask(name, box, np.ones(box.shape, dtype=bool))


def test_one_value_that_no_scanner_gives_needs_no_more_memory():
    assert first_order(np.array([0.0, 30.0, 1e15]))["uniformity"] == pytest.approx(1 / 3)


def test_a_known_change_of_a_structure_is_told(phantom):
    before = phantom.ct.with_array(np.full(phantom.ct.array.shape, 100, dtype=np.int16))
    after = before.with_array(before.array.copy())
    after.array[CUBE][:5] = 200
    found = structure_utility(before, after, cube())
    assert found.kept == 0.5
    assert found.volume_mm3 == pytest.approx(1000 * np.prod(phantom.ct.geometry.spacing))
    assert found.feature_change["maximum"] == 1.0
    assert found.feature_change["energy"] == pytest.approx(1.5)
    assert found.feature_change["variance"] == np.inf


def test_a_plate_before_a_bone_moves_its_front_though_no_voxel_of_it_changed(phantom):
    geometry = phantom.ct.geometry
    bone = phantom.ct.with_array(np.full(phantom.ct.array.shape, 40, dtype=np.int16))
    bone.array[CUBE] = 900
    plate = bone.with_array(bone.array.copy())
    found = structure_utility(bone, plate, cube())
    assert (found.kept, found.front_moved_mm) == (1.0, 0.0)
    index = int(np.argmax(np.abs(geometry.ijk_to_lps[1, :3])))
    away = -5 if geometry.ijk_to_lps[1, index] > 0 else 5
    plate.array[tuple(slice(s.start + away, s.stop + away) if axis == 2 - index else s for axis, s in enumerate(CUBE))] = 900
    found = structure_utility(bone, plate, cube())
    assert found.kept == 1.0
    assert found.front_moved_mm == pytest.approx(5 * geometry.spacing[index])
    assert structure_utility(plate.with_array(np.full_like(plate.array, 40)), plate, cube()).front_moved_mm is None


def test_the_dice_coefficient_is_twice_the_overlap_over_both():
    assert dice(cube(), cube(shift=5)) == pytest.approx(2 * 125 / 2000)
    assert dice(cube(), cube(shift=10)) == 0.0


def test_the_histogram_distance_is_the_share_that_moved_to_another_bin(phantom):
    after = phantom.ct.with_array(phantom.ct.array.copy())
    moved = np.zeros(after.array.shape, dtype=bool)
    moved[CUBE] = True
    after.array[moved] = 3000
    expected = 1000 / after.array.size
    assert volume_utility(phantom.ct, after).histogram_distance == pytest.approx(expected)


def test_the_share_of_the_body_counts_tissue_not_air(phantom):
    tissue, air = (phantom.ct.with_array(phantom.ct.array.copy()) for _ in range(2))
    inside = phantom.ct.array > -500
    tissue.array[inside] += 1
    corner = air.array[-3:, :4, :4]
    assert (corner < -900).all()
    corner += 50
    assert volume_utility(phantom.ct, tissue).body_changed > 0.85
    assert volume_utility(phantom.ct, air).body_changed == 0.0


def test_air_has_no_body(phantom):
    air = phantom.ct.with_array(np.full_like(phantom.ct.array, -1000))
    assert volume_utility(air, air).body_changed is None


@pytest.fixture(scope="module")
def files(phantom, tmp_path_factory):
    """A CT, a result in which half a structure changed, and two segmentations of it."""
    folder = tmp_path_factory.mktemp("evaluate")
    after = phantom.ct.with_array(phantom.ct.array.copy())
    after.array[CUBE][:5] += 100
    for name, shift in (("before", 0), ("after", 5)):
        labels = np.zeros(after.array.shape, dtype=np.uint8)
        labels[tuple(slice(s.start + shift, s.stop + shift) for s in CUBE)] = 1
        write_volume(phantom.ct.with_array(labels), folder / f"{name}.nrrd")
    return write_volume(phantom.ct, folder / "ct.nrrd"), write_volume(after, folder / "result.nrrd"), folder


def test_the_command_tells_structures_agreement_and_volume(files, capsys):
    original, result, folder = files
    words = ["--structures", str(folder / "before.nrrd"), "--structures-after", str(folder / "after.nrrd"), "--json"]
    assert main(["evaluate", str(original), str(result), *words]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["structures"][0]["kept"] == 0.5
    assert len(facts["structures"][0]["feature_change"]) == 10
    assert facts["agreement"][0]["dice"] == pytest.approx(0.125)
    assert 0 < facts["volume"]["tissue_changed"] < 1


def test_the_command_prints_a_line_per_structure(files, capsys):
    original, result, folder = files
    assert main(["evaluate", str(original), str(result), "--structures", str(folder / "before.nrrd")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "50.000" in lines[1]
    assert "of the body changed" in lines[-1]


def test_a_series_can_be_chosen_where_there_are_several(tmp_path, capsys):
    chosen, other = Series(stored_head()), Series(stored_head())
    write_series(tmp_path / "ct" / "a", chosen)
    write_series(tmp_path / "ct" / "b", other)
    write_series(tmp_path / "after", replace(chosen, uid=other.uid))
    labels = np.zeros(chosen.stored.shape, dtype=np.uint8)
    labels[4:8, 6:12, 8:16] = 1
    structures = write_volume(read_ct(tmp_path / "after").volume.with_array(labels), tmp_path / "organ.nrrd")
    words = ["evaluate", str(tmp_path / "ct"), str(tmp_path / "after"), "--structures", str(structures)]
    assert main(words) == 2
    assert "choose one with --series UID" in capsys.readouterr().err
    assert main([*words, "--series", chosen.uid, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["structures"][0]["kept"] == 1.0
