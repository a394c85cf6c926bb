"""The face that was hidden in one CT, in LPS mm: what every other object of the same frame of reference is made after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..anatomy.body import find_body
from ..anatomy.skin import skin_depth
from ..case.records import CaseResult
from ..core.geometry import Box, Geometry
from ..core.parameters import Parameters
from ..core.segment import BoxMask, Segment
from ..core.volume import Volume, linear
from ..effect.reface import roughness
from ..face.follow import centred, overlapping
from ..face.polar import to_polar
from ..face.segment import Face

#: Depth (mm) of a place where the skin was not looked at: far in front of it.
FAR_MM = -50.0
#: What must end somewhere below the old skin ends at such a depth (mm: mean, deviation, limits): never a copy of that skin.
VEIL_MM, VEIL_SD_MM, VEIL_LIMITS_MM = 8.0, 2.5, (4.0, 12.0)


@dataclass(frozen=True, eq=False)
class HiddenFace:
    """A face and what took its place.

    ``state``: the deciding CT's case without its voxels; ``grid``: its grid. ``before`` and ``after``: signed depth (mm)
    below the old and the new skin, on working grids in LPS. ``reach``: signed distance (mm) into the face region, bone in it
    included. ``veil``: a random depth (mm) below the old skin on the face's raster, for what ends there.
    ``protected``: what the user named, on its own grids.
    """

    state: CaseResult
    grid: Geometry
    before: Volume
    after: Volume
    reach: Volume
    veil: np.ndarray
    protected: tuple[Segment, ...]

    @classmethod
    def of(cls, state: CaseResult, protected: tuple[Segment, ...], random: np.random.Generator) -> HiddenFace:
        """After a deciding CT that passed."""
        result, depth = state.result, state.face.depth
        corners = depth.geometry.corners()
        box = np.array([corners.min(0), corners.max(0)])
        after = skin_depth(result, find_body(result), box, depth.geometry.spacing[0])
        veil = np.clip(VEIL_MM + VEIL_SD_MM * roughness(state.face, random), *VEIL_LIMITS_MM)
        reach = _reach(state.face.region, result.geometry, depth.geometry)
        return cls(replace(state, result=None, comparison=None), result.geometry, depth, after, reach, veil, protected)

    @property
    def face(self) -> Face:
        """The face on the deciding CT's grid."""
        return self.state.face

    @property
    def parameters(self) -> Parameters:
        """Those of the run, with the seed that all of the study share."""
        return self.state.parameters

    def protected_on(self, grid: Geometry) -> tuple[BoxMask, ...]:
        """The protected segments that lie in ``grid``, on it."""
        placed = (self._placed(segment, grid) for segment in self.protected)
        return tuple(mask for mask in placed if mask is not None)

    @staticmethod
    def _placed(segment: Segment, grid: Geometry) -> BoxMask | None:
        whole = BoxMask(segment.name, Box((0, 0, 0), segment.mask.geometry.shape), np.asarray(segment.mask.array, dtype=bool))
        return overlapping(whole, segment.mask.geometry, grid)

    def levels_on(self, grid: Geometry) -> tuple[BoxMask, ...]:
        """The node levels, on ``grid``: voxels whose centre lies in them."""
        masks = []
        for level in self.state.levels:
            mask = level.mask
            if mask.voxels:
                box = grid.box_around(self.grid.crop(mask.box).padded(1).corners())
                masks.append(BoxMask(mask.name, box, centred(mask, self.grid, grid.crop(box))))
        return tuple(mask for mask in masks if mask.voxels)

    def spared_on(self, grid: Geometry) -> np.ndarray:
        """Bool of ``grid``: protected segments and node levels."""
        return _joined(grid, (*self.protected_on(grid), *self.levels_on(grid)))

    def named_on(self, grid: Geometry) -> np.ndarray:
        """Bool of ``grid``: protected segments alone."""
        return _joined(grid, self.protected_on(grid))

    def in_region(self, lps: np.ndarray, margin_mm: float = 0.0) -> np.ndarray:
        """True (N,) for points (N, 3) in the face region or within ``margin_mm`` of it."""
        kji = self.reach.geometry.to_kji(lps)
        inside = np.all((kji >= 0) & (kji <= np.array(self.reach.geometry.shape) - 1), axis=1)
        inside[inside] = linear(self.reach.array, kji[inside]) > -margin_mm
        return inside

    def below_veil(self, lps: np.ndarray) -> np.ndarray:
        """How far (N,) in mm points (N, 3) lie below the random depth under the old skin; negative above it."""
        directions, _ = to_polar(self.face.frame, lps)
        return self.depth_before(lps) - self.face.raster.sample(self.veil, directions)

    def cells(self, lps: np.ndarray) -> np.ndarray:
        """The cells (N, 2) of the face's raster that points (N, 3) lie in, or the nearest ones."""
        directions, _ = to_polar(self.face.frame, lps)
        found = np.rint(self.face.raster.cells(directions)).astype(int)
        return np.clip(found, 0, np.array(self.face.raster.shape) - 1)

    def depth_before(self, lps: np.ndarray) -> np.ndarray:
        """Depth (N,) in mm below the old skin at points (N, 3)."""
        return self.before.at(lps, FAR_MM)

    def depth_after(self, lps: np.ndarray) -> np.ndarray:
        """Depth (N,) in mm below the new skin at points (N, 3)."""
        return self.after.at(lps, FAR_MM)


def _joined(grid: Geometry, masks: Iterable[BoxMask]) -> np.ndarray:
    out = np.zeros(grid.shape, dtype=bool)
    for mask in masks:
        out[mask.box.slices] |= mask.array
    return out


def _reach(region: BoxMask, own: Geometry, grid: Geometry) -> Volume:
    inside = centred(region, own, grid)
    outside = ndimage.distance_transform_edt(~inside, grid.sampling)
    return Volume((ndimage.distance_transform_edt(inside, grid.sampling) - outside).astype(np.float32), grid)
