"""Is the surface that was found the patient's skin, or a bolus, mask or dressing that touches it?

Three checks on the CT along lines of sight. Skin with what lies under it is made of several things (skin, fat, muscle, cartilage), so
its HU scatter from place to place; a layer has one value and its noise. And skin lies close over the bone of nasal root, orbital rim,
cheekbone and chin, and over the thin bone beside the inner corners of the eyes: there whatever is laid on an eye, however uneven, is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from ..anatomy.face_frame import FaceFrame
from ..core.volume import Volume, linear
from ..face.polar import skin_distance, unit_vectors

#: Lines of sight are so far apart (degrees).
STEP_DEG = 4.0
#: Depths below the surface (mm) at which the HU of sheets, of thin and of thick layers, and bone, are looked for.
SHEET_MM, THIN_MM, THICK_MM, BONE_MM = np.array([1.5]), np.arange(2.0, 4.1), np.arange(3.0, 7.1), np.arange(-4.0, 30.1, 0.5)
#: Where the surface itself stands among BONE_MM.
SURFACE = int(np.flatnonzero(BONE_MM == 0.0)[0])
#: What lies above (HU) is bone.
BONE_HU = 200.0
#: What is looked at holds tissue or foam, no air.
TISSUE_HU = -500.0
#: Fat may be alone at the depth of a thin layer; that of synthetic heads scatters by 28 HU there, a layer of wax by less.
FAT_HU, FAT_SCATTER = (-140.0, -50.0), 22.0
#: The scatter of HU is the distance between these percentiles; bone is so deep at this percentile of the lines that meet it.
SCATTER_PERCENTILES, BONE_PERCENTILE = (15.0, 85.0), 20.0
#: Limits of voxels finer than this (mm, of a cube): four heads of 0.5 to 1 mm have 26 and 55 at the least, noise alone has about 20.
FINE_MM, FINE_SHEET, FINE_THIN = 2.0, 16.0, 32.0
#: Fewer lines of sight, or less than this share of an area, tell nothing.
LEAST_LINES, LEAST_SHARE = 5, 0.5
#: So many areas with deep bone are no anatomy: of 92 heads two at most have two.
DEEP_AREAS = 3
#: Bone beside the inner corners of the eyes is thin, and reads less. Lines of sight count that meet tissue on this share of these depths.
CORNER_BONE_HU, CORNER_SKIN_MM, CORNER_SHARE = 120.0, np.arange(1.5, 4.1, 0.5), 0.6


@dataclass(frozen=True)
class Area:
    """A part of the face: ranges of azimuth and elevation (degrees), and what no skin goes beyond there.

    ``sheet``, ``thin``, ``thick``: least scatter of HU at SHEET_MM, THIN_MM and THICK_MM, at most four fifths of the least in 92 heads;
    ``bone_mm``: where bone is deeper than this, no head has it in DEEP_AREAS areas; ``alone_mm``: no head has it so deep in this one,
    by 2 mm. None where a check tells nothing.
    """

    name: str
    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    sheet: float
    thin: float
    thick: float | None
    bone_mm: float | None
    alone_mm: float | None = None
    step_deg: float = STEP_DEG

    def directions(self) -> np.ndarray:
        """Azimuth and elevation (N, 2) of its lines of sight."""
        lines = [np.arange(low, high + 0.1, self.step_deg) for low, high in (self.azimuth, self.elevation)]
        return np.stack(np.meshgrid(*lines), axis=-1).reshape(-1, 2)


AREAS = (
    Area("brow", (-12.0, 12.0), (32.0, 44.0), 44.0, 50.0, 35.0, None),
    Area("nasal root", (-4.0, 4.0), (20.0, 32.0), 42.0, 50.0, 29.0, 12.0),
    Area("nose", (-8.0, 8.0), (0.0, 20.0), 50.0, 50.0, 42.0, None),
    Area("mouth", (-16.0, 16.0), (-20.0, -8.0), 50.0, 50.0, 40.0, None),
    Area("chin", (-12.0, 12.0), (-36.0, -24.0), 50.0, 50.0, 38.0, 15.0, 16.0),
    Area("left cheekbone", (28.0, 48.0), (0.0, 16.0), 44.0, 42.0, None, 15.0),
    Area("right cheekbone", (-48.0, -28.0), (0.0, 16.0), 44.0, 42.0, None, 15.0),
    Area("left orbital rim", (28.0, 44.0), (24.0, 40.0), 50.0, 50.0, 75.0, 11.0),
    Area("right orbital rim", (-44.0, -28.0), (24.0, 40.0), 50.0, 50.0, 75.0, 11.0),
)
#: Of 63 whole heads bone lies 8.5 mm deep there at most; under gauze of 10 and 14 mm and swabs of 8 and 12 mm, on four heads, 12 mm and
#: more, but once 6.
CORNERS = (
    Area("the inner corner of the left eye", (4.0, 14.0), (16.0, 28.0), 0.0, 0.0, None, None, 10.5, 2.0),
    Area("the inner corner of the right eye", (-14.0, -4.0), (16.0, 28.0), 0.0, 0.0, None, None, 10.5, 2.0),
)


@dataclass(frozen=True)
class Look:
    """What the lines of sight of one area show: scatter of HU at SHEET_MM, THIN_MM and THICK_MM, and depth of the bone.

    Infinite where it cannot be told. ``fat``: the middle of the HU at THIN_MM is that of fat.
    """

    area: str
    sheet: float
    thin: float
    thick: float
    bone_mm: float
    fat: bool

    def is_uniform(self, area: Area) -> bool:
        """True where the HU scatter less than those of skin and what lies under it."""
        if area.thick is not None and self.thick < area.thick:
            return True
        return self.thin < FAT_SCATTER if self.fat else self.sheet < area.sheet or self.thin < area.thin


def layer_doubts(ct: Volume, frame: FaceFrame, depth: Volume, shows_eyes: bool) -> tuple[str, ...]:
    """What there is to say of a layer on the face of a CT (HU); ``depth`` (mm) is the skin's as found, empty where it is skin.

    ``shows_eyes``: the eyes are in view and known, so that their inner corners are where they should be.
    """
    corners = covered_corners(ct, frame, depth) if shows_eyes else ()
    areas = (*covered_areas(look_at(ct, frame, depth), areas_for(ct)), *corners)
    if not areas:
        return ()
    where = " and ".join(filter(None, (", ".join(areas[:-1]), areas[-1])))
    return (
        f"what covers {where} is no skin but a layer of one value, or lies too far in front of the bone (bolus, gel, mask, dressing): the "
        "patient's own skin under it may stay; take it out of the CT, or give the patient's outline without it as a segment",
    )


def areas_for(ct: Volume) -> tuple[Area, ...]:
    """The areas with the limits for a CT's voxels: fine ones show skin as even as it is, coarse ones mix it with the air before it."""
    if ct.geometry.voxel_mm3 >= FINE_MM**3:
        return AREAS
    return tuple(replace(area, sheet=min(area.sheet, FINE_SHEET), thin=min(area.thin, FINE_THIN)) for area in AREAS)


