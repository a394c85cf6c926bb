"""What was found in a CT a moment ago, so that a step that is done again does not look for it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ..anatomy.levels import Level
from ..core.landmarks import Landmarks
from ..core.progress import Alive, idle
from ..core.volume import Volume
from ..pipeline import Anatomy, Request, find_anatomy, find_landmarks, node_levels

Found = TypeVar("Found")
#: How many CTs are remembered: body and skin of one take some ten megabytes.
_CTS = 3


class AnatomyCache:
    """Landmarks, anatomy and node levels of the last few CTs; what is kept depends on nothing but what its key holds."""

    def __init__(self) -> None:
        self._kept: dict[tuple, object] = {}

    def clear(self) -> None:
        """Forget everything: the scene was closed."""
        self._kept.clear()

    def landmarks(self, ct: Volume, user: Landmarks | None, alive: Alive = idle) -> Landmarks:
        """As ``pipeline.find_landmarks``."""
        return self._once(("landmarks", _ct_key(ct), _landmark_key(user)), lambda: find_landmarks(ct, user, alive))

    def anatomy(self, ct: Volume, landmarks: Landmarks, alive: Alive = idle) -> Anatomy:
        """As ``pipeline.find_anatomy``."""
        return self._once(("anatomy", _ct_key(ct), _landmark_key(landmarks)), lambda: find_anatomy(ct, landmarks, alive))

    def levels(self, request: Request, anatomy: Anatomy, alive: Alive = idle) -> tuple[Level, ...]:
        """As ``pipeline.node_levels``."""
        named = tuple((segment.name, int(np.count_nonzero(segment.mask.array))) for segment in (*request.guides, *request.protected))
        parameters = (request.parameters.levels, request.parameters.superficial_mm)
        key = ("levels", _ct_key(request.ct), _landmark_key(anatomy.landmarks), named, parameters)
        return self._once(key, lambda: node_levels(request, anatomy, alive))

    def _once(self, key: tuple, work: Callable[[], Found]) -> Found:
        if key not in self._kept:
            of_kind = [other for other in self._kept if other[0] == key[0]]
            for other in of_kind[: max(0, len(of_kind) - _CTS + 1)]:
                del self._kept[other]
            self._kept[key] = work()
        return self._kept[key]


def _ct_key(ct: Volume) -> tuple:
    """Place and voxels: any edit of the CT gives another key."""
    voxels = hashlib.blake2b(np.ascontiguousarray(ct.array).data, digest_size=16).digest()
    return (ct.array.shape, ct.array.dtype.str, ct.geometry.ijk_to_lps.tobytes(), voxels)


def _landmark_key(landmarks: Landmarks | None) -> tuple:
    points = () if landmarks is None else landmarks
    return tuple((p.name, None if p.position is None else tuple(np.round(p.position, 4)), p.confidence, p.source) for p in points)
