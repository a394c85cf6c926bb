"""A massive flat couch that touches the patient: found as a slab with a plane back, and taken away."""

from __future__ import annotations

import numpy as np

#: This share of the columns that hold anything must end in one plane at the back.
PLANE_SHARE = 0.5
#: This share of the columns must show the bare slab, on both sides of the patient.
BARE_SHARE = 0.08
#: Thicker things are no slab.
THICKEST_SLAB_MM = 80.0
#: Tries of three columns; with half of the columns in the plane one try in eight hits it.
TRIES = 60


def without_couch(tissue: np.ndarray, spacing_mm: float) -> np.ndarray:
    """``tissue`` (bool, (k, j, i) along S, P, L) without a solid slab at the patient's back; the array itself if none is.

    The back of every (k, i) column is fitted with a plane (random sample consensus, Fischler and Bolles 1981, with fixed
    draws). It is a couch where columns beside the patient show a bare slab of one thickness. A couch that is only a
    shell is thin and needs no plane.
    """
    occupied = tissue.any(axis=1)
    k, i = np.nonzero(occupied)
    if k.size < 100:
        return tissue
    back, run = _last_run(tissue, k, i)
    plane = _plane(k, i, back)
    flat = np.abs(back - plane[0] - plane[1] * k - plane[2] * i) <= 1.0
    thin = flat & (run * spacing_mm <= THICKEST_SLAB_MM)
    if flat.mean() < PLANE_SHARE or not thin.any():
        return tissue
    thickness = float(np.median(run[thin]))
    bare = thin & (np.abs(run - thickness) <= 1.0)
    if not _on_both_sides(i, bare, flat & ~thin):
        return tissue
    index = np.indices((tissue.shape[0], tissue.shape[2]), sparse=True)
    top = plane[0] + plane[1] * index[0] + plane[2] * index[1] - thickness + 0.5
    return tissue & (np.arange(tissue.shape[1])[None, :, None] < top[:, None, :])


def _last_run(tissue: np.ndarray, k: np.ndarray, i: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For columns (k, i): the last j with tissue, and how many voxels in a row end there."""
    columns = tissue[k, ::-1, i]
    gap = np.argmax(columns, axis=1)
    after = columns[:, :] | (np.arange(columns.shape[1])[None] < gap[:, None])
    length = np.where(after.all(axis=1), columns.shape[1], np.argmin(after, axis=1))
    return columns.shape[1] - 1 - gap, length - gap


def _plane(k: np.ndarray, i: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(a, b, c) of back = a + b k + c i with the most columns within a voxel."""
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(k.size), k, i]).astype(float)
    few = rng.integers(0, k.size, min(k.size, 2000))
    best, most = np.zeros(3), -1
    for three in rng.integers(0, k.size, (TRIES, 3)):
        if abs(np.linalg.det(design[three])) < 50.0:
            continue
        plane = np.linalg.solve(design[three], back[three])
        hits = int(np.count_nonzero(np.abs(back[few] - design[few] @ plane) <= 1.0))
        if hits > most:
            best, most = plane, hits
    inside = np.abs(back - design @ best) <= 1.5
    return np.linalg.lstsq(design[inside], back[inside], rcond=None)[0] if inside.sum() > 3 else best


def _on_both_sides(i: np.ndarray, bare: np.ndarray, under: np.ndarray) -> bool:
    """True where enough bare columns lie to the left and to the right of the columns under the patient."""
    if not under.any():
        return False
    middle = np.median(i[under])
    sides = (np.count_nonzero(bare & (i < middle)), np.count_nonzero(bare & (i > middle)))
    return min(sides) >= BARE_SHARE / 2 * bare.size
