"""Changes of a head that other scanners, positions, fields of view and things around the patient would make, with its marks going along."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from face_measures import SKIN_HU, Marks, head_axes
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import AIR_HU, Volume, canonical_grid, resample

#: A changed head is sampled no finer than this (mm), so that the turned grids stay small.
FINEST_MM = 1.5
NOISE_HU, STREAK_HU = 60.0, 900.0
COUCH_HU, SHEET_HU, TUBE_HU = 60.0, 100.0, 150.0


@dataclass(frozen=True, eq=False)
class Head:
    """A CT with marks (LPS mm); ``surface``: the CT whose skin is to be looked at, where things were added to ``ct``."""

    ct: Volume
    marks: Marks
    surface: Volume | None = None


def changed_head(head: Head, change: str) -> Head | None:
    """The head after the change of that name; None where the head lacks the mark that the change goes by."""
    return CHANGES[change](head)


def rotated(head: Head, axis: str, degrees: float) -> Head:
    """The head turned about an LPS axis through the middle of the CT, on an axis-aligned grid that holds all of it."""
    turn = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    corners = head.ct.geometry.corners()
    centre = corners.mean(0)
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = turn, centre - turn @ centre
    source = replace(head.ct, geometry=Geometry(head.ct.geometry.shape, moved @ head.ct.geometry.ijk_to_lps))
    grid = canonical_grid(source.geometry.corners(), max(FINEST_MM, min(head.ct.geometry.spacing)))
    marks = {n: None if m is None else (turn @ (np.asarray(m) - centre) + centre).tolist() for n, m in head.marks.items()}
    return Head(_sampled(source, grid), marks)


def oblique(head: Head, degrees: tuple[float, float, float]) -> Head:
    """The head where it is, on a grid that is turned about x, y and z and holds all of it."""
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    within = canonical_grid(head.ct.geometry.corners() @ turn, max(FINEST_MM, min(head.ct.geometry.spacing)))
    around = np.eye(4)
    around[:3, :3] = turn
    return Head(_sampled(head.ct, Geometry(within.shape, around @ within.ijk_to_lps)), head.marks)


def shifted(head: Head) -> Head:
    """Another origin of the patient axes."""
    shift = np.array([310.0, -170.0, 1250.0])
    matrix = head.ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += shift
    marks = {n: None if m is None else (np.asarray(m) + shift).tolist() for n, m in head.marks.items()}
    return Head(replace(head.ct, geometry=Geometry(head.ct.geometry.shape, matrix)), marks)


def flipped(head: Head, axis: int) -> Head:
    """The array stored the other way round along (k, j, i) ``axis``, with the header that says so."""
    geometry = head.ct.geometry
    matrix = geometry.ijk_to_lps.copy()
    column = 2 - axis
    matrix[:3, 3] += matrix[:3, column] * (geometry.shape[axis] - 1)
    matrix[:3, column] *= -1
    return replace(head, ct=Volume(np.ascontiguousarray(np.flip(head.ct.array, axis)), Geometry(geometry.shape, matrix)))


def sliced(head: Head, spacing_mm: float) -> Head:
    """Slices (k) of another thickness."""
    geometry = head.ct.geometry
    factor = spacing_mm / geometry.spacing[2]
    matrix = geometry.ijk_to_lps.copy()
    matrix[:3, 2] *= factor
    shape = (max(2, int((geometry.shape[0] - 1) / factor) + 1), *geometry.shape[1:])
    array = head.ct.array.astype(np.float32)
    if factor > 1:
        array = ndimage.uniform_filter1d(array, max(1, round(factor)), axis=0, mode="nearest")
    return Head(_sampled(head.ct.with_array(array), Geometry(shape, matrix)), head.marks)


def cropped(head: Head, mark: str, above_mm: float, keep: str) -> Head | None:
    """Only what lies ``keep`` ("below" or "above") of a level ``above_mm`` over a mark along the slices' axis."""
    if head.marks.get(mark) is None:
        return None
    geometry = head.ct.geometry
    axis = 2 - int(np.argmax(np.abs(geometry.ijk_to_lps[2, :3])))
    level = geometry.to_kji(np.asarray(head.marks[mark]) + (0.0, 0.0, above_mm))[0, axis]
    upward = geometry.ijk_to_lps[2, 2 - axis] > 0
    start, stop = [0, 0, 0], list(geometry.shape)
    cut = int(np.clip(round(level), 0, geometry.shape[axis]))
    if (keep == "below") == upward:
        stop[axis] = cut
    else:
        start[axis] = cut
    if stop[axis] - start[axis] < 8:
        return None
    part = head.ct.crop(Box(tuple(start), tuple(stop)))
    return replace(head, ct=part.with_array(np.ascontiguousarray(part.array)))


def noisy(head: Head) -> Head:
    """White noise in every voxel."""
    noise = np.random.default_rng(1).normal(0.0, NOISE_HU, head.ct.array.shape)
    return replace(head, ct=_with(head.ct, head.ct.array + noise), surface=head.ct)


