"""Signed distances of simple bodies, and their smooth unions and cuts (mm; negative inside).

The bodies and blends follow the well-known formulas of implicit modelling (Hart 1996, "Sphere tracing"; the polynomial
smooth minimum of Quilez). Positions are in the head frame of :mod:`.frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator, make_interp_spline

#: Distances are only kept up to here: nothing blends over more.
FAR_MM = 40.0


class Points(NamedTuple):
    """Positions as three float32 arrays that broadcast against each other."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray


Field = Callable[[Points], np.ndarray]


@dataclass(frozen=True, eq=False)
class Body:
    """A signed distance with the box (mm, head frame) that holds the body; ``mirrored``: given for the left, there are two."""

    field: Field
    low: np.ndarray
    high: np.ndarray
    mirrored: bool = False

    def both_sides(self) -> Body:
        """This left body and its mirror image on the right."""
        return Body(lambda p: self.field(Points(np.abs(p.x), p.y, p.z)), self.low, self.high, True)

    def boxes(self, margin_mm: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """The boxes (low, high) in which the body or its mirror image is nearer than ``margin_mm``."""
        low, high = self.low - margin_mm, self.high + margin_mm
        if not self.mirrored:
            return [(low, high)]
        if low[0] <= 0:
            return [(np.array([-high[0], low[1], low[2]]), high)]
        return [(low, high), (np.array([-high[0], low[1], low[2]]), np.array([-low[0], high[1], high[2]]))]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a sculpture: add a body, or cut it away, with a fillet of about ``blend_mm``."""

    body: Body
    blend_mm: float = 0.0
    cut: bool = False


def _point(values: Sequence[float]) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def ellipsoid(center: Sequence[float], radii: Sequence[float], tilt_deg: Sequence[float] = (0.0, 0.0, 0.0)) -> Body:
    """An ellipsoid, turned about x, then y, then z; the distance is first order (Quilez)."""
    c, r = _point(center), _point(radii)
    turned = any(tilt_deg)
    matrix = rotation(tilt_deg).astype(np.float32)

    def field(p: Points) -> np.ndarray:
        d = [p.x - c[0], p.y - c[1], p.z - c[2]]
        if turned:
            d = [matrix[0, a] * d[0] + matrix[1, a] * d[1] + matrix[2, a] * d[2] for a in range(3)]
        squares = [(d[a] / r[a]) ** 2 for a in range(3)]
        level = np.sqrt(squares[0] + squares[1] + squares[2])
        slope = np.sqrt(squares[0] / r[0] ** 2 + squares[1] / r[1] ** 2 + squares[2] / r[2] ** 2)
        return level * (level - 1) / np.maximum(slope, 1e-6)

    reach = np.sqrt(((matrix * r) ** 2).sum(1))
    return Body(field, c - reach, c + reach)


def rotation(angles_deg: Sequence[float]) -> np.ndarray:
    """Matrix (3, 3) that turns about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(angles_deg)), np.sin(np.radians(angles_deg))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def chain(points: Sequence[Sequence[float]], radii: Sequence[float]) -> Body:
    """A rope of round cones through points (N, 3) with a radius at each."""
    pts, rad = np.asarray(points, dtype=np.float32), _point(radii)

    def field(p: Points) -> np.ndarray:
        best = None
        for a, b, ra, rb in zip(pts[:-1], pts[1:], rad[:-1], rad[1:], strict=True):
            d = _cone(p, a, b, ra, rb)
            best = d if best is None else np.minimum(best, d, out=best)
        return best

    return Body(field, (pts - rad[:, None]).min(0), (pts + rad[:, None]).max(0))


def _cone(p: Points, a: np.ndarray, b: np.ndarray, ra: float, rb: float) -> np.ndarray:
    along = b - a
    dx, dy, dz = p.x - a[0], p.y - a[1], p.z - a[2]
    t = np.clip((dx * along[0] + dy * along[1] + dz * along[2]) / (along @ along), 0, 1)
    return np.sqrt((dx - t * along[0]) ** 2 + (dy - t * along[1]) ** 2 + (dz - t * along[2]) ** 2) - (ra + t * (rb - ra))


def rope(points: Sequence[Sequence[float]], radii: Sequence[float], pieces: int = 8) -> Body:
    """A smooth rope: a spline through the points, radius interpolated without overshoot."""
    pts = np.asarray(points, dtype=float)
    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(pts, axis=0), axis=1))])
    fine = np.linspace(0, at[-1], pieces + 1)
    curve = make_interp_spline(at, pts, k=min(3, len(pts) - 1))(fine)
    return chain(curve, PchipInterpolator(at, radii)(fine))


