"""The landmark network in torch; ``FaceDeidLNLib.anatomy.landmark.layers`` runs the same network in numpy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS_IN = 3
LANDMARKS = 11


def conv_norm(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution with batch normalisation, which is folded into the weights afterwards."""
    padding = size // 2 if stride == 1 else 0
    return nn.Sequential(nn.Conv3d(inputs, outputs, size, stride, padding, bias=False), nn.BatchNorm3d(outputs))


def to_depth(x: Tensor) -> Tensor:
    """(B, C, 2k, 2j, 2i) to (B, 8 C, k, j, i): the eight voxels of a cell become channels (c, dk, dj, di)."""
    b, c, k, j, i = x.shape
    x = x.reshape(b, c, k // 2, 2, j // 2, 2, i // 2, 2)
    return x.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, c * 8, k // 2, j // 2, i // 2)


def from_depth(x: Tensor) -> Tensor:
    """The inverse of ``to_depth``."""
    b, c, k, j, i = x.shape
    x = x.reshape(b, c // 8, 2, 2, 2, k, j, i)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, c // 8, k * 2, j * 2, i * 2)


class LandmarkNet(nn.Module):
    """A three-level U-Net on cells of 2^3 voxels with one heat map per landmark at voxel size, and one 'not in view' logit each."""

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        a, b, c = widths
        self.layers = nn.ModuleDict(
            {
                "stem": conv_norm(CHANNELS_IN * 8, a),
                "a1": conv_norm(a, a),
                "down_b": conv_norm(a, b, 2, 2),
                "b1": conv_norm(b, b),
                "b2": conv_norm(b, b),
                "down_c": conv_norm(b, c, 2, 2),
                "c1": conv_norm(c, c),
                "c2": conv_norm(c, c),
                "up_b": conv_norm(c, b, 1),
                "b3": conv_norm(b, b),
                "b4": conv_norm(b, b),
                "up_a": conv_norm(b, a, 1),
                "a2": conv_norm(a, a),
                "a3": conv_norm(a, a),
            }
        )
        self.head = nn.Conv3d(a, LANDMARKS * 8, 1)
        self.absent = nn.Linear(c, LANDMARKS)

    def _residual(self, x: Tensor, name: str) -> Tensor:
        return F.relu(x + self.layers[name](x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Heat-map logits (B, 11, k, j, i) and absence logits (B, 11) of input (B, 3, k, j, i)."""
        x = to_depth(x).contiguous(memory_format=torch.channels_last_3d)
        level_a = self._residual(F.relu(self.layers["stem"](x)), "a1")
        level_b = F.relu(self.layers["down_b"](level_a))
        level_b = self._residual(self._residual(level_b, "b1"), "b2")
        level_c = F.relu(self.layers["down_c"](level_b))
        level_c = self._residual(self._residual(level_c, "c1"), "c2")
        up = F.interpolate(self.layers["up_b"](level_c), scale_factor=2, mode="nearest")
        level_b = self._residual(self._residual(F.relu(level_b + up), "b3"), "b4")
        up = F.interpolate(self.layers["up_a"](level_b), scale_factor=2, mode="nearest")
        level_a = self._residual(self._residual(F.relu(level_a + up), "a2"), "a3")
        return from_depth(self.head(level_a)).float(), self.absent(level_c.float().amax((2, 3, 4)))


def _axis_gauss(size: int, centre: Tensor, sigma: float) -> Tensor:
    """Normalised Gaussian (B, L, size) around ``centre`` (B, L), in voxels."""
    grid = torch.arange(size, dtype=torch.float32)
    weight = torch.exp(-0.5 * ((grid - centre[..., None]) / sigma) ** 2) + 1e-12
    return weight / weight.sum(-1, keepdim=True)


class _SpatialCrossEntropy(torch.autograd.Function):
    """Cross-entropy (B, L) over voxels and 'absent' with the gradient written out, which spares most of the memory traffic."""

    @staticmethod
    def forward(ctx, heat: Tensor, absent: Tensor, axes: tuple[Tensor, Tensor, Tensor], seen: Tensor) -> Tensor:  # noqa: ANN001
        flat = heat.detach().flatten(2)
        peak = torch.maximum(flat.amax(2), absent.detach())
        chance = (flat - peak[..., None]).exp_()
        none = (absent.detach() - peak).exp()
        total = chance.sum(2) + none
        chance.div_(total[..., None])
        k, j, i = axes
        expected = torch.einsum("blkj,blk,blj->bl", torch.einsum("blkji,bli->blkj", heat.detach(), i), k, j)
        ctx.save_for_backward(chance.view_as(heat), none / total, seen, *axes)
        return peak + total.log() - torch.where(seen > 0, expected, absent.detach())

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        chance, none, seen, k, j, i = ctx.saved_tensors
        b, c, depth, height, width = chance.shape
        plane = torch.einsum("blk,blj->blkj", k, j) * seen[..., None, None]
        chance = torch.baddbmm(chance.view(b * c, depth * height, width), plane.view(b * c, -1, 1), i.view(b * c, 1, -1), alpha=-1)
        chance = chance.view(b, c, depth, height, width).mul_(grad[..., None, None, None])
        return chance, grad * (none - (1 - seen)), None, None


def spatial_loss(heat: Tensor, absent: Tensor, points: Tensor, state: Tensor, sigma: float) -> Tensor:
    """Mean cross-entropy of the distribution over all voxels and 'absent' against a Gaussian of ``sigma`` voxels at the truth."""
    axes = tuple(_axis_gauss(n, points[..., axis], sigma) for axis, n in enumerate(heat.shape[2:]))
    loss = _SpatialCrossEntropy.apply(heat, absent, axes, (state == 1).float())
    known = state >= 0
    return (loss * known).sum() / known.sum()
