"""From a region to the face it hides: inside a curve, in the cells of a strategy, and the ears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..anatomy.bone import bone_mask
from ..anatomy.face_frame import FaceFrame
from ..anatomy.grids import sample
from ..anatomy.skin import skin_depth
from ..core.errors import FaceNotFoundError
from ..core.geometry import Geometry
from ..core.parameters import Parameters
from ..core.segment import BoxMask, tight, united
from ..core.volume import Volume
from .cells import cells_mask, in_cells
from .curve import NO_CURVE
from .ears import EARS_BOX_MM, Ear, find_ears
from .polar import PolarRaster, skin_distance, unit_vectors
from .segment import Face, below_skin, filled_map, grown
from .sight import MAP_STEP
from .strategies import Strategy

#: A skin as large as the body is looked at on a grid of so many voxels at most.
MOST_VOXELS = 20_000_000
FINEST_MM = 1.5
#: Air so near (mm) to what a user added to a face segment belongs to that: old skin shows in the voxels beside it.
ADDED_MM = 6.0
#: Lines of sight lower than this (degrees) run down the neck and show no skin of the head.
LOWEST_DEGREES = -45.0


def strategy_face(strategy: Strategy, ct: Volume, body: Volume, frame: FaceFrame, depth: Volume, parameters: Parameters) -> Face:
    """The face of a strategy: its voxels, bone included; for the coverage, the lines of sight to skin that lies in it.

    ``depth`` is the signed depth (mm) below the skin around the face; the whole skin gets one of its own. Raises
    FaceNotFoundError where no voxel lies in the region.
    """
    if strategy.cells:
        mask = cells_mask(strategy, frame, ct.geometry)
    else:
        depth = _whole_depth(ct, body)
        below = sample(depth, ct.geometry)
        mask = (below > -parameters.outside_mm) & (below < parameters.depth_mm)
    region = tight("Face region", mask)
    if not region.voxels:
        raise FaceNotFoundError(f"the region '{strategy.name}' holds no part of the field of view")
    raster = PolarRaster(step=MAP_STEP)
    directions = raster.directions().reshape(-1, 2)
    skin = skin_distance(depth, frame, directions)
    points = frame.origin + unit_vectors(frame, directions) * np.nan_to_num(skin)[:, None]
    inside = ~np.isnan(skin) & in_cells(strategy, frame, points) & (directions[:, 1] >= LOWEST_DEGREES)
    skin = filled_map(skin.reshape(raster.shape))
    return Face(region, region, frame, NO_CURVE, depth, raster, inside.reshape(raster.shape), skin, skin)


def _whole_depth(ct: Volume, body: Volume) -> Volume:
    """Signed depth (mm) below the skin of the whole body in the CT."""
    corners = ct.geometry.corners()
    extent = np.array([corners.min(0), corners.max(0)])
    spacing = max(FINEST_MM, float(np.prod(extent[1] - extent[0]) / MOST_VOXELS) ** (1 / 3))
    return skin_depth(ct, body, extent, spacing)


def with_ears(face: Face, sides: tuple[str, ...], ct: Volume, body: Volume, face_box: np.ndarray, parameters: Parameters) -> Face:
    """The face with the ears of these sides in its region, and with the skin's depth known there too.

    ``face_box`` (2, 3) is the box in mm of the mean face in which the depth was known. Bone below the ears stays.
    """
    if not sides:
        return face
    low, high = np.minimum(face_box[0], EARS_BOX_MM[0]), np.maximum(face_box[1], EARS_BOX_MM[1])
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    box = face.frame.to_lps(corners)
    depth = skin_depth(ct, body, np.array([box.min(0), box.max(0)]))
    ears = find_ears(sides, face.frame, depth, ct.geometry, parameters)
    ears = tuple(_without_bone(face, ear, depth, ct, body, parameters.bone_hu) for ear in ears)
    region = united(face.region.name, (face.region, *(ear.segment for ear in ears)))
    return replace(face, region=region, depth=depth, ears=ears)


def with_own_segment(face: Face, own: BoxMask, grid: Geometry) -> Face:
    """The face with a user's segment as its region, on the CT's ``grid``.

    One that was made here and edited holds the air beyond the curve, too, in which a new face runs out: that stays so, but near what the
    user added. One that was drawn otherwise holds little of it, and there the new face ends.
    """
    added = tight("added", own.array & ~face.region.inside(own.box) & ~face.apron.inside(own.box), own.box.start)
    held = (
        own.inside(face.apron.box) & face.apron.array & ~face.region.inside(face.apron.box) & ~grown(added, face.apron.box, grid, ADDED_MM)
    )
    if np.count_nonzero(held) <= face.apron.voxels / 2:
        return replace(face.without_apron(), region=own, curve=replace(face.curve, run_out=0.0))
    apron = tight(face.apron.name, held, face.apron.box.start)
    return replace(face, region=replace(own, array=own.array & ~apron.inside(own.box)), apron=apron)


def _without_bone(face: Face, ear: Ear, depth: Volume, ct: Volume, body: Volume, bone_hu: float) -> Ear:
    found = bone_mask(ct, ear.segment.box, bone_hu, body)
    here = replace(face, region=ear.segment, depth=depth)
    bone = below_skin(here, ct.geometry, found, 0.5 * max(ct.geometry.spacing))
    return replace(ear, segment=replace(ear.segment, array=ear.segment.array & ~bone))


def ears_in(face: Face, segment: BoxMask, taken: BoxMask) -> tuple[Ear, ...]:
    """The ears with only those of their voxels that are in ``segment`` and do not belong to the rest of the face (``taken``)."""
    cut = []
    for ear in face.ears:
        box = ear.segment.box
        rest = segment.inside(box)
        rest &= ear.segment.array
        taken.take_from(rest, box)
        cut.append(replace(ear, segment=replace(ear.segment, array=rest)))
    return tuple(cut)
