"""A small 3-D U-Net in numpy: the layers, and the forward pass of the landmark network.

Arrays are channels-last float32 (k, j, i, C). Batch normalisation is already folded into weights and biases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Layer:
    """``weight``: (dk, dj, di, inputs, outputs) float32, contiguous; ``bias``: (outputs,)."""

    weight: np.ndarray
    bias: np.ndarray


Weights = dict[str, Layer]


def conv3(x: np.ndarray, layer: Layer) -> np.ndarray:
    """3x3x3 convolution with zero padding: nine matrix products over rows that hold the three neighbours along i.

    Rows are laid out with j and k padded, so that a step along j or k is a fixed offset of rows and nothing else is copied.
    """
    k, j, i, channels = x.shape
    padded = np.zeros((k + 2, j + 2, i, 3 * channels), dtype=np.float32)
    centre = padded[1:-1, 1:-1]
    centre[..., channels : 2 * channels] = x
    centre[:, :, 1:, :channels] = x[:, :, :-1]
    centre[:, :, :-1, 2 * channels :] = x[:, :, 1:]
    rows = padded.reshape(-1, 3 * channels)
    count = ((k - 1) * (j + 2) + j) * i
    total = np.empty((k * (j + 2) * i, layer.bias.size), dtype=np.float32)
    total[:] = layer.bias
    part = np.empty((count, layer.bias.size), dtype=np.float32)
    for dk in range(3):
        for dj in range(3):
            start = (dk * (j + 2) + dj) * i
            np.matmul(rows[start : start + count], layer.weight[dk, dj].reshape(3 * channels, -1), out=part)
            total[:count] += part
    return total.reshape(k, j + 2, i, -1)[:, :j]


def conv1(x: np.ndarray, layer: Layer) -> np.ndarray:
    """1x1x1 convolution."""
    return x @ layer.weight[0, 0, 0] + layer.bias


def halve(x: np.ndarray, layer: Layer) -> np.ndarray:
    """2x2x2 convolution with stride 2."""
    k, j, i, channels = x.shape
    cells = x.reshape(k // 2, 2, j // 2, 2, i // 2, 2, channels).transpose(0, 2, 4, 1, 3, 5, 6)
    return cells.reshape(k // 2, j // 2, i // 2, 8 * channels) @ layer.weight.reshape(8 * channels, -1) + layer.bias


def double(x: np.ndarray) -> np.ndarray:
    """Every cell repeated along the three axes."""
    return x.repeat(2, 0).repeat(2, 1).repeat(2, 2)


def relu(x: np.ndarray) -> np.ndarray:
    """Negative values to zero."""
    return np.maximum(x, 0)


def residual(x: np.ndarray, layer: Layer) -> np.ndarray:
    """A 3x3x3 convolution added to its input."""
    y = conv3(x, layer)
    y += x
    return np.maximum(y, 0, out=y)


def to_depth(x: np.ndarray) -> np.ndarray:
    """(C, 2k, 2j, 2i) to cells (k, j, i, 8 C) with channels in the order (c, dk, dj, di)."""
    c, k, j, i = x.shape
    x = x.reshape(c, k // 2, 2, j // 2, 2, i // 2, 2).transpose(1, 3, 5, 0, 2, 4, 6)
    return np.ascontiguousarray(x.reshape(k // 2, j // 2, i // 2, 8 * c), dtype=np.float32)


def from_depth(x: np.ndarray) -> np.ndarray:
    """Cells (k, j, i, 8 C) to (C, 2k, 2j, 2i)."""
    k, j, i, c = x.shape
    x = x.reshape(k, j, i, c // 8, 2, 2, 2).transpose(3, 0, 4, 1, 5, 2, 6)
    return x.reshape(c // 8, 2 * k, 2 * j, 2 * i)


def forward(x: np.ndarray, net: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Heat-map logits (L, k, j, i) and 'not in view' logits (L,) of input (C, k, j, i); sizes must be multiples of 8."""
    level_a = residual(relu(conv3(to_depth(x), net["stem"])), net["a1"])
    level_b = relu(halve(level_a, net["down_b"]))
    level_b = residual(residual(level_b, net["b1"]), net["b2"])
    level_c = relu(halve(level_b, net["down_c"]))
    level_c = residual(residual(level_c, net["c1"]), net["c2"])
    level_b = relu(level_b + double(conv1(level_c, net["up_b"])))
    level_b = residual(residual(level_b, net["b3"]), net["b4"])
    level_a = relu(level_a + double(conv1(level_b, net["up_a"])))
    level_a = residual(residual(level_a, net["a2"]), net["a3"])
    absent = conv1(level_c.max((0, 1, 2))[None, None, None], net["absent"]).ravel()
    return from_depth(conv1(level_a, net["head"])), absent


def unpack(weights: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> Layer:
    """A layer from int8 weights (dk, dj, di, inputs, outputs) with one scale per output."""
    return Layer(np.ascontiguousarray(weights.astype(np.float32) * scale.astype(np.float32)), bias.astype(np.float32))
