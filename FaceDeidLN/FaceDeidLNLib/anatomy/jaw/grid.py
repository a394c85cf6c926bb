"""The working grid in the jaw's own axes, on which the mandible and the node levels are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...core.geometry import Geometry
from ...core.volume import Volume
from ..grids import inside_view, sample
from .fit import JawFrame

#: The region in jaw coordinates (mm): from behind the mastoid to the lips, from the larynx to the orbit.
LOW_MM = np.array([-84.0, -46.0, -126.0])
HIGH_MM = np.array([84.0, 116.0, 30.0])
STEP_MM = 1.5


@dataclass(frozen=True, eq=False)
class JawGrid:
    """An isotropic grid (k superior, j anterior, i left) along the jaw's axes."""

    frame: JawFrame
    #: What was told of fields of view: the same one is asked for several times.
    views: dict[tuple[tuple[int, int, int], bytes], np.ndarray] = field(default_factory=dict)

    @cached_property
    def geometry(self) -> Geometry:
        """The grid's place in LPS; one step is ``STEP_MM`` of the mean jaw, ``step_mm`` in this patient."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.frame.axes * self.step_mm
        matrix[:3, 3] = self.frame.to_lps(LOW_MM)[0]
        size = np.rint((HIGH_MM - LOW_MM) / STEP_MM).astype(int) + 1
        return Geometry(tuple(int(n) for n in size[::-1]), matrix)

    @property
    def step_mm(self) -> float:
        """Spacing in true mm."""
        return STEP_MM * self.frame.scale

    @cached_property
    def x(self) -> np.ndarray:
        """Left (1, 1, I), jaw mm."""
        return (LOW_MM[0] + STEP_MM * np.arange(self.geometry.shape[2]))[None, None, :]

    @cached_property
    def y(self) -> np.ndarray:
        """Anterior (1, J, 1), jaw mm."""
        return (LOW_MM[1] + STEP_MM * np.arange(self.geometry.shape[1]))[None, :, None]

    @cached_property
    def z(self) -> np.ndarray:
        """Superior (K, 1, 1), jaw mm."""
        return (LOW_MM[2] + STEP_MM * np.arange(self.geometry.shape[0]))[:, None, None]

    def index(self, jaw: np.ndarray) -> np.ndarray:
        """The nearest voxels (N, 3) in the order (k, j, i) of jaw coordinates (N, 3)."""
        return np.rint((np.atleast_2d(jaw) - LOW_MM) / STEP_MM).astype(int)[:, ::-1]

    def of_points(self, jaw: np.ndarray) -> np.ndarray:
        """The voxels that hold any of the points (N, 3), bool; points outside the grid are left out."""
        kji = self.index(jaw)
        kji = kji[np.all((kji >= 0) & (kji < self.geometry.shape), axis=1)]
        out = np.zeros(self.geometry.shape, dtype=bool)
        out[tuple(kji.T)] = True
        return out

    def take(self, volume: Volume, outside: float) -> np.ndarray:
        """A volume on this grid (linear, float32); ``outside`` beyond its field of view."""
        box = volume.geometry.box_around(self.geometry.corners(), margin_mm=2 * max(volume.geometry.spacing))
        if 0 in box.shape:
            return np.full(self.geometry.shape, outside, dtype=np.float32)
        part = volume.crop(box)
        return np.where(self.in_view(volume.geometry), sample(part, self.geometry), np.float32(outside))

    def in_view(self, geometry: Geometry) -> np.ndarray:
        """Voxels of this grid that lie in the field of view, bool; not to be changed."""
        key = (geometry.shape, geometry.ijk_to_lps.tobytes())
        if key not in self.views:
            self.views[key] = inside_view(geometry, self.geometry)
        return self.views[key]
