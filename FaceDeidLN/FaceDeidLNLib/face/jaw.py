"""The jaw: what of it is bone though it is not bright, and where it ends. What hangs far below it is neck, and its nodes stay."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.geometry import Geometry
from ..core.landmarks import Landmarks
from ..core.volume import Volume
from .frame import MEAN_FACE
from .polar import to_polar
from .segment import Face, below_skin

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
#: The chin is hidden at least this far (mm) below the pogonion, whatever was taken for bone.
BELOW_POGONION_MM = 14.0


def bone_that_stays(face: Face, ct: Volume, bone: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """What of ``bone`` (bool of the region's box) lies below the skin by half a voxel, and the jaw with marrow and rim.

    A marker on the skin is as bright as bone and half a voxel away at most. What is added to the jaw is not, so half of a voxel's
    shortest edge is enough at its sides; in front lie lips and chin, whose skin has to change, at the pogonion above all.
    """
    spacing, local = ct.geometry.spacing, ct.geometry.crop(face.region.box)
    sure = below_skin(face, ct.geometry, bone, 0.5 * max(spacing))
    added = whole_jaw(face, ct, sure) & ~sure
    rest = below_skin(face, ct.geometry, added, 0.5 * min(spacing))
    deep = below_skin(face, ct.geometry, added, 0.5 * max(spacing))
    at = np.argwhere(rest)
    lps = local.to_lps(at)
    shown = (np.abs(face.frame.to_face(lps)[:, 0]) < FRONT_MM) & ~deep[tuple(at.T)]
    pogonion = landmarks.position("pogonion")
    if pogonion is not None:
        shown |= np.linalg.norm(lps - pogonion, axis=1) <= POGONION_MM
    rest[tuple(at[shown].T)] = False
    return sure | rest


def whole_jaw(face: Face, ct: Volume, bone: np.ndarray) -> np.ndarray:
    """The part of ``bone`` (bool of the region's box) below the teeth with its marrow and its rim, as a person draws a mandible."""
    local = ct.geometry.crop(face.region.box)
    mouth_mm = float(face.frame.adapt(np.array(MEAN_FACE["stomion"]))[0, 2])
    below = _superior(face, local) < mouth_mm - CROWN_MM / face.frame.scale
    jaw = bone & below
    if not jaw.any():
        return jaw
    pad = np.ceil(MARROW_MM / np.array(local.sampling)).astype(int) + 2
    around = tuple(slice(max(0, s.start - n), s.stop + n) for s, n in zip(ndimage.find_objects(jaw.view(np.uint8))[0], pad, strict=True))
    part = jaw[around]
    near = ndimage.distance_transform_edt(~part, sampling=local.sampling) <= MARROW_MM
    closed = part | (near & (ndimage.distance_transform_edt(near, sampling=local.sampling) > MARROW_MM))
    soft = ct.array[face.region.box.slices][around] > RIM_HU
    jaw[around] |= ndimage.binary_dilation(closed) & below[around] & soft
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
    at = np.argwhere(face.region.array & (_superior(face, local) < chin_mm))
    lowest = _lowest_bone(face, local, bone)
    if not len(at) or not np.isfinite(lowest).any():
        return out
    lps = local.to_lps(at)
    limit = np.minimum(lowest[_sector(to_polar(face.frame, lps)[0])] - BELOW_BONE_MM / face.frame.scale, chin_mm)
    out[tuple(at[face.frame.to_face(lps)[:, 2] < limit].T)] = True
    return out


def _lowest_bone(face: Face, local: Geometry, bone: np.ndarray) -> np.ndarray:
    """Superior coordinate (mm of the mean face) of the lowest bone inside the curve, per sector; -inf where there is none."""
    lps = local.to_lps(np.argwhere(bone))
    directions, _ = to_polar(face.frame, lps)
    inside = face.raster.sample(face.inside.astype(np.float32), directions) > 0.5
    lowest = np.full(int(360 / SECTOR_DEGREES) + 2, np.inf)
    if inside.any():
        np.minimum.at(lowest, _sector(directions[inside]), face.frame.to_face(lps[inside])[:, 2])
    around = np.minimum.reduce([np.roll(lowest, step) for step in (-1, 0, 1)])
    return np.where(np.isfinite(around), around, -np.inf)


def _sector(directions: np.ndarray) -> np.ndarray:
    """Number (N,) of the sector of each direction (N, 2) in degrees."""
    return np.floor((directions[:, 0] + 180.0) / SECTOR_DEGREES).astype(int)


def _superior(face: Face, local: Geometry) -> np.ndarray:
    """Superior coordinate (mm of the mean face) of every voxel: linear in the index, so three lines suffice."""
    zero = float(face.frame.to_face(local.to_lps(np.zeros((1, 3))))[0, 2])
    steps = [float(face.frame.to_face(local.to_lps(np.eye(3)[axis][None]))[0, 2]) - zero for axis in range(3)]
    lines = [np.arange(n, dtype=np.float32) * step for n, step in zip(local.shape, steps, strict=True)]
    return zero + lines[0][:, None, None] + lines[1][None, :, None] + lines[2][None, None, :]
