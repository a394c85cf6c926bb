"""Where voxels lie: one affine from voxel index to LPS millimetres, shear (gantry tilt) included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .affine import affine

#: Largest distance in mm between two corners that still counts as the same geometry.
SAME_GEOMETRY_MM = 1e-3


@dataclass(frozen=True)
class Box:
    """A box of voxels in array order (k, j, i): ``start`` inclusive, ``stop`` exclusive."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The slices that cut this box out of a (k, j, i) array."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along (k, j, i)."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True, eq=False)
class Geometry:
    """A voxel grid: ``shape`` in array order (k, j, i) and the 4x4 affine from index (i, j, k) to LPS mm.

    Voxel centres lie at whole indices. The affine may hold any rotation, flip, anisotropy or shear.
    """

    shape: tuple[int, int, int]
    ijk_to_lps: np.ndarray

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Length in mm of one step along i, j and k."""
        return tuple(float(s) for s in np.linalg.norm(self.ijk_to_lps[:3, :3], axis=0))

    @property
    def sampling(self) -> tuple[float, float, float]:
        """Spacing in mm in array order (k, j, i), as scipy.ndimage wants it."""
        return self.spacing[::-1]

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel in cubic mm."""
        return float(abs(np.linalg.det(self.ijk_to_lps[:3, :3])))

    @property
    def is_orthogonal(self) -> bool:
        """True where the three axes are perpendicular (no gantry-tilt shear), to 0.06 degrees."""
        axes = self.ijk_to_lps[:3, :3] / np.asarray(self.spacing)
        return bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-3))

    def to_lps(self, kji: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of array positions (N, 3) in the order (k, j, i); of more axes as of two."""
        kji = np.atleast_2d(np.asarray(kji, dtype=float))
        return affine(kji, self.ijk_to_lps[:3, 2::-1], self.ijk_to_lps[:3, 3])

    def to_kji(self, lps: np.ndarray) -> np.ndarray:
        """Continuous array positions (N, 3) in the order (k, j, i) of LPS mm points (N, 3); of more axes as of two."""
        lps = np.atleast_2d(np.asarray(lps, dtype=float))
        inverse = np.linalg.inv(self.ijk_to_lps)[2::-1]
        return affine(lps, inverse[:, :3], inverse[:, 3])

    def holds(self, kji: np.ndarray, margin_mm: float = 0.0) -> np.ndarray:
        """True (N,) for array positions (N, 3) whose voxel lies in the grid, at least ``margin_mm`` from its edge; False for NaN."""
        edge = margin_mm / np.array(self.sampling) - 0.5
        with np.errstate(invalid="ignore"):
            return np.all((kji >= edge) & (kji < np.array(self.shape) - 1 - edge), axis=1)

    def corners(self) -> np.ndarray:
        """LPS mm (8, 3) of the centres of the corner voxels."""
        ends = [(0, n - 1) for n in self.shape]
        return self.to_lps(np.array([(k, j, i) for k in ends[0] for j in ends[1] for i in ends[2]]))

    def crop(self, box: Box) -> Geometry:
        """The geometry of the voxels inside ``box``."""
        matrix = self.ijk_to_lps.copy()
        matrix[:3, 3] = self.to_lps(np.array([box.start]))[0]
        return Geometry(box.shape, matrix)

    def padded(self, voxels: int) -> Geometry:
        """The geometry with that many voxels more on every side."""
        matrix = self.ijk_to_lps.copy()
        matrix[:3, 3] = self.to_lps(np.full((1, 3), -float(voxels)))[0]
        return Geometry(tuple(n + 2 * voxels for n in self.shape), matrix)

    def box_around(self, lps: np.ndarray, margin_mm: float = 0.0) -> Box:
        """The smallest box of voxels that holds the points (N, 3) and ``margin_mm`` more, cut to the grid.

        The box may be empty (``stop == start`` along an axis) where no voxel lies inside.
        """
        kji = self.to_kji(lps)
        step = margin_mm / np.asarray(self.sampling)
        low = np.clip(np.floor(kji.min(0) - step), 0, self.shape).astype(int)
        high = np.clip(np.ceil(kji.max(0) + step) + 1, low, self.shape).astype(int)
        return Box(tuple(int(v) for v in low), tuple(int(v) for v in high))

    def same_as(self, other: Geometry, tolerance_mm: float = SAME_GEOMETRY_MM) -> bool:
        """True where both grids have the same shape and their corners coincide."""
        if tuple(self.shape) != tuple(other.shape):
            return False
        return bool(np.abs(self.corners() - other.corners()).max() <= tolerance_mm)
