"""Pictures of the skin without a graphics card: rays through the CT until they meet it, shaded with its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.geometry import Geometry
from ..core.volume import AIR_HU, Volume
from .skin_grid import BLOCK, SKIN_HU, Changed, Skin, changed_skin, cleared, prepare_skin

__all__ = [
    "BACKGROUND",
    "SKIN_HU",
    "VIEWS",
    "Changed",
    "Skin",
    "View",
    "changed_skin",
    "cleared",
    "head_focus",
    "hit_points",
    "hit_points_changed",
    "hit_points_near",
    "prepare_skin",
    "shade",
    "skin_view",
    "view_axes",
    "view_of",
    "view_onto",
]

#: Viewing directions in LPS, from the eye into the scene; "below" looks up to nostrils and chin past the cut neck.
VIEWS: dict[str, tuple[float, float, float]] = {
    "front": (0.0, 1.0, 0.0),
    "right 45": (0.707, 0.707, 0.0),
    "left 45": (-0.707, 0.707, 0.0),
    "right": (1.0, 0.0, 0.0),
    "left": (-1.0, 0.0, 0.0),
    "below": (0.0, 0.766, 0.643),
}
BACKGROUND = np.array([24, 27, 31], dtype=np.uint8)
_SKIN_TONE = np.array([226.0, 210.0, 198.0])
_FIELD_MARGIN_MM = 12.0
#: A ray runs along a plane of voxels where it moves less than this (voxels per mm) across.
_PARALLEL = 1e-9
#: Between the key light (above and right of the eye) and the light that comes from the eye itself.
_KEY_LIGHT, _EYE_LIGHT = 0.62, 0.38


@dataclass(frozen=True, eq=False)
class View:
    """A parallel projection: LPS ``centre`` of the picture, unit axes ``right``, ``down`` and ``into``, mm per pixel."""

    centre: np.ndarray
    right: np.ndarray
    down: np.ndarray
    into: np.ndarray
    mm_per_pixel: float
    size_px: tuple[int, int]

    def pixels(self, lps: np.ndarray) -> np.ndarray:
        """Columns and rows (N, 2), continuous, of LPS mm points (N, 3)."""
        offset = np.atleast_2d(lps) - self.centre
        plane = np.stack([offset @ self.right, offset @ self.down], axis=1) / self.mm_per_pixel
        return plane + (np.asarray(self.size_px) - 1) / 2


def view_axes(direction: str | Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors in LPS: to the right of the picture, down, and into the scene.

    ``direction`` is a name of ``VIEWS`` or an LPS vector; Superior is up, or Anterior where one looks along the body.
    """
    into = np.asarray(VIEWS[direction] if isinstance(direction, str) else direction, dtype=float)
    into = into / np.linalg.norm(into)
    up = np.array([0.0, 0.0, 1.0]) if abs(into[2]) < 0.95 else np.array([0.0, -1.0, 0.0])
    down = -(up - (up @ into) * into)
    down = down / np.linalg.norm(down)
    return np.cross(down, into), down, into


def view_of(
    skin: Skin, direction: str | Sequence[float], size_px: int | tuple[int, int] = 320, focus_lps: np.ndarray | None = None
) -> View:
    """The view that just holds ``focus_lps`` (N, 3), or all tissue, in ``size_px`` (side, or width and height)."""
    return view_onto(_tissue_points(skin) if focus_lps is None else np.atleast_2d(focus_lps), direction, size_px)


def view_onto(points: np.ndarray, direction: str | Sequence[float], size_px: int | tuple[int, int] = 320) -> View:
    """The view that just holds LPS mm points (N, 3), with a margin."""
    size = (size_px, size_px) if isinstance(size_px, int) else size_px
    right, down, into = view_axes(direction)
    plane = np.stack([points @ right, points @ down], axis=1)
    low, high = plane.min(0) - _FIELD_MARGIN_MM, plane.max(0) + _FIELD_MARGIN_MM
    depth = (points @ into).min()
    centre = right * (low + high)[0] / 2 + down * (low + high)[1] / 2 + into * depth
    return View(centre, right, down, into, float(np.max((high - low) / np.asarray(size))), size)


def _tissue_points(skin: Skin) -> np.ndarray:
    # Blocks inside the body tell nothing about its extent.
    tissue = skin.leap_mm <= 0
    taken = np.argwhere(tissue & ~ndimage.binary_erosion(tissue, iterations=2))
    if len(taken) == 0:
        return skin.volume.geometry.corners()
    centres = np.minimum(taken * BLOCK + BLOCK / 2, np.asarray(skin.volume.array.shape) - 1)
    return skin.volume.geometry.to_lps(centres)


def hit_points(skin: Skin, view: View) -> np.ndarray:
    """LPS mm (height, width, 3) where the ray of each pixel first meets the skin; NaN where it never does."""
    start, length = _rays(skin, view)
    return _met(skin, view, start, np.zeros(start.shape[:2]), length)


