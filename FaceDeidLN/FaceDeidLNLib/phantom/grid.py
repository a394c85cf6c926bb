"""The voxel grid that looks at the head, and the head's own axes.

Head frame, mm: x to the patient's left, y to the back, z to the top; the origin is midway between the ear canals and
z = 0 is the Frankfort plane. An upright head has the axes of LPS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.geometry import Box, Geometry
from .fields import FAR_MM, Body, Points, Step, apply

#: Slices worked on at once: small enough that the numbers stay in the processor's cache.
SLAB_VOXELS = 400_000
#: Over how many mm a sharp edge rises in the picture: a soft-tissue kernel.
SCANNER_EDGE_MM = 2.0


@dataclass(frozen=True, eq=False)
class Grid:
    """A voxel grid and the 4x4 affine that takes the head frame to LPS mm (rotation, one scale, shift)."""

    geometry: Geometry
    head_to_lps: np.ndarray

    @cached_property
    def ijk_to_head(self) -> np.ndarray:
        """4x4 affine from voxel index to head frame."""
        return np.linalg.inv(self.head_to_lps) @ self.geometry.ijk_to_lps

    @cached_property
    def scale(self) -> float:
        """LPS mm per mm of the head frame."""
        return float(abs(np.linalg.det(self.head_to_lps[:3, :3])) ** (1 / 3))

    @cached_property
    def edge_mm(self) -> float:
        """Width of an edge in the head frame: the scanner's blur or the voxel, whichever is larger."""
        return max(SCANNER_EDGE_MM, 1.1 * self.geometry.voxel_mm3 ** (1 / 3)) / self.scale

    def to_lps(self, head: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of head-frame points (N, 3)."""
        return np.atleast_2d(head) @ self.head_to_lps[:3, :3].T + self.head_to_lps[:3, 3]

    def box(self, low: Sequence[float], high: Sequence[float]) -> Box:
        """The voxels inside a box of the head frame."""
        corners = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
        return self.geometry.box_around(self.to_lps(corners))

    @property
    def whole(self) -> Box:
        """All voxels."""
        return Box((0, 0, 0), tuple(self.geometry.shape))

    def points(self, box: Box) -> Points:
        """Head-frame positions of the voxels of a box; three vectors where the head stands along the grid."""
        m = self.ijk_to_head.astype(np.float32)
        k, j, i = np.ogrid[box.slices]
        index = [v.astype(np.float32) for v in (i, j, k)]
        straight = np.allclose(m[:3, :3], np.diag(np.diag(m[:3, :3])), atol=1e-6)
        if straight:
            return Points(*(m[a, a] * index[a] + m[a, 3] for a in range(3)))
        return Points(*(m[a, 0] * index[0] + m[a, 1] * index[1] + m[a, 2] * index[2] + m[a, 3] for a in range(3)))

    def slabs(self, box: Box) -> Iterator[Box]:
        """The box in runs of slices."""
        _, rows, columns = box.shape
        step = max(1, SLAB_VOXELS // max(1, rows * columns))
        for first in range(box.start[0], box.stop[0], step):
            last = min(first + step, box.stop[0])
            yield Box((first, *box.start[1:]), (last, *box.stop[1:]))


def body_boxes(grid: Grid, body: Body, margin_mm: float) -> list[Box]:
    """The voxel boxes that hold a body (and its mirror image) and a margin."""
    return [box for low, high in body.boxes(margin_mm) if min((box := grid.box(low, high)).shape) > 0]


def sculpt(grid: Grid, steps: Sequence[Step], box: Box | None = None) -> np.ndarray:
    """Signed distance in head mm (float32) of a sculpture on the voxels of ``box`` (the whole grid by default).

    A body is only evaluated where it, or the fillet of a later step, can matter; farther away the distance stays at
    ``FAR_MM`` or at that of its neighbours. So large bodies with wide fillets come first.
    """
    box = grid.whole if box is None else box
    out = np.full(box.shape, FAR_MM, dtype=np.float32)
    reach = np.maximum.accumulate([step.blend_mm for step in steps][::-1])[::-1]
    for step, later in zip(steps, reach, strict=True):
        margin = 2 * grid.edge_mm + (step.blend_mm if step.cut else later + 8.0)
        for found in body_boxes(grid, step.body, margin):
            part = _common(found, box)
            if min(part.shape) <= 0:
                continue
            for slab in grid.slabs(part):
                view = out[tuple(slice(a - o, b - o) for a, b, o in zip(slab.start, slab.stop, box.start, strict=True))]
                view[...] = apply(step, view, grid.points(slab))
    return out


def _common(a: Box, b: Box) -> Box:
    start = tuple(max(p, q) for p, q in zip(a.start, b.start, strict=True))
    stop = tuple(max(s, min(p, q)) for s, p, q in zip(start, a.stop, b.stop, strict=True))
    return Box(start, stop)
