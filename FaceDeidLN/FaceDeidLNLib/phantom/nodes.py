"""Lymph nodes: where they lie, told by the depth below the skin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from ..core.errors import InputError
from .fields import Body, Step, distance, ellipsoid
from .options import ExtraNode
from .skin import JAW_AXIS, jaw_turn
from .tissue import Tissue, tissue

NODE_HU = 48.0
#: Step in mm along a ray, finer than any gap between two surfaces of the face.
RAY_STEP_MM = 1.0
#: Left or middle place -> a point near the skin with the jaw closed, and the way in (head frame).
ANCHORS = {
    "Ia": ((3, -70, -100), (0, 0, 1)),
    "Ib": ((22, -56, -96), (-0.4, 0, 0.92)),
    "IIa": ((60, 2, -62), (-1, 0, 0)),
    "cheek": ((58, -94, -44), (-0.48, 0.88, 0)),
    "pre-auricular": ((70, -20, -8), (-1, 0, 0)),
}
#: From how far in front of the skin the way in is looked for.
OUTSIDE_MM = 45.0
#: Places that move with the jaw.
WITH_JAW = ("Ia", "Ib")
#: The nodes of every phantom: segment name, place, depth of the near surface, radii.
STANDARD = (
    ("LN Ia", "Ia", 5.0, (4.0, 5.0, 3.5)),
    ("LN Ib left", "Ib left", 5.0, (4.0, 6.0, 4.0)),
    ("LN Ib right", "Ib right", 5.0, (4.0, 5.0, 4.0)),
    ("LN cheek left", "cheek left", 4.0, (4.0, 4.0, 5.0)),
    ("LN IIa left", "IIa left", 9.0, (5.0, 6.0, 9.0)),
)


def nodes(skin: Sequence[Step], extra: Sequence[ExtraNode], opening_deg: float = 0.0) -> tuple[Tissue, ...]:
    """The standard nodes and the asked ones, each a named tissue; those under the jaw go along with it.

    Raises InputError for an unknown place.
    """
    wanted = [(name, _node(skin, _ray(place, opening_deg), depth, radii)) for name, place, depth, radii in STANDARD]
    for number, node in enumerate(extra, start=1):
        wanted.append((f"LN extra {number} {node.place}", _node(skin, _ray(node.place, opening_deg), node.depth_mm, (node.radius_mm,) * 3)))
    return tuple(tissue(NODE_HU, body, depth_mm=0.5, name=name) for name, body in wanted)


def _ray(place: str, opening_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """A point (3,) in the air in front of a place, and the unit way (3,) in. Raises InputError for an unknown place."""
    name, _, side = place.partition(" ")
    if name not in ANCHORS or side not in ("", "left", "right"):
        raise InputError(f"No such node place: {place}. Choose from {', '.join(ANCHORS)}, with 'left' or 'right'.")
    mirror = np.array([-1.0 if side == "right" else 1.0, 1.0, 1.0])
    start, way = (np.array(v, dtype=float) * mirror for v in ANCHORS[name])
    way /= np.linalg.norm(way)
    if name in WITH_JAW:
        pivot = np.array([0.0, *JAW_AXIS])
        start = jaw_turn(opening_deg) @ (start - pivot) + pivot
    return start - OUTSIDE_MM * way, way


def _node(skin: Sequence[Step], ray: tuple[np.ndarray, np.ndarray], depth_mm: float, radii: tuple[float, float, float]) -> Body:
    """An ellipsoid on the ray whose centre is so deep that its surface has the asked depth below the skin."""
    start, way = ray
    thickness = np.linalg.norm(np.array(radii) * way)
    on_skin = march(skin, start[None], way)[0]
    inward = on_skin + np.arange(0, 40, 0.1)[:, None] * way
    to_skin, _ = cKDTree(_patch(skin, on_skin, way)).query(inward)
    deep = np.flatnonzero(to_skin >= depth_mm + thickness)
    if not len(deep):
        raise InputError(f"A node cannot lie {depth_mm:g} mm deep there.")
    return ellipsoid(inward[deep[0]], radii)


def _patch(skin: Sequence[Step], middle: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Points (N, 3) of the skin around one of its points; the sculpture's own distance is not exact deep inside."""
    across = np.linalg.svd(way[None])[2][1:]
    steps = np.arange(-17.5, 18.0, 2.5)
    offsets = np.array([(a, b) for a in steps for b in steps]) @ across
    starts, reach = middle + offsets - 15 * way, 35.0
    travelled = _first_inside(skin, starts, np.broadcast_to(way, starts.shape), reach)
    met = np.isfinite(travelled) & (travelled > 0)
    return np.vstack([middle[None], starts[met] + travelled[met, None] * way - 0.5 * RAY_STEP_MM * way])


def march(skin: Sequence[Step], starts: np.ndarray, ways: np.ndarray, reach_mm: float = 200.0) -> np.ndarray:
    """The first points (N, 3) of the skin on rays (N, 3) from the air along ``ways`` ((N, 3) or (3,)), to 0.02 mm.

    Raises ValueError where a ray meets no skin within ``reach_mm``.
    """
    starts = np.asarray(starts, dtype=float)
    ways = np.broadcast_to(np.asarray(ways, dtype=float), starts.shape)
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    far = _first_inside(skin, starts, ways, reach_mm)
    if not np.all(far > 0):
        raise ValueError(f"a ray does not pass from air to skin within {reach_mm:g} mm")
    near = far - RAY_STEP_MM
    for _ in range(6):
        middle = (near + far) / 2
        hit = distance(skin, starts + middle[:, None] * ways) < 0
        near, far = np.where(hit, near, middle), np.where(hit, middle, far)
    return starts + far[:, None] * ways


def _first_inside(skin: Sequence[Step], starts: np.ndarray, ways: np.ndarray, reach_mm: float) -> np.ndarray:
    """How far (N,) each ray goes to its first step inside the skin; nan where it meets none."""
    travelled = np.arange(0, reach_mm + RAY_STEP_MM, RAY_STEP_MM)
    on_ray = starts[:, None] + travelled[None, :, None] * ways[:, None]
    inside = distance(skin, on_ray.reshape(-1, 3)).reshape(len(starts), -1) < 0
    return np.where(inside.any(axis=1), travelled[inside.argmax(axis=1)], np.nan)
