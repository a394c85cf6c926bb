"""A tissue of the phantom: a sculpture with a HU value, painted over what was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.geometry import Box
from .fields import Body, Step
from .grid import Grid, body_boxes, sculpt


@dataclass(frozen=True, eq=False)
class Tissue:
    """``name`` is given where the tissue is also handed out as a segment; ``depth_mm``: kept this far below the skin."""

    hu: float
    steps: tuple[Step, ...]
    depth_mm: float = 2.5
    name: str = ""


def tissue(hu: float, *bodies: Body, depth_mm: float = 2.5, name: str = "", blend_mm: float = 0.0) -> Tissue:
    """A tissue that is the (smooth) union of bodies."""
    return Tissue(hu, tuple(Step(body, blend_mm) for body in bodies), depth_mm, name)


def extent(grid: Grid, steps: Sequence[Step], margin_mm: float) -> list[Box]:
    """Boxes that hold the sculpture: one for each side where it is a mirrored pair, else one for all of it."""
    added = [step.body for step in steps if not step.cut]
    if len(added) == 1:
        return body_boxes(grid, added[0], margin_mm)
    boxes = [box for body in added for box in body_boxes(grid, body, margin_mm)]
    if not boxes:
        return []
    start = tuple(min(box.start[a] for box in boxes) for a in range(3))
    stop = tuple(max(box.stop[a] for box in boxes) for a in range(3))
    return [Box(start, stop)]


def coverage(distance_mm: np.ndarray, edge_mm: float) -> np.ndarray:
    """Share (0..1) of each voxel inside a surface at the given distance: the scanner's partial volume."""
    return np.clip(np.float32(0.5) - distance_mm * np.float32(1 / edge_mm), 0, 1)


def blend(hu: np.ndarray, value: float | np.ndarray, share: np.ndarray) -> None:
    """Paint ``value`` over the share of each voxel, in place."""
    hu += share * (value - hu)


def paint(hu: np.ndarray, grid: Grid, skin_mm: np.ndarray, made: Tissue) -> None:
    """Paint a tissue into the HU array (k, j, i), in place, no nearer to the skin than it may be."""
    for box in extent(grid, made.steps, 2 * grid.edge_mm):
        distance = np.maximum(sculpt(grid, made.steps, box), skin_mm[box.slices] + np.float32(made.depth_mm))
        blend(hu[box.slices], made.hu, coverage(distance, grid.edge_mm))


def mask(grid: Grid, skin_mm: np.ndarray, made: Tissue) -> np.ndarray:
    """The voxels (bool, (k, j, i)) whose centre lies in a tissue."""
    out = np.zeros(grid.geometry.shape, dtype=bool)
    for box in extent(grid, made.steps, 2 * grid.edge_mm):
        out[box.slices] |= np.maximum(sculpt(grid, made.steps, box), skin_mm[box.slices] + np.float32(made.depth_mm)) < 0
    return out
