"""The grids on which the landmark network works: sampling a CT onto them, and reading positions from heat maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.geometry import Geometry
from ...core.volume import AIR_HU, Volume, block_mean, resample
from .shape import HeadFrame


@dataclass(frozen=True, eq=False)
class Stage:
    """A grid: ``shape`` (k, j, i) voxels of ``spacing`` mm around ``centre`` (x, y, z) mm; ``window`` voxels around a peak are averaged."""

    shape: tuple[int, int, int]
    spacing: float
    centre: np.ndarray
    window: int


#: Head and neck along the patient axes (training size; at run time the grid covers the whole body).
COARSE = Stage((40, 32, 40), 10.0, np.zeros(3), 2)
#: The face from brow to neck, in the head frame.
FINE = Stage((56, 48, 48), 4.0, np.array([0.0, 8.0, -14.0]), 3)
#: Grid sizes must be multiples of this for the three levels of the network.
MULTIPLE = 8
#: Tissue and couch are denser than this.
BODY_HU = -400.0
#: A head holds bone: at least this many voxels of the reduced CT above these HU.
BONE_HU, BONE_VOXELS = 150.0, 30
#: A voxel finer than this is skipped, not averaged, before anything else (0.5 mm scans hold eight times the voxels needed).
FINEST_MM = 1.25
#: Longest side in mm of the coarse grid: it holds the tallest person from head to foot, and no more where a header says more.
LONGEST_MM = 2400.0


@dataclass(frozen=True, eq=False)
class Reading:
    """Peaks of heat maps: ``positions`` (L, 3) LPS mm, probability ``mass`` (L,) around each peak, and ``absent`` (L,)."""

    positions: np.ndarray
    mass: np.ndarray
    absent: np.ndarray


def thinned(ct: Volume, finest_mm: float = FINEST_MM) -> Volume:
    """The CT with every other (third, ...) voxel along axes that are sampled finer than needed; a view, nothing is computed."""
    steps = [max(1, int(finest_mm / s)) for s in ct.geometry.sampling]
    array = ct.array[tuple(slice(None, None, s) for s in steps)]
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:3, :3] = matrix[:3, :3] * np.asarray(steps[::-1], dtype=float)
    return Volume(array, Geometry(array.shape, matrix))


def reduced(ct: Volume, finest_mm: float = FINEST_MM) -> Volume:
    """The CT averaged to about the fine spacing, with values below air (padding) set to air, as float32."""
    small = block_mean(thinned(ct, finest_mm), FINE.spacing)
    array = np.nan_to_num(small.array.astype(np.float32), nan=AIR_HU)
    return Volume(np.clip(array, AIR_HU, 3000.0), small.geometry)


def channels(hu: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Network input (3, k, j, i): a soft-tissue window, a bone window, and 1 inside the field of view."""
    soft = np.clip(hu, -1000, 200) / 600 + 2 / 3
    bone = np.clip(hu, -100, 1500) / 800
    return np.stack([soft, bone, inside]).astype(np.float32)


def sampled(ct: Volume, grid: Geometry) -> np.ndarray:
    """Network input of ``ct`` on ``grid``."""
    step = np.linalg.inv(ct.geometry.ijk_to_lps) @ grid.ijk_to_lps
    inside = np.ones(grid.shape, dtype=bool)
    index = [np.arange(n) for n in grid.shape]
    for axis, size in enumerate(ct.array.shape[::-1]):
        k, j, i = (step[axis, 2 - n] * index[n] for n in range(3))
        along = k[:, None, None] + j[:, None] + i + step[axis, 3]
        inside &= (along >= -0.5) & (along <= size - 0.5)
    return channels(resample(ct, grid).array, inside)


def head_grid(frame: HeadFrame, scale: float = 1.0, mirror: bool = False) -> Geometry:
    """The fine grid in a head frame, ``scale`` times as large, with x reversed where ``mirror``."""
    axes = frame.axes * scale * np.array([-1.0 if mirror else 1.0, 1.0, 1.0])
    first = FINE.centre - (np.array(FINE.shape[::-1]) - 1) / 2 * FINE.spacing
    matrix = np.eye(4)
    matrix[:3, :3] = axes * FINE.spacing
    matrix[:3, 3] = frame.origin + axes @ first
    return Geometry(FINE.shape, matrix)


def body_grid(ct: Volume) -> Geometry | None:
    """The coarse grid along the patient axes over everything denser than air; None where there is no bone and so no head."""
    if np.count_nonzero(ct.array > BONE_HU) < BONE_VOXELS:
        return None
    small = block_mean(ct, COARSE.spacing)
    dense = np.argwhere(small.array > BODY_HU)
    if len(dense) == 0:
        return None
    corners = np.array(np.meshgrid(*zip(dense.min(0), dense.max(0), strict=True), indexing="ij")).reshape(3, -1).T
    lps = small.geometry.to_lps(corners)
    low, high = lps.min(0), lps.max(0)
    size = np.minimum((high - low) / COARSE.spacing + 1, LONGEST_MM / COARSE.spacing)
    size = np.maximum(np.ceil((size + 2) / MULTIPLE), 3).astype(int) * MULTIPLE
    matrix = np.diag([COARSE.spacing] * 3 + [1.0])
    matrix[:3, 3] = (low + high) / 2 - (size - 1) / 2 * COARSE.spacing
    return Geometry(tuple(int(n) for n in size[::-1]), matrix)


def read_heat(heat: np.ndarray, absent: np.ndarray, grid: Geometry, window: int) -> Reading:
    """Positions from heat-map logits (L, k, j, i) and 'absent' logits (L,): the centre of mass around the highest voxel."""
    flat = heat.reshape(len(heat), -1)
    peak = np.maximum(flat.max(1), absent)
    chance = np.exp(flat - peak[:, None])
    none = np.exp(absent - peak)
    total = chance.sum(1) + none
    found = [_around(chance[n].reshape(heat.shape[1:]), window) for n in range(len(heat))]
    kji = np.array([where for where, _ in found])
    mass = np.array([amount for _, amount in found]) / total
    return Reading(grid.to_lps(kji), mass, none / total)


def _around(chance: np.ndarray, window: int) -> tuple[np.ndarray, float]:
    """Centre of mass (k, j, i) and mass in a cube around the highest voxel, which is moved onto the centre of mass twice."""
    where = np.array(np.unravel_index(int(chance.argmax()), chance.shape), dtype=float)
    mass = 0.0
    for _ in range(3):
        low = np.maximum(np.round(where).astype(int) - window, 0)
        high = np.minimum(np.round(where).astype(int) + window + 1, chance.shape)
        part = chance[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        mass = float(part.sum())
        sums = (part.sum((1, 2)), part.sum((0, 2)), part.sum((0, 1)))
        where = np.array([(s * np.arange(a, b)).sum() for s, a, b in zip(sums, low, high, strict=True)]) / max(mass, 1e-30)
    return where, mass
