"""The outer ears: each is seen from its own side, as a height map over a smooth surface that knows nothing of the ear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..anatomy.face_frame import MEAN_FACE, FaceFrame
from ..core.geometry import Geometry
from ..core.parameters import Parameters
from ..core.segment import NOTHING, BoxMask
from ..core.volume import Volume
from .membrane import harmonic_fill

#: The map: anterior and superior of the tragion, mm of the mean face, and its step.
MAP_ANTERIOR, MAP_SUPERIOR, MAP_STEP = (-70.0, 40.0), (-70.0, 70.0), 2.0
#: Rays come from the side: from here to there (mm lateral of the tragion).
HEIGHTS, HEIGHT_STEP = (-35.0, 45.0), 1.5
#: The ellipse that holds an auricle with skin around it: middle (anterior, superior), half axes (mm) and how far it leans back
#: (degrees). An ear is 63 by 35 mm and its top 30 to 35 mm above the tragion (Farkas, Anthropometry of the Head and Face, 1994); the
#: rest is skin, up to 13 mm in front of the tragion.
MIDDLE, HALF_AXES, LEAN_DEGREES = (-15.0, 2.0), (29.0, 43.0), 15.0
#: The layer reaches this far (mm) below the surface over which the ear stands, less at its border, and below the skin in the hollow
#: of the concha: the skin over mastoid and parotid, and not more. The centre of a coarse voxel of skin lies deeper (voxels).
DEPTH_MM, RIM_MM, DEEPER_VOXELS = 4.0, 2.0, 0.6
#: The part of the head, in mm of the mean face (left, anterior, superior), whose skin has to be known for the ears.
EARS_BOX_MM = np.array([(-115.0, -75.0, -75.0), (115.0, 45.0, 80.0)])


@dataclass(frozen=True, eq=False)
class Ear:
    """One ear. Maps have rows (superior) and columns (anterior), heights are mm of the mean face lateral of the tragion.

    ``skin``: the outermost skin; ``surface``: the smooth one that the skin around the ear spans; ``border``: mm to the
    ellipse's border, positive inside. ``tragion`` (3,) is in face coordinates. ``segment``: its voxels on the CT's grid;
    ``auricle``: those that stand out over the surface or are the skin there, whether they may change or not.
    """

    side: str
    frame: FaceFrame
    tragion: np.ndarray
    skin: np.ndarray
    surface: np.ndarray
    border: np.ndarray
    segment: BoxMask = NOTHING
    auricle: BoxMask = NOTHING

    @property
    def outwards(self) -> float:
        """Sign of the lateral axis in face coordinates."""
        return 1.0 if self.side == "left" else -1.0

    def place(self, lps: np.ndarray) -> np.ndarray:
        """Anterior, superior and lateral of the tragion (N, 3), mm of the mean face, of points (N, 3) in LPS mm."""
        offset = self.frame.to_face(lps) - self.tragion
        return np.stack([offset[:, 1], offset[:, 2], self.outwards * offset[:, 0]], axis=1)

    def to_lps(self, place: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of points (N, 3) as ``place`` gives them."""
        return self.frame.to_lps(self.tragion + np.stack([self.outwards * place[:, 2], place[:, 0], place[:, 1]], axis=1))

    def sample(self, values: np.ndarray, place: np.ndarray) -> np.ndarray:
        """A map's ``values`` at places (N, 2 or 3), linear; its edge goes on outside."""
        rows = (place[:, 1] - MAP_SUPERIOR[0]) / MAP_STEP
        columns = (place[:, 0] - MAP_ANTERIOR[0]) / MAP_STEP
        return ndimage.map_coordinates(values, np.stack([rows, columns]), order=1, mode="nearest")


def map_places() -> np.ndarray:
    """Anterior and superior (rows, columns, 2) in mm of every cell of an ear's map."""
    anterior = np.arange(MAP_ANTERIOR[0], MAP_ANTERIOR[1] + 0.1, MAP_STEP)
    superior = np.arange(MAP_SUPERIOR[0], MAP_SUPERIOR[1] + 0.1, MAP_STEP)
    return np.stack(np.meshgrid(anterior, superior), axis=-1)


def find_ears(sides: Sequence[str], frame: FaceFrame, depth: Volume, grid: Geometry, parameters: Parameters) -> tuple[Ear, ...]:
    """The ears of the given sides with their voxels on ``grid``; a side whose skin is not in view is left out.

    ``depth`` is the signed depth (mm) below the skin over EARS_BOX_MM.
    """
    found = (_find_ear(side, frame, depth) for side in sides)
    return tuple(_with_voxels(ear, grid, parameters) for ear in found if ear is not None)


