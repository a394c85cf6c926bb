"""Pictures of a head as a photographer would take them: smooth, lit surfaces of a CT, from several sides, at several levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..core.volume import AIR_HU, Volume, block_mean
from ..output.render import View, hit_points, prepare_skin, shade
from .surfaces import FILTERS, LEVELS_HU, filtered
from .window import Window

#: Degrees to the head's left and upwards at which the camera stands.
VIEWS: dict[str, tuple[float, float]] = {
    "front": (0, 0), "left 15": (15, 0), "right 15": (-15, 0), "left 30": (30, 0), "right 30": (-30, 0), "left 45": (45, 0),
    "right 45": (-45, 0), "from above": (0, 15), "from below": (0, -15),
}  # fmt: skip
#: Levels (HU) at which the surface of an untouched head is its skin.
SKIN_LEVELS_HU = (-500, -300, -200)
#: The picture: pixels, and mm per pixel.
SIZE_PX = 200
MM_PER_PIXEL = 1.2
#: Its centre, mm in front of and below the middle between the ears, and how much of the CT around that is drawn.
CENTRE_MM = (30.0, -10.0)
REACH_MM = 125.0
#: Voxels are averaged up to this size (mm) before a filter.
FILTER_MM = 2.0


@dataclass(frozen=True)
class Sitting:
    """Which filters (of FILTERS), levels (HU) and views (of VIEWS) are tried."""

    filters: tuple[str, ...]
    levels: tuple[int, ...]
    views: tuple[str, ...]

    @property
    def shots(self) -> int:
        """How many pictures there will be."""
        return len(self.filters) * len(self.levels) * len(self.views)


#: Everything: 5 filters, 8 levels, 9 views.
FULL_SITTING = Sitting(tuple(FILTERS), LEVELS_HU, tuple(VIEWS))
#: For many heads.
CHEAP_SITTING = Sitting(("raw", "gauss 3 mm"), (-300, -50, 50), ("front", "left 30", "right 30", "from above", "from below"))
#: What a photograph of the person shows: the skin.
PHOTOGRAPHS = Sitting(("raw",), SKIN_LEVELS_HU, tuple(VIEWS))


def portraits(ct: Volume, window: Window, sitting: Sitting) -> Iterator[tuple[str, np.ndarray]]:
    """What was drawn ("filter at level HU, view") and the picture (SIZE_PX, SIZE_PX, 3) uint8 of a CT in HU, one by one.

    ``window`` is that of the original's marks (see window.face_window): the camera aims at its head.
    """
    ahead, up = CENTRE_MM
    centre = window.to_lps(np.array([[0.0, ahead, up]]))
    part = ct.crop(ct.geometry.box_around(centre, margin_mm=REACH_MM))
    part = part.with_array(np.clip(part.array, AIR_HU - 24, 3071).astype(np.float32))
    for name in sitting.filters:
        volume = part if name == "raw" else filtered(block_mean(part, FILTER_MM), name)
        for level in sitting.levels:
            skin = prepare_skin(volume, level)
            for view in sitting.views:
                camera = camera_at(window, centre[0], *VIEWS[view])
                yield f"{name} at {level} HU, {view}", np.ascontiguousarray(shade(skin, camera, hit_points(skin, camera)))


def camera_at(window: Window, centre: np.ndarray, left_degrees: float, up_degrees: float) -> View:
    """A camera that looks at ``centre`` (LPS mm) from so far to the head's left and above; the head's top is up."""
    left, anterior, superior = window.axes.T
    a, e = np.radians([left_degrees, up_degrees])
    into = -(np.sin(a) * np.cos(e) * left + np.cos(a) * np.cos(e) * anterior + np.sin(e) * superior)
    down = (superior @ into) * into - superior
    down = down / np.linalg.norm(down)
    return View(centre, np.cross(down, into), down, into, MM_PER_PIXEL, (SIZE_PX, SIZE_PX))
