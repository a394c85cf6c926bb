"""The patient in the CT: everything inside the skin, without couch, supports, mask sheets, tubes and markers."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.errors import FaceNotFoundError, InputError
from ..core.progress import Alive, idle
from ..core.volume import AIR_HU, Volume, block_mean, canonical_grid
from .couch import without_couch
from .grids import TISSUE_HU, closing, fill_holes, grow, inside_view, is_above, opening, reach, shrink, steps_of, view_box

#: Less tissue than this (mm3) is no patient; the smallest slab of a neck has several times as much.
SMALLEST_BODY_MM3 = 100_000.0
#: Things up to twice as thick are no part of the trunk of the body (tubes, sheets, bite blocks outside the mouth).
CORE_RADIUS_MM = 6.0
#: Sheets up to twice as thick can be mask or frame; ears and the wings of the nose are told from them by their size.
SHEET_RADIUS_MM = 3.0
#: No ear and no wing of the nose is longer than this.
LONGEST_EAR_MM = 85.0
#: An ear stands no further off the head.
EAR_REACH_MM = 27.0
#: What opening took from the tip of the nose, the lips and the chin comes back within this distance: a narrow nose on a head bent
#: forward loses 10 mm.
TIP_REACH_MM = 12.0
#: Openings up to twice as wide (nostrils, lips, ear canals) count as closed.
CLOSING_RADIUS_MM = 6.0


def find_body(ct: Volume, spacing_mm: float = 3.0, alive: Alive = idle) -> Volume:
    """The patient as a bool Volume on an isotropic grid along L, P, S over the whole CT (HU, any affine).

    Couch, head rest, mask sheets off the skin, tubes and other thin things are left out; airways, sinuses, mouth and
    ear canals are filled. Voxels outside the scanned field of view are False.

    Raises InputError where the CT has no voxel or is flat (2-D), FaceNotFoundError where no patient is in it.
    """
    if min(ct.array.shape, default=0) < 2:
        raise InputError(f"The CT is not a 3-D volume: its size is {ct.array.shape[::-1]} voxels.")
    grid = canonical_grid(ct.geometry.corners(), spacing_mm)
    view = ct.crop(view_box(ct))
    small = block_mean(view, spacing_mm)
    alive()
    small = small.with_array(np.maximum(small.array, AIR_HU))
    inside = inside_view(view.geometry, grid)
    tissue = is_above(small, grid, TISSUE_HU)
    if np.count_nonzero(tissue & inside) * spacing_mm**3 < SMALLEST_BODY_MM3:
        raise FaceNotFoundError("No patient was found in the CT: there is almost nothing but air in it.")
    cut = _bounding_slices(tissue & inside, 4)
    body = np.zeros(grid.shape, dtype=bool)
    alive()
    body[cut] = _body_of(tissue[cut], spacing_mm)
    body &= inside
    if np.count_nonzero(body) * spacing_mm**3 < SMALLEST_BODY_MM3:
        raise FaceNotFoundError("No patient was found in the CT: only small or thin things are in it.")
    return Volume(body, grid)


def _body_of(tissue: np.ndarray, spacing_mm: float) -> np.ndarray:
    """The filled body out of everything that is not air."""
    tissue = _without_sheets(without_couch(tissue, spacing_mm), spacing_mm)
    solid = fill_holes(closing(tissue, steps_of(CLOSING_RADIUS_MM, spacing_mm)))
    radius = steps_of(CORE_RADIUS_MM, spacing_mm)
    core = grow(_largest(shrink(solid, radius)), radius) & solid
    body = reach(core, solid, steps_of(TIP_REACH_MM, spacing_mm)) | _ears(core, tissue, spacing_mm)
    own = _largest(tissue & body)  # closing had bridged the gap to a head rest or a mask close to the skin
    return fill_holes(closing(own, steps_of(CLOSING_RADIUS_MM, spacing_mm)))


def _without_sheets(tissue: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Tissue without what is both thin and longer than an ear."""
    thin = tissue & ~opening(tissue, steps_of(SHEET_RADIUS_MM, spacing_mm))
    labels, count = ndimage.label(thin, np.ones((3, 3, 3)))
    longest = LONGEST_EAR_MM / spacing_mm
    drop = np.zeros(count + 1, dtype=bool)
    for index, found in enumerate(ndimage.find_objects(labels), start=1):
        drop[index] = max(s.stop - s.start for s in found) > longest
    return tissue & ~drop[labels]


def _ears(core: np.ndarray, tissue: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Thin things at the side of the body that are no larger than an ear."""
    rest = reach(core, tissue, steps_of(EAR_REACH_MM, spacing_mm)) & ~core
    labels, _ = ndimage.label(rest, np.ones((3, 3, 3)))
    keep = np.zeros(labels.max() + 1, dtype=bool)
    centres = _centres(core)
    for index, found in enumerate(ndimage.find_objects(labels), start=1):
        k, j, i = ((s.start + s.stop) / 2 for s in found)
        size = max(s.stop - s.start for s in found) * spacing_mm
        # To the side of the middle of its section, more than 50 degrees off the midline.
        aside = np.abs((j, i) - centres[int(k)])
        keep[index] = size <= LONGEST_EAR_MM and aside[1] > 1.2 * aside[0]
    return keep[labels]


def _centres(mask: np.ndarray) -> np.ndarray:
    """The centre (j, i) of each slice's voxels, (K, 2); NaN where it has none."""
    along = [mask.sum(axis=axis) @ np.arange(mask.shape[3 - axis]) for axis in (2, 1)]
    with np.errstate(invalid="ignore"):
        return np.stack(along, axis=1) / mask.sum(axis=(1, 2))[:, None]


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))


def _bounding_slices(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    out = []
    for axis in range(3):
        line = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        out.append(slice(max(0, int(line[0]) - margin), int(line[-1]) + 1 + margin))
    return tuple(out)
