"""What the learned attack sees of a CT: maps of how far its surfaces lie along fixed lines of sight, and the tissue deep behind them.

All heads share one raster of directions, so that a column means the same place in everybody. Nothing here knows the original but
for the pose: head coordinates of the original's marks, turned and moved a little at random, as an attacker has them from ears and base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..core.volume import Volume
from .reversal import without_fill
from .surfaces import coarse, filtered, first_hit, sample_lines
from .window import Window

#: The part of the raster that lies inside the curve of ``full`` in every patient (degrees), and its steps.
AZIMUTHS = np.arange(-50.0, 50.1, 5.0)
ELEVATIONS = np.arange(-27.0, 27.1, 4.5)
#: What stays around the curve: directions up to here, and at least this far (degrees) from the part inside.
AROUND_AZIMUTHS = np.arange(-90.0, 90.1, 7.5)
AROUND_ELEVATIONS = np.arange(-57.0, 57.1, 6.0)
INSIDE_CURVE = (66.0, 40.0)
#: An attacker's pose is off by so much (standard deviations, about and along each axis).
TURN_DEGREES, MOVE_MM = 1.0, 1.0
#: Iso-surfaces (HU) by what they show.
SKIN_HU, SOFT_HU, BONE_HU = (-500, -300, -200), (-50, 0, 50, 100), (150, 250, 350, 500, 1000, 1500)
#: Levels (HU) at which a result is looked at whose fill was taken away.
UNFILLED_HU = (-500, -50, 50)
#: Compact bone, air of a sinus, and tooth or its root (HU).
CORTEX_HU, SINUS_HU, TOOTH_HU = 250.0, -350.0, 1200.0
#: Levels (HU) of the second surface: behind pockets of air, and behind new bone.
SECOND_HU = (-300.0, 150.0, 300.0, 500.0)
#: Tissue that no face segment reaches: so far from between the ears (mm), in blocks of so many mm and degrees, within these HU.
DEEP_MM, BLOCK_MM, BLOCK_DEGREES, BLOCK_HU = (10.0, 70.0), 5.0, 7.5, (-200.0, 400.0)


@dataclass(frozen=True, eq=False)
class Maps:
    """Columns (F,) by what they were taken from; NaN where a line met nothing."""

    of: Mapping[str, np.ndarray]


def jittered(window: Window, random: np.random.Generator) -> Window:
    """The window in a pose that is a little off."""
    turn = Rotation.from_rotvec(np.radians(random.normal(0.0, TURN_DEGREES, 3))).as_matrix()
    return replace(window, axes=window.axes @ turn, origin=window.origin + random.normal(0.0, MOVE_MM, 3))


def lines_inside(window: Window) -> Window:
    """The raster inside the curve, in the window's pose."""
    return replace(window, unit=_units(*np.meshgrid(AZIMUTHS, ELEVATIONS)))


def lines_around(window: Window) -> Window:
    """The raster of what no face segment reaches, around the curve."""
    azimuth, elevation = np.meshgrid(AROUND_AZIMUTHS, AROUND_ELEVATIONS)
    beyond = (np.abs(azimuth) > INSIDE_CURVE[0]) | (np.abs(elevation) > INSIDE_CURVE[1])
    return replace(window, unit=_units(azimuth[beyond], elevation[beyond]))


