"""Lymph nodes: where they lie, told by the depth below the skin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.errors import InputError
from .fields import Body, Step, distance, ellipsoid
from .options import ExtraNode
from .tissue import Tissue, tissue

NODE_HU = 48.0
#: Step in mm along a ray, finer than any gap between two surfaces of the face.
RAY_STEP_MM = 1.0
#: Left or middle place -> a point in the air in front of it and the way in (head frame).
ANCHORS = {
    "Ia": ((3, -66, -140), (0, 0, 1)),
    "Ib": ((20, -56, -140), (0, 0, 1)),
    "IIa": ((140, 2, -62), (-1, 0, 0)),
    "cheek": ((78, -130, -44), (-0.48, 0.88, 0)),
    "pre-auricular": ((140, -20, -8), (-1, 0, 0)),
}
#: The nodes of every phantom: segment name, place, depth of the near surface, radii.
STANDARD = (
    ("LN Ia", "Ia", 5.0, (4.0, 5.0, 3.5)),
    ("LN Ib left", "Ib left", 5.0, (4.0, 6.0, 4.0)),
    ("LN Ib right", "Ib right", 5.0, (4.0, 5.0, 4.0)),
    ("LN cheek left", "cheek left", 4.0, (4.0, 4.0, 5.0)),
    ("LN IIa left", "IIa left", 9.0, (5.0, 6.0, 9.0)),
)


def nodes(skin: Sequence[Step], extra: Sequence[ExtraNode]) -> tuple[Tissue, ...]:
    """The standard nodes and the asked ones, each a named tissue. Raises InputError for an unknown place."""
    wanted = [(name, _node(skin, place, depth, radii)) for name, place, depth, radii in STANDARD]
    for number, node in enumerate(extra, start=1):
        wanted.append((f"LN extra {number} {node.place}", _node(skin, node.place, node.depth_mm, (node.radius_mm,) * 3)))
    return tuple(tissue(NODE_HU, body, depth_mm=0.5, name=name) for name, body in wanted)


def _node(skin: Sequence[Step], place: str, depth_mm: float, radii: tuple[float, float, float]) -> Body:
    """An ellipsoid whose centre is so deep that its surface on the way to the nearest skin has the asked depth."""
    name, _, side = place.partition(" ")
    if name not in ANCHORS or side not in ("", "left", "right"):
        raise InputError(f"No such node place: {place}. Choose from {', '.join(ANCHORS)}, with 'left' or 'right'.")
    start, way = (np.array(v, dtype=float) * ((-1, 1, 1) if side == "right" else (1, 1, 1)) for v in ANCHORS[name])
    way /= np.linalg.norm(way)
    thickness = np.linalg.norm(np.array(radii) * way)
    on_skin = march(skin, start[None], way)[0]
    inward = on_skin + np.arange(0, 40, 0.1)[:, None] * way
    deep = np.flatnonzero(distance(skin, inward) <= -(depth_mm + thickness))
    if not len(deep):
        raise InputError(f"A node cannot lie {depth_mm:g} mm deep at {place}.")
    return ellipsoid(inward[deep[0]], radii)


def march(skin: Sequence[Step], starts: np.ndarray, ways: np.ndarray, reach_mm: float = 200.0) -> np.ndarray:
    """The first points (N, 3) of the skin on rays (N, 3) from the air along ``ways`` ((N, 3) or (3,)), to 0.02 mm.

    Raises ValueError where a ray meets no skin within ``reach_mm``.
    """
    starts = np.asarray(starts, dtype=float)
    ways = np.broadcast_to(np.asarray(ways, dtype=float), starts.shape)
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    travelled = np.arange(0, reach_mm + RAY_STEP_MM, RAY_STEP_MM)
    on_ray = starts[:, None] + travelled[None, :, None] * ways[:, None]
    inside = distance(skin, on_ray.reshape(-1, 3)).reshape(len(starts), -1) < 0
    if not inside.any(axis=1).all() or inside[:, 0].any():
        raise ValueError(f"a ray does not pass from air to skin within {reach_mm:g} mm")
    far = travelled[inside.argmax(axis=1)]
    near = far - RAY_STEP_MM
    for _ in range(6):
        middle = (near + far) / 2
        hit = distance(skin, starts + middle[:, None] * ways) < 0
        near, far = np.where(hit, near, middle), np.where(hit, middle, far)
    return starts + far[:, None] * ways
