"""The true positions of the landmarks, found on the sculpture itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.landmarks import LANDMARK_NAMES, Landmark, Landmarks
from .fields import Step
from .grid import Grid
from .nodes import march
from .skin import JAW_AXIS, jaw_turn

#: The eyeball's centre on the left.
EYE = (31.0, -72.0, 13.0)
#: Left landmark -> a point in the air and the way to the skin.
RAYS = {
    "exocanthion": ((44.5, -110, 12.2), (0, 1, 0)),
    "endocanthion": ((16.5, -110, 10.4), (0, 1, 0)),
    "cheilion": ((25, -110, -58.2), (0, 1, 0)),
    "tragion": ((110, -1, 2), (-1, 0, 0)),
    "gonion": ((110, 30, -110), (-1, -0.9, 0.85)),
}


def landmarks(grid: Grid, skin: Sequence[Step], opening_deg: float) -> Landmarks:
    """All names of LANDMARK_NAMES in LPS mm; with an open mouth stomion is the lower edge of the upper lip."""
    found = {**_nose(skin), "stomion": _stomion(skin, opening_deg), **_chin(skin, opening_deg), **_sides(skin)}
    places = {name: grid.to_lps(np.asarray(found[name], dtype=float))[0] for name in LANDMARK_NAMES}
    return Landmarks({name: Landmark(name, place, 1.0, "user") for name, place in places.items()})


def _profile(skin: Sequence[Step], high: float, low: float) -> np.ndarray:
    """Points (N, 3) of the midline profile seen from the front, every 0.5 mm downwards."""
    z = np.arange(high, low, -0.5)
    return march(skin, np.stack([np.zeros_like(z), np.full_like(z, -125.0), z], axis=1), (0, 1, 0), 60)


def _nose(skin: Sequence[Step]) -> dict[str, np.ndarray]:
    """Tip and root by their depth; subnasale is the deepest corner between the tip and the upper lip."""
    line = _profile(skin, 30, -53)
    tip = line[np.argmin(line[:, 1])]
    root = line[line[:, 2] > 5]
    lip_part = line[line[:, 2] < -46]
    lip = lip_part[np.argmin(lip_part[:, 1])]
    between = line[(line[:, 2] < tip[2]) & (line[:, 2] > lip[2])]
    chord = lip - tip
    depth = np.abs(chord[2] * (between[:, 1] - tip[1]) - chord[1] * (between[:, 2] - tip[2]))
    return {"pronasale": tip, "sellion": root[np.argmax(root[:, 1])], "subnasale": between[np.argmax(depth)]}


def _stomion(skin: Sequence[Step], opening_deg: float) -> np.ndarray:
    if opening_deg:
        return march(skin, np.array([[0, -94.0, -58.0 - 0.7 * opening_deg]]), (0, 0, 1), 40)[0]
    lips = _profile(skin, -52, -62)
    return lips[np.argmax(lips[:, 1])]


def _chin(skin: Sequence[Step], opening_deg: float) -> dict[str, np.ndarray]:
    """The foremost and the lowest point of the chin, both as the closed jaw would have them."""
    pivot, opened = np.array([0.0, *JAW_AXIS]), jaw_turn(opening_deg)
    z, y = np.arange(-80, -96, -0.5), np.arange(-94, -77, 0.5)
    before = np.stack([np.zeros_like(z), np.full_like(z, -120.0), z], axis=1)
    below = np.stack([np.zeros_like(y), y, np.full_like(y, -112.0)], axis=1)
    out = {}
    for name, starts, axis in (("pogonion", before, 1), ("menton", below, 2)):
        found = march(skin, (starts - pivot) @ opened.T + pivot, opened[:, axis], 50)
        out[name] = found[np.argmin((found - pivot) @ opened[:, axis])]
    return out


def _sides(skin: Sequence[Step]) -> dict[str, np.ndarray]:
    starts, ways = (np.array([ray[n] for ray in RAYS.values()], dtype=float) for n in (0, 1))
    left = dict(zip(RAYS, march(skin, starts, ways), strict=True))
    wing = np.array([(26.0, y, z) for y in np.arange(-103, -95, 1.0) for z in np.arange(-31, -19, 1.0)])
    wings = march(skin, wing, (-1, 0, 0), 26)
    left["alare"] = wings[np.argmax(wings[:, 0])]
    left["eye"] = np.array(EYE)
    mirror = np.array([-1.0, 1.0, 1.0])
    return {f"{name}_{side}": place * (mirror if side == "right" else 1.0) for name, place in left.items() for side in ("left", "right")}
