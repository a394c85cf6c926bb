"""Small helpers on voxel grids that every step of the anatomy stage uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import SimpleITK as sitk

from ..core.geometry import Box, Geometry
from ..core.volume import Volume, index_affine, is_aligned
from . import packed
from .aligned import above_planes, each_of_planes, each_plane
from .distance import squares_to
from .pieces import pieces_of

#: Between air (-1000) and skin (about 0): where half a voxel is tissue, a little lower for thin cartilage.
TISSUE_HU = -400.0
#: A first or last slice with this share of its neighbour's tissue was cut; a rounded end (vertex, nose) loses more.
CUT_SHARE = 0.7
#: A smaller section (mm2) at the edge of the field of view is a nose or an ear that just touches it.
CUT_AREA_MM2 = 1500.0
ALL_AXES = (0, 1, 2)
#: Distance in mm over which that share is taken.
CUT_STEP_MM = 4.0


def sample(volume: Volume, target: Geometry) -> np.ndarray:
    """Linear interpolation at the voxel centres of ``target``; beyond the volume its nearest voxel goes on.

    Returns float32 (integer input too). Multi-threaded; any affine, shear included. Going on with the nearest voxel
    keeps the cut planes of the field of view from looking like skin.
    """
    matrix, offset = index_affine(volume.geometry, target)
    if not is_aligned(matrix):
        return sitk.GetArrayFromImage(_resampled(volume, target))
    out = np.empty(target.shape, dtype=np.float32)
    each_plane(volume.array, matrix, offset, target.shape, out.__setitem__)
    return out


def each_sampled(volumes: Sequence[Volume], target: Geometry, take: Callable[[int, np.ndarray], None]) -> None:
    """``take(k, planes)`` for each plane of ``target``, in threads: what ``sample`` gives of volumes on one grid, (volume, j, i)."""
    matrix, offset = index_affine(volumes[0].geometry, target)
    if is_aligned(matrix):
        arrays = [volume.array for volume in volumes]
        each_of_planes(arrays, matrix, offset, target.shape, lambda k, planes: take(k, planes.astype(np.float32).transpose(1, 0, 2)))
        return
    whole = [sample(volume, target) for volume in volumes]
    for k in range(target.shape[0]):
        take(k, np.stack([one[k] for one in whole]))


def is_above(volume: Volume, target: Geometry, level: float) -> np.ndarray:
    """Where ``sample`` gives more than ``level`` (bool); what it gives is not kept."""
    matrix, offset = index_affine(volume.geometry, target)
    if not is_aligned(matrix):
        image = _resampled(volume, target)  # the view lives as long as it
        return sitk.GetArrayViewFromImage(image) > level
    out = np.empty(target.shape, dtype=bool)
    above_planes(volume.array, level, matrix, offset, out)
    return out


def _resampled(volume: Volume, target: Geometry) -> sitk.Image:
    array = volume.array
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else np.ascontiguousarray(array))
    matrix, offset = index_affine(volume.geometry, target)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[::-1, ::-1].ravel().tolist())
    transform.SetTranslation(offset[::-1].tolist())
    return sitk.Resample(
        image,
        [int(n) for n in target.shape[::-1]],
        transform,
        sitk.sitkLinear,
        [0.0] * 3,
        [1.0] * 3,
        np.eye(3).ravel().tolist(),
        0.0,
        sitk.sitkFloat32,
        True,
    )


def vertical_axis(geometry: Geometry) -> int:
    """The array axis (0..2) that runs most nearly along the patient's long axis (inferior to superior)."""
    axes = geometry.ijk_to_lps[:3, :3] / np.asarray(geometry.spacing)
    return int(2 - np.argmax(np.abs(axes[2])))


