"""Structure sets in memory on small grids, for tests of their reader."""

from __future__ import annotations

import numpy as np
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.input.rtstruct import read_rtstruct
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

SHAPE = (12, 40, 44)
FRAME = "1.2.3.4"


def structure_set(contours: list[np.ndarray], name: str = "LN Ib left", frame: str = FRAME) -> Dataset:
    """A structure set in memory with one structure; contours (N, 3) in LPS mm."""
    roi, item = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, name, frame
    item.ReferencedROINumber = 1
    item.ContourSequence = Sequence()
    for points in contours:
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.ContourData = [float(v) for v in np.round(points, 4).ravel()]
        item.ContourSequence.append(contour)
    dataset = Dataset()
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence([roi]), Sequence([item])
    return dataset


def grid(turn_deg: float = 0.0, tilt: float = 0.0, shape: tuple[int, int, int] = SHAPE) -> Geometry:
    """A grid with 0.8 x 0.8 x 2.5 mm voxels, turned about z and sheared along it."""
    turn = np.radians(turn_deg)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), tilt], [0, 0, 1]]) * (0.8, 0.8, 2.5)
    matrix[:3, 3] = (-20.0, 5.0, 100.0)
    return Geometry(shape, matrix)


def square(geometry: Geometry, k: float, low: float, high: float) -> np.ndarray:
    """A square contour on plane ``k`` from ``low`` to ``high`` (voxels, along j and i)."""
    corners = np.array([(k, low, low), (k, low, high), (k, high, high), (k, high, low)])
    return geometry.to_lps(corners)


def read(contours: list[np.ndarray], geometry: Geometry, tmp_path) -> np.ndarray:
    segments = read_rtstruct(structure_set(contours), tmp_path / "rt.dcm", geometry)
    return place_segments(segments, geometry)[0].full(geometry.shape)