def look_at(ct: Volume, frame: FaceFrame, depth: Volume) -> tuple[Look, ...]:
    """What all areas show."""
    found = []
    for area in AREAS:
        lines = _lines(area, ct, frame, depth)
        scatter = (_scatter(lines, depths) for depths in (SHEET_MM, THIN_MM, THICK_MM))
        found.append(Look(area.name, *scatter, _bone_depth(lines), _is_fat(lines)))
    return tuple(found)


def covered_areas(looks: Sequence[Look], areas: Sequence[Area]) -> tuple[str, ...]:
    """Names of the areas in which there is no skin, by the limits of ``areas``."""
    uniform, deep = [], []
    for look, area in zip(looks, areas, strict=True):
        if look.is_uniform(area) or (area.alone_mm is not None and area.alone_mm < look.bone_mm <= BONE_MM[-1]):
            uniform.append(area.name)
        if area.bone_mm is not None and area.bone_mm < look.bone_mm <= BONE_MM[-1]:
            deep.append(area.name)
    return tuple(dict.fromkeys(chain(uniform, deep if len(deep) >= DEEP_AREAS else ())))


def covered_corners(ct: Volume, frame: FaceFrame, depth: Volume) -> tuple[str, ...]:
    """Names of the CORNERS that lie too far in front of the bone."""
    found = []
    for area in CORNERS:
        lines = _lines(area, ct, frame, depth)
        skin = (lines[:, np.isin(BONE_MM, CORNER_SKIN_MM)] > TISSUE_HU).mean(axis=1) > CORNER_SHARE
        if np.mean(skin) >= CORNER_SHARE and area.alone_mm < _bone_depth(lines[skin], CORNER_BONE_HU) <= BONE_MM[-1]:
            found.append(area.name)
    return tuple(found)


def _lines(area: Area, ct: Volume, frame: FaceFrame, depth: Volume) -> np.ndarray:
    """HU (N, M) at BONE_MM below the surface on an area's lines of sight, NaN out of view and where no surface is known."""
    directions = area.directions()
    distance = skin_distance(depth, frame, directions)
    points = frame.origin + unit_vectors(frame, directions)[:, None, :] * (distance[:, None] - BONE_MM)[..., None]
    kji = ct.geometry.to_kji(points.reshape(-1, 3))
    inside = ct.geometry.holds(kji)
    hu = np.full(len(kji), np.nan, dtype=np.float32)
    low = np.clip(np.floor(kji[inside].min(0)).astype(int) - 1, 0, None) if inside.any() else np.zeros(3, dtype=int)
    high = np.ceil(kji[inside].max(0)).astype(int) + 2 if inside.any() else low + 1
    part = ct.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    hu[inside] = linear(part, kji[inside] - low)
    return hu.reshape(len(directions), -1)


def _scatter(lines: np.ndarray, depths: np.ndarray) -> float:
    """Distance of the SCATTER_PERCENTILES of HU at some depths; infinite where too few lines tell."""
    values = lines[:, np.isin(BONE_MM, depths)]
    values = values[(values > TISSUE_HU).all(axis=1)]
    if len(values) < max(LEAST_LINES, LEAST_SHARE * len(lines)):
        return np.inf
    low, high = np.percentile(values, SCATTER_PERCENTILES)
    return float(high - low)


def _is_fat(lines: np.ndarray) -> bool:
    values = lines[:, np.isin(BONE_MM, THIN_MM)]
    values = values[values > TISSUE_HU]
    return bool(values.size and FAT_HU[0] < np.median(values) < FAT_HU[1])


def _bone_depth(lines: np.ndarray, bone_hu: float = BONE_HU) -> float:
    """Depth (mm) of the bone below the surface; infinite where too few lines meet any.

    A surface that is out of view is carried on from what was scanned: how deep bone lies below it tells nothing.
    """
    seen = ~np.isnan(lines[:, SURFACE])
    if np.count_nonzero(seen) < max(LEAST_LINES, LEAST_SHARE * len(lines)):
        return np.inf
    lines = lines[seen]
    bone = lines > bone_hu
    found = np.where(bone.any(axis=1), BONE_MM[bone.argmax(axis=1)], np.inf)
    return float(np.percentile(found, BONE_PERCENTILE, method="lower"))