def hit_points_near(skin: Skin, view: View) -> np.ndarray:
    """As ``hit_points`` to a small part of a voxel, in less time: rays begin where they come to the scan."""
    start, length = _rays(skin, view)
    origin, along = _in_voxels(skin, view, start.reshape(-1, 3))
    shape = np.asarray(skin.volume.array.shape)
    begin, _ = _through(origin, along, np.full(3, -1.0), shape.astype(float))
    return _met(skin, view, start, np.maximum(begin, 0.0).reshape(start.shape[:2]), length)


def hit_points_changed(changed: Changed, view: View, before: np.ndarray) -> np.ndarray:
    """As ``hit_points`` of the changed skin; ``before`` is where the rays met the skin before, and only those that can differ are sent.

    They begin where they come to the box of what changed.
    """
    points = before.copy()
    if not len(changed.corners):
        return points
    start, length = _rays(changed.skin, view)
    origin, along = _in_voxels(changed.skin, view, start.reshape(-1, 3))
    corners = changed.skin.volume.geometry.to_kji(changed.corners)
    into, out = (depth.reshape(start.shape[:2]) for depth in _through(origin, along, corners.min(0), corners.max(0)))
    differ = (into <= out) & ~((before - start) @ view.into < into)
    points[differ] = _met(changed.skin, view, start[differ][None], np.maximum(into[differ], 0.0)[None], length)[0]
    return points


def _met(skin: Skin, view: View, start: np.ndarray, begin: np.ndarray, length: float) -> np.ndarray:
    """Where rays from ``start`` (rows, columns, 3) first meet the skin from the depths ``begin`` (rows, columns) on."""
    depth = _march(skin, start.reshape(-1, 3), view, begin.ravel(), length)
    return start + depth.reshape(start.shape[:2])[..., None] * view.into


def _rays(skin: Skin, view: View) -> tuple[np.ndarray, float]:
    width, height = view.size_px
    across = (np.arange(width) - (width - 1) / 2) * view.mm_per_pixel
    along = (np.arange(height) - (height - 1) / 2) * view.mm_per_pixel
    plane = view.centre + along[:, None, None] * view.down + across[None, :, None] * view.right
    depths = skin.volume.geometry.corners() @ view.into
    start = plane + (depths.min() - view.centre @ view.into) * view.into
    return start, float(depths.max() - depths.min())


