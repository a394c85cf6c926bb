"""The true positions of the landmarks, found on the sculpture itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.landmarks import LANDMARK_NAMES, Landmark, Landmarks
from .fields import Step
from .frame import Grid
from .nodes import march
from .skin import JAW_AXIS

FRONT, LEFT = np.array([0.0, 1.0, 0.0]), np.array([-1.0, 0.0, 0.0])
#: The eyeball's centre on the left.
EYE = (31.0, -72.0, 13.0)
#: Left landmark -> a point in the air and the way to the skin.
RAYS = {
    "exocanthion": ((44.5, -130, 13.3), (0, 1, 0)),
    "endocanthion": ((16.5, -130, 10.8), (0, 1, 0)),
    "cheilion": ((25.5, -130, -58), (0, 1, 0)),
    "tragion": ((130, -1, 2), (-1, 0, 0)),
    "gonion": ((110, 30, -110), (-1, -0.9, 0.85)),
}


def landmarks(grid: Grid, skin: Sequence[Step], opening_deg: float) -> Landmarks:
    """All names of LANDMARK_NAMES in LPS mm; with an open mouth stomion is the lower edge of the upper lip."""
    found = {**_midline(skin, opening_deg), **_sides(skin)}
    places = {name: grid.to_lps(np.asarray(found[name], dtype=float))[0] for name in LANDMARK_NAMES}
    return Landmarks({name: Landmark(name, place, 1.0, "user") for name, place in places.items()})


def _midline(skin: Sequence[Step], opening_deg: float) -> dict[str, np.ndarray]:
    top = _profile(skin, 30, -54)
    tip = top[np.argmin(np.where(top[:, 2] < 0, top[:, 1], 0))]
    between = {"sellion": (30, 8), "subnasale": (tip[2] - 3, -42)}
    out = {"pronasale": tip}
    for name, (high, low) in between.items():
        part = top[(top[:, 2] <= high) & (top[:, 2] >= low)]
        out[name] = part[np.argmax(part[:, 1])]
    out["stomion"] = _stomion(skin, opening_deg)
    chin = np.array([march(skin, _opened((0, -150, z), opening_deg), _opened_way((0, 1, 0), opening_deg)) for z in np.arange(-80, -96, -0.5)])
    ahead = np.array([_opened_way((0, 1, 0), opening_deg) @ p for p in chin])
    out["pogonion"] = chin[np.argmin(ahead)]
    under = np.array([march(skin, _opened((0, y, -170), opening_deg), _opened_way((0, 0, 1), opening_deg)) for y in np.arange(-94, -72, 0.5)])
    out["menton"] = under[np.argmin([_opened_way((0, 0, 1), opening_deg) @ p for p in under])]
    return out


def _stomion(skin: Sequence[Step], opening_deg: float) -> np.ndarray:
    if opening_deg:
        return march(skin, np.array([0, -94.0, -57.0 - 0.6 * opening_deg]), np.array([0, 0, 1.0]))
    lips = _profile(skin, -52, -62)
    return lips[np.argmax(lips[:, 1])]


def _profile(skin: Sequence[Step], high: float, low: float) -> np.ndarray:
    """Points (N, 3) of the midline profile seen from the front, every 0.5 mm downwards."""
    return np.array([march(skin, np.array([0, -150.0, z]), FRONT) for z in np.arange(high, low, -0.5)])


def _sides(skin: Sequence[Step]) -> dict[str, np.ndarray]:
    left = {name: march(skin, np.array(start, dtype=float), np.array(way, dtype=float)) for name, (start, way) in RAYS.items()}
    wings = np.array([march(skin, np.array([29.0, y, z]), LEFT, 29) for y in np.arange(-103, -95, 1.0) for z in np.arange(-31, -19, 1.0)])
    left["alare"] = wings[np.argmax(wings[:, 0])]
    left["eye"] = np.array(EYE)
    mirror = np.array([-1.0, 1.0, 1.0])
    return {f"{name}_{side}": place * (mirror if side == "right" else 1.0) for name, place in left.items() for side in ("left", "right")}


def _opened(point: Sequence[float], opening_deg: float) -> np.ndarray:
    """Where a point of the closed jaw is with the jaw opened."""
    pivot = np.array([0.0, *JAW_AXIS])
    return pivot + _opened_way(np.asarray(point, dtype=float) - pivot, opening_deg)


def _opened_way(way: Sequence[float], opening_deg: float) -> np.ndarray:
    c, s = np.cos(np.radians(opening_deg)), np.sin(np.radians(opening_deg))
    x, y, z = way
    return np.array([x, c * y + s * z, -s * y + c * z])
