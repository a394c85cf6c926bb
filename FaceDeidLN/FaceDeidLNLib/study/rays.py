"""Skins along lines of sight from inside the head, found in the voxels of an image."""

from __future__ import annotations

import numpy as np

from ..core.volume import Volume, linear
from ..face.polar import skin_distance, unit_vectors
from ..verify.coverage import SKIN_HU
from .hidden import HiddenFace

#: The skin is looked for this far (mm) on both sides of where it should be.
LOOK_MM = 15.0
STEP_MM = 0.5
#: Fewer lines than this say nothing.
FEWEST = 30


def rays_of(hidden: HiddenFace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (N, 3) of the lines inside the region, and the distances (N,) in mm to the old and to the new skin (NaN: none)."""
    face = hidden.face
    directions = face.raster.directions()[face.inside]
    before = skin_distance(hidden.before, face.frame, directions)
    after = skin_distance(hidden.after, face.frame, directions)
    return unit_vectors(face.frame, directions), before, after


def found_skin(volume: Volume, origin: np.ndarray, unit: np.ndarray, around: np.ndarray, level: float) -> np.ndarray:
    """Distance (N,) in mm from ``origin`` to the outermost crossing of ``level`` within LOOK_MM of ``around`` (N,); NaN without one."""
    offsets = np.arange(LOOK_MM, -LOOK_MM - 0.1, -STEP_MM)
    points = origin + unit[:, None] * (around[:, None] + offsets)[..., None]
    kji = volume.geometry.to_kji(points.reshape(-1, 3))
    inside = volume.geometry.holds(kji).reshape(points.shape[:2]).all(1)
    values = linear(volume.array, kji).reshape(points.shape[:2])
    tissue = values > level
    first = np.argmax(tissue, axis=1)
    there = tissue.any(1) & (first > 0) & inside
    return np.where(there, around + offsets[first], np.nan)


def same_surface_doubt(hidden: HiddenFace, result: Volume) -> str | None:
    """Why the skin of a CT that followed may not be the new skin of the CT that decided; None where it is."""
    unit, _, after = rays_of(hidden)
    known = ~np.isnan(after)
    found = found_skin(result, hidden.face.frame.origin, unit[known], after[known], SKIN_HU)
    off = np.abs(found - after[known])
    off = off[~np.isnan(off)]
    if len(off) < FEWEST:
        return None
    limit = max(2.0, 0.75 * max(result.geometry.spacing))
    if np.median(off) > limit:
        return f"its new skin lies {np.median(off):.1f} mm (median) from that of the CT that decides (at most {limit:.1f} mm)"
    return None
