"""The providers against nnU-Net and TotalSegmentator themselves, with tiny models of random weights: "./run test-providers"."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.providers.base import ProviderError
from FaceDeidLNLib.providers.exchange import write_nifti
from FaceDeidLNLib.providers.nnunet import NnUnetModel
from FaceDeidLNLib.providers.totalsegmentator import FREE_TASKS, TotalSegmentator
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from tiny_models import make_model
from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS
from totalsegmentator.map_to_binary import class_map

LABELS = ("background", "lymph node", "mandible")


@pytest.fixture
def model(tmp_path) -> Path:
    """A model folder of the user's own."""
    return make_model(tmp_path / "tiny", LABELS, spacing_mm=3.0)


def by_nnunet(folder: Path, ct, scratch: Path) -> np.ndarray:
    """The labels that nnU-Net's own Python interface gives for the CT, on its grid."""
    write_nifti(ct, scratch / "own.nii.gz")
    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=(0,), checkpoint_name="checkpoint_final.pth")
    image = sitk.ReadImage(str(scratch / "own.nii.gz"))
    properties = {"spacing": list(image.GetSpacing())[::-1], "sitk_stuff": {}}
    data = sitk.GetArrayFromImage(image)[None].astype(np.float32)
    return predictor.predict_single_npy_array(data, properties)


def test_a_model_folder_gives_what_nnunet_itself_gives(model, ct, tmp_path):
    expected = by_nnunet(model, ct, tmp_path)
    segments = {segment.name: segment for segment in NnUnetModel(model, device="cpu").segment(ct)}
    assert segments
    for value, name in enumerate(LABELS[1:], start=1):
        assert (name in segments) == bool((expected == value).any())
        if name in segments:
            mask = place_segments([segments[name]], ct.geometry)[0].full(ct.array.shape)
            assert np.array_equal(mask, expected == value)


def test_the_nodes_of_a_model_folder_are_protected_to_the_bit(tmp_path, head):
    folder = make_model(tmp_path / "tiny", LABELS, spacing_mm=4.0)
    result = deface(Request(head.ct, landmarks=head.landmarks, providers=(NnUnetModel(folder, device="cpu"),)))
    assert not result.failures
    node = next(mask for mask in result.protected if mask.name == "lymph node")
    assert node.voxels
    assert not (node.full(head.ct.array.shape) & (result.result.array != head.ct.array)).any()


def test_a_model_without_weights_is_a_failure_in_nnunets_own_words(model, ct):
    shutil.rmtree(model / "fold_0")
    with pytest.raises(ProviderError, match="checkpoint_final"):
        NnUnetModel(model, device="cpu").segment(ct)


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    """A folder of weights for the free tasks and for the rough models that they crop with."""
    folder = tmp_path / "weights"
    crops = ("skull", "clavicula_left", "vertebrae_C1", "vertebrae_C5")
    for task_id, spacing in ((298, 6.0), (297, 3.0)):
        add_weights(folder, task_id, "total", spacing, crops, trainer="nnUNetTrainer_4000epochs_NoMirroring")
    add_weights(folder, 115, "craniofacial_structures", 0.5, ("mandible",), trainer="nnUNetTrainer_DASegOrd0_NoMirroring")
    for task_id, task, wanted in ((775, "head_glands_cavities", "parotid_gland_left"), (776, "headneck_bones_vessels", "hyoid")):
        names = {"trainer": "nnUNetTrainer_DASegOrd0_NoMirroring", "configuration": "3d_fullres_high"}
        add_weights(folder, task_id, task, 1.0, (wanted,), **names)
    add_weights(folder, 299, "body", 1.5, ("body_trunc",), trainer="nnUNetTrainer")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(folder))
    return folder


def add_weights(folder: Path, task_id: int, task: str, spacing: float, favoured: tuple[str, ...], **names: str) -> None:
    """Tiny weights where TotalSegmentator looks for those of a task."""
    classes = class_map[task]
    labels = ("background", *(classes[value] for value in sorted(classes)))
    data_set = TASK_ID_WEIGHTS_CONFIGS[task_id]["foldername"]
    model = f"{names['trainer']}__nnUNetPlans__{names.get('configuration', '3d_fullres')}"
    make_model(folder / data_set / model, labels, spacing, [labels.index(name) for name in favoured], **names)


@pytest.mark.parametrize(("task", "name"), list(zip(FREE_TASKS, ("mandible", "parotid_gland_left", "hyoid", "body_trunc"), strict=True)))
def test_a_free_task_of_totalsegmentator_gives_its_structures_on_the_cts_grid(weights, ct, task, name):
    segments = {segment.name: segment for segment in TotalSegmentator(tasks=(task,), device="cpu").segment(ct)}
    assert name in segments
    assert set(segments) <= {*class_map[task].values(), "body", "skin"}, "two more are made of the body's classes"
    grid = segments[name].mask.geometry
    assert grid.shape == ct.geometry.shape
    assert np.allclose(grid.corners(), ct.geometry.corners(), atol=1e-3)


def test_totalsegmentator_without_weights_and_network_is_a_failure(ct, tmp_path, monkeypatch):
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "empty"))
    with pytest.raises(ProviderError, match="ended with code"):
        TotalSegmentator(tasks=FREE_TASKS[:1], device="cpu").segment(ct)


def test_a_program_that_takes_too_long_makes_the_case_a_review(model, head):
    provider = NnUnetModel(model, device="cpu", timeout_s=0.5)
    result = deface(Request(head.ct, landmarks=head.landmarks, providers=(provider,)))
    assert result.verdict.value == "REVIEW"
    assert any("took longer than 0.5 s" in reason for reason in result.reasons)