def _find_ear(side: str, frame: FaceFrame, depth: Volume) -> Ear | None:
    name = f"tragion_{side}"
    tragion = frame.adapt(np.array(MEAN_FACE[name]))[0]
    places = map_places()
    border = _border(places)
    nothing = np.zeros(border.shape)
    ear = Ear(side, frame, tragion, nothing, nothing, border)
    skin = _heights(ear, depth, places)
    gaps = np.isnan(skin)
    if gaps.all():
        return None
    skin = skin[tuple(ndimage.distance_transform_edt(gaps, return_distances=False, return_indices=True))]
    return replace(ear, skin=skin, surface=harmonic_fill(skin, border > 0))


def _border(places: np.ndarray) -> np.ndarray:
    """Distance (rows, columns) in mm to the border of the ellipse, positive inside."""
    lean = np.radians(LEAN_DEGREES)
    offset = places - MIDDLE
    across = offset[..., 0] * np.cos(lean) + offset[..., 1] * np.sin(lean)
    along = -offset[..., 0] * np.sin(lean) + offset[..., 1] * np.cos(lean)
    inside = (across / HALF_AXES[0]) ** 2 + (along / HALF_AXES[1]) ** 2 < 1
    return MAP_STEP * (ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside))


def _heights(ear: Ear, depth: Volume, places: np.ndarray) -> np.ndarray:
    """Height (rows, columns) of the outermost skin; NaN where a ray from the side meets none."""
    heights = np.arange(*HEIGHTS, HEIGHT_STEP)
    flat = places.reshape(-1, 2)
    rays = np.concatenate([np.repeat(flat, len(heights), axis=0), np.tile(heights, len(flat))[:, None]], axis=1)
    along = depth.at(ear.to_lps(rays)).reshape(len(flat), -1)
    out = (along[:, :-1] > 0) & (along[:, 1:] <= 0)
    last = out.shape[1] - 1 - np.argmax(out[:, ::-1], axis=1)
    row = np.arange(len(flat))
    inner, outer = along[row, last], along[row, last + 1]
    height = heights[last] + HEIGHT_STEP * inner / np.maximum(inner - outer, 1e-6)
    return np.where(out.any(1), height, np.nan).reshape(places.shape[:2])


def _with_voxels(ear: Ear, grid: Geometry, parameters: Parameters) -> Ear:
    """The ear with its voxels on the CT's grid: auricle, the layer below it and the air in front of it."""
    places, inside = map_places(), ear.border > 0
    front = np.maximum(ear.skin, ear.surface) + parameters.outside_mm / ear.frame.scale
    back = np.minimum(ear.skin, ear.surface) - (DEPTH_MM + DEEPER_VOXELS * max(grid.spacing)) / ear.frame.scale
    corners = np.vstack([np.c_[places[inside], height[inside]] for height in (front, back)])
    box = grid.box_around(ear.to_lps(corners), margin_mm=1.0)
    place = ear.place(grid.crop(box).to_lps(np.indices(box.shape).reshape(3, -1).T))
    border = ear.sample(ear.border, place)
    layer = layer_mm(ear, place, border, max(grid.spacing))
    below = below_surface_mm(ear, place)
    mask = (border > 0) & (place[:, 2] < ear.sample(front, place)) & (below < layer)
    outer = mask & (below < parameters.superficial_mm)
    name = f"Ear {ear.side}"
    return replace(ear, segment=BoxMask(name, box, mask.reshape(box.shape)), auricle=BoxMask(name, box, outer.reshape(box.shape)))


def below_surface_mm(ear: Ear, place: np.ndarray) -> np.ndarray:
    """How far (mm, (N,)) places (N, 3) lie below the surface over which the ear stands."""
    return (ear.sample(ear.surface, place) - place[:, 2]) * ear.frame.scale


def layer_mm(ear: Ear, place: np.ndarray, border: np.ndarray, spacing_mm: float) -> np.ndarray:
    """How far (mm, (N,)) the layer reaches below that surface, given the places' distance to the border and the size of a voxel."""
    hollow = np.maximum(ear.sample(ear.surface, place) - ear.sample(ear.skin, place), 0.0) * ear.frame.scale
    rim = RIM_MM + np.maximum(border, 0.0) * ear.frame.scale
    return hollow + np.minimum(DEPTH_MM + DEEPER_VOXELS * spacing_mm, rim)
