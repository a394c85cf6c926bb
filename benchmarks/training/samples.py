"""Augmented training samples: patients resampled into a training grid, turned, scaled, cut and obstructed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from FaceDeidLNLib.anatomy.landmark.grids import COARSE, FINE, Stage
from FaceDeidLNLib.anatomy.landmark.shape import rotation
from scipy import ndimage

from .obstacles import obstruct
from .patients import Patient

#: HU are stored as bytes: (HU + 1000) / 10.
HU_STEP = 10.0


@dataclass(frozen=True, eq=False)
class Sample:
    """``hu``: coded HU (k, j, i); ``inside``: bool; ``points`` (11, 3) grid (k, j, i); ``state``: 1 seen, 0 absent, -1 unknown."""

    hu: np.ndarray
    inside: np.ndarray
    points: np.ndarray
    state: np.ndarray


def _scale(rng: np.random.Generator) -> float:
    """Size of the head relative to the patient's: mostly adult, sometimes a child."""
    return float(rng.uniform(0.68, 0.92)) if rng.random() < 0.2 else float(rng.uniform(0.9, 1.14))


def fine_pose(patient: Patient, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axes (columns, source mm per target mm), source centre and target centre of a jittered head frame."""
    spread = 25.0 if rng.random() < 0.2 else 10.0
    axes = patient.frame.axes @ rotation(rng.uniform(-spread, spread, 3)) / _scale(rng)
    return axes, patient.frame.origin + patient.frame.axes @ rng.uniform(-20, 20, 3), np.zeros(3)


def coarse_pose(patient: Patient, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axes, source centre and target centre of a patient lying any way: turned freely, sometimes by half a turn."""
    axes = rotation(rng.uniform(-1, 1, 3) * [48, 35, 35])
    if rng.random() < 0.3:
        axes = axes @ rotation(180.0 * np.eye(3)[rng.integers(3)])
    centre = patient.frame.origin + patient.frame.axes @ np.array([0.0, 30.0, -20.0])
    return axes / _scale(rng), centre, rng.uniform(-1, 1, 3) * [90, 60, 110]


def _cut(source: np.ndarray, patient: Patient, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """A random field of view in source mm: which points (..., 3) are kept. Levels run from above the brow to the neck."""
    low, high = np.full(3, -np.inf), np.full(3, np.inf)
    face = np.nanmin(patient.landmarks, 0), np.nanmax(patient.landmarks, 0)
    where = rng.random()
    if where < 0.45:
        high[2] = rng.uniform(face[0][2] - 20, face[1][2] + 40)
    elif where < 0.75:
        low[2] = rng.uniform(face[0][2] - 60, face[1][2] - 10)
    elif where < 0.9:
        high[2] = rng.uniform(face[0][2] + 10, face[1][2] + 30)
        low[2] = high[2] - rng.uniform(40, 130)
    if rng.random() < 0.2 or where >= 0.9:
        axis = int(rng.integers(2))
        if rng.random() < 0.5 and axis == 0:
            high[axis] = rng.uniform(face[0][axis], face[1][axis] + 10)
        else:
            low[axis] = rng.uniform(face[0][axis] - 5, face[1][axis] - 20 * axis)
    return lambda lps: ((lps >= low) & (lps <= high)).all(-1)


def _resampled(patient: Patient, matrix: np.ndarray, offset: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """The patient's HU on the target grid from the raw or a smoothed volume, or a mixture; nearest neighbour now and then."""
    pick = int(rng.choice(3, p=[0.5, 0.3, 0.2]))
    order = 0 if rng.random() < 0.2 else 1
    source = patient.volumes[pick].astype(np.float32)
    if pick == 0 and rng.random() < 0.25:
        source = ndimage.uniform_filter1d(source, int(rng.integers(2, 4)), axis=int(rng.integers(3)))
    return ndimage.affine_transform(source, matrix, offset, shape, order=order, mode="constant", cval=-1000.0, output=np.float32)


def make_sample(patient: Patient, stage: Stage, rng: np.random.Generator) -> Sample:
    """One augmented sample of ``patient`` on the training grid of ``stage``."""
    axes, centre, target_centre = (fine_pose if stage is FINE else coarse_pose)(patient, rng)
    shape = np.asarray(stage.shape)
    first = stage.centre - (shape[::-1] - 1) / 2 * stage.spacing - target_centre
    to_source = axes * stage.spacing
    start = axes @ first + centre
    step = to_source / patient.spacing[:, None]
    hu = _resampled(patient, step[::-1, ::-1], ((start - patient.origin) / patient.spacing)[::-1], stage.shape, rng)
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in stage.shape], indexing="ij")[::-1], -1)
    lps = grid @ to_source.T.astype(np.float32) + start.astype(np.float32)
    extent = patient.origin + patient.spacing * (np.array(patient.volumes[0].shape[::-1]) - 1)
    inside = ((lps >= patient.origin - patient.spacing / 2) & (lps <= extent + patient.spacing / 2)).all(-1)
    points = np.linalg.solve(to_source, (patient.landmarks - start).T).T[:, ::-1]
    hu = obstruct(hu, points, stage.spacing, rng, upright=patient.frame.axes.T @ axes)
    state = np.where(patient.known, np.isfinite(points[:, 0]).astype(np.int8), -1)
    if rng.random() < 0.55:
        hu, inside, state = _cropped(hu, inside, state, lps, patient, rng)
    boxed = ((points >= 0) & (points <= shape - 1)).all(1)
    state = np.where((state == 1) & ~boxed, 0, state).astype(np.int8)
    coded = np.clip((hu + 1000) / HU_STEP, 0, 255).astype(np.uint8)
    return Sample(coded, inside, np.nan_to_num(points).astype(np.float32), state)


def _cropped(
    hu: np.ndarray, inside: np.ndarray, state: np.ndarray, lps: np.ndarray, patient: Patient, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sample cut to a random field of view: outside air, flagged as outside or only emptied, sometimes with an organ left over."""
    keeps = _cut(lps, patient, rng)
    kept = keeps(lps)
    emptied = kept
    if rng.random() < 0.2:
        ball = patient.frame.to_lps(np.array([[0.0, 70.0, 30.0]]) + rng.uniform(-25, 25, (1, 3)))[0].astype(np.float32)
        emptied = kept | (((lps - ball) ** 2).sum(-1) < rng.uniform(30, 85) ** 2)
    seen = keeps(np.nan_to_num(patient.landmarks, nan=1e6))
    hu = np.where(emptied, hu, -1000.0)
    if rng.random() < 0.5:
        inside = inside & kept
        hu = np.where(kept, hu, -1000.0)
    # A landmark in the part left over may well be visible: nothing is asked of it.
    return hu, inside, np.where((state == 1) & ~seen, np.where(_left_over(patient, emptied, lps), -1, 0), state)


def _left_over(patient: Patient, emptied: np.ndarray, lps: np.ndarray) -> np.ndarray:
    """For each landmark: is its surrounding among the voxels that were not emptied?"""
    kept = lps[emptied]
    if len(kept) == 0:
        return np.zeros(len(patient.landmarks), dtype=bool)
    points = np.nan_to_num(patient.landmarks, nan=1e6).astype(np.float32)
    low, high = kept.min(0), kept.max(0)
    near = ((points >= low) & (points <= high)).all(1)
    return np.array([bool(n) and bool((((kept - p) ** 2).sum(1) < 36).any()) for n, p in zip(near, points, strict=True)])


STAGES = {"coarse": COARSE, "fine": FINE}
