"""Training of one network of one fold from a pool of augmented samples."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from FaceDeidLNLib.anatomy.landmark.shape import MIRROR
from torch import Tensor

from .network import LandmarkNet, spatial_loss

WIDTHS = {"coarse": (16, 32, 48), "fine": (24, 40, 56)}
BATCH = 6
#: Width of the Gaussian around the truth, in voxels.
SIGMA = {"coarse": 0.9, "fine": 1.1}


class Pool:
    """Samples of the patients ``rows`` from all shards (one row per patient in each shard)."""

    def __init__(self, folder: Path, rows: np.ndarray) -> None:
        shards = [np.load(path) for path in sorted(folder.glob("s*.npz"))]
        self.hu = np.concatenate([s["hu"][rows] for s in shards])
        shape = (-1, *self.hu.shape[1:])
        self.inside = np.concatenate([np.unpackbits(s["inside"]).reshape(shape)[rows] for s in shards])
        self.points = np.concatenate([s["points"][rows] for s in shards])
        self.state = np.concatenate([s["state"][rows] for s in shards])

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Network input, points and states with noise, intensity changes and mirroring drawn anew."""
        hu = self.hu[rows].astype(np.float32) * 10 - 1000
        blank = hu < -990
        for image in hu:
            if rng.random() < 0.5:
                image += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(5, 90))
            image *= np.float32(rng.uniform(0.93, 1.07))
            image += np.float32(rng.uniform(-25, 25))
        hu[blank] = np.minimum(hu[blank], -900)
        inside, points, state = self.inside[rows].astype(np.float32), self.points[rows].copy(), self.state[rows].copy()
        for n in np.flatnonzero(rng.random(len(rows)) < 0.5):
            hu[n], inside[n] = hu[n][..., ::-1].copy(), inside[n][..., ::-1].copy()
            points[n] = points[n][list(MIRROR)]
            points[n, :, 2] = hu.shape[-1] - 1 - points[n, :, 2]
            state[n] = state[n][list(MIRROR)]
        return network_input(hu, inside), torch.from_numpy(points), torch.from_numpy(state)


def network_input(hu: np.ndarray, inside: np.ndarray) -> Tensor:
    """The three input channels; the same as ``landmark_net.channels``."""
    soft = np.clip(hu, -1000, 200) / 600 + 2 / 3
    bone = np.clip(hu, -100, 1500) / 800
    return torch.from_numpy(np.stack([soft, bone, inside], 1).astype(np.float32))


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Endless random batches of row numbers without repetition inside a round."""
    while True:
        order = rng.permutation(count)
        yield from (order[n : n + size] for n in range(0, count - size + 1, size))


def train(stage: str, pool: Pool, steps: int, start: dict | None, seed: int, rate: float = 3e-3) -> LandmarkNet:
    """Train for ``steps`` batches with a cosine learning rate; ``start`` continues earlier weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = LandmarkNet(WIDTHS[stage]).to(memory_format=torch.channels_last_3d)
    if start:
        net.load_state_dict(start)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    begun, losses = time.time(), []
    for step, rows in zip(range(1, steps + 1), batches(len(pool.hu), BATCH, rng), strict=False):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, step / 50) * (0.5 * (1 + np.cos(np.pi * step / steps)) + 0.005)
        x, points, state = pool.batch(rows, rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            heat, absent = net(x)
        loss = spatial_loss(heat, absent, points, state, SIGMA[stage])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"{stage} {step} {time.time() - begun:.0f}s loss {np.mean(losses[-50:]):.3f}", flush=True)
    return net


def main() -> None:
    """Train one network of one fold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=sorted(WIDTHS))
    parser.add_argument("pool", type=Path)
    parser.add_argument("fold", type=int)
    parser.add_argument("steps", type=int)
    parser.add_argument("output", type=Path)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--patients", type=int, default=60)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = np.flatnonzero(np.arange(args.patients) % 3 != args.fold)
    net = train(args.stage, Pool(args.pool, rows), args.steps, torch.load(args.start) if args.start else None, args.fold, args.rate)
    torch.save(net.state_dict(), args.output)


if __name__ == "__main__":
    main()
