"""Regions as other tools choose them, for comparison: boxes, a plane, the whole skin. No curve is drawn for them.

Each is described on the mean face (mm: left, anterior, superior) and follows the landmarks of the head at hand, so that it needs no
template and no brain (``cells.py``). All keep protected segments and node levels, which the originals do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: The whole of a body may change.
ALL_OF_BODY = 1.0


@dataclass(frozen=True)
class HalfSpace:
    """What lies on the side of ``normal`` (left, anterior, superior) of a plane ``through`` a point of the mean face (mm)."""

    normal: tuple[float, float, float]
    through: tuple[float, float, float]


@dataclass(frozen=True)
class Strategy:
    """A region without a curve: the union of ``cells``, each of which is where all of its half-spaces meet; without cells, the skin.

    ``gives``, ``covers``, ``ears`` and ``most_of_body`` as in ``Style``.
    """

    name: str
    gives: str
    cells: tuple[tuple[HalfSpace, ...], ...]
    covers: tuple[str, ...]
    ears: tuple[str, ...] = ("right", "left")
    most_of_body: float = ALL_OF_BODY


def _within(low: tuple[float, float, float], high: tuple[float, float, float]) -> tuple[HalfSpace, ...]:
    """A box by its low and high corner in the axes of the mean face; an infinite side is open."""
    sides = []
    for axis in range(3):
        for sign, corner in ((1.0, low), (-1.0, high)):
            if math.isfinite(corner[axis]):
                normal = tuple(sign * float(axis == n) for n in range(3))
                sides.append(HalfSpace(normal, tuple(c if math.isfinite(c) else 0.0 for c in corner)))
    return tuple(sides)


#: MNI axes in the mean face: laid onto nasion (0, 87, -40) and the pre-auricular points (+-86, -20, -48) of the template electrode
#: positions (standard_1005), sellion and tragia coincide after a turn by 22 degrees about the left-right axis and a scale of 0.98.
_ANTERIOR, _SUPERIOR = (0.0, 0.927, 0.375), (0.0, -0.375, 0.927)
_MNI_SCALE, _MNI_EARS = 0.98, (0.0, -20.0, -48.0)


def _from_mni(y: float, z: float) -> tuple[float, float, float]:
    """The point of the midline of the mean face at MNI y and z (mm)."""
    forward, up = _MNI_SCALE * (y - _MNI_EARS[1]), _MNI_SCALE * (z - _MNI_EARS[2])
    return (0.0, forward * _ANTERIOR[1] + up * _SUPERIOR[1], forward * _ANTERIOR[2] + up * _SUPERIOR[2])


def _flip(normal: tuple[float, float, float]) -> tuple[float, float, float]:
    return tuple(-value for value in normal)


def _ear_cell(sign: float) -> tuple[HalfSpace, ...]:
    low, high = _from_mni(-66.0, -72.0), _from_mni(-16.0, -13.0)
    sides = (HalfSpace(_ANTERIOR, low), HalfSpace(_SUPERIOR, low), HalfSpace(_flip(_ANTERIOR), high), HalfSpace(_flip(_SUPERIOR), high))
    return (HalfSpace((sign, 0.0, 0.0), (sign * 62.0, 0.0, 0.0)), *sides)


#: Boxes of the face and the ears, after ``ct_biometric_mask`` of the R package ichseg (Muschelli): in its 1 mm template the face is
#: x from -41 to 39, y from 43 to the front of the image, z from its bottom to -65; the ears stand out beyond 79 mm from the midline,
#: y from -67 to -17 and z from -72 to -13, to the sides of the image. It leaves the eyes. The template is wider
#: at the ears than the mean face (86 against 66 mm), so there the boxes begin 4 mm inside the tragia.
BOX = Strategy(
    name="box",
    gives="boxes around nose, mouth and ears, as other tools draw them",
    cells=(
        (
            HalfSpace((1.0, 0.0, 0.0), (-40.0, 0.0, 0.0)),
            HalfSpace((-1.0, 0.0, 0.0), (40.0, 0.0, 0.0)),
            HalfSpace(_ANTERIOR, _from_mni(43.0, -65.0)),
            HalfSpace(_flip(_SUPERIOR), _from_mni(43.0, -65.0)),
        ),
        _ear_cell(1.0),
        _ear_cell(-1.0),
    ),
    covers=("pronasale", "stomion", "pogonion"),
)

#: All that lies before and below a plane, after Quickshear (Schimke & Hale, HealthSec 2011): the front edge of the lower convex hull
#: of the brain's sagittal profile, moved down by its default buffer of 10 mm. Here that edge runs from the frontal pole (MNI y 73,
#: z -5) to the temporal pole (MNI y 5, z -50), as no brain need be in view. It takes the jaw and the front of the neck too.
_FRONTAL, _TEMPORAL = _from_mni(73.0, -15.0), _from_mni(5.0, -60.0)
PLANE = Strategy(
    name="plane",
    gives="everything in front of a plane, as other tools cut it",
    cells=((HalfSpace((0.0, _FRONTAL[2] - _TEMPORAL[2], -(_FRONTAL[1] - _TEMPORAL[1])), _FRONTAL),),),
    covers=("pronasale", "sellion", "stomion", "pogonion", "eye_right", "eye_left"),
)

#: The whole skin with what lies in front of it, after face_deid_ct (Kitamura; idea of Collins et al., Radiology 2020;296:22),
#: ``depth_mm`` deep, bone included: 17 pixels there, 8 to 17 mm.
OUTLINE = Strategy(
    name="outline",
    gives="the whole skin of the head, as other tools take it",
    cells=(),
    covers=("pronasale", "sellion", "stomion", "pogonion", "eye_right", "eye_left"),
)

#: All that lies above the lower edge of the eyes and before their middle, after O'Sullivan-Steben, Galarneau and Kildea (McGill, arXiv
#: 2508.13914, 2025). What lies below the eyes is kept: half of the nose, mouth and chin. An eyeball's radius is 12 mm.
BELOW_EYES_KEPT = Strategy(
    name="below-eyes-kept",
    gives="the upper face only: what lies below the eyes stays",
    cells=(_within((-math.inf, 69.2, 30.0), (math.inf, math.inf, math.inf)),),
    covers=("sellion", "eye_right", "eye_left"),
)

STRATEGIES = {strategy.name: strategy for strategy in (BOX, PLANE, OUTLINE, BELOW_EYES_KEPT)}
