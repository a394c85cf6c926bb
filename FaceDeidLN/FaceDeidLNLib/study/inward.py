"""Is a structure the old face moved inwards? Growing it by as much gives the old face back, however deep it lies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..face.polar import to_polar
from ..verify.beside_skin import from_skin, share_at_one
from .family import DoubtError
from .hidden import HiddenFace

#: Cells of the face's raster (two degrees each) along a side of the fields in each of which a structure's outermost point is taken.
FIELD_CELLS = 8
#: A structure is the old face moved inwards where it is met in this share of the face's fields, and so many of its outermost points lie
#: within so many mm of their middle distance from the old skin: 0.73 and more of a body shrunk by 6 to 40 mm do, 0.52 and less of bone and
#: of 140 organs (a patient, and a voxel phantom). What lies less deep (mm) is looked at by ``require_no_copy``, and may be made anew.
LEAST_MET, LEAST_ALIKE, ALIKE_MM, LEAST_DEPTH_MM = 0.5, 0.6, 2.5, 8.0


def require_no_inward_copy(parts: Iterable[tuple[str, np.ndarray]], hidden: HiddenFace) -> None:
    """No structure is the old face moved inwards; ``parts`` are names and points (N, 3; the face's LPS mm).

    :raises DoubtError: one is.
    """
    for name, points in parts:
        met, alike, depth = inward(points, hidden)
        if met >= LEAST_MET and alike >= LEAST_ALIKE and depth >= LEAST_DEPTH_MM:
            raise DoubtError(f"'{name}' lies {depth:.0f} mm below the old skin all over the face: it is the old face, moved inwards")


def inward(points: np.ndarray, hidden: HiddenFace) -> tuple[float, float, float]:
    """Share of the face's fields in which a structure (N, 3) is met below the old skin, share of them at one depth, and that depth (mm)."""
    outer, fields = outermost(points, hidden)
    depth = from_skin(outer, hidden.face)[hidden.depth_before(outer) > 0] if len(outer) else np.zeros(0)
    if not len(depth):
        return 0.0, 0.0, 0.0
    return len(depth) / fields, share_at_one(depth, ALIKE_MM), float(np.median(depth))


def outermost(points: np.ndarray, hidden: HiddenFace) -> tuple[np.ndarray, int]:
    """The outermost of points (N, 3) in each of the face's fields that they meet (M, 3), and how many fields there are."""
    face = hidden.face
    rows, columns = (n // FIELD_CELLS + 1 for n in face.raster.shape)
    inside = np.zeros(rows * columns, dtype=bool)
    inside[np.unique(_fields(np.argwhere(face.inside), columns))] = True
    if not len(points) or not inside.any():
        return np.zeros((0, 3)), 0
    directions, distance = to_polar(face.frame, points)
    cells = np.rint(face.raster.cells(directions)).astype(int)
    held = np.all((cells >= 0) & (cells < np.array(face.raster.shape)), axis=1)
    order = np.flatnonzero(held)[np.argsort(distance[held])]
    last = np.full(rows * columns, -1)
    last[_fields(cells[order], columns)] = order  # of those of one field the furthest is written last
    return points[last[inside & (last >= 0)]], np.count_nonzero(inside)


def _fields(cells: np.ndarray, columns: int) -> np.ndarray:
    """The field (N,) of each cell (N, 2)."""
    row, column = (cells // FIELD_CELLS).T
    return row * columns + column