def view_box(ct: Volume) -> Box:
    """The voxels that were really scanned: slices of mere padding above or below a cut patient are left out.

    Where the patient ends by itself (vertex) the air above it stays part of the view.
    """
    axis = vertical_axis(ct.geometry)
    step = tuple(slice(None) if a == axis else slice(None, None, max(1, n // 128)) for a, n in enumerate(ct.array.shape))
    area = (ct.array[step] > TISSUE_HU).sum(axis=tuple(a for a in range(3) if a != axis)).astype(float)
    start, stop = [0, 0, 0], list(ct.array.shape)
    filled = np.flatnonzero(area > 0.05 * area.max())
    if filled.size:
        near = steps_of(CUT_STEP_MM, ct.geometry.sampling[axis])
        first, last = int(filled[0]), int(filled[-1])
        if area[first] > CUT_SHARE * area[min(first + near, area.size - 1)]:
            start[axis] = first
        if area[last] > CUT_SHARE * area[max(last - near, 0)]:
            stop[axis] = last + 1
    return Box(tuple(start), tuple(stop))


def cut_sides(solid: np.ndarray, sampling: tuple[float, float, float]) -> list[tuple[bool, bool]]:
    """For the three array axes: does the first, does the last side of the array cut right through ``solid``?

    False where the body ends by itself or just touches the side. ``sampling`` is mm in array order.
    """
    sides = []
    for axis in range(3):
        planes, mm2 = np.moveaxis(solid, axis, 0), float(np.prod([sampling[a] for a in range(3) if a != axis]))
        near = min(steps_of(CUT_STEP_MM, sampling[axis]), len(planes) - 1)
        areas = [[np.count_nonzero(planes[n]) * mm2 for n in ends] for ends in ((0, near), (-1, -1 - near))]
        sides.append(tuple(bool(edge >= CUT_AREA_MM2 and edge >= CUT_SHARE * inner) for edge, inner in areas))
    return sides


def with_border(volume: Volume, solid: np.ndarray, value: float) -> Volume:
    """The volume with one layer of ``value`` on every side that does not cut through ``solid``.

    ``sample`` then goes on with the patient beyond a cut plane, and with nothing beyond every other side.
    """
    pads = [tuple(int(not cut) for cut in ends) for ends in cut_sides(solid, volume.geometry.sampling)]
    matrix = volume.geometry.ijk_to_lps.copy()
    matrix[:3, 3] = volume.geometry.to_lps(np.array([[-float(low) for low, _ in pads]]))[0]
    array = np.pad(volume.array, pads, constant_values=value)
    return Volume(array, Geometry(array.shape, matrix))


def inside_view(view: Geometry, target: Geometry) -> np.ndarray:
    """Bool of ``target``: voxel centres that lie inside the volume with geometry ``view`` (half a voxel of edge included)."""
    matrix, offset = index_affine(view, target)
    axes = [np.arange(n, dtype=np.float32) for n in target.shape]
    out = np.ones(target.shape, dtype=bool)
    for row, shift, size in zip(matrix, offset, view.shape, strict=True):
        # An axis along which the position stays the same is looked at in one place only.
        lines = [axis if step else axis[:1] for step, axis in zip(row, axes, strict=True)]
        parts = [(row[a] * lines[a]).reshape([-1 if b == a else 1 for b in range(3)]).astype(np.float32) for a in range(3)]
        position = (parts[0] + np.float32(shift)) + parts[1] + parts[2]
        out &= (position >= -0.501) & (position <= size - 0.499)
    return out


def _spread(mask: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    out = mask.copy()
    for axis in axes:
        packed.join_next(out, mask, axis)
    return out


def grow_cube(mask: np.ndarray) -> np.ndarray:
    """Dilation of a bool array by one voxel, over edges and corners too."""
    for axis in ALL_AXES:
        mask = _spread(mask, (axis,))
    return mask


def _step(bits: np.ndarray, number: int, axes: tuple[int, ...]) -> np.ndarray:
    """One voxel of dilation of packed bits: a cross, every second time a cube, which together come near to a ball."""
    return packed.spread_cube(bits, axes) if number % 2 else packed.spread(bits, axes)


def grow(mask: np.ndarray, steps: int, axes: tuple[int, ...] = ALL_AXES) -> np.ndarray:
    """Dilation of a bool array by ``steps`` voxels with a near-round element, along ``axes`` only.

    Shifted ORs over whole arrays, many times faster than the general dilations of scipy and SimpleITK at this size.
    """
    if steps == 1:
        return _spread(mask, axes)
    if not steps or not mask.size:
        return mask
    bits = packed.pack(mask)
    for number in range(steps):
        bits = _step(bits, number, axes)
    return packed.unpack(bits, mask.shape[2])


def shrink(mask: np.ndarray, steps: int, axes: tuple[int, ...] = ALL_AXES) -> np.ndarray:
    """Erosion, the counterpart of ``grow``; the array's borders are not eroded."""
    return ~grow(~mask, steps, axes)


def grow_mm(mask: np.ndarray, radius_mm: float, sampling: tuple[float, float, float]) -> np.ndarray:
    """The voxels whose centre lies within ``radius_mm`` of the centre of a voxel of ``mask``; ``sampling`` is mm in array order.

    The ball is made of lines along the last axis, which are joined as packed bits: a small part of a distance map's time and memory.
    """
    offsets = [np.arange(-int(radius_mm / step) - 1, int(radius_mm / step) + 2) for step in sampling]
    square = [(offset * step) ** 2 for offset, step in zip(offsets, sampling, strict=True)]
    ball = np.sqrt(np.add.outer(np.add.outer(square[0], square[1]), square[2])) <= radius_mm
    reach = (ball.sum(axis=2) - 1) // 2
    out = np.zeros_like(np.packbits(mask, axis=2))
    line = mask
    for length in range(int(reach.max()) + 1):
        line = _spread(line, (2,)) if length else line
        bits = np.packbits(line, axis=2)
        for at in np.argwhere(reach == length):
            shift = (offsets[0][at[0]], offsets[1][at[1]])
            there = tuple(slice(max(d, 0), max(n + d, 0)) for d, n in zip(shift, mask.shape, strict=False))
            here = tuple(slice(max(-d, 0), max(n - d, 0)) for d, n in zip(shift, mask.shape, strict=False))
            out[there] |= bits[here]
    return np.unpackbits(out, axis=2, count=mask.shape[2]).view(bool)


def depth_in(solid: np.ndarray) -> np.ndarray:
    """Distance in voxels (float64) of each voxel of a bool array to the nearest that is not set, 0 there. Some are not set."""
    return np.sqrt(squares_to(~solid), dtype=np.float64)


def steps_of(length_mm: float, spacing_mm: float) -> int:
    """A length in whole voxels, at least one."""
    return max(1, round(length_mm / spacing_mm))


def deep_in(body: Volume, depth_mm: float) -> Volume:
    """What of ``body`` (bool) lies about ``depth_mm`` below its surface, in whole voxels; the array's borders are no surface."""
    outside = packed.pack(~body.array)
    for _ in range(steps_of(depth_mm, body.geometry.spacing[0])):
        outside = packed.spread(outside, ALL_AXES)
    return body.with_array(~packed.unpack(outside, body.array.shape[2]))


def surface_of(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask that touch the outside, which begins at the array's borders."""
    inner = mask.copy()
    for axis in ALL_AXES:
        line, here = np.moveaxis(mask, axis, 0), np.moveaxis(inner, axis, 0)
        here[1:] &= line[:-1]
        here[:-1] &= line[1:]
        here[:1] = here[-1:] = False
    return np.greater(mask, inner, out=inner)


def closing(mask: np.ndarray, steps: int) -> np.ndarray:
    """Morphological closing by ``steps`` voxels; beyond the array its border voxels go on."""
    padded = np.pad(mask, steps, mode="edge")
    return shrink(grow(padded, steps), steps)[(slice(steps, -steps),) * 3]


def opening(mask: np.ndarray, steps: int, axes: tuple[int, ...] = ALL_AXES) -> np.ndarray:
    """Morphological opening by ``steps`` voxels along ``axes``."""
    return grow(shrink(mask, steps, axes), steps, axes)


def reach(seed: np.ndarray, mask: np.ndarray, steps: int) -> np.ndarray:
    """What of ``mask`` can be reached from ``seed`` in ``steps`` voxels without leaving it (geodesic dilation)."""
    within = packed.pack(mask)
    out = packed.pack(seed) & within
    for number in range(steps):
        out = _step(out, number, ALL_AXES) & within
    return packed.unpack(out, mask.shape[2])


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The mask without cavities: what air does not reach the sides of its slice (of axis 0) is filled.

    Each slice counts for itself, so that an airway which the end of the field of view cuts is a cavity too.
    """
    air = np.pad(~mask, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    # One slice below the other: the air put around them joins the outer air of all, and no cavity.
    pieces = pieces_of(air.reshape(1, -1, air.shape[2]))
    return ~pieces.only(np.arange(pieces.count) == 0).reshape(air.shape)[:, 1:-1, 1:-1]
