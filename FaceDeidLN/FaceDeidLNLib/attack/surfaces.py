"""What an attacker sees of a volume: its outermost iso-surface on the window's lines of sight, raw or filtered."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..core.geometry import Box
from ..core.volume import AIR_HU, Volume, block_mean, linear
from .window import FAR_MM, NEAR_MM, STEP_MM, Window

#: Thresholds (HU) of the surfaces that are matched, from half-filled voxels of skin to bone.
LEVELS_HU = (-500, -300, -200, -50, 0, 50, 150, 300)
#: The skin itself.
SKIN_LEVEL_HU = -300
#: Name of a filter: kind and size in mm (radius of the median's window, standard deviation of the Gaussian).
FILTERS: dict[str, tuple[str, float]] = {
    "raw": ("raw", 0.0),
    "median 3 mm": ("median", 3.0),
    "median 5 mm": ("median", 5.0),
    "gauss 3 mm": ("gauss", 3.0),
    "gauss 5 mm": ("gauss", 5.0),
}
#: Finer voxels are averaged first: the window's raster is 9 mm, and nothing in the attack resolves less.
FINEST_MM = 2.0
#: What is thinner than this along a line of sight is a sheet of a mask, a wire or noise, and is looked through.
THINNEST_MM = 4.5


def profiles(volume: Volume, window: Window, filter_name: str = "raw") -> np.ndarray:
    """HU (N, R) float32 along the window's lines of sight, outside first; NaN outside the field of view."""
    return sample_lines(filtered(coarse(volume, window), filter_name), window)


def is_in_view(volume: Volume, window: Window) -> bool:
    """False where a CT lies beside all that the window sees, so that nothing of it can be attacked."""
    return all(_seen(volume, window).shape)


def _seen(volume: Volume, window: Window) -> Box:
    ends = np.vstack([window.unit * NEAR_MM, window.unit * FAR_MM])
    return volume.geometry.box_around(window.to_lps(ends), margin_mm=20.0)


def coarse(volume: Volume, window: Window) -> Volume:
    """The part of a CT that the window sees, averaged to FINEST_MM."""
    small = block_mean(volume.crop(_seen(volume, window)), FINEST_MM)
    return small.with_array(np.clip(small.array, AIR_HU - 24, 3071).astype(np.float32))


def filtered(volume: Volume, filter_name: str) -> Volume:
    """The volume after one of FILTERS; sizes are in mm along the grid's axes."""
    kind, size = FILTERS[filter_name]
    steps = np.array(volume.geometry.spacing)
    image = sitk.GetImageFromArray(volume.array)
    if kind == "median":
        radius = [int(max(1, round(size / step))) for step in steps]
        return volume.with_array(sitk.GetArrayFromImage(sitk.Median(image, radius)))
    if kind == "gauss":
        array = ndimage.gaussian_filter(volume.array, size / steps[::-1], mode="nearest", truncate=3.0)
        return volume.with_array(array)
    return volume


def sample_lines(volume: Volume, window: Window) -> np.ndarray:
    """Linear interpolation (N, R) along the lines of sight; NaN outside the grid."""
    points = window.unit[:, None, :] * window.radii[None, :, None]
    kji = volume.geometry.to_kji(window.to_lps(points.reshape(-1, 3)))
    values = linear(volume.array, kji)
    outside = np.any((kji < -0.5) | (kji > np.array(volume.array.shape) - 0.5), axis=1)
    values[outside] = np.nan
    return values.reshape(len(window.unit), -1)


def hits(lines: np.ndarray, level_hu: float, window: Window) -> np.ndarray:
    """Points (M, 3) in head coordinates where the lines of sight first meet ``level_hu`` from outside: see ``first_hit``."""
    radius = first_hit(lines, level_hu, window)
    return (window.unit * radius[:, None])[~np.isnan(radius)]


def first_hit(lines: np.ndarray, level: float, window: Window) -> np.ndarray:
    """Distance (N,) in mm at which each line of sight first meets ``level`` from outside.

    ``lines`` (N, R) come from ``profiles``. NaN for lines that meet nothing thick enough, or that enter the field of view inside
    tissue.
    """
    above = np.nan_to_num(lines, nan=-2000.0) > level
    thick = max(1, round(THINNEST_MM / STEP_MM))
    solid = above.copy()
    for shift in range(1, thick):
        solid[:, :-shift] &= above[:, shift:]
        solid[:, -shift:] = False
    first = np.argmax(solid, axis=1)
    row = np.arange(len(lines))
    before = lines[row, np.maximum(first - 1, 0)]
    good = solid.any(1) & (first > 0) & ~np.isnan(before)
    inner = lines[row, first]
    share = np.clip((inner - level) / np.maximum(inner - before, 1e-3), 0.0, 1.0)
    return np.where(good, window.radii[first] + STEP_MM * share, np.nan)
