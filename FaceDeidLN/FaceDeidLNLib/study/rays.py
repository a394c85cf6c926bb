"""Skins along lines of sight from inside the head, found in the voxels of an image."""

from __future__ import annotations

import numpy as np

from ..core.geometry import Geometry
from ..core.volume import Volume, linear
from ..face.polar import skin_distance, unit_vectors
from ..verify.coverage import SKIN_HU
from .hidden import HiddenFace

#: The skin is looked for this far (mm) on both sides of where it should be.
LOOK_MM = 15.0
STEP_MM = 0.5
#: Fewer lines than this say nothing.
FEWEST = 30
#: Body and air are looked at between these depths (mm) below the old skin, to find the level half-way between them.
BODY_MM, AIR_MM = (5.0, 25.0), (-40.0, -12.0)
#: The old skin is looked for as a step between so many mm behind and before it, where the new one is further off than this.
BESIDE_MM, APART_MM = 4.0, 6.0
#: No more than this share of the skin lies further off than an image may: a head that is turned or nods, or whose jaw is open, has no one
#: shift.
MOST_OFF = 0.1
#: So deep (mm) below where the skin would be there is tissue.
BELOW_MM = 8.0
#: A step of less than this share of the tissue's spread is none.
LEAST_STEP = 0.2


def rays_of(hidden: HiddenFace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (N, 3) of the lines inside the region, and the distances (N,) in mm to the old and to the new skin (NaN: none)."""
    face = hidden.face
    directions = face.raster.directions()[face.inside]
    before = skin_distance(hidden.before, face.frame, directions)
    after = skin_distance(hidden.after, face.frame, directions)
    return unit_vectors(face.frame, directions), before, after


def beyond_doubt(hidden: HiddenFace, image: Volume, level: float | None) -> str | None:
    """Why an image, in the face's LPS mm, shows a part of the face that the CT that decides does not reach; None where it does not.

    The curve goes on where that CT ends, as the mean face would. What is brighter than ``level`` there, a little below the skin, is a
    part of the body in which nothing was hidden; without a level all that is in view counts.
    """
    face = hidden.face
    unit = unit_vectors(face.frame, face.raster.directions()[face.inside])
    points = face.frame.origin + unit * (face.skin[face.inside] - BELOW_MM)[:, None]
    kji = image.geometry.to_kji(points)
    beyond = ~hidden.grid.holds(hidden.grid.to_kji(points)) & image.geometry.holds(kji)
    if level is not None:
        beyond[beyond] = linear(image.array, kji[beyond]) > level
    if np.count_nonzero(beyond) < FEWEST:
        return None
    return f"it shows {max(beyond.mean(), 0.01):.0%} of the face region where the CT that decides ends: nothing was hidden there"


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


def edge_level(hidden: HiddenFace, image: Volume) -> float | None:
    """The value half-way between body and air around the face, as this image shows them; None where it does not tell them apart."""
    grid = hidden.before.geometry
    lps = grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)[::4, ::4, ::4]) * 4)
    kji = image.geometry.to_kji(lps)
    seen = image.geometry.holds(kji)
    values = image.array[tuple(np.rint(kji[seen]).astype(int).T)]
    depth = hidden.depth_before(lps[seen])
    body, air = (values[(depth > low) & (depth < high)] for low, high in (BODY_MM, AIR_MM))
    if not len(body) or not len(air) or np.median(body) <= np.median(air):
        return None
    return float(np.median(body) + np.median(air)) / 2


def same_place_mm(geometry: Geometry) -> float:
    """How far (mm) a head may seem to lie from itself in two images of one scan, for their voxels alone."""
    return 2.0 + 0.5 * max(geometry.spacing)


def placed_doubt(hidden: HiddenFace, image: Volume, level: float | None, limit_mm: float) -> str | None:
    """Why an image, still with its face, may not show the head where the CT that decides has it; None where it does.

    The skin is found on lines of sight as the crossing of ``level``; one shift of the whole head is fitted to its distances, and no
    more than MOST_OFF of it lies further off.
    """
    unit, before, _ = rays_of(hidden)
    known = ~np.isnan(before)
    unit, before = unit[known], before[known]
    origin = hidden.face.frame.origin
    seen = image.geometry.holds(image.geometry.to_kji(origin + unit * before[:, None]), LOOK_MM)
    if np.count_nonzero(seen) < FEWEST:
        return None
    found = found_skin(image, origin, unit[seen], before[seen], level) if level is not None else np.full(np.count_nonzero(seen), np.nan)
    there = ~np.isnan(found)
    if there.mean() < 0.5:
        return "the skin is not found in it where the CT that decides shows it: it may lie elsewhere"
    off = (found - before[seen])[there]
    shift = np.linalg.norm(_shift(unit[seen][there], off))
    if shift > limit_mm:
        return f"the head lies {shift:.0f} mm from where the CT that decides shows it (at most {limit_mm:.0f} mm): register it first"
    turned = np.mean(np.abs(off) > limit_mm)
    if turned > MOST_OFF:
        return f"{turned:.0%} of its skin lies more than {limit_mm:.0f} mm from where the CT that decides shows it: register it first"
    return None


def _shift(unit: np.ndarray, further: np.ndarray) -> np.ndarray:
    """The shift (3,) in mm of a surface that lies ``further`` (N,) out along unit vectors (N, 3), by least squares without outliers."""
    keep = np.ones(len(unit), dtype=bool)
    for _ in range(4):
        shift = np.linalg.lstsq(unit[keep], further[keep], rcond=None)[0]
        rest = np.abs(further - unit @ shift)
        keep = rest <= max(2.5 * float(np.median(rest)), 1.0)
    return shift


def edge_mm(hidden: HiddenFace, image: Volume) -> float:
    """Length (mm) over which an image goes from air to tissue at the old skin: from its median profile; no less than its voxels."""
    least = float(np.mean(image.geometry.spacing))
    unit, before, _ = rays_of(hidden)
    known = ~np.isnan(before)
    depths = np.arange(-LOOK_MM, LOOK_MM + 0.1, 1.0)
    points = hidden.face.frame.origin + unit[known][:, None] * (before[known][:, None] - depths)[..., None]
    kji = image.geometry.to_kji(points.reshape(-1, 3))
    seen = image.geometry.holds(kji).reshape(points.shape[:2]).all(1)
    if np.count_nonzero(seen) < FEWEST:
        return least
    profile = np.median(linear(image.array, kji).reshape(points.shape[:2])[seen], axis=0)
    low, high = float(np.median(profile[:4])), float(np.median(profile[-6:]))
    if high <= low:
        return least
    part = np.maximum.accumulate((profile - low) / (high - low))
    quarter, three = (float(np.interp(share, part, depths)) for share in (0.25, 0.75))
    return float(np.clip(2.0 * (three - quarter), least, LOOK_MM))


def step_left(hidden: HiddenFace, before: Volume, after: Volume) -> float | None:
    """The share of the original's step at the old skin that is left where the new skin is elsewhere; None without lines."""
    unit, skin, _ = rays_of(hidden)
    known = ~np.isnan(skin)
    points = hidden.face.frame.origin + unit[known] * skin[known][:, None]
    clear = np.abs(hidden.depth_after(points)) > max(APART_MM, max(before.geometry.spacing))
    points, unit = points[clear], unit[known][clear]
    inner, outer = (before.geometry.to_kji(points + way * BESIDE_MM * unit) for way in (-1, 1))
    seen = before.geometry.holds(inner) & before.geometry.holds(outer)
    if np.count_nonzero(seen) < FEWEST:
        return None
    steps = [float(np.median(linear(image.array, inner[seen]) - linear(image.array, outer[seen]))) for image in (before, after)]
    if abs(steps[0]) < 1e-6:
        return None
    spread = float(np.std(linear(before.array, inner[seen])))
    return 0.0 if abs(steps[0]) < LEAST_STEP * spread else abs(steps[1]) / abs(steps[0])


def clear_cells(hidden: HiddenFace) -> np.ndarray:
    """Bool of the face's raster: lines on which the new skin is further than APART_MM from the old one; all of the face where few are."""
    unit, skin, _ = rays_of(hidden)
    away = np.abs(hidden.depth_after(hidden.face.frame.origin + unit * np.nan_to_num(skin)[:, None])) > APART_MM
    away &= ~np.isnan(skin)
    if np.count_nonzero(away) < FEWEST:
        return hidden.face.inside
    cells = np.zeros(hidden.face.inside.shape, dtype=bool)
    cells[hidden.face.inside] = away
    return cells


def same_surface_doubt(hidden: HiddenFace, result: Volume) -> str | None:
    """Why the skin of a CT that followed may not be the new skin of the CT that decided; None where it is."""
    unit, _, after = rays_of(hidden)
    known = ~np.isnan(after)
    found = found_skin(result, hidden.face.frame.origin, unit[known], after[known], SKIN_HU)
    off = np.abs(found - after[known])
    off = off[~np.isnan(off)]
    if len(off) < FEWEST:
        return None
    limit = max(2.0, 0.75 * max(*result.geometry.spacing, *hidden.grid.spacing))
    if np.median(off) > limit:
        return f"its new skin lies {np.median(off):.1f} mm (median) from that of the CT that decides (at most {limit:.1f} mm)"
    return None