def wall(
    path: Sequence[Sequence[float]], thickness_mm: float, bottom: Sequence[float], top: Sequence[float], rounding_mm: float = 3.0
) -> Body:
    """An upright wall along a path of the left side (N, 2: x, y), mirrored; ``bottom`` and ``top`` are z at each path point."""
    pts = np.asarray(path, dtype=np.float32)
    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(pts, axis=0), axis=1))])
    fine = np.linspace(0, at[-1], 2 * len(pts) + 1)
    pts, low_z, high_z = (PchipInterpolator(at, values)(fine).astype(np.float32) for values in (pts, bottom, top))

    def field(p: Points) -> np.ndarray:
        side, foot, head = _nearest(np.abs(p.x), p.y, pts, (low_z, high_z))
        out_side = side - (thickness_mm / 2 - rounding_mm)
        out_z = np.maximum(foot - p.z, p.z - head) + rounding_mm
        outside = np.sqrt(np.maximum(out_side, 0) ** 2 + np.maximum(out_z, 0) ** 2)
        return outside + np.minimum(np.maximum(out_side, out_z), 0) - rounding_mm

    half = thickness_mm / 2
    low = np.array([*(pts.min(0) - half), low_z.min()])
    high = np.array([*(pts.max(0) + half), high_z.max()])
    low[0] = -high[0]
    return Body(field, low, high)


def _nearest(x: np.ndarray, y: np.ndarray, path: np.ndarray, values: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Distance to a planar path, and each of ``values`` (one number per path point) interpolated at the nearest place."""
    best = None
    for n in range(len(path) - 1):
        a, along = path[n], path[n + 1] - path[n]
        dx, dy = x - a[0], y - a[1]
        t = np.clip((dx * along[0] + dy * along[1]) / (along @ along), 0, 1)
        d = np.sqrt((dx - t * along[0]) ** 2 + (dy - t * along[1]) ** 2)
        found = [d] + [v[n] + t * (v[n + 1] - v[n]) for v in values]
        best = found if best is None else [np.where(d < best[0], new, old) for new, old in zip(found, best, strict=True)]
    return best


def hinged(body: Body, angle_deg: float, axis_yz: tuple[float, float]) -> Body:
    """The body turned about the left-right axis through (y, z); a positive angle opens a jaw."""
    if not angle_deg:
        return body
    c, s = np.float32(np.cos(np.radians(angle_deg))), np.float32(np.sin(np.radians(angle_deg)))
    y0, z0 = np.float32(axis_yz[0]), np.float32(axis_yz[1])

    def field(p: Points) -> np.ndarray:
        dy, dz = p.y - y0, p.z - z0
        return body.field(Points(p.x, y0 + c * dy + s * dz, z0 - s * dy + c * dz))

    corners = np.array([(y, z) for y in (body.low[1], body.high[1]) for z in (body.low[2], body.high[2])]) - [y0, z0]
    turned = corners @ np.array([[c, s], [-s, c]]) + [y0, z0]
    low, high = np.array([body.low[0], *turned.min(0)]), np.array([body.high[0], *turned.max(0)])
    return Body(field, low, high, body.mirrored)


def smooth_min(a: np.ndarray, b: np.ndarray, blend_mm: float) -> np.ndarray:
    """The smaller of two distances, with a fillet where they are within ``blend_mm`` of each other."""
    if blend_mm <= 0:
        return np.minimum(a, b)
    near = np.maximum(blend_mm - np.abs(a - b), 0)
    return np.minimum(a, b) - near * near * np.float32(0.25 / blend_mm)


def apply(step: Step, before: np.ndarray, points: Points) -> np.ndarray:
    """The distance after one step of the sculpture."""
    d = step.body.field(points)
    return -smooth_min(-before, d, step.blend_mm) if step.cut else smooth_min(before, d, step.blend_mm)


def distance(steps: Sequence[Step], points: np.ndarray) -> np.ndarray:
    """Signed distance (N,) of a sculpture at points (N, 3) of the head frame."""
    p = Points(*np.asarray(points, dtype=np.float32).T)
    d = np.full(len(points), FAR_MM, dtype=np.float32)
    for step in steps:
        d = apply(step, d, p)
    return d
