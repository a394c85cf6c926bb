"""What is on a scan and not the patient: couch, head rest, mask sheet, breathing tube, metal streaks, noise."""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy import ndimage

from .bones import ALVEOLAR
from .fields import rope
from .grid import Grid
from .tissue import Tissue, blend, coverage, tissue

COUCH_HU, FOAM_HU, SHEET_HU, TUBE_HU, METAL_HU = 20.0, -940.0, 0.0, 350.0, 3071.0
#: Top of the couch and of the head rest (LPS y), thickness of the couch's shell.
COUCH_TOP_MM, REST_TOP_MM, COUCH_SHELL_MM = 105.0, 72.0, 2.5


def paint_couch(hu: np.ndarray, grid: Grid, skin_mm: np.ndarray) -> None:
    """A hollow curved couch shell filled with foam, and a foam head rest with a hollow for the head, in place."""
    edge = grid.edge_mm * grid.scale
    x, y, z = _line(grid, 0)[None, None, :], _line(grid, 1)[None, :, None], _line(grid, 2)[:, None, None]
    top = COUCH_TOP_MM - 18.0 * (x / 200.0) ** 2 - y
    rest = np.maximum(np.maximum(REST_TOP_MM - y, np.abs(x) - 92.0), np.abs(z - 35.0) - 75.0)
    first = int(np.searchsorted(y.ravel(), REST_TOP_MM - 5))
    for slab in grid.slabs(grid.whole):
        rows = (slab.slices[0], slice(first, None), slice(None))
        free = coverage(-skin_mm[rows], grid.edge_mm)
        part = hu[rows]
        blend(part, FOAM_HU, coverage(rest[slab.slices[0], first:], edge) * free)
        blend(part, COUCH_HU, coverage(top[:, first:], edge) * free)
        blend(part, FOAM_HU, coverage(top[:, first:] + COUCH_SHELL_MM, edge) * free)


def _line(grid: Grid, axis: int) -> np.ndarray:
    """LPS mm of the voxels along one axis of the (upright) scanner grid."""
    m = grid.geometry.ijk_to_lps
    return (m[axis, 3] + m[axis, axis] * np.arange(grid.geometry.shape[2 - axis])).astype(np.float32)


def paint_sheet(hu: np.ndarray, grid: Grid, skin_mm: np.ndarray) -> None:
    """A perforated thermoplastic sheet 2.4 mm thick, about 3 mm in front of the face, in place."""
    p = grid.points(grid.whole)
    holes = np.sin(p.x * 0.9) * np.sin(p.z * 0.9) - 0.35
    sheet = _all_of(np.abs(skin_mm - 4.5) - 1.2, p.y + 5, -p.z - 115, p.z - 75, holes * 2)
    blend(hu, SHEET_HU, coverage(sheet, grid.edge_mm) * (skin_mm > 0.5))


def _all_of(*distances: np.ndarray) -> np.ndarray:
    """Distance of what lies in all of the bodies."""
    return reduce(np.maximum, distances)


def tube() -> tuple[Tissue, ...]:
    """A breathing tube from in front of the mouth into the trachea: wall, then its bore."""
    path = [(6, -150, -66), (6, -100, -58), (3, -60, -48), (0, -22, -62), (0, -15, -92), (0, -12, -122), (0, -4, -160)]
    return (
        tissue(TUBE_HU, rope(path, [5.5] * 7, 20), depth_mm=-80),
        tissue(-1000.0, rope(path, [3.6] * 7, 20), depth_mm=-80),
    )


def paint_metal(hu: np.ndarray, grid: Grid, rng: np.random.Generator) -> None:
    """Four metal fillings with bright and dark streaks that run through the slices of the teeth, in place."""
    fillings = [(s * ALVEOLAR[n][0], ALVEOLAR[n][1], -54.0) for s, n in ((1, 3), (-1, 4), (1, 4), (-1, 3))]
    box = grid.box((-130, -140, -68), (130, 60, -42))
    p, part = grid.points(box), hu[box.slices]
    outside = part < -300
    for x, y, z in fillings:
        dx, dy, dz = p.x - x, p.y - y, p.z - z
        radius, angle = np.sqrt(dx * dx + dy * dy), np.arctan2(dy, dx)
        waves = sum(np.sin(n * angle + rng.uniform(0, 6.3)) for n in (7, 11, 17, 23))
        part += 180 * waves * np.exp(-radius / 45 - (dz / 6) ** 2) * np.where(outside, 0.5, 1.0)
        blend(part, METAL_HU, coverage(np.sqrt(radius**2 + dz * dz) - 3.0, grid.edge_mm))


def add_noise(hu: np.ndarray, sigma_hu: float, rng: np.random.Generator) -> None:
    """Noise with the short in-slice correlation of a soft kernel and the given standard deviation, in place."""
    if sigma_hu <= 0:
        return
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    for axis in (1, 2):
        noise = ndimage.correlate1d(noise, [0.2, 0.6, 0.2], axis=axis, mode="nearest")
    hu += noise * np.float32(sigma_hu / 0.44)
