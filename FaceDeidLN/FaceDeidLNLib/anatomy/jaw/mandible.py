"""The mandible: from the CT's own bone, or from a segment that somebody has drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from ...core.affine import taken
from ...core.by_parts import by_parts
from ...core.geometry import Box, Geometry
from ...core.progress import Alive, idle
from ...core.segment import Segment, places, unflat
from ...core.volume import AIR_HU, Volume
from ...input.names import is_node
from ...input.place import place_segments
from ..distance import squares_to
from ..face_frame import FaceFrame
from ..grids import closing, grow, grow_mm, steps_of, surface_of
from ..pieces import pieces_of
from .arch import beside
from .fit import MEAN_STEP_MM, JawFrame, fit_jaw, fit_unaided, mean_mandible, stable_part, start_frame
from .grid import STEP_MM, JawGrid

#: Bone for the purpose of finding the jaw: low enough for its thin angle in thick slices.
BONE_HU = 250.0
#: The patient's mandible lies within this distance (mm) of the mean one once that is laid onto it.
NEAR_MM = 7.0
#: Bone further than this (mm) from the mean mandible at the landmarks' place takes no part in the fit.
REACH_MM = 18.0
#: What the roundings of a distance stay far below (mm).
ROUNDING_MM = 1e-6
#: A point of the mean with bone of the patient within this distance (mm) was found.
FOUND_MM = 5.0
#: Marrow up to this wide (mm) inside the bone is filled.
MARROW_MM = 4.5
#: Fewer bone voxels than this (mm3) are no jaw.
SMALLEST_MM3 = 2000.0


@dataclass(frozen=True, eq=False)
class Mandible:
    """A mandible on the jaw's own grid.

    ``mask`` (bool) has the grid's shape; where the patient's bone was not found (out of view, resorbed) the mean
    mandible stands in. ``agreement``: share of the mean mandible in view, without the alveolar part, that has bone of
    the patient within 5 mm. ``in_view``: share of it that lies in the field of view. ``origin`` says where it is from.
    """

    grid: JawGrid
    mask: np.ndarray
    agreement: float
    in_view: float
    origin: str
    #: The CT on this grid (float32, AIR_HU beyond the field of view), where it has been looked at.
    hu: np.ndarray | None = None


def mandible_of_ct(ct: Volume, frame: FaceFrame, alive: Alive = idle) -> Mandible:
    """The mandible in the CT's bone, with the head's ``frame`` (from landmarks) to start from.

    The mean mandible is laid onto the bone near its expected place (trimmed closest points, teeth left out), and the
    bone near the result is taken: so the contact with the upper teeth, the joint and metal do not matter. Not meant
    for the alveolar part, which is only roughly right.
    """
    start = JawFrame(frame.axes, frame.origin, frame.scale)
    part = ct.crop(ct.geometry.box_around(start.to_lps(mean_mandible()), margin_mm=REACH_MM))
    voxels = np.flatnonzero(surface_of(part.array > BONE_HU))
    alive()
    lps_of, is_near = (lambda some: part.geometry.to_lps(unflat(some, part.array.shape))), reached_by_mean(REACH_MM / start.scale)
    near = by_parts(lambda some: is_near(start.to_jaw(lps_of(some))), voxels)
    if np.count_nonzero(near) * ct.geometry.voxel_mm3 < SMALLEST_MM3:
        return _measured(JawGrid(start), np.zeros(JawGrid(start).geometry.shape, dtype=bool), ct.geometry, "the landmarks alone")
    alive()
    first = fit_unaided(lps_of(voxels[near]), start)
    alive()
    grid = JawGrid(first)
    hu = grid.take(ct, AIR_HU)
    return replace(_measured(grid, _near_mean(hu > BONE_HU, grid), ct.geometry, "bone of the CT"), hu=hu)


def mandible_of_segment(segment: Segment, frame: FaceFrame | None = None) -> Mandible:
    """The mandible of a drawn segment (any grid); without ``frame`` the head is taken to lie upright, which the fit corrects."""
    lps = segment.mask.geometry.to_lps(places(surface_of(segment.mask.array > 0)))
    start = start_frame(lps) if frame is None else JawFrame(frame.axes, frame.origin, frame.scale)
    grid = JawGrid(fit_jaw(lps, start, reach_mm=40.0))
    return _measured(grid, grid.take(_padded(segment.mask), 0.0) > 0.5, None, f"segment '{segment.name}'")


def find_mandible(ct: Volume, frame: FaceFrame, segments: Sequence[Segment] = (), alive: Alive = idle) -> Mandible:
    """The mandible of the first segment whose name says so, else of the CT's bone."""
    drawn = mandible_segments(segments)
    return mandible_of_segment(drawn[0], frame) if drawn else mandible_of_ct(ct, frame, alive)


