"""The jaw: what of it is bone though it is not bright, and where it ends. What hangs far below it is neck, and its nodes stay."""

from __future__ import annotations

import numpy as np

from ..anatomy.face_frame import MEAN_FACE
from ..anatomy.grids import grow, grow_mm
from ..core.ahead import shared_out
from ..core.by_parts import by_parts
from ..core.geometry import Box, Geometry
from ..core.landmarks import Landmarks
from ..core.segment import places, tight, unflat
from ..core.volume import Volume
from .polar import directions_of
from .segment import SKIN_MM, Face, below_skin, depth_of

#: Marrow between the plates of the mandible's bone is closed over by this radius (mm): its body is 10 to 12 mm thick.
MARROW_MM = 4.0
#: The bone's rim is the next voxel, darker than bone as it lies half in fat or muscle, and brighter than air (HU).
RIM_HU = -200.0
#: The crowns of the lower front teeth, 9 mm high, end a little above the line between the lips, and show at it.
CROWN_MM = 8.0
#: Lips and chin reach this far (mm of the mean face) from the midline.
FRONT_MM = 25.0
#: Skin within 8 mm of the pogonion has to change: its centre and half a voxel.
POGONION_MM = 10.0
#: The face segment ends this far (mm) below the mandible: the chin's soft tissue is 6 to 9 mm thick there.
BELOW_BONE_MM = 9.5
#: The lower border of the bone is looked for in sectors of this width (degrees of azimuth), and its neighbours'.
SECTOR_DEGREES = 5.0
#: A height (mm) is known to less than that, and every so many of the bone's voxels are looked at to see where there is any, then all.
LIMIT_ROUNDING_MM = 0.01
SOME_THEN_ALL = (64, 1)
#: The chin is hidden at least this far (mm) below the pogonion, whatever was taken for bone.
BELOW_POGONION_MM = 14.0