def _in_voxels(skin: Skin, view: View, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The (k, j, i) places (3, N) of points (N, 3; LPS mm) in the skin's grid, and the step (3,) that one mm into the scene is there."""
    geometry = skin.volume.geometry
    return np.ascontiguousarray(geometry.to_kji(start).T), view.into[::-1] / geometry.spacing[0]


def _through(origin: np.ndarray, along: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depths in mm (N,) at which rays come to the box from ``low`` to ``high`` (3,) and leave it; the latter is less where they miss it."""
    first, last = np.full(origin.shape[1], -np.inf), np.full(origin.shape[1], np.inf)
    for at, step, begin, end in zip(origin, along, low, high, strict=True):
        if abs(step) > _PARALLEL:
            one, other = (begin - at) / step, (end - at) / step
            first, last = np.maximum(first, np.minimum(one, other)), np.minimum(last, np.maximum(one, other))
        else:
            last = np.where((at < begin) | (at > end), -np.inf, last)
    return first, last


def _march(skin: Skin, start: np.ndarray, view: View, begin: np.ndarray, length: float) -> np.ndarray:
    """Depth in mm (N,) of the first crossing of the threshold along each ray from the depth ``begin`` (N,) on, NaN without one."""
    step = skin.volume.geometry.spacing[0] * 0.75
    origin, along = _in_voxels(skin, view, start)
    shape = np.asarray(skin.volume.array.shape)
    _, end = _through(origin, along, np.full(3, -1.0), shape.astype(float))  # beyond it there is air alone
    end = np.minimum(end, length)
    found = np.full(len(start), np.nan)
    alive = np.flatnonzero(begin < end)
    origin, end, depth, slow = origin.take(alive, axis=1), end[alive], begin[alive], np.zeros(len(alive), dtype=bool)
    while len(alive):
        position = origin + depth * along[:, None]
        block = np.ravel_multi_index((position / BLOCK).astype(np.intp), skin.leap_mm.shape, mode="clip")
        leap = skin.leap_mm.take(block, mode="clip")  # which it is: a mode that asks nothing is faster
        near = np.flatnonzero(leap <= step)  # who may leap further than a step has air around
        if skin.clear is not None:
            near = _nearer(skin, position, leap, near)
        met = near[_value(skin, position.take(near, axis=1)) > skin.threshold_hu]
        found[alive[met]] = depth[met] - step * _share(skin, position.take(met, axis=1), along[:, None] * step, slow[met])
        leap = np.maximum(leap, step)
        depth, slow = depth + leap, leap <= step
        keep = depth < end
        keep[met] = False
        kept = np.flatnonzero(keep)
        alive, origin, end = alive.take(kept), origin.take(kept, axis=1), end.take(kept)
        depth, slow = depth.take(kept), slow.take(kept)
    return found


def _nearer(skin: Skin, position: np.ndarray, leap: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Which of the rays ``near`` the skin have tissue in their very cell; the others' ``leap`` (mm) is made longer."""
    cell = np.floor(position.take(near, axis=1)).astype(np.intp)
    clear = skin.clear.take(np.ravel_multi_index(cell, skin.clear.shape, mode="clip"), mode="clip")
    leap[near] = np.maximum(leap[near], (clear - np.float32(1)) * np.float32(skin.volume.geometry.spacing[0]))
    return near[clear == 0]


def _value(skin: Skin, position: np.ndarray) -> np.ndarray:
    """HU at places (3, N) of the skin's grid, air outside."""
    return ndimage.map_coordinates(skin.volume.array, position, order=1, cval=AIR_HU)


def _share(skin: Skin, position: np.ndarray, step: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Which part of its last step (3, 1) lies below the skin for rays at ``position`` (3, N); but ``slow`` ones came from air."""
    value, before = _value(skin, position), np.full(len(slow), AIR_HU)
    before[slow] = _value(skin, (position - step)[:, slow])
    return np.clip((value - skin.threshold_hu) / np.maximum(value - before, 1e-3), 0.0, 1.0)


def shade(skin: Skin, view: View, points: np.ndarray) -> np.ndarray:
    """The picture (height, width, 3) uint8 of the skin at ``points``, as ``hit_points`` gave them."""
    seen = np.isfinite(points[..., 0])
    picture = np.broadcast_to(BACKGROUND, (*seen.shape, 3)).astype(float)
    normal = _normals(skin, points[seen])
    key = _unit(-view.into + 0.8 * view.right - 0.9 * view.down)
    eye = np.clip(-normal @ view.into, 0.0, 1.0)
    light = _KEY_LIGHT * np.clip(0.15 + 0.85 * (normal @ key), 0.0, 1.0) + _EYE_LIGHT * eye
    light = light * _openness(view, points, seen)[seen]
    gloss = 26.0 * np.clip(normal @ _unit(key - view.into), 0.0, 1.0) ** 24
    picture[seen] = np.clip(0.10 + 0.98 * light, 0.0, 1.0)[:, None] * _SKIN_TONE + gloss[:, None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _normals(skin: Skin, points: np.ndarray) -> np.ndarray:
    """Outward unit normals (N, 3) in LPS: against the gradient of HU."""
    geometry = skin.volume.geometry
    kji = geometry.to_kji(points).T
    gradient = np.empty((len(points), 3))
    for axis in range(3):
        step = np.zeros((3, 1))
        step[axis] = 1.0
        ahead = ndimage.map_coordinates(skin.volume.array, kji + step, order=1, mode="nearest")
        behind = ndimage.map_coordinates(skin.volume.array, kji - step, order=1, mode="nearest")
        gradient[:, 2 - axis] = behind - ahead
    return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-6)


def _openness(view: View, points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Ambient light (0..1): hollows that lie deeper than what surrounds them within some mm are darker."""
    depth = np.where(seen, np.nan_to_num(points @ view.into), 0.0)
    weight = seen.astype(float)
    light = np.ones(seen.shape)
    for radius_mm, strength in ((3.0, 0.045), (10.0, 0.022)):
        sigma = radius_mm / view.mm_per_pixel
        mean = ndimage.gaussian_filter(depth, sigma) / np.maximum(ndimage.gaussian_filter(weight, sigma), 1e-6)
        light = light * np.clip(1.0 - strength * np.maximum(depth - mean, 0.0), 0.45, 1.0)
    return light


def skin_view(
    volume: Volume | Skin,
    direction: str | Sequence[float] = "front",
    size_px: int | tuple[int, int] = 320,
    focus_lps: np.ndarray | None = None,
) -> np.ndarray:
    """The skin as a picture (height, width, 3) uint8, seen along ``direction`` in parallel projection.

    ``volume`` is a CT in HU of any geometry (or a ``Skin`` of it, when several views are wanted); ``direction`` a name of
    ``VIEWS`` or an LPS vector from the eye into the scene. The picture just holds ``focus_lps`` (N, 3), or everything
    above the threshold; one pixel is equally many mm wide and high. The patient's right is on the left in the front view.
    """
    skin = volume if isinstance(volume, Skin) else prepare_skin(volume)
    view = view_of(skin, direction, size_px, focus_lps)
    return shade(skin, view, hit_points(skin, view))


def head_focus(geometry: Geometry, points_lps: np.ndarray, margin_mm: float) -> np.ndarray:
    """The corners (8, 3) of the patient-axes box around points (N, 3) and ``margin_mm`` more, cut to the scan."""
    corners = geometry.corners()
    low = np.maximum(np.min(points_lps, axis=0) - margin_mm, corners.min(0))
    high = np.minimum(np.max(points_lps, axis=0) + margin_mm, corners.max(0))
    return np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
