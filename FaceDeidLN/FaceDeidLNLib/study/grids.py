"""The voxels of a grid that lie in the face region, with what the face says of each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.geometry import Geometry
from ..core.segment import places
from .hidden import HiddenFace


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


def moved(geometry: Geometry, matrix: np.ndarray) -> Geometry:
    """A grid in the LPS mm of another frame of reference, to which ``matrix`` (4, 4) leads."""
    return Geometry(geometry.shape, matrix @ geometry.ijk_to_lps)


def region_voxels(
    hidden: HiddenFace, grid: Geometry, margin_mm: float = 0.0, spared: Callable[[HiddenFace, Geometry], np.ndarray] = HiddenFace.spared_on
) -> RegionVoxels:
    """The voxels of ``grid`` in the region or within ``margin_mm`` of it, without those that are ``spared``: protected and node levels."""
    box = grid.box_around(hidden.reach.geometry.corners())
    part = grid.crop(box)
    empty = np.zeros((0, 3), dtype=int)
    if 0 in part.shape:
        return RegionVoxels(empty, *(np.zeros(0),) * 3)
    inside = ~spared(hidden, part)
    at = places(inside)
    at = at[hidden.in_region(part.to_lps(at), margin_mm)]
    if not len(at):
        return RegionVoxels(empty, *(np.zeros(0),) * 3)
    lps = part.to_lps(at)
    return RegionVoxels(at + np.array(box.start), hidden.depth_before(lps), hidden.depth_after(lps), hidden.below_veil(lps))