def mandible_segments(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Those of the segments that are called a mandible, and no node or tumour of it, and are not empty."""
    return tuple(s for s in segments if _is_mandible(s.name.casefold()) and not is_node(s) and s.mask.array.any())


def _is_mandible(name: str) -> bool:
    return ("mandible" in name or name == "mandibula") and "gland" not in name


def add_drawn_mandible(array: np.ndarray, segments: Sequence[Segment], geometry: Geometry, box: Box) -> None:
    """Set the voxels of the drawn mandibles in a bool array of a ``box`` of a CT's grid. Raises InputError for one outside the CT."""
    for placed in place_segments(mandible_segments(segments), geometry):
        placed.add_to(array, box)


def _padded(mask: Volume) -> Volume:
    """The mask with two voxels of nothing around, so that a mask cropped to its box ends where it ends."""
    return Volume(np.pad(np.asarray(mask.array, dtype=bool), 2), mask.geometry.padded(2))


def reached_by_mean(reach: float) -> Callable[[np.ndarray], np.ndarray]:
    """Tells (N,) which points (N, 3) are less than ``reach`` (jaw mm) from the mean mandible without its alveolar part.

    The points of the mean's own grid tell how far it is from them, and so, but for the way to the next of these, from every point: the
    nearest point of the mean is searched only where that decides.
    """
    mean = stable_part()
    margin = MEAN_STEP_MM * np.ceil(reach / MEAN_STEP_MM + 1)
    low = mean.min(0) - margin
    grid = np.zeros(((np.ptp(mean, axis=0) + 2 * margin) / MEAN_STEP_MM).astype(int) + 1, dtype=bool)
    grid[tuple(((mean - low) / MEAN_STEP_MM).astype(int).T)] = True
    away = MEAN_STEP_MM * np.sqrt(squares_to(grid), dtype=np.float64)
    tree = cKDTree(mean)

    def told(jaw: np.ndarray) -> np.ndarray:
        at = (jaw - low) / MEAN_STEP_MM
        cells = np.rint(at)
        way = MEAN_STEP_MM * np.linalg.norm(at - cells, axis=1)
        within = np.flatnonzero(np.all((cells >= 0) & (cells < grid.shape), axis=1))
        far = np.full(len(jaw), np.inf)
        far[within] = away[tuple(taken(cells, within).astype(int).T)]
        near = far + way < reach - ROUNDING_MM
        doubtful = np.flatnonzero((far - way < reach + ROUNDING_MM) & ~near)
        near[doubtful] = tree.query(jaw[doubtful], distance_upper_bound=reach)[0] < reach
        return near

    return told


def _near_mean(bone: np.ndarray, grid: JawGrid) -> np.ndarray:
    """The bone near the mean mandible, in pieces that touch it, with its marrow."""
    mean = mean_on_grid(grid)
    near = bone & grow_mm(mean, NEAR_MM, (STEP_MM,) * 3)
    pieces = pieces_of(near)
    touching = np.bincount(pieces.numbers()[mean[near]], minlength=pieces.count)
    return closing(pieces.only((touching > 0.15 * pieces.sizes) & (pieces.sizes > 20)), steps_of(MARROW_MM / 2, STEP_MM))


def mean_on_grid(grid: JawGrid) -> np.ndarray:
    """The mean mandible on the grid, bool."""
    return closing(grid.of_points(mean_mandible()), 1)


def _measured(grid: JawGrid, mask: np.ndarray, view: Geometry | None, origin: str) -> Mandible:
    """How well the mask fits the mean, and the mask with its gaps filled by the mean.

    No gap is where the bone is only thinner than the mean: behind a thin symphysis lies level Ia.
    """
    stable = grid.of_points(stable_part())
    seen = stable if view is None else stable & grid.in_view(view)
    in_view = np.count_nonzero(seen) / np.count_nonzero(stable)
    there = grow(mask, round(FOUND_MM / STEP_MM))
    agreement = np.count_nonzero(seen & there) / max(1, np.count_nonzero(seen))
    filled = mask | (stable & ~there & ~beside(grid, mask, round(FOUND_MM / STEP_MM)))
    return Mandible(grid, filled, float(agreement), float(in_view), origin)
