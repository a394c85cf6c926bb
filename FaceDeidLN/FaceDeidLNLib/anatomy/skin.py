"""The skin as a signed distance, as a surface, and as what points can be snapped to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ..core.errors import FaceNotFoundError
from ..core.geometry import Box, Geometry
from ..core.progress import Alive, idle
from ..core.segment import tight
from ..core.volume import AIR_HU, Volume, block_mean, canonical_grid, linear
from .distance import squares_to
from .grids import (
    TISSUE_HU,
    closing,
    cut_sides,
    fill_holes,
    grow,
    grow_cube,
    is_above,
    opening,
    sample,
    shrink,
    steps_of,
    vertical_axis,
    with_border,
)

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData

#: Air kept around the CT, so that the layer in front of the skin has room.
AIR_MARGIN_MM = 10.0
#: Nostrils, lips and folds up to twice as wide are closed.
WRAP_RADIUS_MM = 4.5
#: HU given to what is filled, well above the threshold.
FILLED_HU = 0.0
#: Mean of what the distance to whole voxels falls short of the distance to the surface, seen from outside and from inside (measured
#: on balls of 14 and 21 voxels; scatter 0.15).
RIM_OUTSIDE_VOXELS, RIM_INSIDE_VOXELS = 0.25, 1.2
#: What is flatter along the patient's axis and thinner across it is no part of the face.
SPIKE_HEIGHT_MM = 6.0
SPIKE_WIDTH_MM = 9.0
#: A snapped point is this near to the skin.
SNAP_TOLERANCE_MM = 0.1
SNAP_STEPS = 20
#: What is to be done where there is no skin to be looked at, and why nothing is.
_CHECK = "check them in Slicer and give those that are wrong with --landmarks"
_OUTSIDE = f"the landmarks put the face outside of the CT: {_CHECK}"


def skin_depth(ct: Volume, body: Volume, box_lps: np.ndarray, spacing_mm: float = 1.5, alive: Alive = idle) -> Volume:
    """Signed depth in mm (float32; positive inside, negative in the air) under the wrap-solidified skin.

    ``ct`` holds HU, ``body`` comes from ``find_body``; ``box_lps`` (2, 3) are the low and high corners in LPS mm. The
    grid is isotropic along L, P, S over the box, cut to the CT's extent and AIR_MARGIN_MM more. Where the patient goes
    on beyond the field of view the last scanned voxels go on with it, so the cut plane is no skin.

    Raises FaceNotFoundError where the box holds no skin.
    """
    grid = _grid(ct.geometry, np.asarray(box_lps, dtype=float), spacing_mm)
    level = _level(ct, body, grid, alive)
    solid = level > TISSUE_HU
    if solid.all() or not solid.any():
        raise FaceNotFoundError(f"there is no skin where the landmarks put the face: {_CHECK}")
    alive()
    return Volume(_signed_distance(level, solid) * np.float32(spacing_mm), grid)


def _signed_distance(level: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Signed distance in voxels to level = TISSUE_HU: interpolated next to it, from the outermost whole voxels further away."""
    depth = np.sqrt(squares_to(solid & grow_cube(~solid)), dtype=np.float32)
    np.negative(depth, out=depth, where=~solid)
    depth += np.where(solid, np.float32(RIM_INSIDE_VOXELS), np.float32(RIM_OUTSIDE_VOXELS))
    near = np.flatnonzero((grow(solid, 1) & ~shrink(solid, 1)).ravel())
    distance = _distance_to_crossing(level - TISSUE_HU, near)
    depth.ravel()[near] = np.where(solid.ravel()[near], distance, -distance)
    return depth


