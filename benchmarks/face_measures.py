"""Measures of a hidden face that use the voxels of two CTs and positions marked by a person, and none of the project's own code for faces.

Positions are LPS mm. Skin is found by a threshold and by what touches the air around the patient.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from FaceDeidLNLib.core.volume import Volume

Marks = Mapping[str, list[float] | None]

#: From half way between air and soft tissue up to bone, teeth and metal, which are no skin where they meet the air of an open mouth.
SKIN_HU = (-300.0, 300.0)
#: Skin this close (mm) to a mark belongs to it.
NEAR_MM = 8.0
#: Skin further than this (mm) behind menton lies under the chin, where the submental triangle has to stay as it is.
BEHIND_MENTON_MM = 4.0
#: A mark is hidden where at least this share of the skin around it changed; the rest is one voxel of a handful, at the rim.
HIDDEN_SHARE = 0.9
#: The lids and the skin around them lie this far (mm) in front of the eye's centre.
EYE_MM = (4.0, 30.0)
FACE_MARKS = ("pronasale", "stomion", "pogonion", "menton")
EYES = ("eye_right", "eye_left")
MANDIBLE_LABEL = 7
#: Face and scalp away from the body's rim are what is thicker than a sheet: opening by this radius, mm.
SHEET_MM = 6.0
#: The jaw line is the lowest of the mandible within this distance (mm) to the front and back: incisors lean out, and a chin rises.
BORDER_MM = 20.0


@dataclass(frozen=True, eq=False)
class HeadAxes:
    """Unit vectors (3,) in LPS of a head, forward and up, and the middle (3,) between the tragia (None where one is not marked)."""

    forward: np.ndarray
    up: np.ndarray
    ears: np.ndarray | None


def head_axes(marks: Marks) -> HeadAxes:
    """From the marks: forward from the ears' middle to the mouth and the nose; a supine patient's axes where the ears are not marked."""
    right, left = (marks.get(f"tragion_{side}") for side in ("right", "left"))
    front = [marks[name] for name in ("pronasale", "stomion") if marks.get(name) is not None]
    if right is None or left is None or not front:
        return HeadAxes(np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0]), None)
    across = _unit(np.subtract(left, right))
    ears = (np.asarray(left, dtype=float) + right) / 2
    forward = np.mean(front, axis=0) - ears
    forward = _unit(forward - (forward @ across) * across)
    return HeadAxes(forward, np.cross(across, -forward), ears)


def outer_skin(ct: Volume) -> np.ndarray:
    """Soft-tissue voxels that touch the air around the patient, (k, j, i) bool."""
    tissue = ct.array > SKIN_HU[0]
    labels, _ = ndimage.label(~tissue)
    edge = np.unique(np.concatenate([np.take(labels, end, axis).ravel() for axis in range(3) for end in (0, -1)]))
    outside = np.isin(labels, edge[edge > 0])
    return tissue & (ct.array < SKIN_HU[1]) & ndimage.binary_dilation(outside)


def shares_hidden(ct: Volume, changed: np.ndarray, marks: Marks) -> dict[str, float | None]:
    """Share of the skin at each mark that changed: within 8 mm of nose, mouth and chin, and in front of the eyes.

    None where the mark is out of view or no skin lies there.
    """
    skin, axes = outer_skin(ct), head_axes(marks)
    return {name: _share(ct, skin & ct_near(ct, marks.get(name), name, axes), changed) for name in (*FACE_MARKS, *EYES)}


def ct_near(ct: Volume, mark: list[float] | None, name: str, axes: HeadAxes) -> np.ndarray:
    """The voxels (bool) that belong to a mark: a ball, and for an eye the short cylinder in front of it."""
    near = np.zeros(ct.array.shape, dtype=bool)
    if mark is None:
        return near
    box = ct.geometry.box_around(np.array([mark]), EYE_MM[1] if name in EYES else NEAR_MM)
    if 0 in box.shape:
        return near
    offset = ct.geometry.to_lps(np.argwhere(np.ones(box.shape, dtype=bool)) + np.asarray(box.start)) - mark
    ahead = offset @ axes.forward
    if name in EYES:
        aside = np.linalg.norm(offset - ahead[:, None] * axes.forward, axis=1)
        inside = (aside <= NEAR_MM) & (ahead >= EYE_MM[0]) & (ahead <= EYE_MM[1])
    else:
        behind = BEHIND_MENTON_MM if name == "menton" else NEAR_MM
        inside = (np.linalg.norm(offset, axis=1) <= NEAR_MM) & (ahead >= -behind)
    near[box.slices] = inside.reshape(box.shape)
    return near


def _share(ct: Volume, voxels: np.ndarray, changed: np.ndarray) -> float | None:
    return float(changed[voxels].mean()) if voxels.any() else None


def behind_ears_mm(ct: Volume, changed: np.ndarray, marks: Marks) -> float | None:
    """How far (mm) changed tissue reaches behind the line through the tragia; negative in front of it, None without tragia."""
    axes = head_axes(marks)
    points = _tissue(ct, changed)
    if axes.ears is None or not len(points):
        return None
    return float(-((points - axes.ears) @ axes.forward).min())


def below_jaw_mm(ct: Volume, changed: np.ndarray, marks: Marks, labels: np.ndarray | None) -> float | None:
    """How far (mm) changed tissue reaches below the mandible's lower border, or below the marked menton where no mandible is drawn.

    The border is taken as seen from the side, the right and the left half each for itself: at every coronal plane the lowest
    point of the mandible; planes before the chin and behind the ramus take the nearest one that meets it. None where neither
    mandible nor menton is known.
    """
    points, axes = _tissue(ct, changed), head_axes(marks)
    if not len(points):
        return None
    if labels is None or not (labels == MANDIBLE_LABEL).any():
        if marks.get("menton") is None:
            return None
        return float(-((points - marks["menton"]) @ axes.up).min())
    jaw = ct.geometry.to_lps(np.argwhere(labels == MANDIBLE_LABEL))
    across = np.cross(axes.up, axes.forward)
    middle = float(np.median(jaw @ across)) if marks.get("menton") is None else float(across @ marks["menton"])
    width = 1.5 * max(ct.geometry.spacing)
    depths = [
        _below_border(jaw[side(jaw)], points[side(points)], axes, width)
        for side in (lambda p: p @ across <= middle, lambda p: p @ across > middle)
        if side(jaw).any() and side(points).any()
    ]
    return max(depths)


def _below_border(jaw: np.ndarray, points: np.ndarray, axes: HeadAxes, width: float) -> float:
    """How far (mm) ``points`` (N, 3) reach below the lower border of one half of the jaw (M, 3), in coronal planes of ``width`` mm."""
    plane = np.rint(jaw @ axes.forward / width).astype(int)
    planes = np.unique(plane)
    height = jaw @ axes.up
    lowest = np.array([height[np.abs(plane - p) * width <= BORDER_MM].min() for p in planes])
    nearest = np.abs(np.rint(points @ axes.forward / width)[:, None] - planes[None]).argmin(1)
    return float((lowest[nearest] - points @ axes.up).max())


def share_of_body(ct: Volume, changed: np.ndarray) -> float:
    """Changed tissue over the whole patient, found by threshold: the largest thick piece, filled slice by slice."""
    tissue = ct.array > SKIN_HU[0]
    radius = max(1, round(SHEET_MM / np.mean(ct.geometry.spacing)))
    core = ndimage.binary_opening(tissue, iterations=radius)
    labels, count = ndimage.label(core)
    if not count:
        return float("nan")
    core = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    body = ndimage.binary_dilation(core, iterations=radius, mask=tissue)
    body = np.stack([ndimage.binary_fill_holes(section) for section in body])
    return float(np.count_nonzero(changed & body) / np.count_nonzero(body))


def _tissue(ct: Volume, changed: np.ndarray) -> np.ndarray:
    """LPS mm (N, 3) of the changed voxels that held tissue."""
    return ct.geometry.to_lps(np.argwhere(changed & (ct.array > SKIN_HU[0])))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
