"""Models in nnU-Net's own format, as its training leaves them, but tiny and with random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet

FEATURES = (4, 8)
PATCH = (64, 64, 64)
_RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}


def make_model(folder: Path, labels: Sequence[str], spacing_mm: float, favoured: Sequence[int] = (), **names: str) -> Path:
    """Write dataset.json, plans.json and fold_0/checkpoint_final.pth; returns the folder.

    ``labels`` begins with the background. The output channels in ``favoured`` are raised, so that these labels occur.
    ``names`` may give the ``trainer`` and the ``configuration``.
    """
    trainer, configuration = names.get("trainer", "nnUNetTrainer"), names.get("configuration", "3d_fullres")
    (folder / "fold_0").mkdir(parents=True)
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": {name: value for value, name in enumerate(labels)},
        "numTraining": 1,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "SimpleITKIO",
    }
    (folder / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    (folder / "plans.json").write_text(json.dumps(_plans(configuration, spacing_mm)), encoding="utf-8")
    checkpoint = {
        "network_weights": _weights(len(labels), favoured),
        "init_args": {"configuration": configuration, "fold": 0},
        "trainer_name": trainer,
        "inference_allowed_mirroring_axes": None,
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
    return folder


def _architecture() -> dict[str, object]:
    return {
        "n_stages": 2,
        "features_per_stage": list(FEATURES),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * 2,
        "strides": [[1, 1, 1], [2, 2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }


def _weights(outputs: int, favoured: Sequence[int]) -> dict[str, torch.Tensor]:
    """Random weights of the network that the plans describe."""
    torch.manual_seed(0)
    known = {
        "torch.nn.modules.conv.Conv3d": torch.nn.Conv3d,
        "torch.nn.modules.instancenorm.InstanceNorm3d": torch.nn.InstanceNorm3d,
        "torch.nn.LeakyReLU": torch.nn.LeakyReLU,
    }
    arguments = {key: known.get(value, value) if isinstance(value, str) else value for key, value in _architecture().items()}
    network = PlainConvUNet(input_channels=1, num_classes=outputs, deep_supervision=False, **arguments)
    weights = network.state_dict()
    biases = [key for key in weights if "seg_layers" in key and key.endswith("bias")]
    for key in biases:
        weights[key][list(favoured)] += 3.0
    return weights


def _plans(configuration: str, spacing_mm: float) -> dict[str, object]:
    resampling = "resample_data_or_seg_to_shape"
    own = {
        "data_identifier": f"nnUNetPlans_{configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(PATCH),
        "median_image_size_in_voxels": list(PATCH),
        "spacing": [spacing_mm] * 3,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": resampling,
        "resampling_fn_seg": resampling,
        "resampling_fn_data_kwargs": _RESAMPLING,
        "resampling_fn_seg_kwargs": {**_RESAMPLING, "is_seg": True},
        "resampling_fn_probabilities": resampling,
        "resampling_fn_probabilities_kwargs": _RESAMPLING,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": _architecture(),
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": False,
    }
    intensities = {
        "mean": 0.0,
        "std": 400.0,
        "median": 0.0,
        "min": -1024.0,
        "max": 3000.0,
        "percentile_00_5": -1000.0,
        "percentile_99_5": 1500.0,
    }
    return {
        "dataset_name": "Dataset001_Tiny",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [spacing_mm] * 3,
        "original_median_shape_after_transp": list(PATCH),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {configuration: own},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }
