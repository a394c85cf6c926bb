"""From a region to the face it hides: inside a curve, in the cells of a strategy, and the ears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..anatomy.bone import bone_mask
from ..anatomy.face_frame import MEAN_FACE, FaceFrame
from ..anatomy.grids import TISSUE_HU, sample
from ..anatomy.skin import AIR_MARGIN_MM, skin_depth
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
#: Skin this near (mm) to the end of where it was looked for may be taken for the inside of the head.
AT_THE_END_MM = 6.0
#: Lines of sight lower than this (degrees) run down the neck and show no skin of the head.
LOWEST_DEGREES = -45.0


def strategy_face(strategy: Strategy, ct: Volume, body: Volume, frame: FaceFrame, depth: Volume, parameters: Parameters) -> Face:
    """The face of a strategy: its voxels, bone included; for the coverage, the lines of sight to skin that lies in it.

    ``depth`` is the signed depth (mm) below the skin around the face; the whole skin, and cells that hold the ears, get one of their own.
    Raises FaceNotFoundError where no voxel lies in the region.
    """
    if strategy.cells:
        mask = cells_mask(strategy, frame, ct.geometry)
        tragia = frame.to_lps(frame.adapt(np.array([MEAN_FACE["tragion_right"], MEAN_FACE["tragion_left"]])))
        if in_cells(strategy, frame, tragia).any():
            depth = _depth_with_ears(ct, body, frame, depth.geometry.corners())
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
    return _depth_between(ct, body, ct.geometry.corners())


def _depth_between(ct: Volume, body: Volume, points: np.ndarray) -> Volume:
    """Signed depth (mm) below the skin in the box that holds ``points`` (N, 3) in LPS mm, on a grid of MOST_VOXELS at most."""
    extent = np.array([points.min(0), points.max(0)])
    spacing = max(FINEST_MM, float(np.prod(extent[1] - extent[0]) / MOST_VOXELS) ** (1 / 3))
    return skin_depth(ct, body, extent, spacing)


def with_skin_known(face: Face, ct: Volume, body: Volume) -> Face:
    """The face with the skin's depth known wherever its region holds tissue: effects take what has no depth for air far before the skin."""
    region = face.region
    tissue = tight(region.name, region.array & (ct.array[region.box.slices] > TISSUE_HU), region.box.start)
    points = ct.geometry.crop(tissue.box).corners()
    known = face.depth.geometry
    if not tissue.voxels or known.holds(known.to_kji(points), AT_THE_END_MM).all():
        return face
    around = [points - AIR_MARGIN_MM, points + AIR_MARGIN_MM]  # skin is what air is seen before
    return replace(face, depth=_depth_between(ct, body, np.vstack([known.corners(), *around])))


def with_ears(face: Face, sides: tuple[str, ...], ct: Volume, body: Volume, face_box: np.ndarray, parameters: Parameters) -> Face:
    """The face with the ears of these sides in its region, and with the skin's depth known there too.

    ``face_box`` (2, 3) is the box in mm of the mean face in which the depth was known. Bone below the ears stays.
    """
    if not sides:
        return face
    depth = _depth_with_ears(ct, body, face.frame, face.frame.to_lps(corners_of(face_box)))
    ears = find_ears(sides, face.frame, depth, ct.geometry, parameters)
    ears = tuple(_without_bone(face, ear, depth, ct, body, parameters.bone_hu) for ear in ears)
    region = united(face.region.name, (face.region, *(ear.segment for ear in ears)))
    return replace(face, region=region, depth=depth, ears=ears)


def corners_of(box: np.ndarray) -> np.ndarray:
    """The corners (8, 3) of a box (2, 3)."""
    return np.array([[x, y, z] for x in box[:, 0] for y in box[:, 1] for z in box[:, 2]])


def _depth_with_ears(ct: Volume, body: Volume, frame: FaceFrame, known: np.ndarray) -> Volume:
    """Signed depth (mm) below the skin in a box that holds the ears and the points ``known`` (N, 3) in LPS mm."""
    points = np.vstack([known, frame.to_lps(corners_of(EARS_BOX_MM))])
    return skin_depth(ct, body, np.array([points.min(0), points.max(0)]))


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
    local, margin_mm = ct.geometry.crop(ear.segment.box), 0.5 * max(ct.geometry.spacing)
    bone = below_skin(replace(face, depth=depth), local, found, margin_mm)
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
