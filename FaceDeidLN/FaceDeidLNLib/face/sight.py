"""What is seen of a head from between its ears, whatever curve is drawn on it: looked at once, and only as far as it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..anatomy.face_frame import FaceFrame
from ..core.by_parts import by_parts
from ..core.geometry import Geometry
from ..core.segment import unflat
from ..core.volume import Volume
from .polar import PolarRaster, skin_along, to_polar, unit_vectors

#: Step in degrees of the membrane and of the skin's map: 4 mm on the face.
MAP_STEP = 2.0


class Sight:
    """The skin of a head as it is seen from between the ears, whatever the curve.

    Each line of sight is followed once. Of ``most`` coarse grids it keeps what lies in which direction.
    """

    def __init__(self, frame: FaceFrame, depth: Volume, most: int = 0) -> None:
        self.frame, self.depth, self.raster, self._most = frame, depth, PolarRaster(step=MAP_STEP), most
        directions = self.raster.directions().reshape(-1, 2)  # all of them: one alone rounds otherwise
        self._unit = unit_vectors(frame, directions).reshape(*self.raster.shape, 3)
        self._skin, self._known = np.full(self.raster.shape, np.nan), np.zeros(self.raster.shape, dtype=bool)
        self._polar: dict[tuple, np.ndarray] = {}

    def skin(self, near: np.ndarray) -> np.ndarray:
        """Distance (mm) to the skin along the cells ``near`` (bool) of ``raster``; NaN where there is none, and elsewhere."""
        asked = near & ~self._known
        if asked.any():
            self._skin[asked] = skin_along(self.depth, self.frame, self._unit[asked])
            self._known |= asked
        return np.where(near, self._skin, np.nan)

    def polar(self, grid: Geometry) -> np.ndarray:
        """Directions in degrees and distance in mm (N, 3) of a grid's points, in C order."""
        key = place_of(grid)
        if key in self._polar:
            return self._polar[key]

        def look(points: np.ndarray) -> np.ndarray:
            return np.column_stack(to_polar(self.frame, grid.to_lps(unflat(points, grid.shape))))

        found = by_parts(look, np.arange(np.prod(grid.shape)))
        if self._most:
            make_room(self._polar, self._most)
            self._polar[key] = found
        return found


def place_of(grid: Geometry) -> tuple:
    """What tells a grid from others."""
    return grid.shape, grid.ijk_to_lps.tobytes()


def make_room(kept: dict[tuple, Any], most: int) -> None:
    """Forget the oldest, so that no more than ``most`` are kept with one that comes."""
    for old in list(kept)[: max(0, len(kept) - most + 1)]:
        del kept[old]
