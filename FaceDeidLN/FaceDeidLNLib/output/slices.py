"""Slices along the patient's axes, from a CT of any geometry, in square pixels, with masks sampled at the same places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.segment import BoxMask
from ..core.volume import AIR_HU, Volume

#: Right and down in the picture, in LPS: axial from the feet and coronal from the front (the patient's right is on the
#: left), sagittal with the nose on the left.
PLANES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}
#: HU shown as black and as white: wide enough for skin, fat, muscle and the edge of bone at once.
WINDOW_HU = (-350.0, 350.0)


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """A plane of pixels: the LPS place of its centre, unit axes right and down, mm per pixel and (width, height)."""

    centre: np.ndarray
    right: np.ndarray
    down: np.ndarray
    mm_per_pixel: float
    size_px: tuple[int, int]

    def kji(self, volume: Volume) -> np.ndarray:
        """Continuous array positions (3, height, width) of the pixels in a volume."""
        width, height = self.size_px
        across = (np.arange(width) - (width - 1) / 2)[None, :, None] * self.mm_per_pixel * self.right
        along = (np.arange(height) - (height - 1) / 2)[:, None, None] * self.mm_per_pixel * self.down
        kji = volume.geometry.to_kji((self.centre + across + along).reshape(-1, 3))
        return np.ascontiguousarray(kji.T).reshape(3, height, width)


def slice_plane(plane: str, centre_lps: np.ndarray, field_mm: float, size_px: tuple[int, int]) -> SlicePlane:
    """A plane of ``PLANES`` through a point; ``field_mm`` is what the shorter side of the picture holds."""
    right, down = (np.asarray(axis, dtype=float) for axis in PLANES[plane])
    return SlicePlane(np.asarray(centre_lps, dtype=float), right, down, field_mm / min(size_px), size_px)


def sample_gray(volume: Volume, plane: SlicePlane) -> np.ndarray:
    """The slice (height, width, 3) uint8 in the window ``WINDOW_HU``; air outside the scan."""
    return lookup_gray(volume, plane.kji(volume))


def lookup_gray(volume: Volume, kji: np.ndarray) -> np.ndarray:
    """As ``sample_gray``, at positions (3, height, width) in the volume's array."""
    low = np.maximum(np.floor(kji.reshape(3, -1).min(1)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(kji.reshape(3, -1).max(1)).astype(int) + 2, volume.array.shape)
    if np.any(high <= low):
        return np.zeros((*kji.shape[1:], 3), dtype=np.uint8)
    part = volume.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].astype(np.float32)
    hu = ndimage.map_coordinates(part, kji - low[:, None, None], order=1, cval=AIR_HU)
    gray = np.clip((hu - WINDOW_HU[0]) / (WINDOW_HU[1] - WINDOW_HU[0]), 0.0, 1.0) * 255
    return np.repeat(np.nan_to_num(gray).astype(np.uint8)[..., None], 3, axis=2)


def _nearest(kji: np.ndarray, start: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Which pixels lie in a box of voxels, and the indices there."""
    index = np.rint(kji).astype(np.int64) - start[:, None, None]
    inside = np.all((index >= 0) & (index < np.asarray(shape)[:, None, None]), axis=0)
    return inside, tuple(index[:, inside])


def sample_mask(mask: BoxMask, volume: Volume, plane: SlicePlane) -> np.ndarray:
    """Where the pixel's nearest voxel of the CT's grid is in the mask: bool (height, width)."""
    return lookup_mask(mask, plane.kji(volume))


def lookup_mask(mask: BoxMask, kji: np.ndarray) -> np.ndarray:
    """Where positions (3, height, width) in the CT's array have their nearest voxel in the mask: bool (height, width)."""
    flat = kji.reshape(3, -1)
    if np.any(flat.max(1) < np.asarray(mask.box.start) - 1) or np.any(flat.min(1) > mask.box.stop):
        return np.zeros(kji.shape[1:], dtype=bool)  # most masks lie beside a slice
    inside, index = _nearest(kji, np.asarray(mask.box.start), mask.array.shape)
    out = np.zeros(inside.shape, dtype=bool)
    out[inside] = mask.array[index]
    return out


def sample_changed(original: Volume, result: Volume, plane: SlicePlane) -> np.ndarray:
    """Where the pixel's nearest voxel differs between two volumes of the same grid: bool (height, width)."""
    return lookup_changed(original, result, plane.kji(original))


def lookup_changed(original: Volume, result: Volume, kji: np.ndarray) -> np.ndarray:
    """As ``sample_changed``, at positions (3, height, width) in the arrays."""
    inside, index = _nearest(kji, np.zeros(3, dtype=np.int64), original.array.shape)
    out = np.zeros(inside.shape, dtype=bool)
    out[inside] = original.array[index] != result.array[index]
    return out
