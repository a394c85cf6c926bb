"""What of a region stays as it is, seen from between the ears: where it stands out from a new face, the old one shows."""

from __future__ import annotations

import numpy as np

from ..core.segment import BoxMask
from ..core.volume import Volume
from .apron import THIN_HU
from .polar import unit_vectors
from .segment import BEFORE_MEMBRANE_MM, BEHIND_MEMBRANE_MM, Face

#: Lines of sight are followed in steps of so many mm.
STEP_MM = 1.0
#: What stands out less far (mm) from a surface makes no bump in it that is seen.
STANDS_OUT_MM = 1.0


def foremost(face: Face, ct: Volume) -> np.ndarray:
    """Distance (mm) from the frame's origin to the foremost tissue of the region that is not in the segment, on ``face.raster``.

    It is looked for inside the curve, where a new surface may lie; 0 where there is none.
    """
    out = np.zeros(face.raster.shape)
    unit = unit_vectors(face.frame, face.raster.directions()[face.inside])
    radii = face.membrane[face.inside][:, None] + np.arange(BEFORE_MEMBRANE_MM, -BEHIND_MEMBRANE_MM, -STEP_MM)
    at = np.rint(ct.geometry.to_kji((face.frame.origin + unit[:, None] * radii[..., None]).reshape(-1, 3))).astype(int)
    stays = _holds(face.region, at) & ~_holds(face.segment, at)
    stays[stays] = ct.array[tuple(at[stays].T)] > THIN_HU
    stays = stays.reshape(radii.shape)
    first = radii[np.arange(len(radii)), np.argmax(stays, axis=1)]
    out[face.inside] = np.where(stays.any(axis=1), first, 0.0)
    return out


def _holds(mask: BoxMask, at: np.ndarray) -> np.ndarray:
    """Which voxels (bool, N) of the grid's (N, 3) are set in a mask."""
    out = ((at >= mask.box.start) & (at < mask.box.stop)).all(axis=1)
    out[out] = mask.array[tuple((at[out] - mask.box.start).T)]
    return out


def shown_mm2(surface: np.ndarray, face: Face, where: np.ndarray | bool = True) -> float:
    """How much (mm2) of what stays stands out from a ``surface`` (mm, on ``face.raster``) by more than STANDS_OUT_MM, in these cells."""
    if face.staying is None:
        return 0.0
    shown = (face.staying > surface + STANDS_OUT_MM) & where
    elevation = np.radians(face.raster.directions()[..., 1][shown])
    return float((np.radians(face.raster.step) ** 2 * np.cos(elevation) * surface[shown] ** 2).sum())
