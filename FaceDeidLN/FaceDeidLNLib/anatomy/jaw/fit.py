"""The mean mandible, and how it is laid onto a patient's bone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ...core.affine import affine, similarity_back

#: The alveolar part: teeth, fillings and the upper jaw lie next to it, so it does not help to place the mandible.
ALVEOLAR_MM = (-52.0, 55.0)
#: The mean mandible's points lie on a grid of whole numbers of so many mm.
MEAN_STEP_MM = 2.0
#: Points of the mean mandible that take part in the fit.
FIT_POINTS = 1500
FIT_STEPS = 100
#: The fit has settled once no point moves further than this (mm) in a step.
SETTLED_MM = 0.01
#: Share of the nearest pairs that count in each step (trimmed ICP, Chetverikov et al., Image Vis Comput 2005;23:299).
TRIM = 0.8
#: A jaw differs from its head's mean size by less than this factor, and from the mean pose by less than this turn (mouth open included).
SCALES = (0.8, 1.2)
MAX_TURN_DEG = 30.0
#: The mean symphysis' front and lower end (jaw mm). A jaw much larger than its face tells pulls the mean one to its one side or the
#: other: where a fit puts that end further (mm) aside of the start's middle, a start that is so many times as large is tried too. Of 63
#: heads one is put 4.03 mm aside, where it stays, and none of the others more than 3.2.
SYMPHYSIS, ASIDE_MM, LARGER = np.array([[0.0, 95.0, -75.0]]), 4.0, 1.1
#: Head of an average adult lying on the couch, in LPS: left, anterior, superior as columns.
UPRIGHT = np.diag([1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class JawFrame:
    """A similarity from jaw coordinates to LPS mm: x left, y anterior, z superior, in mm of the mean mandible.

    Jaw coordinates are the face coordinates of the mean face (origin midway between the tragia), carried by the
    mandible: where the mouth is open or the jaw is small they follow the jaw and not the eyes.
    """

    axes: np.ndarray
    origin: np.ndarray
    scale: float

    def to_lps(self, jaw: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of jaw coordinates (N, 3)."""
        return affine(np.atleast_2d(jaw), self.scale * self.axes, self.origin)

    def to_jaw(self, lps: np.ndarray) -> np.ndarray:
        """Jaw coordinates (N, 3) of LPS mm (N, 3)."""
        return similarity_back(np.atleast_2d(lps), self.axes, self.origin, self.scale)


@cache
def mean_mandible() -> np.ndarray:
    """The mean mandible as points (N, 3) of a 2 mm grid in jaw coordinates, symmetric.

    Half-occupancy set of the mandible contours of 48 adults of the OpenKBP collection (Babier et al., Med Phys
    2021;48:5549), aligned by similarities; made by benchmarks/mean_mandible.py.
    """
    with resources.files(__package__).joinpath("mandible_mean.npz").open("rb") as file:
        half = np.load(file)["left_half"].astype(float)
    return np.vstack([half, half[half[:, 0] > 0] * (-1, 1, 1)])


def stable_part() -> np.ndarray:
    """The mean mandible without the alveolar part."""
    points = mean_mandible()
    return points[~is_alveolar(points)]


@cache
def mean_surface() -> np.ndarray:
    """The points of the mean mandible on its surface: those that lack one of their six neighbours on the 2 mm grid.

    Points inside the bone always find a partner close by and would hold a fit where it is.
    """
    points = mean_mandible()
    kji = np.rint((points - points.min(0)) / MEAN_STEP_MM).astype(int) + 1
    there = np.zeros(kji.max(0) + 2, dtype=bool)
    there[tuple(kji.T)] = True
    around = (there[tuple((kji + step).T)] for step in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)]))
    return points[~np.logical_and.reduce(list(around))]


def is_alveolar(jaw: np.ndarray) -> np.ndarray:
    """True (N,) for jaw coordinates at the height of the teeth and in front of the ramus."""
    return (jaw[:, 2] > ALVEOLAR_MM[0]) & (jaw[:, 1] > ALVEOLAR_MM[1])


