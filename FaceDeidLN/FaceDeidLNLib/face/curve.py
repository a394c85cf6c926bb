"""The closed curve around the face, on the skin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..anatomy.face_frame import FaceFrame
from ..core.errors import FaceNotFoundError
from ..core.geometry import Geometry
from ..core.landmarks import MIN_CONTROL_POINTS
from ..core.volume import Volume
from .polar import PolarRaster, polygon_mask, skin_distance, to_polar, unit_vectors
from .spline import closed_spline
from .styles import Style

#: Distance in mm between control points, and between the points of the path, along the curve.
CONTROL_MM = 12.0
PATH_MM = 2.0
#: A user's point this close (mm) to the edge of the field of view means the edge, and goes on this far (degrees).
EDGE_MM = 4.0
EDGE_DEGREES = 12.0
#: Azimuth ends at the back of the head. From one point to the next no curve around a face leaps so far (degrees) below that elevation,
#: above which azimuth says little: such a one goes round the back, and what it encloses cannot be told. Half a head ends at 110 and -110.
LEAP_DEGREES, HIGH_DEGREES = 220.0, 65.0


@dataclass(frozen=True, eq=False)
class FaceCurve:
    """A closed curve: ``control`` (N, 3) and the dense ``path`` (M, 3), LPS mm, both on the skin and in view.

    ``outline`` (K, 2) is the same line as directions in degrees from the frame's origin; where the field of view cuts
    the face it runs on outside, so that the face segment reaches the volume's edge at every depth. ``islands`` are
    further outlines, of parts that belong to the region wherever the curve runs. A new face may run out over the air before the skin so
    far (``run_out``, degrees) beyond the curve: not at all where a user says where it ends.
    """

    control: np.ndarray
    path: np.ndarray
    outline: np.ndarray
    islands: tuple[np.ndarray, ...] = ()
    run_out: float = 0.0

    def inside(self, raster: PolarRaster) -> np.ndarray:
        """Cells (rows, columns) inside the curve or an island."""
        return polygon_mask(raster, self.outline) | self.on_island(raster)

    def on_island(self, raster: PolarRaster) -> np.ndarray:
        """Cells (rows, columns) inside an island."""
        out = np.zeros(raster.shape, dtype=bool)
        for outline in self.islands:
            out |= polygon_mask(raster, outline)
        return out


#: Where no curve is drawn.
NO_CURVE = FaceCurve(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2)))


def draw_curve(style: Style, frame: FaceFrame, depth: Volume, extent: Geometry) -> FaceCurve:
    """Draw the style's outline on this head's skin.

    ``depth`` is the signed depth below the skin (mm); ``extent`` is the CT's grid: where the outline would leave the
    field of view, the curve runs along its edge. Raises FaceNotFoundError where the outline meets no skin.
    """
    directions, _ = to_polar(frame, frame.to_lps(frame.adapt(np.array(style.border))))
    return replace(_on_skin(directions, frame, depth, extent), run_out=style.run_out)


def with_islands(curve: FaceCurve, style: Style, frame: FaceFrame) -> FaceCurve:
    """The curve with the islands of a style on this head."""
    drawn = (to_polar(frame, frame.to_lps(frame.adapt(np.array(island))))[0] for island in style.islands)
    return replace(curve, islands=tuple(closed_spline(directions, 40 * len(directions)) for directions in drawn))


def follow_curve(control_lps: np.ndarray, frame: FaceFrame, depth: Volume, extent: Geometry) -> FaceCurve:
    """The curve through a user's control points (N, 3) in LPS mm, moved onto the skin along the line of sight.

    :raises FaceNotFoundError: there are fewer than MIN_CONTROL_POINTS, or it goes round the back of the head.
    """
    control_lps = np.asarray(control_lps, dtype=float).reshape(-1, 3)
    if len(control_lps) < MIN_CONTROL_POINTS:
        raise FaceNotFoundError(f"the curve has {len(control_lps)} control points; a face needs at least {MIN_CONTROL_POINTS}: add points")
    directions, _ = to_polar(frame, control_lps)
    if _goes_behind(directions):
        raise FaceNotFoundError("the curve goes round the back of the head: draw it around the face, or around what of it is to be hidden")
    curve = _on_skin(directions, frame, depth, extent)
    control = _cast(directions, frame, depth, extent)
    at_edge = ~extent.holds(extent.to_kji(control), EDGE_MM)
    centre = np.median(directions, axis=0)
    outline = directions.copy()
    outline[at_edge] += EDGE_DEGREES * _unit(directions[at_edge] - centre)
    return FaceCurve(control, curve.path, closed_spline(outline, 40 * len(outline)))


def _goes_behind(directions: np.ndarray) -> bool:
    """True where a closed line through directions (N, 2) in degrees passes the end of azimuth at the back of the head."""
    after = np.roll(directions, -1, axis=0)
    low = np.maximum(directions[:, 1], after[:, 1]) < HIGH_DEGREES
    return bool((low & (np.abs(after[:, 0] - directions[:, 0]) > LEAP_DEGREES)).any())


def _on_skin(directions: np.ndarray, frame: FaceFrame, depth: Volume, extent: Geometry) -> FaceCurve:
    """Spline through the directions, evenly spaced in mm, cast onto the skin."""
    fine = closed_spline(directions, 40 * len(directions))
    rough = _cast(fine, frame, depth, extent)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(np.vstack([rough, rough[:1]]), axis=0), axis=1))])
    closed = np.vstack([fine, fine[:1]])
    spaced = {}
    for step in (CONTROL_MM, PATH_MM):
        at = np.linspace(0, length[-1], max(8, round(length[-1] / step)), endpoint=False)
        spaced[step] = np.stack([np.interp(at, length, closed[:, axis]) for axis in range(2)], axis=1)
    return FaceCurve(_cast(spaced[CONTROL_MM], frame, depth, extent), _cast(spaced[PATH_MM], frame, depth, extent), fine)


def _cast(directions: np.ndarray, frame: FaceFrame, depth: Volume, extent: Geometry) -> np.ndarray:
    """The skin (N, 3) in LPS mm along directions, drawn back into the field of view where it lies outside."""
    known = skin_distance(depth, frame, directions)
    if np.isnan(known).all():
        raise FaceNotFoundError("the face's outline meets no skin: the landmarks, or the curve that was drawn, do not fit this head")
    usual = float(np.nanmedian(known))
    points = _points_at(directions, frame, known, usual)
    outside = ~extent.holds(extent.to_kji(points))
    if not outside.any():
        return points
    # Bisection towards the nearest direction of the curve that still is in view.
    seen = directions[~outside]
    if not len(seen):
        raise FaceNotFoundError(
            "no part of the face's outline lies in the field of view: check the landmarks, and the curve if one was drawn"
        )
    nearest = seen[np.argmin(((directions[outside][:, None] - seen[None]) ** 2).sum(-1), axis=1)]
    centre = np.array([np.median(seen[:, 0]), np.median(seen[:, 1])])
    low, high = 0.5 * (nearest + centre), directions[outside]
    for _ in range(8):
        middle = 0.5 * (low + high)
        good = extent.holds(extent.to_kji(_skin_points(middle, frame, depth, usual)))[:, None]
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    points[outside] = _skin_points(low, frame, depth, usual)
    return points


def _skin_points(directions: np.ndarray, frame: FaceFrame, depth: Volume, usual_mm: float) -> np.ndarray:
    """The skin (N, 3) in LPS mm; a ray through a gap takes the distance of its neighbours along the curve, or the usual one."""
    return _points_at(directions, frame, skin_distance(depth, frame, directions), usual_mm)


def _points_at(directions: np.ndarray, frame: FaceFrame, distance: np.ndarray, usual_mm: float) -> np.ndarray:
    """As ``_skin_points``, where the distances (N,) that are known are given, NaN for the others."""
    known = np.flatnonzero(~np.isnan(distance))
    if not len(known):
        distance = np.full(len(directions), usual_mm)
    elif len(known) < len(distance):
        distance = np.interp(np.arange(len(distance)), known, distance[known], period=len(distance))
    return frame.origin + unit_vectors(frame, directions) * distance[:, None]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
