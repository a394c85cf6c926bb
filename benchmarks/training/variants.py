"""Hard versions of a patient for calibration and tests: turned, cropped, noisy, obstructed, on scanner grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from FaceDeidLNLib.anatomy.landmark.shape import rotation
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import Volume, canonical_grid, resample

from .obstacles import obstruct
from .patients import Patient


@dataclass(frozen=True, eq=False)
class Case:
    """A CT with its true landmarks: ``landmarks`` (11, 3) LPS mm, NaN where out of view; ``known`` (11,) where the truth is known."""

    ct: Volume
    landmarks: np.ndarray
    known: np.ndarray


def plain(patient: Patient) -> Case:
    """The patient as he is."""
    matrix = np.diag([*patient.spacing, 1.0])
    matrix[:3, 3] = patient.origin
    raw = patient.volumes[0]
    return Case(Volume(raw, Geometry(raw.shape, matrix)), patient.landmarks, patient.known)


def turned(case: Case, angles: np.ndarray) -> Case:
    """The head turned by ``angles`` degrees about x, y, z: only the affine changes, so the voxels lie oblique."""
    matrix = case.ct.geometry.ijk_to_lps.copy()
    turn = rotation(angles)
    matrix[:3] = turn @ matrix[:3]
    return Case(Volume(case.ct.array, Geometry(case.ct.array.shape, matrix)), case.landmarks @ turn.T, case.known)


def cropped(case: Case, box: Box) -> Case:
    """The voxels of ``box``; landmarks outside become NaN."""
    kji = case.ct.geometry.to_kji(np.nan_to_num(case.landmarks, nan=1e6))
    seen = ((kji >= np.array(box.start) - 0.5) & (kji <= np.array(box.stop) - 0.5)).all(1)
    return Case(case.ct.crop(box), np.where(seen[:, None], case.landmarks, np.nan), case.known)


def random_crop(case: Case, rng: np.random.Generator) -> Case:
    """A field of view that ends anywhere between brow and neck, at the top, the bottom, both or a side."""
    kji = case.ct.geometry.to_kji(case.landmarks)
    low, high = np.nanmin(kji, 0), np.nanmax(kji, 0)
    start, stop = np.zeros(3), np.array(case.ct.array.shape, dtype=float)
    which = rng.random()
    if which < 0.6:
        stop[0] = rng.uniform(low[0] - 5, high[0] + 8)
    if which > 0.45 and which < 0.9:
        start[0] = rng.uniform(low[0] - 15, min(high[0], stop[0] - 8))
    if which > 0.85:
        start[2] = rng.uniform(low[2] - 5, high[2])
    box = Box(tuple(int(max(v, 0)) for v in start), tuple(int(min(max(v, 1), n)) for v, n in zip(stop, case.ct.array.shape, strict=True)))
    return cropped(case, box)


def obstructed(case: Case, rng: np.random.Generator, spacing: float = 3.0) -> Case:
    """Resampled to an isotropic grid with random sheets, tubes, blocks, couches and streaks, and noise."""
    grid = canonical_grid(case.ct.geometry.corners(), spacing)
    points = grid.to_kji(case.landmarks)
    hu = obstruct(resample(case.ct, grid, order=int(rng.integers(2))).array, points, spacing, rng, upright=np.eye(3))
    hu += rng.normal(0, rng.uniform(5, 60), hu.shape).astype(np.float32)
    return Case(Volume(np.maximum(hu, -1000), grid), case.landmarks, case.known)


def random_variant(patient: Patient, rng: np.random.Generator) -> Case:
    """One of everything, in random combination."""
    case = plain(patient)
    if rng.random() < 0.35:
        case = obstructed(case, rng)
    if rng.random() < 0.5:
        case = random_crop(case, rng)
    if rng.random() < 0.6:
        case = turned(case, rng.uniform(-25, 25, 3))
    return case