def _distance_to_crossing(level: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Distance in voxels of the voxels ``index`` (flat) to level 0, from the crossings on the lines to their six neighbours.

    The plane through the nearest crossings along the axes: the usual start of a fast marching method (Sethian 1999).
    """
    place = np.unravel_index(index, level.shape)
    flat = level.ravel()
    here = flat[index]
    inverse = np.zeros(index.size, dtype=np.float32)
    strides = (level.shape[1] * level.shape[2], level.shape[2], 1)
    for axis, stride in enumerate(strides):
        nearest = np.full(index.size, np.inf, dtype=np.float32)
        for sign, valid in ((-1, place[axis] > 0), (1, place[axis] < level.shape[axis] - 1)):
            there = flat[np.where(valid, index + sign * stride, index)]
            crossing = (here > 0) != (there > 0)
            share = np.abs(here) / np.maximum(np.abs(here) + np.abs(there), 1e-3)
            nearest = np.where(crossing, np.minimum(nearest, share), nearest)
        inverse += 1.0 / np.maximum(nearest, 1e-3) ** 2
    return 1.0 / np.sqrt(inverse)


def _grid(geometry: Geometry, box: np.ndarray, spacing_mm: float) -> Geometry:
    corners = geometry.corners()
    low = np.maximum(box[0], corners.min(0) - AIR_MARGIN_MM)
    high = np.minimum(box[1], corners.max(0) + AIR_MARGIN_MM)
    if np.any(high - low < 2 * spacing_mm):
        raise FaceNotFoundError(_OUTSIDE)
    return canonical_grid(np.array([low, high]), spacing_mm)


def _level(ct: Volume, body: Volume, grid: Geometry, alive: Alive) -> np.ndarray:
    """HU whose level TISSUE_HU is the wrapped skin: filled inside the body, air outside of it."""
    part = ct.crop(ct.geometry.box_around(grid.corners(), 4 * max(ct.geometry.spacing)))
    if 0 in part.array.shape:
        raise FaceNotFoundError(_OUTSIDE)
    small = block_mean(part, grid.spacing[0])
    own = np.clip(small.array, AIR_HU, -AIR_HU).astype(np.float32)
    alive()
    near, deep = _near_and_deep(body, small.geometry)
    alive()
    own[~near] = AIR_HU
    np.maximum(own, FILLED_HU, out=own, where=deep)
    seen = small.with_array(own).crop(_between_cuts(is_above(body, small.geometry, 0.5), small.geometry))
    level = sample(with_border(seen, seen.array > TISSUE_HU, AIR_HU), grid)
    alive()
    level[_spikes(level > TISSUE_HU, grid.spacing[0])] = AIR_HU
    solid = level > TISSUE_HU
    alive()
    wrapped = fill_holes(closing(solid, steps_of(WRAP_RADIUS_MM, grid.spacing[0])))
    np.maximum(level, FILLED_HU, out=level, where=wrapped & ~solid)
    return level


def _spikes(solid: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Thin things that are flat in the axial plane too: streaks of dental metal, edges of sheets, wires.

    Ears are thin but tall, lips and brows are flat but wide; both stay.
    """
    rest = solid & ~opening(solid, steps_of(SPIKE_HEIGHT_MM / 2, spacing_mm), axes=(0,))
    return rest & ~opening(solid, steps_of(SPIKE_WIDTH_MM / 2, spacing_mm), axes=(1, 2))


def _between_cuts(inside: np.ndarray, geometry: Geometry) -> Box:
    """The array without the empty slices above and below a body that the field of view (or padding) cuts off."""
    axis = vertical_axis(geometry)
    start, stop = [0, 0, 0], list(inside.shape)
    rows = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
    if rows.size:
        first, last = int(rows[0]), int(rows[-1]) + 1
        low, high = cut_sides(np.take(inside, np.arange(first, last), axis=axis), geometry.sampling)[axis]
        start[axis] = first if low else 0
        stop[axis] = last if high else inside.shape[axis]
    return Box(tuple(start), tuple(stop))


def _near_and_deep(body: Volume, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Where on another grid the skin may lie or the body is, and where it is surely under the skin (bool)."""
    box = tight("body", body.array).box
    whole = body.array.shape
    seen = body.crop(Box((box.start[0], 0, 0), (box.stop[0], whole[1], whole[2])))
    near = is_above(with_border(seen, seen.array, False), geometry, 0.05)
    inner = seen.with_array(shrink(seen.array, 1))
    return near, is_above(with_border(inner, seen.array, False), geometry, 0.5)


def skin_surface(depth: Volume) -> vtkPolyData:
    """The skin (depth = 0) as triangles with normals, points in LPS mm; open where the field of view or the box ends."""
    from vtkmodules.util.numpy_support import numpy_to_vtk  # most runs need no triangles, and start without VTK
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    image = vtkImageData()
    image.SetDimensions(*depth.array.shape[::-1])
    image.SetSpacing(*depth.geometry.spacing)
    image.SetOrigin(*depth.geometry.ijk_to_lps[:3, 3])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(depth.array).ravel(), deep=True))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.0)
    contour.ComputeNormalsOn()
    contour.ComputeScalarsOff()  # all are 0, and Slicer would colour the skin by them
    contour.Update()
    return contour.GetOutput()


def snap_to_skin(depth: Volume, points_lps: np.ndarray) -> np.ndarray:
    """The points (N, 3), LPS mm, moved along the depth's gradient until they lie on the skin (|depth| < 0.1 mm).

    A point that does not get there so (behind a fold) goes to the nearest point of the skin. Points outside the grid
    start at its border.
    """
    limits = np.asarray(depth.geometry.shape, dtype=float) - 1.0
    points = np.atleast_2d(np.asarray(points_lps, dtype=float))
    kji = np.clip(depth.geometry.to_kji(points), 0.0, limits)
    for _ in range(SNAP_STEPS):
        value = linear(depth.array, kji)
        if np.abs(value).max(initial=0.0) < SNAP_TOLERANCE_MM / 2:
            break
        gradient = _gradient(depth, kji)
        length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 0.3)
        kji = np.clip(kji - value[:, None] * gradient / length**2 / depth.geometry.spacing[0], 0.0, limits)
    missed = np.abs(linear(depth.array, kji)) >= SNAP_TOLERANCE_MM
    snapped = depth.geometry.to_lps(kji)
    if missed.any():
        from vtkmodules.util.numpy_support import vtk_to_numpy

        vertices = vtk_to_numpy(skin_surface(depth).GetPoints().GetData())
        snapped[missed] = vertices[cKDTree(vertices).query(points[missed])[1]]
    return snapped


def _gradient(depth: Volume, kji: np.ndarray) -> np.ndarray:
    """Gradient (N, 3) in mm per mm by central differences over one voxel."""
    out = np.empty_like(kji)
    for axis in range(3):
        step = np.eye(3)[axis] * 0.5
        out[:, axis] = linear(depth.array, kji + step) - linear(depth.array, kji - step)
    return out / depth.geometry.spacing[0]
