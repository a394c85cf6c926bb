"""Flat contours to pixels of their plane and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges2D, vtkStripper

from ..core.affine import affine

#: Pixels of a plane (mm), and the room around its contours.
PIXEL_MM = 1.0
ROOM_MM = 30.0
#: Corners further apart than this share of a pixel from a straight line stay.
_SHORTEST = 4


@dataclass(frozen=True, eq=False)
class Plane:
    """A raster on the plane of contours: ``origin`` (3,), unit ``axes`` (2, 3) in LPS mm, and its shape (rows along axis 0)."""

    origin: np.ndarray
    axes: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def around(cls, contours: Sequence[np.ndarray]) -> Plane | None:
        """The plane through contours (N, 3); None where they are not flat."""
        points = np.vstack(contours)
        middle = points.mean(0)
        _, sizes, ways = np.linalg.svd(points - middle, full_matrices=False)
        if len(sizes) < 3 or sizes[2] / np.sqrt(len(points)) > 0.1:
            return None
        flat = (points - middle) @ ways[:2].T
        low, high = flat.min(0) - ROOM_MM, flat.max(0) + ROOM_MM
        shape = tuple(int(n) for n in np.ceil((high - low) / PIXEL_MM).astype(int) + 1)
        return cls(middle + low @ ways[:2], ways[:2], shape)

    def flat(self, lps: np.ndarray) -> np.ndarray:
        """Positions (N, 2) in pixels."""
        return affine(lps - self.origin, self.axes / PIXEL_MM)

    def lps(self, flat: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of positions (N, 2) in pixels."""
        return affine(flat, PIXEL_MM * self.axes.T, self.origin)

    def points(self) -> np.ndarray:
        """LPS mm (rows * columns, 3) of all pixels."""
        rows, columns = (np.arange(n) for n in self.shape)
        return self.lps(np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2).astype(float))

    def filled(self, contours: Sequence[np.ndarray]) -> np.ndarray:
        """The pixels inside an odd number of the contours, bool."""
        crossings = np.zeros((self.shape[0], self.shape[1] + 1), dtype=np.int32)
        for contour in contours:
            (row0, column0), (row1, column1) = (points.T for points in (self.flat(contour), np.roll(self.flat(contour), -1, axis=0)))
            first, last = (np.clip(np.ceil(end(row0, row1)), 0, self.shape[0]).astype(int) for end in (np.minimum, np.maximum))
            edge = np.repeat(np.arange(len(first)), last - first)  # as often as it crosses a row
            rows = first[edge] + np.arange(len(edge)) - (np.cumsum(last - first) - (last - first))[edge]
            columns = column0[edge] + (rows - row0[edge]) * (column1 - column0)[edge] / (row1 - row0)[edge]
            np.add.at(crossings, (rows, np.clip(np.ceil(columns), 0, self.shape[1]).astype(int)), 1)
        return (np.cumsum(crossings[:, :-1], axis=1) % 2).astype(bool)

    def outlines(self, mask: np.ndarray) -> list[np.ndarray]:
        """Closed contours (N, 3) in LPS mm around the pixels of a mask."""
        padded = np.pad(mask.astype(np.float32), 1)
        image = vtkImageData()
        image.SetDimensions(padded.shape[1], padded.shape[0], 1)
        image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=True))
        edges = vtkFlyingEdges2D()
        edges.SetInputData(image)
        edges.SetValue(0, 0.5)
        joined = vtkStripper()
        joined.SetInputConnection(edges.GetOutputPort())
        joined.SetMaximumLength(1_000_000)
        joined.Update()
        found = joined.GetOutput()
        if not found.GetNumberOfLines():
            return []
        places = vtk_to_numpy(found.GetPoints().GetData())
        lines = found.GetLines()
        ends, ids = vtk_to_numpy(lines.GetOffsetsArray()), vtk_to_numpy(lines.GetConnectivityArray())
        out = []
        for first, last in zip(ends[:-1], ends[1:], strict=True):
            ring = places[ids[first:last]][:, 1::-1] - 1.0
            if len(ring) > _SHORTEST:
                out.append(self.lps(ring[:-1] if np.allclose(ring[0], ring[-1]) else ring))
        return out
