"""Small helpers on voxel grids that every step of the anatomy stage uses."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..core.geometry import Box, Geometry
from ..core.volume import Volume, index_affine

#: Between air (-1000) and skin (about 0): where half a voxel is tissue, a little lower for thin cartilage.
TISSUE_HU = -400.0
#: A first or last slice with this share of its neighbour's tissue was cut; a rounded end (vertex, chin) loses more.
CUT_SHARE = 0.7
#: Distance in mm over which that share is taken.
CUT_STEP_MM = 4.0


def sample(volume: Volume, target: Geometry) -> np.ndarray:
    """Linear interpolation at the voxel centres of ``target``; beyond the volume its nearest voxel goes on.

    Returns float32 (integer input too). Multi-threaded; any affine, shear included. Going on with the nearest voxel
    keeps the cut planes of the field of view from looking like skin.
    """
    array = volume.array
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else np.ascontiguousarray(array))
    matrix, offset = index_affine(volume.geometry, target)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[::-1, ::-1].ravel().tolist())
    transform.SetTranslation(offset[::-1].tolist())
    out = sitk.Resample(
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
    return sitk.GetArrayFromImage(out)


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
        near = max(1, round(CUT_STEP_MM / ct.geometry.sampling[axis]))
        first, last = int(filled[0]), int(filled[-1])
        if area[first] > CUT_SHARE * area[min(first + near, area.size - 1)]:
            start[axis] = first
        if area[last] > CUT_SHARE * area[max(last - near, 0)]:
            stop[axis] = last + 1
    return Box(tuple(start), tuple(stop))


def inside_view(view: Geometry, target: Geometry) -> np.ndarray:
    """Bool of ``target``: voxel centres that lie inside the volume with geometry ``view`` (half a voxel of edge included)."""
    matrix, offset = index_affine(view, target)
    axes = [np.arange(n, dtype=np.float32) for n in target.shape]
    out = np.ones(target.shape, dtype=bool)
    for row, shift, size in zip(matrix, offset, view.shape, strict=True):
        parts = [(row[a] * axes[a]).reshape([-1 if b == a else 1 for b in range(3)]).astype(np.float32) for a in range(3)]
        position = (parts[0] + np.float32(shift)) + parts[1] + parts[2]
        out &= (position >= -0.501) & (position <= size - 0.499)
    return out


def _spread(mask: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    out = mask.copy()
    for axis in axes:
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        out[high] |= mask[low]
        out[low] |= mask[high]
    return out


def _cross(mask: np.ndarray) -> np.ndarray:
    return _spread(mask, (0, 1, 2))


def _cube(mask: np.ndarray) -> np.ndarray:
    return _spread(_spread(_spread(mask, (0,)), (1,)), (2,))


def grow(mask: np.ndarray, steps: int) -> np.ndarray:
    """Dilation of a bool array by ``steps`` voxels with a near-round element (cross and cube in turn).

    Shifted ORs over whole arrays, some ten times faster than the general dilations of scipy and SimpleITK at this size.
    """
    for step in range(steps):
        mask = _cross(mask) if step % 2 == 0 else _cube(mask)
    return mask


def shrink(mask: np.ndarray, steps: int) -> np.ndarray:
    """Erosion, the counterpart of ``grow``; the array's borders are not eroded."""
    return ~grow(~mask, steps)


def closing(mask: np.ndarray, steps: int) -> np.ndarray:
    """Morphological closing by ``steps`` voxels."""
    return shrink(grow(mask, steps), steps)


def opening(mask: np.ndarray, steps: int) -> np.ndarray:
    """Morphological opening by ``steps`` voxels."""
    return grow(shrink(mask, steps), steps)


def reach(seed: np.ndarray, mask: np.ndarray, steps: int) -> np.ndarray:
    """What of ``mask`` can be reached from ``seed`` in ``steps`` voxels without leaving it (geodesic dilation)."""
    out = seed & mask
    for step in range(steps):
        out = (_cross(out) if step % 2 == 0 else _cube(out)) & mask
    return out


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The mask without cavities: air that does not reach the sides of the array through air is filled.

    The first and last slice of axis 0 are closed too (filled in their plane), so that an airway cut by the end of the
    field of view counts as a cavity.
    """
    sealed = mask.copy()
    for k in {0, mask.shape[0] - 1}:
        sealed[k] = ndimage.binary_fill_holes(mask[k])
    closed = np.pad(sealed, ((1, 1), (0, 0), (0, 0)), mode="constant", constant_values=True)
    padded = np.pad(closed, ((0, 0), (1, 1), (1, 1)), mode="constant", constant_values=False)
    filled = sitk.BinaryFillhole(sitk.GetImageFromArray(padded.astype(np.uint8)))
    return sitk.GetArrayFromImage(filled)[1:-1, 1:-1, 1:-1] > 0
