"""The face as seen from inside the head: azimuth, elevation and distance from a point between the ears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..anatomy.face_frame import FaceFrame
from ..core.affine import affine
from ..core.by_parts import by_parts
from ..core.geometry import Geometry
from ..core.volume import Volume

#: Rays end here (mm of the mean face): beyond the nose of any adult, before a chest that the chin nearly touches.
FARTHEST_MM = 165.0
NEAREST_MM = 20.0
RAY_STEP_MM = 2.0
#: So many steps of a ray are looked at together, from its end inwards: a head's skin is met within one or two times as many.
STEPS_AT_ONCE = 26


@dataclass(frozen=True)
class PolarRaster:
    """A regular raster of directions in degrees: rows are elevations, columns azimuths (to the patient's left)."""

    azimuth: tuple[float, float] = (-120.0, 120.0)
    elevation: tuple[float, float] = (-80.0, 85.0)
    step: float = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (
            round((self.elevation[1] - self.elevation[0]) / self.step) + 1,
            round((self.azimuth[1] - self.azimuth[0]) / self.step) + 1,
        )

    def directions(self) -> np.ndarray:
        """Azimuth and elevation in degrees (rows, columns, 2) of every cell."""
        rows, columns = self.shape
        azimuth = self.azimuth[0] + self.step * np.arange(columns)
        elevation = self.elevation[0] + self.step * np.arange(rows)
        return np.stack(np.meshgrid(azimuth, elevation), axis=-1)

    def cells(self, directions: np.ndarray) -> np.ndarray:
        """Continuous (row, column) positions (..., 2) of directions (..., 2) in degrees."""
        rows, columns = (directions[..., 1] - self.elevation[0]) / self.step, (directions[..., 0] - self.azimuth[0]) / self.step
        return np.moveaxis(np.stack([rows, columns]), 0, -1)

    def sample(self, values: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Linear interpolation of a raster's ``values`` at directions (..., 2); the edge goes on outside."""
        return self.sample_at(values, self.cells(directions))

    def sample_at(self, values: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """As ``sample``, at continuous positions (..., 2) of ``cells``, for several maps of the same directions."""
        return ndimage.map_coordinates(values, np.moveaxis(cells, -1, 0), order=1, mode="nearest")

    def nearest(self, cells: np.ndarray) -> np.ndarray:
        """Which cell (N,), counted row by row, is the nearest to continuous positions (N, 2); the edge goes on outside.

        For maps that hardly change over a cell: it is looked for once, and each map is then a look-up.
        """
        rows, columns = (np.clip(np.rint(one), 0, size - 1).astype(np.intp) for one, size in zip(cells.T, self.shape, strict=True))
        return rows * self.shape[1] + columns


def to_polar(frame: FaceFrame, lps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (N, 2) in degrees and distances (N,) in LPS mm of points (N, 3) from the frame's origin."""
    face = frame.to_face(lps)
    return directions_of(face), np.sqrt(np.einsum("ij,ij->i", face, face)) * frame.scale


def voxels_to_polar(frame: FaceFrame, grid: Geometry, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As ``to_polar``, of array positions (N, 3), (k, j, i) on ``grid``, in one step and in float32: good to 0.001 mm.

    Added term by term: a matrix product rounds as the processor at hand does, and the same seed would draw another face elsewhere.
    """
    begin, *ends = frame.to_face(grid.to_lps(np.vstack([np.zeros(3), np.eye(3)])))
    face = np.repeat(begin.astype(np.float32)[:, None], len(at), axis=1)
    for place, step in zip(at.T, (np.array(ends) - begin).astype(np.float32), strict=True):
        along = place.astype(np.float32)
        for axis in range(3):
            face[axis] += along * step[axis]
    face = face.T
    return directions_of(face), np.sqrt(np.einsum("ij,ij->i", face, face)) * np.float32(frame.scale)


def directions_of(face: np.ndarray) -> np.ndarray:
    """Directions (N, 2) in degrees of points (N, 3) in face coordinates, in their floating type."""
    left, front, up = face.T
    out = np.empty((2, len(face)), dtype=face.dtype).T
    np.arctan2(left, front, out=out[:, 0])
    np.arctan2(up, np.sqrt(left * left + front * front), out=out[:, 1])
    one = face.dtype.type
    out *= one(180.0) / one(np.pi)  # as numpy's degrees, and fifteen times faster
    return out


def unit_vectors(frame: FaceFrame, directions: np.ndarray) -> np.ndarray:
    """Unit vectors in LPS (N, 3) of directions (N, 2) in degrees."""
    azimuth, elevation = np.radians(directions[:, 0]), np.radians(directions[:, 1])
    face = np.stack([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)], axis=1)
    return affine(face, frame.axes)


def skin_distance(depth: Volume, frame: FaceFrame, directions: np.ndarray) -> np.ndarray:
    """Distance in mm (N,) from the frame's origin to the skin along directions (N, 2) in degrees.

    ``depth`` is the signed depth below the skin in mm (positive in tissue). The outermost way out of the tissue within
    reach counts, so that a mouth wide open does not hide the lip behind it. NaN where the ray meets no skin.
    """
    return skin_along(depth, frame, unit_vectors(frame, directions))


def skin_along(depth: Volume, frame: FaceFrame, unit: np.ndarray) -> np.ndarray:
    """As ``skin_distance``, along unit vectors (N, 3) in LPS."""
    radii = np.arange(NEAREST_MM, FARTHEST_MM, RAY_STEP_MM) * frame.scale
    distance, left = np.full(len(unit), np.nan), np.arange(len(unit))
    stop = len(radii)
    while stop > 1 and len(left):  # most rays need no look further in
        start = max(0, stop - STEPS_AT_ONCE)
        distance[left] = _way_out(depth, frame, unit[left], radii[start:stop], radii[1] - radii[0])
        left, stop = left[np.isnan(distance[left])], start + 1
    return distance


def _way_out(depth: Volume, frame: FaceFrame, unit: np.ndarray, radii: np.ndarray, step: float) -> np.ndarray:
    """As ``skin_distance`` of unit vectors (N, 3), where only these distances, ``step`` apart, are looked at."""
    points = frame.origin + unit[:, None, :] * radii[None, :, None]
    along = by_parts(depth.at, points.reshape(-1, 3)).reshape(len(unit), -1)
    out = (along[:, :-1] > 0) & (along[:, 1:] <= 0)
    last = out.shape[1] - 1 - np.argmax(out[:, ::-1], axis=1)
    row = np.arange(len(unit))
    inner, outer = along[row, last], along[row, last + 1]
    distance = radii[last] + step * inner / np.maximum(inner - outer, 1e-6)
    return np.where(out.any(1), distance, np.nan)


def polygon_mask(raster: PolarRaster, path: np.ndarray) -> np.ndarray:
    """Cells (rows, columns) inside the closed polygon ``path`` (N, 2) of directions in degrees (even-odd rule)."""
    (row0, col0), (rows, columns) = raster.cells(path).T, raster.shape
    row1, col1 = np.roll(row0, -1), np.roll(col0, -1)
    first = np.maximum(np.ceil(np.minimum(row0, row1)), 0).astype(int)
    count = np.maximum(np.minimum(np.ceil(np.maximum(row0, row1)), rows).astype(int) - first, 0)
    side = np.repeat(np.arange(len(path)), count)  # each side of the polygon, once for each row that it crosses
    across = np.arange(len(side)) - np.repeat(np.cumsum(count) - count - first, count)
    at = col0[side] + (across - row0[side]) * (col1[side] - col0[side]) / (row1[side] - row0[side])
    crossings = np.zeros((rows, columns + 1), dtype=np.int32)
    np.add.at(crossings, (across, np.clip(np.ceil(at), 0, columns).astype(int)), 1)
    return (np.cumsum(crossings, axis=1)[:, :columns] % 2).astype(bool)


def signed_degrees(raster: PolarRaster, mask: np.ndarray) -> np.ndarray:
    """Signed angular distance in degrees (rows, columns) to the border of a raster mask; positive inside.

    Great-circle true in elevation; azimuth steps shrink with the cosine of the elevation, which is taken at 0.85 as
    a mean over the face: the border is soft there by less than a voxel.
    """
    sampling = (raster.step, raster.step * 0.85)
    inside = ndimage.distance_transform_edt(mask, sampling)
    outside = ndimage.distance_transform_edt(~mask, sampling)
    return (inside - outside).astype(np.float32)
