"""The patient in the CT: everything inside the skin, without couch, supports, mask sheets, tubes and markers."""

from __future__ import annotations

import numpy as np

from ..core.errors import FaceNotFoundError, InputError
from ..core.progress import Alive, idle
from ..core.volume import AIR_HU, Volume, block_mean, canonical_grid
from .couch import without_couch
from .grids import TISSUE_HU, closing, fill_holes, grow, inside_view, is_above, opening, reach, shrink, steps_of, view_box
from .pieces import largest, pieces_of

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
    core = grow(largest(shrink(solid, radius)), radius) & solid
    body = reach(core, solid, steps_of(TIP_REACH_MM, spacing_mm)) | _ears(core, tissue, spacing_mm)
    own = largest(tissue & body)  # closing had bridged the gap to a head rest or a mask close to the skin
    return fill_holes(closing(own, steps_of(CLOSING_RADIUS_MM, spacing_mm)))


def _without_sheets(tissue: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Tissue without what is both thin and longer than an ear."""
    thin = tissue & ~opening(tissue, steps_of(SHEET_RADIUS_MM, spacing_mm))
    sheets = pieces_of(thin, corners=True)
    low, high = sheets.boxes()
    return tissue & ~sheets.only((high - low).max(axis=1) > LONGEST_EAR_MM / spacing_mm)


def _ears(core: np.ndarray, tissue: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Thin things at the side of the body that are no larger than an ear."""
    rest = reach(core, tissue, steps_of(EAR_REACH_MM, spacing_mm)) & ~core
    pieces = pieces_of(rest, corners=True)
    low, high = pieces.boxes()
    middle = (low + high) / 2
    # To the side of the middle of its section, more than 50 degrees off the midline.
    back, side = np.abs(middle[:, 1:] - _centres(core)[middle[:, 0].astype(int)]).T
    return pieces.only(((high - low).max(axis=1) * spacing_mm <= LONGEST_EAR_MM) & (side > 1.2 * back))


def _centres(mask: np.ndarray) -> np.ndarray:
    """The centre (j, i) of each slice's voxels, (K, 2); NaN where it has none."""
    along = [mask.sum(axis=axis) @ np.arange(mask.shape[3 - axis]) for axis in (2, 1)]
    with np.errstate(invalid="ignore"):
        return np.stack(along, axis=1) / mask.sum(axis=(1, 2))[:, None]


def _bounding_slices(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    out = []
    for axis in range(3):
        line = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        out.append(slice(max(0, int(line[0]) - margin), int(line[-1]) + 1 + margin))
    return tuple(out)
