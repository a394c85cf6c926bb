"""Bone and teeth in the CT, without dental-metal streaks and without what lies on or off the skin."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from scipy import ndimage

from ..core.by_parts import by_parts
from ..core.geometry import Box, Geometry
from ..core.segment import box_of, unflat
from ..core.volume import Volume
from .body import find_body
from .grids import deep_in, steps_of, vertical_axis
from .pieces import pieces_of
from .solid import Solid, cells_of

Item = TypeVar("Item")
#: Dental metal (some scanners stop at 2248 HU); the streaks are looked for in the slices that hold it.
METAL_HU = 2200  # whole, as voxels are: they need not be made numbers of another kind
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


def bone_mask(ct: Volume, box: Box, threshold_hu: float = 300.0, body: Volume | None = None, metal: np.ndarray | None = None) -> np.ndarray:
    """Bone and teeth: bool of the voxels in ``box`` on the CT's own grid.

    ``ct`` holds HU; ``body`` is what ``find_body`` gave (found here where it is not handed over), ``metal``
    what ``metal_slices`` gave (of this box where it is not). Raises what ``find_body`` raises.
    """
    part = ct.crop(box)
    bone = part.array > threshold_hu
    if not bone.any():
        return bone
    body = find_body(ct) if body is None else body
    masks = [Solid.of(one.array) for one in (body, deep_in(body, BONE_DEPTH_MM))]

    def found(voxels: np.ndarray) -> np.ndarray:
        kji = body.geometry.to_kji(part.geometry.to_lps(unflat(voxels, bone.shape)))
        cells = cells_of(kji, body.array.shape)
        return np.stack([mask.holds(kji, cells) for mask in masks], axis=1)

    inside, deep = by_parts(found, np.flatnonzero(bone)).T
    bone, deep = _only(bone, inside), deep[inside]
    metal = (metal_slices(ct, box) if metal is None else metal)[box.slices[vertical_axis(ct.geometry)]]
    sound = ~_streaks(metal, bone, part.geometry)[bone]
    return _pieces(_only(bone, sound), deep[sound], SMALLEST_BONE_MM3 / part.geometry.voxel_mm3)


def _only(mask: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The mask with the ``chosen`` (N,) of its N voxels alone, which are counted in C order."""
    out = np.zeros(mask.shape, dtype=bool)
    out[mask] = chosen
    return out


def metal_slices(ct: Volume, box: Box) -> np.ndarray:
    """Which slices (K,; bool) of the CT hold dental metal in ``box``: those across the patient, in whatever order the axes are stored."""
    axis = vertical_axis(ct.geometry)
    slices, inside = np.moveaxis(ct.array, axis, 0), _first(box.slices, axis)
    out = np.zeros(len(slices), dtype=bool)
    for k in range(inside[0].start, inside[0].stop):  # one slice at a time, which a processor's cache holds
        out[k] = (slices[k][inside[1:]] > METAL_HU).any()
    return out


def _streaks(metal: np.ndarray, bone: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The thin parts of ``bone`` (bool on a ``geometry``) in the slices near dental metal, ``metal`` (bool) along its vertical axis."""
    axis = vertical_axis(geometry)
    return np.moveaxis(_thin(np.moveaxis(bone, axis, 0), metal, _first(geometry.sampling, axis)), 0, axis)


def _first(each: tuple[Item, Item, Item], axis: int) -> tuple[Item, Item, Item]:
    """What belongs to the three array axes, that of ``axis`` first, as ``np.moveaxis`` turns an array."""
    return (each[axis], *(each[n] for n in range(3) if n != axis))


def _thin(bone: np.ndarray, metal: np.ndarray, sampling: tuple[float, float, float]) -> np.ndarray:
    """As ``_streaks``, of slices along the first axis."""
    out = np.zeros(bone.shape, dtype=bool)
    if not metal.any() or max(sampling[1:]) > COARSEST_PIXEL_MM:
        return out
    near = ndimage.binary_dilation(metal, iterations=steps_of(STREAK_SLICES_MM, sampling[0]))
    radius = [max(1.0, STREAK_WIDTH_MM / 2 / s) for s in sampling[1:]]
    rows = [(np.arange(-int(r), int(r) + 1) / r) ** 2 for r in radius]
    disc = np.add.outer(rows[0], rows[1]) <= 1.0
    for k in np.flatnonzero(near & bone.any(axis=(1, 2))):
        part = ndimage.find_objects(np.ascontiguousarray(bone[k]).view(np.uint8))[0]
        out[k][part] = bone[k][part] & ~ndimage.binary_opening(bone[k][part], disc)
    return out


def _pieces(bone: np.ndarray, deep: np.ndarray, smallest: float) -> np.ndarray:
    """The connected pieces with at least ``smallest`` voxels, one of them ``deep`` (bool (N,) of the N voxels of bone)."""
    within = bone[box_of(bone).slices]
    pieces = pieces_of(within)
    numbers = pieces.numbers()
    reached = np.bincount(numbers[deep], minlength=pieces.count)
    return _only(bone, ((pieces.sizes >= smallest) & (reached > 0))[numbers])
