"""What lies in the way of a face on a CT: sheets, tubes, blocks, couches, streaks; drawn into resampled HU."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

STOMION, SELLION, MENTON = 2, 1, 4


def obstruct(hu: np.ndarray, points: np.ndarray, spacing: float, rng: np.random.Generator, upright: np.ndarray) -> np.ndarray:
    """``hu`` (k, j, i) with random foreign objects; ``points`` (N, 3) landmarks (k, j, i); ``upright`` takes target mm to head mm."""
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in hu.shape], indexing="ij")[::-1], -1) * np.float32(spacing)
    scale = np.cbrt(abs(np.linalg.det(upright)))
    head = (grid - points[STOMION, ::-1].astype(np.float32) * np.float32(spacing)) @ (upright / scale).T.astype(np.float32)
    hu = hu.copy()
    if rng.random() < 0.3:
        _sheet(hu, head, spacing, rng)
    if rng.random() < 0.18:
        _tube(hu, head, rng)
    if rng.random() < 0.15:
        _block(hu, head, rng)
    if rng.random() < 0.2:
        _couch(hu, head, rng)
    if rng.random() < 0.25:
        _streaks(hu, head, rng)
    return hu


def _sheet(hu: np.ndarray, head: np.ndarray, spacing: float, rng: np.random.Generator) -> None:
    """A thermoplastic sheet in front of the skin: touching it or up to 20 mm away, thinner than a voxel."""
    body = ndimage.binary_opening(hu > -300, iterations=1)
    distance = ndimage.distance_transform_edt(~ndimage.binary_closing(body, iterations=int(rng.integers(1, 6)))) * spacing
    away = rng.uniform(1, 20)
    sheet = (distance > away) & (distance <= away + spacing) & (head[..., 1] < rng.uniform(0, 60)) & (hu < -500)
    if rng.random() < 0.5:
        sheet &= rng.random(hu.shape) < rng.uniform(0.4, 0.9)
    np.maximum(hu, np.where(sheet, rng.uniform(-800, -100) + rng.normal(0, 80, hu.shape), -1000), out=hu)


def _tube(hu: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> None:
    """A breathing or feeding tube leaving the mouth or the nose."""
    start = np.array([rng.uniform(-12, 12), rng.uniform(0, 25), rng.choice([0.0, 25.0]) + rng.uniform(-6, 6)], dtype=np.float32)
    direction = np.array([rng.normal(0, 0.4), -1.0, rng.normal(0, 0.7)], dtype=np.float32)
    direction /= np.linalg.norm(direction)
    relative = head - start
    along = relative @ direction
    radius = np.sqrt(np.maximum((relative**2).sum(-1) - along**2, 0))
    outer = rng.uniform(2.5, 9)
    within = (along > -30) & (along < rng.uniform(20, 90)) & (radius < outer)
    hu[within] = rng.uniform(-100, 400)
    hu[within & (radius < outer - 4)] = -1000.0


def _block(hu: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> None:
    """A bite block between the lips, or a pad or bolus on the face."""
    centre = np.array([rng.uniform(-15, 15), rng.uniform(-15, 15), rng.uniform(-10, 10)], dtype=np.float32)
    size = rng.uniform(6, 22, 3).astype(np.float32)
    inside = (np.abs((head - centre) / size) < 1).all(-1) if rng.random() < 0.5 else (((head - centre) / size) ** 2).sum(-1) < 1
    hu[inside] = rng.uniform(-950, 350)


def _couch(hu: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> None:
    """A couch, a head rest or a cushion behind the head, or a box beside it."""
    axis, sign = (1, 1) if rng.random() < 0.7 else (0, int(rng.choice([-1, 1])))
    position = head[..., axis] * sign
    start = rng.uniform(120, 190) if axis == 1 else rng.uniform(75, 130)
    slab = (position > start) & (position < start + rng.uniform(8, 50)) & (hu < -500)
    hu[slab] = rng.uniform(-900, 0)


def _streaks(hu: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> None:
    """Metal streaks that radiate from a tooth in the axial plane, a few slices thick."""
    tooth = np.array([rng.uniform(-28, 28), rng.uniform(15, 50), rng.uniform(-10, 12)], dtype=np.float32)
    relative = head - tooth
    radius = np.hypot(relative[..., 0], relative[..., 1])
    angle = np.arctan2(relative[..., 1], relative[..., 0])
    waves = sum(np.cos(n * angle + rng.uniform(0, 6.3)) for n in rng.integers(3, 24, 4))
    fade = np.exp(-((relative[..., 2] / rng.uniform(4, 14)) ** 2)) / (1 + radius / rng.uniform(20, 60))
    hu += (rng.uniform(150, 900) * waves * fade).astype(np.float32)
    hu[(relative**2).sum(-1) < rng.uniform(2, 6) ** 2] = 3000.0
    np.maximum(hu, -1000, out=hu)