def start_frame(lps: np.ndarray) -> JawFrame:
    """A first frame for the voxels (N, 3) of a whole mandible in LPS mm: upright, boxes laid onto each other."""
    mean = mean_mandible() @ UPRIGHT.T
    low, high = np.percentile(lps, [1, 99], axis=0)
    mean_low, mean_high = np.percentile(mean, [1, 99], axis=0)
    scale = float(np.clip((high - low)[0] / (mean_high - mean_low)[0], *SCALES))
    return JawFrame(UPRIGHT, (low + high) / 2 - scale * (mean_low + mean_high) / 2, scale)


def fit_unaided(lps: np.ndarray, start: JawFrame) -> JawFrame:
    """As ``fit_jaw`` to the surface voxels (N, 3) of bone that a skull holds, too; where that ends aside, the better of two starts."""
    found = fit_jaw(lps, start, both_ways=False)
    if abs(start.to_jaw(found.to_lps(SYMPHYSIS))[0, 0]) * start.scale <= ASIDE_MM:
        return found
    other = fit_jaw(lps, replace(start, scale=LARGER * start.scale), both_ways=False)
    return min((found, other), key=lambda frame: _misfit(lps, frame))


def _misfit(lps: np.ndarray, frame: JawFrame) -> float:
    """Mean distance (mm) of the nearest TRIM of the mean mandible's points on its surface from voxels (N, 3)."""
    surface = mean_surface()
    distance = np.sort(cKDTree(lps).query(frame.to_lps(surface[~is_alveolar(surface)]))[0])
    return float(distance[: int(TRIM * len(distance))].mean())


def fit_jaw(lps: np.ndarray, start: JawFrame, reach_mm: float = 15.0, both_ways: bool = True) -> JawFrame:
    """Lay the mean mandible onto surface voxels (N, 3) of bone in LPS mm by trimmed iterative closest points.

    Each point of the mean goes to the nearest voxel; with ``both_ways`` each voxel also goes to the nearest point of
    the mean, which needs a mandible without the rest of the skull. Pairs further apart than ``reach_mm`` do not count.
    """
    rng = np.random.default_rng(0)
    surface = mean_surface()
    mean = surface[~is_alveolar(surface)]
    mean = mean[rng.permutation(len(mean))[:FIT_POINTS]]
    bone = lps[rng.permutation(len(lps))[: 8 * FIT_POINTS]]
    tree, frame = cKDTree(bone), start
    back = cKDTree(surface)
    for _ in range(FIT_STEPS):
        pairs = [_pairs(mean, frame.to_lps(mean), tree, bone, reach_mm)]
        if both_ways:
            some = bone[:FIT_POINTS]
            distance, index = back.query(frame.to_jaw(some))
            near = distance * frame.scale <= min(reach_mm, np.quantile(distance, TRIM) * frame.scale)
            pairs.append((surface[index[near]], some[near]))
        source, target = (np.vstack(part) for part in zip(*pairs, strict=True))
        if len(source) < FIT_POINTS // 10:
            return start
        before, frame = frame, _step(source, target, start)
        if np.abs(frame.to_lps(surface) - before.to_lps(surface)).max() < SETTLED_MM:
            break
    return frame


def _pairs(mean: np.ndarray, placed: np.ndarray, tree: cKDTree, bone: np.ndarray, reach_mm: float) -> tuple[np.ndarray, np.ndarray]:
    distance, index = tree.query(placed)
    near = distance <= min(reach_mm, np.quantile(distance, TRIM))
    return mean[near], bone[index[near]]


def _step(source: np.ndarray, target: np.ndarray, start: JawFrame) -> JawFrame:
    """The least squares similarity (Umeyama 1991) within the limits of size and turn."""
    flip = np.array([1.0, -1.0, 1.0])  # LPS to (left, anterior, superior): the fit holds no mirror
    a, b = source - source.mean(0), (target - target.mean(0)) * flip
    axes = Rotation.align_vectors(b, a)[0].as_matrix()
    first = flip[:, None] * start.axes
    turn = Rotation.from_matrix(axes @ first.T).as_rotvec(degrees=True)
    angle = float(np.linalg.norm(turn))
    if angle > MAX_TURN_DEG:
        axes = Rotation.from_rotvec(turn * (MAX_TURN_DEG / angle), degrees=True).as_matrix() @ first
    scale = float((b * (a @ axes.T)).sum() / (a**2).sum())
    scale = float(np.clip(scale, start.scale * SCALES[0], start.scale * SCALES[1]))
    axes = flip[:, None] * axes
    return JawFrame(axes, target.mean(0) - scale * axes @ source.mean(0), scale)