def _units(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Directions (N, 3) in head coordinates."""
    a, e = np.radians(azimuth).ravel(), np.radians(elevation).ravel()
    return np.stack([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)], axis=1)


def skin_map(depth: Volume, window: Window) -> np.ndarray:
    """Distance (N,) in mm to the skin inside the curve; ``depth`` is the signed depth below the skin (mm, any grid)."""
    inside = lines_inside(window)
    return first_hit(sample_lines(depth, inside), 0.0, inside)


def maps_of(ct: Volume, window: Window) -> Maps:
    """All that the attacker takes from a CT in HU. ``window`` gives the pose only."""
    inside, around = lines_inside(window), lines_around(window)
    small = coarse(ct, replace(window, unit=np.vstack([inside.unit, around.unit])))
    raw, smooth = (sample_lines(filtered(small, name), inside) for name in ("raw", "gauss 3 mm"))
    ring = sample_lines(small, around)
    levels = {"skin": SKIN_HU, "soft": SOFT_HU, "bone": BONE_HU}
    of = {name: np.concatenate([first_hit(lines, hu, inside) for lines in (raw, smooth) for hu in group]) for name, group in levels.items()}
    of["inner"] = inner_surfaces(raw, inside)
    of["second"] = np.concatenate([second_crossing(raw, hu, inside) for hu in SECOND_HU])
    of["around"] = np.concatenate([first_hit(ring, hu, around) for hu in (-300, 0, 250)])
    of["deep"] = deep_blocks(ct, window)
    return Maps(of)


def unfilled_map(result: Volume, window: Window) -> np.ndarray:
    """Distances (3 N,) at three levels once the fill was taken away (reversal.without_fill): what it was put over."""
    inside = lines_inside(window)
    lines = sample_lines(without_fill(result, inside), inside)
    return np.concatenate([first_hit(lines, hu, inside) for hu in UNFILLED_HU])


def inner_surfaces(lines: np.ndarray, window: Window) -> np.ndarray:
    """Distances (3 N,): the back of the foremost cortex, the foremost air space behind it, and the foremost tooth or its root.

    What shows a face from behind, where everything before the bone was replaced.
    """
    bone = np.nan_to_num(lines, nan=-2000.0) > CORTEX_HU
    row, most = np.arange(len(lines)), lines.shape[1] - 1
    first = np.argmax(bone, axis=1)
    behind = np.arange(lines.shape[1])[None, :] > first[:, None]
    back = behind & ~bone
    air = behind & (np.nan_to_num(lines, nan=0.0) < SINUS_HU)
    out = []
    for found in (back, air):
        at = np.argmax(found, axis=1)
        out.append(np.where(bone.any(1) & found[row, at], window.radii[np.minimum(at, most)], np.nan))
    return np.concatenate([*out, first_hit(lines, TOOTH_HU, window)])


def second_crossing(lines: np.ndarray, level: float, window: Window) -> np.ndarray:
    """Distance (N,) in mm at which a line of sight meets ``level`` again, once it has left the foremost tissue that is denser."""
    above = np.nan_to_num(lines, nan=-2000.0) > level
    row, order = np.arange(len(lines)), np.arange(lines.shape[1])[None, :]
    left = ~above & (order > np.argmax(above, axis=1)[:, None])
    again = above & (order > np.argmax(left, axis=1)[:, None])
    at = np.argmax(again, axis=1)
    return np.where(above.any(1) & left.any(1) & again[row, at], window.radii[at], np.nan)


def deep_blocks(ct: Volume, window: Window) -> np.ndarray:
    """Mean HU (F,) of the tissue behind the face that no effect changes, in blocks."""
    azimuth, elevation = np.meshgrid(np.arange(-50.0, 50.1, BLOCK_DEGREES), np.arange(-30.0, 30.1, BLOCK_DEGREES))
    unit = _units(azimuth, elevation)
    radii = np.arange(*DEEP_MM, BLOCK_MM)
    box = window.to_lps(np.vstack([unit * DEEP_MM[1], -unit * BLOCK_MM]))
    part = ct.crop(ct.geometry.box_around(box, margin_mm=10.0))
    smooth = part.with_array(ndimage.uniform_filter(np.clip(part.array, *BLOCK_HU).astype(np.float32), _cells(part)))
    points = window.to_lps((unit[:, None] * radii[None, :, None]).reshape(-1, 3))
    return smooth.at(points)


def _cells(volume: Volume) -> list[int]:
    return [max(1, round(BLOCK_MM / step)) for step in volume.geometry.sampling]
