"""Pictures of the skin without a graphics card: rays through the CT until they meet it, shaded with its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..anatomy.aligned import each_plane
from ..core.geometry import Box, Geometry
from ..core.segment import tight
from ..core.volume import AIR_HU, Volume, block_factors, block_mean, canonical_grid, index_affine, is_aligned, resample

#: The skin, as everywhere in the field: half way between air and soft tissue, moved towards air so that thin parts stay.
SKIN_HU = -300.0
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
_FINEST_MM = 1.0
#: A whole-body CT is drawn coarser, so that a picture never needs more than this many voxels (48 MB).
_MOST_VOXELS = 12_000_000
#: Voxels along a side of the blocks over which rays leap: smaller ones let them come nearer to the skin in one leap.
_BLOCK = 2
_FIELD_MARGIN_MM = 12.0
#: How many standard deviations the smoothing reaches.
_TRUNCATE = 3.0
#: Between the key light (above and right of the eye) and the light that comes from the eye itself.
_KEY_LIGHT, _EYE_LIGHT = 0.62, 0.38


@dataclass(frozen=True, eq=False)
class Skin:
    """A CT made ready for pictures: HU on an isotropic grid along the patient axes, and where rays may leap.

    ``leap_mm`` says, for blocks of voxels, how far the nearest block that touches the patient is at least.
    """

    volume: Volume
    leap_mm: np.ndarray
    threshold_hu: float


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


def prepare_skin(volume: Volume, threshold_hu: float = SKIN_HU, finest_mm: float = _FINEST_MM) -> Skin:
    """Make a CT ready for any number of pictures, whose pixels are not much finer than ``finest_mm`` (1 s for 512x512x200 at 1 mm)."""
    corners = volume.geometry.corners()
    extent = np.maximum(corners.max(0) - corners.min(0), 1.0)
    spacing = max(finest_mm, float(np.prod(extent) / _MOST_VOXELS) ** (1 / 3))
    grid = canonical_grid(np.vstack([corners - 2 * spacing, corners + 2 * spacing]), spacing)
    array = _smooth(volume, grid)
    return Skin(Volume(array, grid), _leaps(array, threshold_hu, spacing), threshold_hu)


def _smooth(volume: Volume, grid: Geometry) -> np.ndarray:
    """HU on an isotropic grid, without the noise of single voxels."""
    spacing = grid.spacing[0]
    fine = _between_voxels(block_mean(volume, spacing), grid)
    array = ndimage.gaussian_filter(fine, _sigma(volume, spacing), mode="nearest", truncate=_TRUNCATE)
    return np.nan_to_num(array, copy=False, nan=AIR_HU)


def _between_voxels(volume: Volume, grid: Geometry) -> np.ndarray:
    """HU (float32) at the centres of a grid's voxels, air outside the scan."""
    matrix, offset = index_affine(volume.geometry, grid)
    if not is_aligned(matrix):
        return resample(volume, grid, order=1, fill=AIR_HU).array
    out = np.empty(grid.shape, dtype=np.float32)
    each_plane(volume.array, matrix, offset, grid.shape, out.__setitem__)
    for axis, size in enumerate(volume.array.shape):
        at = offset[axis] + matrix[axis, axis] * np.arange(grid.shape[axis])
        out[(slice(None),) * axis + ((at < 0) | (at > size - 1),)] = AIR_HU
    return out


def _sigma(volume: Volume, spacing: float) -> float:
    # Half the coarsest voxel: what a slice gap cannot show must not show as steps either.
    return float(np.clip(0.5 * max(volume.geometry.spacing) / spacing, 0.5, 3.0))


@dataclass(frozen=True, eq=False)
class Changed:
    """The skin of a result, and the LPS ``corners`` (8, 3) of the box outside of which it is the skin before."""

    skin: Skin
    corners: np.ndarray


def changed_skin(skin: Skin, before: Volume, after: Volume) -> Changed:
    """The skin of ``after``, made anew only where its voxels are not those of ``before``, whose skin is ``skin``; same grids."""
    box = tight("changed", before.array != after.array).box
    if 0 in box.shape:
        return Changed(skin, np.zeros((0, 3)))
    grid, spacing = skin.volume.geometry, skin.volume.geometry.spacing[0]
    reach = _TRUNCATE * _sigma(after, spacing) * spacing + 2 * max(*after.geometry.spacing, spacing)
    inner = grid.box_around(after.geometry.crop(box).corners(), reach)  # all that the changed voxels can reach
    outer = grid.box_around(grid.crop(inner).corners(), reach)
    source = after.geometry.box_around(grid.crop(outer).corners(), reach)
    part = _smooth(after.crop(_on_blocks(source, block_factors(after.geometry, spacing))), grid.crop(outer))
    array = skin.volume.array.copy()
    array[inner.slices] = part[tuple(slice(a - o, b - o) for a, b, o in zip(inner.start, inner.stop, outer.start, strict=True))]
    whole = replace(skin, volume=Volume(array, grid), leap_mm=_leaps(array, skin.threshold_hu, spacing))
    return Changed(whole, grid.crop(inner).padded(1).corners())


