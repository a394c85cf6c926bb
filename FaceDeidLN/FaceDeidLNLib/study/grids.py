"""The voxels of a grid that lie in the face region, with what the face says of each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.by_parts import by_parts
from ..core.geometry import Box, Geometry
from ..core.segment import flat, unflat
from ..input.plausible import VOXEL_MM
from .family import DoubtError
from .hidden import HiddenFace

#: Directions of rows and columns are perpendicular unit vectors to this.
_UPRIGHT = 0.01


@dataclass(frozen=True, eq=False)
class RegionVoxels:
    """Voxels ``at`` (N, 3) in array order: depth (mm) below the old skin (``before``), the new one (``after``) and the veil."""

    at: np.ndarray
    before: np.ndarray
    after: np.ndarray
    below_veil: np.ndarray

    @property
    def index(self) -> tuple[np.ndarray, ...]:
        """For indexing an array of the grid."""
        return tuple(self.at.T)


def require_sound_grid(name: str, grid: Geometry, axes: np.ndarray) -> None:
    """Numbers say where a grid lies, and its voxels are of a millimetre's order; ``axes`` (2, 3): the directions it was made of.

    :raises DoubtError: one that lies nowhere, or is shrunk, meets no face, and would leave as it came.
    """
    if not (np.isfinite(grid.ijk_to_lps).all() and np.allclose(axes @ axes.T, np.eye(2), atol=_UPRIGHT)):
        raise DoubtError(
            f"nobody knows where {name} lies: a place, direction or distance in its header is missing or wrong, export it again"
        )
    if not all(VOXEL_MM[0] <= step <= VOXEL_MM[1] for step in grid.spacing):
        raise DoubtError(f"the voxels of {name} are {' x '.join(f'{step:g}' for step in grid.spacing)} mm wide: export it again")


def moved(geometry: Geometry, matrix: np.ndarray) -> Geometry:
    """A grid in the LPS mm of another frame of reference, to which ``matrix`` (4, 4) leads."""
    return Geometry(geometry.shape, matrix @ geometry.ijk_to_lps)


def region_voxels(
    hidden: HiddenFace, grid: Geometry, margin_mm: float = 0.0, spared: Callable[[HiddenFace, Geometry], np.ndarray] = HiddenFace.spared_on
) -> RegionVoxels:
    """The voxels of ``grid`` in the region or within ``margin_mm`` of it, without those that are ``spared``: protected and node levels."""
    box, part, voxels = _reached(hidden, grid, margin_mm, spared)
    if not len(voxels):
        return RegionVoxels(np.zeros((0, 3), dtype=int), *(np.zeros(0),) * 3)

    def told(of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return by_parts(lambda some: of(part.to_lps(unflat(some, part.shape))), voxels)

    depths = told(hidden.depth_before), told(hidden.depth_after), told(hidden.below_veil)
    return RegionVoxels(_from(box, part, voxels), *depths)


def depths_near(hidden: HiddenFace, grid: Geometry, margin_mm: float, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of the voxels that ``region_voxels`` gives the depth (N,) in mm below the old skin alone, and what ``arrays`` of the grid hold."""
    box, part, voxels = _reached(hidden, grid, margin_mm, HiddenFace.spared_on)
    depths = by_parts(lambda some: hidden.depth_before(part.to_lps(unflat(some, part.shape))), voxels)
    return depths, *(
        by_parts(lambda some, one=one: one[tuple(unflat(some, part.shape).T)], voxels) for one in (a[box.slices] for a in arrays)
    )


def _reached(
    hidden: HiddenFace, grid: Geometry, margin_mm: float, spared: Callable[[HiddenFace, Geometry], np.ndarray]
) -> tuple[Box, Geometry, np.ndarray]:
    """The box of ``grid`` around the region, its grid, and the voxels (N,) that count, in its C order."""
    box = grid.box_around(hidden.reach.geometry.corners())
    part = grid.crop(box)
    if 0 in part.shape:
        return box, part, np.zeros(0, dtype=int)
    voxels = flat(~spared(hidden, part))
    return box, part, voxels[by_parts(lambda some: hidden.in_region(part.to_lps(unflat(some, part.shape)), margin_mm), voxels)]


def _from(box: Box, part: Geometry, voxels: np.ndarray) -> np.ndarray:
    """The (k, j, i) places (N, 3) in the whole grid of voxels of a box."""
    at = unflat(voxels, part.shape)
    return at + np.array(box.start, dtype=at.dtype)
