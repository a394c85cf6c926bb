"""The gallery: skins of known persons as distance fields, and the best rigid alignment of a probe with all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ..core.volume import Volume
from .window import Window

#: The fields' grid in head coordinates (left, anterior, superior), mm.
FIELD_LOW = np.array([-96.0, -24.0, -114.0])
FIELD_HIGH = np.array([96.0, 156.0, 114.0])
FIELD_MM = 3.0
#: A probe with fewer points shows no face.
MIN_POINTS = 30
#: Share of the points nearest to the surface that make the score: what is hidden by tubes or folds does not count.
KEPT_SHARE = 0.8
#: The pose of a head is known so well from what is not the face (standard deviations; degrees, mm).
POSE_DEGREES = 12.0
POSE_MM = 15.0
#: A cut or a fat layer moves the surface by so much (mm).
OFFSET_MM = 15.0
#: Iterations and the points they use: first coarse, then all.
ITERATIONS = ((6, 3), (2, 1))


@dataclass(frozen=True, eq=False)
class Gallery:
    """Signed distance (G, Z, Y, X), mm, positive in tissue, to the skin of ``names`` in each one's head coordinates."""

    names: tuple[str, ...]
    fields: np.ndarray


def skin_field(depth: Volume, window: Window) -> np.ndarray:
    """The field of one head, float32 (Z, Y, X), from the signed depth below its skin (any grid)."""
    return on_field(depth, window)


def on_field(volume: Volume, window: Window, beyond: float | None = None) -> np.ndarray:
    """A volume's values (Z, Y, X), float32, on the fields' grid; beyond the volume its edge goes on, or all is ``beyond``."""
    axes = [np.arange(low, high + 1e-6, FIELD_MM) for low, high in zip(FIELD_LOW, FIELD_HIGH, strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return volume.at(window.to_lps(np.stack([x, y, z], axis=-1).reshape(-1, 3)), beyond).reshape(x.shape)


def distances(points: np.ndarray, gallery: Gallery) -> np.ndarray:
    """Trimmed mean distance (G,) in mm of a probe's points (N, 3) to every skin of the gallery after rigid alignment.

    Gauss-Newton on the distance fields from the pose that the windows give, which is point-to-plane registration (Chen &
    Medioni 1992) with the least trimmed squares of Chetverikov et al. (2005). A common distance between the two surfaces is
    fitted too, so that a surface at constant depth below the skin fits as well as the skin itself. Infinite where the probe
    has fewer than MIN_POINTS points.
    """
    count = len(gallery.names)
    if len(points) < MIN_POINTS:
        return np.full(count, np.inf)
    pose = _Pose(np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)), np.zeros(count))
    for repeats, stride in ITERATIONS:
        for _ in range(repeats):
            pose = _step(points[::stride], gallery.fields, pose)
    value, _ = _sample(gallery.fields, _moved(points, pose))
    size = np.sort(np.abs(value - pose.offset[:, None]), axis=1)
    return size[:, : round(KEPT_SHARE * len(points))].mean(1)


def field_values(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Signed distance (N,) in mm of points (N, 3) in head coordinates to the skin of one head's field (Z, Y, X)."""
    return _sample(field[None], points[None])[0][0]


@dataclass(frozen=True, eq=False)
class _Pose:
    """Rotations (G, 3, 3), shifts (G, 3) and surface offsets (G,)."""

    rotation: np.ndarray
    shift: np.ndarray
    offset: np.ndarray


def _moved(points: np.ndarray, pose: _Pose) -> np.ndarray:
    """Points (G, N, 3), float32, in every head's pose: a thousandth of a mm is enough."""
    rotation, shift = pose.rotation.astype(np.float32), pose.shift.astype(np.float32)
    return points.astype(np.float32) @ rotation.transpose(0, 2, 1) + shift[:, None, :]


def _step(points: np.ndarray, fields: np.ndarray, pose: _Pose) -> _Pose:
    """One trimmed Gauss-Newton step for all gallery heads."""
    moved = _moved(points, pose)
    value, slope = _sample(fields, moved)
    residual = value - pose.offset[:, None].astype(np.float32)
    limit = np.quantile(np.abs(residual), KEPT_SHARE, axis=1)[:, None]
    weight = (np.abs(residual) <= limit).astype(np.float32)
    jacobian = np.concatenate([np.cross(moved, slope), slope, np.full((*value.shape, 1), -1.0, dtype=np.float32)], axis=2)
    weighted = jacobian * weight[..., None]
    normal = np.matmul(weighted.transpose(0, 2, 1), jacobian).astype(float)
    right = np.matmul(weighted.transpose(0, 2, 1), residual[..., None])[..., 0].astype(float)
    # A residual of 3 mm against the prior knowledge of the pose and of the offset.
    prior = np.array([np.radians(POSE_DEGREES)] * 3 + [POSE_MM] * 3 + [OFFSET_MM])
    stiffness = 9.0 / prior**2
    state = np.concatenate([Rotation.from_matrix(pose.rotation).as_rotvec(), pose.shift, pose.offset[:, None]], axis=1)
    normal += np.diag(stiffness)
    step = -np.linalg.solve(normal, (right + stiffness * state)[..., None])[..., 0]
    turn = Rotation.from_rotvec(np.clip(step[:, :3], -0.2, 0.2)).as_matrix()
    shift = np.einsum("gij,gj->gi", turn, pose.shift) + np.clip(step[:, 3:6], -10, 10)
    return _Pose(turn @ pose.rotation, shift, pose.offset + step[:, 6])


def _sample(fields: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trilinear value (G, N) and gradient (G, N, 3) of each head's field at its own points (G, N, 3)."""
    count, *shape = fields.shape
    at = (points.astype(np.float32) - FIELD_LOW.astype(np.float32)) / np.float32(FIELD_MM)
    at = np.clip(at, 0.0, np.array(shape[::-1], dtype=np.float32) - np.float32(1.001))
    base = at.astype(np.int32)
    fx, fy, fz = np.moveaxis(at - base.astype(np.float32), -1, 0)
    strides = (1, shape[2], shape[1] * shape[2])
    flat = (np.arange(count) * int(np.prod(shape)))[:, None] + base @ np.array(strides)
    line = fields.reshape(-1)
    corner = [[[line[flat + x + y * strides[1] + z * strides[2]] for x in (0, 1)] for y in (0, 1)] for z in (0, 1)]
    along_x = [[c[0] + fx * (c[1] - c[0]) for c in plane] for plane in corner]
    slope_x = [[c[1] - c[0] for c in plane] for plane in corner]
    plane = [p[0] + fy * (p[1] - p[0]) for p in along_x]
    value = plane[0] + fz * (plane[1] - plane[0])
    dx = [p[0] + fy * (p[1] - p[0]) for p in slope_x]
    dy = [p[1] - p[0] for p in along_x]
    slope = np.stack([dx[0] + fz * (dx[1] - dx[0]), dy[0] + fz * (dy[1] - dy[0]), plane[1] - plane[0]], axis=-1) / np.float32(FIELD_MM)
    return value, slope