def _on_blocks(box: Box, factors: tuple[int, ...]) -> Box:
    """The box from where blocks of voxels begin, so that their means are those of the whole volume."""
    return Box(tuple(start - start % factor for start, factor in zip(box.start, factors, strict=True)), box.stop)


def _leaps(array: np.ndarray, threshold_hu: float, spacing: float) -> np.ndarray:
    pad = [(0, -n % _BLOCK) for n in array.shape]
    tissue = np.pad(array > threshold_hu, pad)
    blocks = [n // _BLOCK for n in tissue.shape]
    taken = tissue.reshape(blocks[0], _BLOCK, blocks[1], _BLOCK, blocks[2], _BLOCK).any(axis=(1, 3, 5))
    # A leap starts anywhere in its block and the crossing may lie one voxel before the first voxel above the threshold.
    slack = (_BLOCK * np.sqrt(3.0) + 1.0) * spacing
    if not taken.any():
        return np.full(taken.shape, float(sum(array.shape)) * spacing, dtype=np.float32)
    return np.maximum(ndimage.distance_transform_edt(~taken) * _BLOCK * spacing - slack, 0.0).astype(np.float32)


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
    centres = np.minimum(taken * _BLOCK + _BLOCK / 2, np.asarray(skin.volume.array.shape) - 1)
    return skin.volume.geometry.to_lps(centres)


def hit_points(skin: Skin, view: View) -> np.ndarray:
    """LPS mm (height, width, 3) where the ray of each pixel first meets the skin; NaN where it never does."""
    return _met(skin, view, (slice(None), slice(None)))


def hit_points_changed(changed: Changed, view: View, before: np.ndarray) -> np.ndarray:
    """As ``hit_points`` of the changed skin; ``before`` is where the rays met the skin before, and only those that can differ are sent."""
    points = before.copy()
    if not len(changed.corners):
        return points
    pixels, most = view.pixels(changed.corners), np.asarray(view.size_px)
    low, high = np.clip(np.floor(pixels.min(0)).astype(int), 0, most), np.clip(np.ceil(pixels.max(0)).astype(int) + 1, 0, most)
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    points[part] = _met(changed.skin, view, part)
    return points


def _met(skin: Skin, view: View, part: tuple[slice, slice]) -> np.ndarray:
    """As ``hit_points``, for a part of the rows and columns of a picture."""
    start, length = _rays(skin, view)
    start = start[part]
    depth = _march(skin, start.reshape(-1, 3), view.into, length)
    return start + depth.reshape(start.shape[:2])[..., None] * view.into


def _rays(skin: Skin, view: View) -> tuple[np.ndarray, float]:
    width, height = view.size_px
    across = (np.arange(width) - (width - 1) / 2) * view.mm_per_pixel
    along = (np.arange(height) - (height - 1) / 2) * view.mm_per_pixel
    plane = view.centre + along[:, None, None] * view.down + across[None, :, None] * view.right
    depths = skin.volume.geometry.corners() @ view.into
    start = plane + (depths.min() - view.centre @ view.into) * view.into
    return start, float(depths.max() - depths.min())


def _march(skin: Skin, start: np.ndarray, into: np.ndarray, length: float) -> np.ndarray:
    """Depth in mm (N,) of the first crossing of the threshold along each ray, NaN without one."""
    geometry, step = skin.volume.geometry, skin.volume.geometry.spacing[0] * 0.75
    origin, along = geometry.to_kji(start), into[::-1] / geometry.spacing[0]
    found = np.full(len(start), np.nan)
    alive, depth, end = np.arange(len(start)), np.zeros(len(start)), np.minimum(_leaves(origin, along, skin.volume.array.shape), length)
    before = np.full(len(start), AIR_HU)
    while len(alive):
        position = origin[alive] + depth[:, None] * along
        value = ndimage.map_coordinates(skin.volume.array, position.T, order=1, cval=AIR_HU)
        met = value > skin.threshold_hu
        share = (value - skin.threshold_hu)[met] / np.maximum(value - before, 1e-3)[met]
        found[alive[met]] = depth[met] - step * np.clip(share, 0.0, 1.0)
        block = np.clip(np.floor(position / _BLOCK), 0, np.asarray(skin.leap_mm.shape) - 1).astype(int)
        leap = np.maximum(skin.leap_mm[tuple(block.T)], step)
        keep = ~met & (depth + leap < end[alive])
        alive, before = alive[keep], np.where(leap > step, AIR_HU, value)[keep]
        depth = (depth + leap)[keep]
    return found


def _leaves(origin: np.ndarray, along: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Depth in mm (N,) from where on a ray is more than a voxel outside the volume for good, where there is air alone."""
    crossing = np.flatnonzero(np.abs(along) > 1e-9)
    last = np.where(along > 0, np.asarray(shape, dtype=float), -1.0)
    return ((last[crossing] - origin[:, crossing]) / along[crossing]).min(axis=1)


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
