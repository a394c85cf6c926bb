"""Pack trained networks for numpy: batch normalisation folded in, weights as 7-bit integers with a scale per output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

#: Weights are whole numbers up to this: finer steps change nothing that can be measured and compress worse.
LEVELS = 63


def _folded(state: dict[str, torch.Tensor], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight (outputs, inputs, dk, dj, di) and bias of a convolution and its normalisation."""
    key = f"layers.{name}"
    weight = state[f"{key}.0.weight"].double()
    gain = state[f"{key}.1.weight"].double() / torch.sqrt(state[f"{key}.1.running_var"].double() + 1e-5)
    bias = state[f"{key}.1.bias"].double() - gain * state[f"{key}.1.running_mean"].double()
    return (weight * gain[:, None, None, None, None]).numpy(), bias.numpy()


def packed(state: dict[str, torch.Tensor], prefix: str) -> dict[str, np.ndarray]:
    """Arrays ``prefix/layer/{w,s,b}`` of one network."""
    names = sorted({key.split(".")[1] for key in state if key.startswith("layers.")})
    layers = {name: _folded(state, name) for name in names}
    layers["head"] = (state["head.weight"].numpy(), state["head.bias"].numpy())
    layers["absent"] = (state["absent.weight"].numpy()[:, :, None, None, None], state["absent.bias"].numpy())
    arrays = {}
    for name, (weight, bias) in layers.items():
        weight = weight.transpose(2, 3, 4, 1, 0)
        scale = np.abs(weight).max((0, 1, 2, 3)) / LEVELS + 1e-12
        arrays[f"{prefix}/{name}/w"] = np.round(weight / scale).astype(np.int8)
        arrays[f"{prefix}/{name}/s"] = scale.astype(np.float32)
        arrays[f"{prefix}/{name}/b"] = bias.astype(np.float32)
    return arrays


def export(members: list[tuple[Path, Path, list[str]]], calibration: dict[str, np.ndarray], output: Path) -> None:
    """Write the ensemble: for each member its coarse and fine checkpoint and the patients that it was trained on."""
    arrays = {f"calibration/{name}": value for name, value in calibration.items()}
    for number, (coarse, fine, patients) in enumerate(members):
        arrays |= packed(torch.load(coarse), f"{number}/coarse") | packed(torch.load(fine), f"{number}/fine")
        arrays[f"{number}/patients"] = np.array(patients)
    np.savez_compressed(output, **arrays)
