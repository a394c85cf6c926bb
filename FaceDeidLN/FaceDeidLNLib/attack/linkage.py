"""Linkage of a result to *another CT* of the same person by bone, sinus and teeth, which no face de-identification hides.

Out of scope of the project, and measured all the same so that nobody takes a hidden face for an anonymous head.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.volume import AIR_HU, Volume
from .gallery import FIELD_LOW, FIELD_MM, distances, on_field
from .gallery import Gallery as BoneGallery
from .surfaces import coarse
from .window import Window

#: Compact bone and teeth.
BONE_HU = 300.0
#: What is further from bone (mm) says nothing of its shape.
FAR_FROM_BONE_MM = 15.0
MOST_POINTS = 1500
OUT_OF_SCOPE = "out of scope: linkage to another CT by unchanged bone, sinus and teeth"


def bone_field(ct: Volume, window: Window) -> np.ndarray:
    """Signed distance (Z, Y, X) float32 in mm, positive in bone, on the gallery's grid in head coordinates; ``ct`` holds HU."""
    bone = _bone(ct, window)
    if not bone.any():
        return np.full(bone.shape, -FAR_FROM_BONE_MM, dtype=np.float32)
    signed = ndimage.distance_transform_edt(bone) - ndimage.distance_transform_edt(~bone)
    return np.clip(FIELD_MM * signed, -FAR_FROM_BONE_MM, FAR_FROM_BONE_MM).astype(np.float32)


def bone_distances(ct: Volume, window: Window, gallery: BoneGallery) -> np.ndarray:
    """Distance (G,) in mm of a CT's bone surface to that of every head of ``gallery`` (fields by ``bone_field``), best rigid alignment."""
    bone = _bone(ct, window)
    surface = np.argwhere(bone & ~ndimage.binary_erosion(bone, border_value=1))
    surface = surface[:: max(1, len(surface) // MOST_POINTS)]
    return distances(surface[:, ::-1] * FIELD_MM + FIELD_LOW, gallery)


def _bone(ct: Volume, window: Window) -> np.ndarray:
    """Bone (bool) on the gallery's grid."""
    return on_field(coarse(ct, window), window, AIR_HU) > BONE_HU
