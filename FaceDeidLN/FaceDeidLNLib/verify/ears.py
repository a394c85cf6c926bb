"""Is an ear hidden? Judged by what stands out thinly from the head near the ear canal, not by the map that made the segment."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.landmarks import Landmarks
from ..core.volume import Volume
from ..face.ears import Ear, below_surface_mm
from ..face.segment import Face
from .coverage import SKIN_HU, feature_share

#: An auricle is thinner than a ball of this radius (mm); head, cheek and neck are not.
CORE_MM = 9.0
#: What such a ball leaves over at a rounded edge (mm) does not count.
ROUNDING_MM = 2.0
#: Where an auricle may lie around the tragion: anterior, superior and lateral, mm of the mean face.
NEAR_MM = ((-45.0, 10.0), (-36.0, 42.0), (-2.0, 45.0))
#: Where all of an auricle lies, in the same order: an ear is in view where nearly all of that is.
WHOLE_MM, WHOLE_SHARE = ((-30.0, 5.0), (-25.0, 30.0), (0.0, 15.0)), 0.9
#: Less (mm3 of the mean face) is no auricle: covered, pressed flat, cut by the field of view, or too thin for the voxels. Of 132 ears the
#: smallest has 170 mm3, in voxels of 5 mm; gel or gauze of 12 mm and more leaves 95 and less.
LEAST_MM3 = 130.0
#: Share of it that must have changed; its root in the skin may stay.
MIN_SHARE = 0.9
#: Skin so far (mm) below the smooth surface over which an ear stands is the wall of its canal.
CANAL_MM = 6.5
#: Skin so near (mm) to a tragion, and the tissue on its line of sight, belongs to it at most.
AROUND_MM = 28.0


def ear_doubts(ct: Volume, changed: np.ndarray, face: Face, landmarks: Landmarks) -> tuple[str, ...]:
    """Ears that were to be hidden and still stand out, or do not stand out, in words; ``changed`` (bool) is on the CT's grid."""
    reasons = []
    for ear in face.ears:
        share = ear_share(ct, changed, face, landmarks, ear.side)
        if share is None and _is_in_view(ct, face, landmarks, ear.side):
            reasons.append(
                f"no {ear.side} ear stands out from the head: one that is covered (gel, gauze, a cushion) or pressed flat may show under "
                "what changed: look at it from the side"
            )
        elif share is not None and share < MIN_SHARE:
            reasons.append(f"{1 - share:.0%} of the {ear.side} ear did not change: look at it from the side")
    return tuple(reasons)


def _is_in_view(ct: Volume, face: Face, landmarks: Landmarks, side: str) -> bool:
    """True where the tragion is known and nearly all of the place of its auricle is in the field of view."""
    tragion = landmarks.position(f"tragion_{side}")
    if tragion is None:
        return False
    anterior, superior, lateral = (np.linspace(*ends, 6) for ends in WHOLE_MM)
    sign = 1.0 if side == "left" else -1.0
    offset = np.stack(np.meshgrid(sign * lateral, anterior, superior), axis=-1).reshape(-1, 3)
    points = face.frame.to_lps(face.frame.to_face(tragion) + offset)
    return bool(ct.geometry.holds(ct.geometry.to_kji(points)).mean() >= WHOLE_SHARE)


def ear_features(ct: Volume, result: Volume, changed: np.ndarray, face: Face, landmarks: Landmarks) -> dict[str, float]:
    """Share of the skin around the tragion of each hidden ear that changed, by the landmark's name; those in view.

    The wall of an ear canal counts as changed, filled up or not: it lies deeper than an ear's layer, and tells nobody's face.
    A tragion further than AROUND_MM from all skin has no share here; it keeps the one that it has among the face's other features.
    """
    shares = {}
    for ear in face.ears:
        point = landmarks.points.get(f"tragion_{ear.side}")
        if point is None or point.position is None:
            continue
        box = ct.geometry.box_around(point.position[None], AROUND_MM)
        part, hidden = ct.crop(box), changed[box.slices].copy()
        hidden |= in_canal(ear, part, ~hidden)
        shares[point.name] = feature_share(part, hidden, face, point, result.array[box.slices])
    return {name: share for name, share in shares.items() if share is not None}


def in_canal(ear: Ear, part: Volume, among: np.ndarray) -> np.ndarray:
    """Voxels (bool) of a part of the CT, ``among`` (bool) those that are asked about, that lie where only an ear's canal leads."""
    at = np.argwhere(among)
    place = ear.place(part.geometry.to_lps(at))
    deep = (below_surface_mm(ear, place) > CANAL_MM) & (ear.sample(ear.border, place) > 0)
    out = np.zeros(among.shape, dtype=bool)
    out[tuple(at[deep].T)] = True
    return out


def ear_share(ct: Volume, changed: np.ndarray, face: Face, landmarks: Landmarks, side: str) -> float | None:
    """Share of an ear's tissue that changed; None where the tragion is unknown or no ear stands out in the field of view."""
    if ear_mm3(ct, face, landmarks, side) < LEAST_MM3 * min(1.0, face.frame.scale**3):
        return None
    return float(changed[tuple(ear_tissue(ct, face, landmarks, side).T)].mean())


def ear_mm3(ct: Volume, face: Face, landmarks: Landmarks, side: str) -> float:
    """How much tissue stands out thinly from the head near a tragion: counted on the skin's grid, so that it is as much in fine voxels."""
    return len(_in_tissue(ct, face, landmarks, side)) * face.depth.geometry.voxel_mm3


def ear_tissue(ct: Volume, face: Face, landmarks: Landmarks, side: str) -> np.ndarray:
    """The voxels (N, 3; k, j, i) of tissue that stand out thinly from the head near a tragion."""
    return np.unique(_in_tissue(ct, face, landmarks, side), axis=0)


def _in_tissue(ct: Volume, face: Face, landmarks: Landmarks, side: str) -> np.ndarray:
    """The voxel (N, 3; k, j, i) of each point of the skin's grid that stands out there and lies in tissue."""
    kji = ct.geometry.to_kji(_standing_out(face, landmarks, side))
    kji = np.rint(kji[ct.geometry.holds(kji)]).astype(int)
    return kji[ct.array[tuple(kji.T)] > SKIN_HU]


def _standing_out(face: Face, landmarks: Landmarks, side: str) -> np.ndarray:
    """LPS mm (N, 3) of the points of the skin's grid near a tragion that a ball inside the head does not reach."""
    tragion = landmarks.position(f"tragion_{side}")
    if tragion is None:
        return np.zeros((0, 3))
    sign = 1.0 if side == "left" else -1.0
    corners = np.array([[sign * x, y, z] for x in NEAR_MM[2] for y in NEAR_MM[0] for z in NEAR_MM[1]])
    centre = face.frame.to_face(tragion)
    grid = face.depth.geometry
    box = grid.box_around(face.frame.to_lps(centre + corners), margin_mm=2 * CORE_MM)
    if 0 in box.shape:
        return np.zeros((0, 3))
    depth = face.depth.array[box.slices]
    core = depth > CORE_MM
    if not core.any():
        return np.zeros((0, 3))
    thin = (depth > 0) & (ndimage.distance_transform_edt(~core, grid.sampling) > CORE_MM + ROUNDING_MM)
    points = grid.crop(box).to_lps(np.argwhere(thin))
    offset = (face.frame.to_face(points) - centre)[:, [1, 2, 0]] * (1.0, 1.0, sign)
    low, high = np.array(NEAR_MM).T
    return points[np.all((offset >= low) & (offset <= high), axis=1)]
