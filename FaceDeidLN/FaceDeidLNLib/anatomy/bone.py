"""Bone and teeth in the CT, without dental-metal streaks and without what lies on or off the skin."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.geometry import Box, Geometry
from ..core.volume import Volume
from .body import find_body

#: Dental metal (some scanners stop at 2248 HU); the streaks are looked for in the slices that hold it.
METAL_HU = 2200.0
#: Slices this far from metal still show its streaks.
STREAK_SLICES_MM = 3.0
#: Streaks thinner than this are removed where there is metal.
STREAK_WIDTH_MM = 2.5
#: In coarser pixels a streak cannot be told from a jaw.
COARSEST_PIXEL_MM = 2.0
#: Smaller pieces are noise or calcifications.
SMALLEST_BONE_MM3 = 200.0
#: A piece that never gets this deep under the skin is a marker, a wire or a mask.
BONE_DEPTH_MM = 6.0


def bone_mask(ct: Volume, box: Box, threshold_hu: float = 300.0, body: Volume | None = None) -> np.ndarray:
    """Bone and teeth: bool of the voxels in ``box`` on the CT's own grid.

    ``ct`` holds HU; ``body`` is what ``find_body`` gave (found here where it is not handed over). Raises what
    ``find_body`` raises.
    """
    part = ct.crop(box)
    bone = part.array > threshold_hu
    if not bone.any():
        return bone
    body = find_body(ct) if body is None else body
    bone = _within(bone, body, part.geometry)
    bone &= ~_streaks(part.array, bone, part.geometry.sampling)
    deep = _within(bone, _eroded(body), part.geometry)
    return _pieces(bone, deep, SMALLEST_BONE_MM3 / part.geometry.voxel_mm3)


def _within(mask: np.ndarray, body: Volume, geometry: Geometry) -> np.ndarray:
    """What of ``mask`` (bool on ``geometry``) lies in ``body``, which goes on beyond its own grid; only the voxels set are looked up."""
    at = np.argwhere(mask)
    kji = body.geometry.to_kji(geometry.to_lps(at))
    share = ndimage.map_coordinates(body.array.view(np.uint8), kji.T, order=1, mode="nearest", output=np.float32)
    out = np.zeros(mask.shape, dtype=bool)
    out[tuple(at[share > 0.5].T)] = True
    return out


def _eroded(body: Volume) -> Volume:
    steps = max(1, round(BONE_DEPTH_MM / body.geometry.spacing[0]))
    return body.with_array(ndimage.binary_erosion(body.array, iterations=steps, border_value=1))


def _streaks(hu: np.ndarray, bone: np.ndarray, sampling: tuple[float, float, float]) -> np.ndarray:
    """The thin parts of ``bone`` in the slices near dental metal."""
    out = np.zeros(bone.shape, dtype=bool)
    metal = (hu > METAL_HU).any(axis=(1, 2))
    if not metal.any() or max(sampling[1:]) > COARSEST_PIXEL_MM:
        return out
    near = ndimage.binary_dilation(metal, iterations=max(1, round(STREAK_SLICES_MM / sampling[0])))
    radius = [max(1.0, STREAK_WIDTH_MM / 2 / s) for s in sampling[1:]]
    rows = [(np.arange(-int(r), int(r) + 1) / r) ** 2 for r in radius]
    disc = np.add.outer(rows[0], rows[1]) <= 1.0
    for k in np.flatnonzero(near):
        out[k] = bone[k] & ~ndimage.binary_opening(bone[k], disc)
    return out


def _pieces(bone: np.ndarray, deep: np.ndarray, smallest: float) -> np.ndarray:
    """The connected pieces with at least ``smallest`` voxels that reach into ``deep``."""
    labels, count = ndimage.label(bone)
    if count == 0:
        return bone
    size = np.bincount(labels.ravel(), minlength=count + 1)
    reached = np.bincount(labels[deep], minlength=count + 1)
    keep = (size >= smallest) & (reached > 0)
    keep[0] = False
    return keep[labels]
