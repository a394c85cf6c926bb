"""Facial landmarks on any head-and-neck CT, by a small convolutional network in numpy.

Two stages. A coarse network sees the whole body at 10 mm along the patient axes and finds the face however the head lies, half turns
included; the mean face is fitted to its peaks. A fine network sees 19 x 19 x 22 cm in the head frame at 4 mm. Both give, for every
landmark, a distribution over all voxels and 'not in view' (a spatial cross-entropy). The ensemble of three networks, each trained on
two thirds of 60 head-and-neck radiotherapy patients (open-kbp), each with its own view of the face, is read out; its agreement,
concentration and plausible shape are calibrated to the probability of an error below 10 mm. See ``benchmarks/train_landmarks.py``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...core.processors import processors
from ...core.progress import Alive, idle
from ...core.volume import Volume
from .derived import DERIVED, derive
from .grids import COARSE, FINE, Reading, body_grid, head_grid, read_heat, reduced, sampled
from .layers import Weights, forward, unpack
from .shape import MIRROR, NET_LANDMARKS, HeadFrame, robust_frame, rotation, shape_residuals

WEIGHTS_FILE = Path(__file__).with_name("landmark_net.npz")
#: Below this probability a landmark is reported as not in view.
IN_VIEW = 0.5
#: How far a frame may move after the first fine reading before that reading is repeated.
FRAME_MOVED_MM, FRAME_TURNED_DEG = 14.0, 12.0
#: The scan as it is, and turned by 180 degrees about x, y and z (diagonals of the rotation matrices).
HALF_TURNS = (np.array([1.0, 1, 1]), np.array([1.0, -1, -1]), np.array([-1.0, 1, -1]), np.array([-1.0, -1, 1]))
#: So many landmarks (sum of the probability masses) end the search, and a turned scan must show so many more than the scan as it is.
ENOUGH_SEEN, TURN_GAIN = 6.0, 1.5
#: The edge of the field of view makes no difference any more at this distance.
FAR_MM = 15.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """``position_lps`` (3,) mm or None; ``confidence``: P(error <= 10 mm); ``in_view``: P(in the field of view); ``reason`` if None."""

    position_lps: np.ndarray | None
    confidence: float
    in_view: float
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Face:
    """All landmarks by name, and the head frame; None where too little of the face is in view."""

    landmarks: dict[str, Prediction]
    frame: HeadFrame | None


@dataclass(frozen=True, eq=False)
class Member:
    """One pair of networks and the names of the patients that they were trained on."""

    coarse: Weights
    fine: Weights
    patients: frozenset[str]


@dataclass(frozen=True, eq=False)
class LandmarkModel:
    """The ensemble and its calibration: logistic weights over ``features`` for 'within 10 mm' and for 'in view'."""

    members: tuple[Member, ...]
    within: np.ndarray
    in_view: np.ndarray

    def without(self, patient: str) -> LandmarkModel:
        """The members that were not trained on ``patient``; all where he is unknown."""
        return LandmarkModel(tuple(m for m in self.members if patient not in m.patients), self.within, self.in_view)


@dataclass(frozen=True)
class View:
    """How one member looks at the face: mirrored, turned by ``angles`` degrees, at another scale."""

    mirror: bool
    angles: tuple[float, float, float]
    scale: float


#: A view for each reading; an ensemble of fewer members is used in turn.
VIEWS = (View(False, (0.0, 0.0, 0.0), 1.0), View(True, (0.0, 0.0, 0.0), 0.95), View(False, (7.0, 4.0, -4.0), 1.06))


@dataclass(frozen=True, eq=False)
class Readings:
    """Combined readings in the order of NET_LANDMARKS: ``positions`` (L, 3) LPS mm, ``features`` (L, F), and the head frame."""

    positions: np.ndarray
    features: np.ndarray
    frame: HeadFrame


@lru_cache(maxsize=1)
def load_model(path: Path = WEIGHTS_FILE) -> LandmarkModel:
    """The shipped ensemble."""
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    count = sum(name.endswith("/patients") for name in arrays)
    members = tuple(
        Member(_weights(arrays, f"{n}/coarse"), _weights(arrays, f"{n}/fine"), frozenset(arrays[f"{n}/patients"].tolist()))
        for n in range(count)
    )
    return LandmarkModel(members, arrays["calibration/within"], arrays["calibration/in_view"])


def _weights(arrays: dict[str, np.ndarray], prefix: str) -> Weights:
    names = {name.split("/")[2] for name in arrays if name.startswith(prefix + "/")}
    return {n: unpack(*(arrays[f"{prefix}/{n}/{part}"] for part in "wsb")) for n in names}


def predict_landmarks(ct: Volume, model: LandmarkModel | None = None, alive: Alive = idle) -> dict[str, Prediction]:
    """Every landmark of NET_LANDMARKS and DERIVED on a CT in HU, any orientation, spacing, shear and field of view."""
    return predict_face(ct, model, alive).landmarks


def predict_face(ct: Volume, model: LandmarkModel | None = None, alive: Alive = idle) -> Face:
    """The landmarks together with the head frame, which also tells how the head lies (upside down, prone, ...)."""
    model = model or load_model()
    found = read_landmarks(ct, model, alive)
    if found is None:
        return Face(dict.fromkeys((*NET_LANDMARKS, *DERIVED), Prediction(None, 0.0, 0.0, "no face found in the scan")), None)
    within, in_view = (_logistic(found.features, weights) for weights in (model.within, model.in_view))
    in_view = np.where(_inside(ct, found.positions), in_view, 0.0)
    within = np.minimum(within, in_view)
    rows = zip(NET_LANDMARKS, found.positions, within, in_view, strict=True)
    landmarks = {name: _prediction(position, float(good), float(view)) for name, position, good, view in rows}
    return Face(landmarks | _derived(ct, found.positions, within, in_view), found.frame if (in_view >= IN_VIEW).sum() >= 2 else None)


def _derived(ct: Volume, positions: np.ndarray, within: np.ndarray, in_view: np.ndarray) -> dict[str, Prediction]:
    """The landmarks carried over from the mean face; not in view where they fall outside or onto nothing but air."""
    trusted = np.where((in_view >= IN_VIEW) & (within >= 0.3), within, 0.0)
    carried = derive(ct, positions, trusted)
    if carried is None:
        return dict.fromkeys(DERIVED, Prediction(None, 0.0, 0.0, "too few landmarks found to tell"))
    support = float(np.sort(within[trusted > 0])[-3:].min())
    in_view = np.where(_inside(ct, carried.positions) & carried.tissue, support, 0.0)
    rows = zip(DERIVED, carried.positions, np.minimum(carried.confidence, in_view), in_view, strict=True)
    return {name: _prediction(position, float(good), float(view)) for name, position, good, view in rows}


def _prediction(position: np.ndarray, confidence: float, in_view: float) -> Prediction:
    if in_view < IN_VIEW:
        return Prediction(None, 0.0, in_view, "outside the field of view, or not recognised")
    return Prediction(position, confidence, in_view)


def _inside(ct: Volume, lps: np.ndarray) -> np.ndarray:
    """Which points lie in the field of view, to a voxel."""
    kji = ct.geometry.to_kji(lps)
    return ((kji >= -1) & (kji <= np.asarray(ct.array.shape))).all(1)


def _logistic(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(features @ weights[:-1] + weights[-1])))


def read_landmarks(ct: Volume, model: LandmarkModel, alive: Alive = idle) -> Readings | None:
    """Positions and features of all landmarks, without calibration; None where no face was found."""
    small = reduced(ct)
    start = _first_look(small, model.members[0], alive)
    if start is None:
        return None
    frame, first = start
    better = _refined(first, frame)
    if better.differs(frame, FRAME_MOVED_MM, FRAME_TURNED_DEG):
        first = _look(small, better, model.members[0], VIEWS[0])
    members = [model.members[n % len(model.members)] for n in range(1, len(VIEWS))]
    alive()
    readings = [first]
    with ThreadPoolExecutor(processors()) as pool:
        for reading in pool.map(lambda member, view: _look(small, better, member, view), members, VIEWS[1:]):
            alive()
            readings.append(reading)
    return _combined(ct, readings, better)


def _first_look(ct: Volume, member: Member, alive: Alive) -> tuple[HeadFrame, Reading] | None:
    """Head frame and first reading; where little of a face is seen, the scan is also tried turned by half a turn about each axis."""
    best, best_score = None, -np.inf
    for number, turn in enumerate(HALF_TURNS):
        alive()
        seen = turned_look(ct, np.diag(turn), member)
        if seen is None:
            continue
        score = seen[1].mass.sum() - (TURN_GAIN if number else 0.0)
        if score > best_score:
            best, best_score = seen, score
        if best_score >= ENOUGH_SEEN:
            break
    return best


def turned_look(ct: Volume, turn: np.ndarray, member: Member) -> tuple[HeadFrame, Reading] | None:
    """Head frame and first reading on a ``reduced`` CT, turned by ``turn`` (3, 3, in LPS) before; None as ``find_head``."""
    found = turned_head(ct, turn, member)
    return None if found is None else (found[0], first_reading(ct, found[0], member))


def first_reading(ct: Volume, frame: HeadFrame, member: Member) -> Reading:
    """The fine reading of a ``reduced`` CT in a head frame."""
    return _look(ct, frame, member, VIEWS[0])


def turned_head(ct: Volume, turn: np.ndarray, member: Member) -> tuple[HeadFrame, float] | None:
    """As ``find_head`` on a ``reduced`` CT turned by ``turn`` (3, 3, in LPS) before; the frame is that of the CT as it is."""
    around = np.eye(4)
    around[:3, :3] = turn
    found = find_head(Volume(ct.array, replace(ct.geometry, ijk_to_lps=around @ ct.geometry.ijk_to_lps)), member)
    if found is None:
        return None
    frame, seen = found
    return HeadFrame(turn.T @ frame.axes, turn.T @ frame.origin), seen


def find_head(ct: Volume, member: Member) -> tuple[HeadFrame, float] | None:
    """The head frame by the coarse network and the mean face, and how much was seen (sum of the masses above 0.15).

    None where fewer than two landmarks can be seen.
    """
    grid = body_grid(ct)
    if grid is None:
        return None
    reading = read_heat(*forward(sampled(ct, grid), member.coarse), grid, COARSE.window)
    weights = np.where(reading.mass > 0.15, reading.mass, 0.0)
    if np.count_nonzero(weights) < 2:
        return None
    return robust_frame(reading.positions, weights, scale_mm=15.0), float(weights.sum())


def _refined(reading: Reading, frame: HeadFrame) -> HeadFrame:
    """The frame fitted again to a fine reading, where enough of the face was seen."""
    weights = np.where(reading.mass > 0.3, reading.mass, 0.0)
    return robust_frame(reading.positions, weights, scale_mm=10.0) if np.count_nonzero(weights) >= 4 else frame


def _look(ct: Volume, frame: HeadFrame, member: Member, view: View) -> Reading:
    """One fine reading, in the patient's own left and right."""
    grid = head_grid(HeadFrame(frame.axes @ rotation(view.angles), frame.origin), view.scale, view.mirror)
    reading = read_heat(*forward(sampled(ct, grid), member.fine), grid, FINE.window)
    if not view.mirror:
        return reading
    order = list(MIRROR)
    return Reading(reading.positions[order], reading.mass[order], reading.absent[order])