def bone_that_stays(face: Face, ct: Volume, box: Box, bone: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """What of ``bone`` (bool of a ``box`` of the CT) lies below the skin by half a voxel, and the jaw with marrow and rim.

    A marker on the skin is as bright as bone and half a voxel away at most. What is added to the jaw is not, so half of a voxel's
    shortest edge is enough at its sides; in front lie lips and chin, whose skin has to change, at the pogonion above all.
    """
    spacing, local = ct.geometry.spacing, ct.geometry.crop(box)
    stays = below_skin(face, local, bone, 0.5 * max(spacing))
    jaw = whole_jaw(face, ct, box, stays)
    at = places(np.greater(jaw, stays, out=jaw))
    lps = local.to_lps(at)
    depth = depth_of(face, lps)
    shown = (np.abs(face.frame.to_face(lps)[:, 0]) < FRONT_MM) & (depth <= SKIN_MM + 0.5 * max(spacing))
    pogonion = landmarks.position("pogonion")
    if pogonion is not None:
        shown |= np.linalg.norm(lps - pogonion, axis=1) <= POGONION_MM
    stays[tuple(at[(depth > SKIN_MM + 0.5 * min(spacing)) & ~shown].T)] = True
    return stays


def whole_jaw(face: Face, ct: Volume, box: Box, bone: np.ndarray) -> np.ndarray:
    """The part of ``bone`` (bool of a ``box`` of the CT) below the teeth with its marrow and its rim, as a person draws a mandible."""
    local = ct.geometry.crop(box)
    teeth_mm = float(face.frame.adapt(np.array(MEAN_FACE["stomion"]))[0, 2]) - CROWN_MM / face.frame.scale
    jaw = _below(face, local, teeth_mm, bone)
    if not jaw.any():
        return jaw
    own, pad = tight("jaw", jaw).box, np.ceil(MARROW_MM / np.array(local.sampling)).astype(int) + 2
    around = tuple(slice(max(0, start - n), stop + n) for start, stop, n in zip(own.start, own.stop, pad, strict=True))
    closed = ~grow_mm(~grow_mm(jaw[around], MARROW_MM, local.sampling), MARROW_MM, local.sampling)
    soft = ct.array[box.slices][around] > RIM_HU
    jaw[around] |= _below(face, local, teeth_mm, grow(closed | jaw[around], 1) & soft, around)
    return jaw


def below_jaw(face: Face, grid: Geometry, bone: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """What of the region lies more than BELOW_BONE_MM below the lowest bone of its sector; bool of the region's box.

    ``bone`` (bool) is the bone in that box. Sectors without bone, and heads without a pogonion, keep all.
    """
    out = np.zeros(bone.shape, dtype=bool)
    pogonion = landmarks.position("pogonion")
    if pogonion is None or not bone.any():
        return out
    local = grid.crop(face.region.box)
    chin_mm = float(face.frame.to_face(pogonion)[0, 2]) - BELOW_POGONION_MM / face.frame.scale
    below = _below(face, local, chin_mm, face.region.array)
    if not below.any():
        return out

    def sector_and_height(voxels: np.ndarray) -> np.ndarray:
        directions, height = _seen(face, local, voxels)
        return np.stack([_sector(directions), height], axis=1)

    sector, height = by_parts(sector_and_height, np.flatnonzero(below)).T
    sector, margin = sector.astype(np.intp), BELOW_BONE_MM / face.frame.scale
    lowest = _lowest_bone(face, local, bone, np.unique(sector), chin_mm + margin)
    out[below] = height < np.minimum(lowest[sector] - margin, chin_mm)
    return out


def _lowest_bone(face: Face, local: Geometry, bone: np.ndarray, sectors: np.ndarray, limit_mm: float) -> np.ndarray:
    """Superior face coordinate of the lowest of ``bone`` (bool, on ``local``) inside the curve, for these sectors; -inf where none is.

    Above ``limit_mm`` it is that of any bone. So little of the bone is looked at: what lies lower, and else what tells that there is some.
    """
    shown = face.inside.astype(np.float32)
    lowest = np.full(int(360 / SECTOR_DEGREES) + 2, np.inf)

    def sector_and_height(voxels: np.ndarray) -> np.ndarray:
        directions, height = _seen(face, local, voxels)
        inside = face.raster.sample(shown, directions) > 0.5
        return np.stack([_sector(directions), np.where(inside, height, np.inf)], axis=1)

    def look(voxels: np.ndarray) -> np.ndarray:
        sector, height = by_parts(sector_and_height, voxels).T
        np.minimum.at(lowest, sector.astype(int), height)
        return np.minimum.reduce([np.roll(lowest, step) for step in (-1, 0, 1)])

    low = _below(face, local, limit_mm + LIMIT_ROUNDING_MM, bone)
    around, high = look(np.flatnonzero(low)), None
    for step in SOME_THEN_ALL:
        if np.isinf(around[sectors]).any():
            high = np.flatnonzero(np.greater(bone, low, out=low)) if high is None else high
            around = look(high[::step])
    return np.where(np.isfinite(around), around, -np.inf)


def _seen(face: Face, local: Geometry, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (N, 2) in degrees and superior face coordinates (N,) of voxels (N,) that are counted in C order on ``local``."""
    points = face.frame.to_face(local.to_lps(unflat(voxels, local.shape)))
    return directions_of(points), points[:, 2]


def _sector(directions: np.ndarray) -> np.ndarray:
    """Number (N,) of the sector of each direction (N, 2) in degrees."""
    return np.floor((directions[:, 0] + 180.0) / SECTOR_DEGREES).astype(int)


def _below(face: Face, local: Geometry, limit_mm: float, among: np.ndarray, part: tuple[slice, ...] = ()) -> np.ndarray:
    """What of ``among`` (bool, of ``local`` or a ``part`` of it) has a superior coordinate of less than ``limit_mm`` (mm of the mean face).

    That is linear in the index, so three lines suffice.
    """
    zero = float(face.frame.to_face(local.to_lps(np.zeros((1, 3))))[0, 2])
    steps = [float(face.frame.to_face(local.to_lps(np.eye(3)[axis][None]))[0, 2]) - zero for axis in range(3)]
    lines = [np.arange(n, dtype=np.float32) * step for n, step in zip(local.shape, steps, strict=True)]
    planes, *lines = (line[taken] for line, taken in zip(lines, part or (slice(None),) * 3, strict=True))
    ends = [np.array([line.min(), line.max()]) for line in lines]
    out = np.zeros(among.shape, dtype=bool)

    def fill(k: int) -> None:
        start = zero + planes[k]
        least, most = (start + ends[0] + ends[1]) < limit_mm  # as rounding keeps the order, most planes lie on one side
        if most:
            out[k] = among[k]
        elif least:
            np.logical_and(np.less(start + lines[0][:, None] + lines[1], limit_mm), among[k], out=out[k])

    shared_out(fill, range(len(out)))
    return out