def streaked(head: Head) -> Head | None:
    """Dental metal between the cheeks, with bright and dark streaks through the slices of the mouth."""
    if head.marks.get("stomion") is None:
        return None
    offset = _offsets(head.ct, np.asarray(head.marks["stomion"]) - 25.0 * head_axes(head.marks).forward)
    angle, radius = np.arctan2(offset[..., 1], offset[..., 0]), np.hypot(offset[..., 0], offset[..., 1])
    near = np.abs(offset[..., 2]) < 8.0
    streaks = STREAK_HU * np.cos(9 * angle) ** 9 * np.exp(-radius / 60.0)
    hu = np.where(near, head.ct.array + streaks, head.ct.array)
    hu[near & (radius < 5.0)] = 3000.0
    return replace(head, ct=_with(head.ct, np.clip(hu, AIR_HU, 3071)), surface=head.ct)


def on_couch(head: Head) -> Head:
    """A flat massive couch that touches the patient's back."""
    tissue = np.argwhere(head.ct.array > SKIN_HU[0])
    back = np.percentile(head.ct.geometry.to_lps(tissue)[:, 1], 99.8)
    posterior = head.ct.geometry.to_lps(np.indices(head.ct.array.shape).reshape(3, -1).T)[:, 1].reshape(head.ct.array.shape)
    couch = (posterior > back) & (posterior < back + 25.0)
    return replace(head, ct=_with(head.ct, np.where(couch, np.maximum(head.ct.array, COUCH_HU), head.ct.array)), surface=head.ct)


def masked(head: Head) -> Head:
    """A perforated sheet over the face, one to three voxels off the skin, with a frame beside the head."""
    ct = head.ct
    tissue = ndimage.binary_opening(ct.array > SKIN_HU[0])
    steps = [max(1, round(4.0 / s)) for s in ct.geometry.sampling]
    away = ndimage.distance_transform_edt(~tissue, sampling=ct.geometry.sampling)
    sheet = (away > 4.0) & (away <= 4.0 + max(2.5, max(ct.geometry.spacing)))
    k, j, i = np.indices(ct.array.shape, sparse=True)
    holes = (k // steps[0] + j // steps[1] + i // steps[2]) % 3 == 0
    middle = np.median(ct.geometry.to_lps(np.argwhere(tissue)), axis=0)
    anterior = _offsets(ct, middle)[..., 1] < 0
    added = sheet & anterior & ~holes
    return replace(head, ct=_with(ct, np.where(added, SHEET_HU, ct.array)), surface=ct)


def tubed(head: Head) -> Head | None:
    """A tube of 12 mm that leaves the mouth forwards and bends upwards."""
    if head.marks.get("stomion") is None:
        return None
    axes = head_axes(head.marks)
    offset = _offsets(head.ct, np.asarray(head.marks["stomion"], dtype=float))
    ahead, up = offset @ axes.forward, offset @ axes.up
    aside = offset @ np.cross(axes.up, axes.forward)
    ring = np.hypot(aside, up - np.maximum(ahead, 0.0) ** 2 / 80.0)
    tube = (ahead > -5.0) & (ahead < 70.0) & (ring < 6.0)
    return replace(head, ct=_with(head.ct, np.where(tube, TUBE_HU, head.ct.array)), surface=head.ct)


def _offsets(ct: Volume, point: np.ndarray) -> np.ndarray:
    """LPS mm (k, j, i, 3) of the voxels from a point."""
    return ct.geometry.to_lps(np.indices(ct.array.shape).reshape(3, -1).T).reshape(*ct.array.shape, 3) - point


def _sampled(source: Volume, grid: Geometry) -> Volume:
    return _with(source, resample(source, grid, order=1).array, grid)


def _with(ct: Volume, hu: np.ndarray, geometry: Geometry | None = None) -> Volume:
    return Volume(np.rint(hu).astype(np.int16), geometry or ct.geometry)


CHANGES: dict[str, Callable[[Head], Head | None]] = {
    "unchanged": lambda head: head,
    **{f"rotated {axis} {degrees:+d}": partial(rotated, axis=axis, degrees=degrees) for axis in "xyz" for degrees in (-20, 20)},
    "oblique grid": partial(oblique, degrees=(20.0, 10.0, 15.0)),
    "shifted": shifted,
    **{f"flipped {name}": partial(flipped, axis=axis) for axis, name in ((0, "slices"), (1, "rows"), (2, "columns"))},
    **{f"slices {mm:g} mm": partial(sliced, spacing_mm=mm) for mm in (0.5, 5.0)},
    "top at brow": partial(cropped, mark="eye_left", above_mm=22.0, keep="below"),
    "top at eyes": partial(cropped, mark="eye_left", above_mm=0.0, keep="below"),
    "top at nose": partial(cropped, mark="pronasale", above_mm=4.0, keep="below"),
    "top at mouth": partial(cropped, mark="stomion", above_mm=0.0, keep="below"),
    "top at neck": partial(cropped, mark="menton", above_mm=-12.0, keep="below"),
    "bottom at chin": partial(cropped, mark="pogonion", above_mm=0.0, keep="above"),
    "bottom at mouth": partial(cropped, mark="stomion", above_mm=0.0, keep="above"),
    "bottom at nose": partial(cropped, mark="pronasale", above_mm=0.0, keep="above"),
    "bottom at brow": partial(cropped, mark="eye_left", above_mm=25.0, keep="above"),
    "noise": noisy,
    "metal streaks": streaked,
    "couch": on_couch,
    "mask": masked,
    "tube": tubed,
}