def _combined(ct: Volume, readings: list[Reading], frame: HeadFrame) -> Readings:
    """Mean position of the readings near their median, and what tells how far it can be trusted."""
    positions = np.stack([r.positions for r in readings])
    mass, absent = np.stack([r.mass for r in readings]), np.stack([r.absent for r in readings])
    middle = np.median(positions, axis=0)
    near = np.linalg.norm(positions - middle, axis=2) < 12.0
    weights = (mass**2 + 1e-6) * (near + 1e-3)
    weights /= weights.sum(0)
    mean = (positions * weights[..., None]).sum(0)
    spread = np.sqrt((np.linalg.norm(positions - mean, axis=2) ** 2).mean(0))
    residual = shape_residuals(mean, mass.mean(0))
    logs = np.log1p([spread, residual, np.clip(_margin(ct, mean), 0, FAR_MM)])
    return Readings(mean, np.stack([_logit(mass.mean(0)), _logit(absent.mean(0)), *logs], axis=1), frame)


def _margin(ct: Volume, lps: np.ndarray) -> np.ndarray:
    """Distance in mm (N,) of points to the nearest face of the field of view, negative outside."""
    kji = ct.geometry.to_kji(lps)
    return (np.minimum(kji + 0.5, np.asarray(ct.array.shape) - 0.5 - kji) * ct.geometry.sampling).min(1)


def _logit(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(p / (1 - p))
