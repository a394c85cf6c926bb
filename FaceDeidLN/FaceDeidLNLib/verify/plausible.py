"""Is this a face? Checks by other means than those that found it: proportions, the skin, the most prominent point."""

from __future__ import annotations

import contextlib

import numpy as np

from ..anatomy.face_frame import MEAN_FACE, FaceFrame, fit_frame
from ..core.errors import FaceNotFoundError
from ..core.geometry import Geometry
from ..core.landmarks import Landmarks
from ..core.volume import AIR_HU, Volume
from ..face.polar import skin_distance, unit_vectors
from ..face.segment import Face
from ..face.styles import Region
from .coverage import FEATURE_MM, MIN_CONFIDENCE, SKIN_HU

#: No landmark of the 58 faces behind the mean face lies further off it (mm) than 12.5; half as much again is doubtful.
MAX_RESIDUAL_MM = 19.0
#: A landmark this close (mm) to where at least so many certain other landmarks put it is confirmed: of the faces behind the mean
#: face 95 % of each landmark lie within 10 mm.
CONFIRMED_MM = 10.0
WITNESSES = 5
#: Landmarks that are points of the skin lie on it: the mark's accuracy (3-6 mm) and a voxel.
SKIN_LANDMARKS = ("pronasale", "sellion", "pogonion")
MAX_OFF_SKIN_MM = 9.0
#: The tip of the nose is the most anterior skin within this window (degrees): above the lips, where tubes stick out, and up
#: to where the nose would be seen if the chin had been taken for it.
NOSE_AZIMUTH = (-22.0, 22.0)
NOSE_ELEVATION = (-4.0, 42.0)
#: Of it, the tip lies below the one and all of the nose below the other: for regions that leave the nose, which have no upper border.
TIP_ELEVATION, BROW_ELEVATION = 16.0, 32.0
#: The most prominent point of a face lies no further (mm) from the tip of the nose that was found.
MAX_NOSE_MM = 15.0
#: Unless it stands out less than this (mm of the mean face) beyond what is found there: lips may. Of 60 heads the nose stands out by 4.9 to
#: 14 mm more than all else, and in one, whose lips do as much, by 0.1 mm, or by 0.9 mm less once it is turned.
LIKE_THE_NOSE_MM = 2.0
#: Where the skin is real and not carried on beyond what was scanned, there is tissue this far (mm) behind it.
TISSUE_BEHIND_MM = 3.0
#: A head turned further (degrees) against the header's patient axes lies as no head does in a scanner, or the header is wrong.
MAX_TURN_DEGREES = 60.0
#: Landmarks that are a part of a face; ear and angle of the jaw alone are none.
FACE_PARTS = ("pronasale", "sellion", "stomion", "pogonion", "menton", "eye_right", "eye_left")
#: A head is at most so much larger than the mean: of 89 real ones the largest is 1.109 times as large, the second 1.071. A new face is
#: drawn for a head of usual size: before one 1.158 times as large (made up) it lay behind teeth, orbits and deep tissue in 2 of 3 draws.
LARGEST_HEAD = 1.13
#: A landmark expected this close (mm) to where the scanned head ends, or beyond it, may be out of view.
EDGE_MM = 10.0
#: Where so much (mm) beside the middle of the mouth is not in view, that middle is found too far to the other side (by 5 to 16 mm in the
#: synthetic head), and the node levels with it.
BESIDE_MM = 25.0
#: This far (mm) behind a landmark of the skin there is tissue in any head.
INWARDS_MM = 20.0
#: What moves with the jaw: where the mouth is wide open there is air, in view, and the head goes on up to so much (mm) further behind.
OF_THE_JAW, FURTHER_MM = ("pogonion", "menton"), (15.0, 30.0, 45.0, 60.0)


def out_of_view(style: Region, landmarks: Landmarks, frame: FaceFrame, body: Volume) -> tuple[str, ...]:
    """The style's missing or uncertain landmarks that the rest of the face puts beyond what was scanned, or at its edge.

    ``body`` (bool) is the patient on a grid over the whole CT. A place counts as scanned where the head goes on behind
    it, a little above and a little below; a missing landmark that should be well in view is not returned.
    """
    missing = [name for name in style.covers if landmarks.confidence(name) < MIN_CONFIDENCE]
    if not missing:
        return ()
    expected = frame.adapt(np.array([MEAN_FACE[name] for name in missing]))
    inwards = np.array([_inwards(name) for name in missing])
    jaw = np.array([name in OF_THE_JAW for name in missing])
    seen = np.ones(len(missing), dtype=bool)
    for up in ((0.0, 0.0, EDGE_MM), (0.0, 0.0, -EDGE_MM)):
        scanned = _of_body(body, frame.to_lps(expected + inwards + up))
        further = [_of_body(body, frame.to_lps(expected + inwards + up - (0.0, mm, 0.0))) for mm in FURTHER_MM]
        held = body.geometry.holds(body.geometry.to_kji(frame.to_lps(expected + up)))
        seen &= scanned | (jaw & held & np.any(further, axis=0))
    return tuple(name for name, here in zip(missing, seen, strict=True) if not here)


def _of_body(body: Volume, lps: np.ndarray) -> np.ndarray:
    """True (N,) for points (N, 3) in LPS mm in the body (bool, on its grid)."""
    kji = np.rint(body.geometry.to_kji(lps)).astype(int)
    inside = np.all((kji >= 0) & (kji < body.array.shape), axis=1)
    return inside & body.array[tuple(np.clip(kji, 0, np.array(body.array.shape) - 1).T)]


def _inwards(name: str) -> tuple[float, float, float]:
    """From a landmark to tissue that any head has there (left, anterior, superior; mm)."""
    if name.startswith("tragion_"):
        return (INWARDS_MM if name.endswith("right") else -INWARDS_MM, 0.0, 0.0)
    return (0.0, 0.0 if name.startswith("eye_") else -INWARDS_MM, 0.0)


def shows_face(landmarks: Landmarks) -> bool:
    """True where at least one part of a face was found with some certainty."""
    return any(landmarks.confidence(name) >= MIN_CONFIDENCE for name in FACE_PARTS)


def confirmed(landmarks: Landmarks) -> frozenset[str]:
    """Landmarks that lie within CONFIRMED_MM of where the mean face, laid onto all the others, puts them."""
    names = set()
    for name, mean in MEAN_FACE.items():
        position = landmarks.position(name)
        others = Landmarks({other: point for other, point in landmarks.points.items() if other != name})
        if position is None or sum(others.confidence(n) >= MIN_CONFIDENCE for n in MEAN_FACE) < WITNESSES:
            continue
        with contextlib.suppress(FaceNotFoundError):  # all the others lie on one line
            expected = fit_frame(others).to_lps(np.array([mean]))[0]
            if np.linalg.norm(expected - position) <= CONFIRMED_MM:
                names.add(name)
    return frozenset(names)


def implausible(face: Face, landmarks: Landmarks, ct: Volume) -> tuple[str, ...]:
    """Why the landmarks may not be this face's, or the header not this patient's; empty where nothing speaks against them."""
    doubts = (*_odd_proportions(face.frame, landmarks), *_off_skin(face, landmarks), *_nose_elsewhere(face, landmarks, ct))
    return (*turned(face.frame), *too_large(face.frame), *cut_beside(face.frame, ct.geometry), *doubts)


def cut_beside(frame: FaceFrame, view: Geometry) -> tuple[str, ...]:
    """Says that the field of view ends beside the middle of the face, along the axis of the CT that runs across it."""
    mouth = np.array(MEAN_FACE["stomion"]) - (0.0, INWARDS_MM, 0.0)
    aside = np.array([BESIDE_MM / frame.scale, 0.0, 0.0])
    sides = view.to_kji(frame.to_lps(np.array([mouth - aside, mouth + aside])))
    axis = int(np.argmax(np.abs(sides[1] - sides[0]) * view.sampling))
    last = view.shape[axis] - 0.5
    if all(-0.5 <= side[axis] <= last for side in sides):
        return ()
    return (
        "the field of view ends close beside the middle of the face, which is found too far to the other side then: look whether landmarks "
        "and node levels lie where they belong",
    )


def too_large(frame: FaceFrame) -> tuple[str, ...]:
    """Says that the head is larger than LARGEST_HEAD times the mean one, or its header wrong."""
    if frame.scale <= LARGEST_HEAD:
        return ()
    return (
        f"the head is {frame.scale - 1.0:.0%} larger than the mean, larger than any that was tested: bone and deep tissue may stand out of "
        "the new face, or the voxel size in the header is wrong; look at the result",
    )


def turned(frame: FaceFrame) -> tuple[str, ...]:
    """How the head lies, where it is turned by more than MAX_TURN_DEGREES against the patient axes of the header."""
    usual = np.diag([1.0, -1.0, 1.0])  # left, anterior and superior in LPS
    cosine = (np.trace(usual.T @ frame.axes) - 1.0) / 2.0
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    if angle <= MAX_TURN_DEGREES:
        return ()
    words = [word for word, axis in (("face down (prone)", 1), ("feet first", 2)) if frame.axes[:, axis] @ usual[:, axis] < -0.5]
    how = f": {' and '.join(words)}" if words else ""
    return (
        f"the head lies turned by {angle:.0f} degrees against the patient axes in the header{how}; the header's orientation may be wrong: "
        "check it, as left and right may be exchanged too",
    )


def _patience(landmarks: Landmarks, name: str) -> float:
    """A person's point may be half as much further off than an automatic one: he may know better, but not everything."""
    return 1.5 if landmarks.points[name].source == "user" else 1.0


def _odd_proportions(frame: FaceFrame, landmarks: Landmarks) -> tuple[str, ...]:
    """Landmarks that no human face has there, left and right compared through the symmetric mean face."""
    reasons = []
    for name, mean in MEAN_FACE.items():
        position = landmarks.position(name)
        if position is None:
            continue
        off = float(np.linalg.norm(frame.to_face(position)[0] - mean)) * frame.scale
        if off > MAX_RESIDUAL_MM * _patience(landmarks, name):
            reasons.append(
                f"{name} lies {off:.0f} mm from where the other landmarks put it: check it in Slicer and give it with --landmarks"
            )
    return tuple(reasons)


def _off_skin(face: Face, landmarks: Landmarks) -> tuple[str, ...]:
    """Landmarks of the skin that do not lie on it."""
    reasons = []
    for name in SKIN_LANDMARKS:
        position = landmarks.position(name)
        if position is None:
            continue
        depth = float(face.depth.at(position)[0])
        if abs(depth) > MAX_OFF_SKIN_MM * _patience(landmarks, name):
            where = "below" if depth > 0 else "in front of"
            reasons.append(f"{name} lies {abs(depth):.0f} mm {where} the skin: check it in Slicer and give it with --landmarks")
    return tuple(reasons)


def _nose_elsewhere(face: Face, landmarks: Landmarks, ct: Volume) -> tuple[str, ...]:
    """The most anterior skin near the midline is not where the tip of the nose was found."""
    position = landmarks.position("pronasale")
    if position is None:
        return ()
    points = _before_tissue(face, ct)
    if not len(points):
        return ()
    ahead, off = face.frame.to_face(points)[:, 1], np.linalg.norm(points - position, axis=1)
    apart = float(off[np.argmax(ahead)])
    found = np.max(ahead, where=off <= FEATURE_MM, initial=-np.inf)
    if apart <= MAX_NOSE_MM * _patience(landmarks, "pronasale") or ahead.max() - found < LIKE_THE_NOSE_MM:
        return ()
    return (f"the most prominent point of the face lies {apart:.0f} mm from the tip of the nose that was found: check pronasale",)


def _before_tissue(face: Face, ct: Volume) -> np.ndarray:
    """Points (N, 3) in LPS mm of the skin near the midline that have tissue behind them in the CT."""
    directions, skin = _around_nose(face)
    unit = unit_vectors(face.frame, directions)
    hu = ct.at(face.frame.origin + unit * (skin - TISSUE_BEHIND_MM), AIR_HU)
    return (face.frame.origin + unit * skin)[hu > SKIN_HU]


def _around_nose(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Directions (N, 2) near the midline and the distance (N, 1) in mm to the skin there: inside the curve, if it holds the nose."""
    directions = face.raster.directions().reshape(-1, 2)
    inside = face.inside.ravel()
    near = (directions[:, 0] >= NOSE_AZIMUTH[0]) & (directions[:, 0] <= NOSE_AZIMUTH[1])
    near &= (directions[:, 1] >= NOSE_ELEVATION[0]) & (directions[:, 1] <= NOSE_ELEVATION[1])
    if inside[near & (directions[:, 1] <= TIP_ELEVATION)].all():
        near &= inside
        return directions[near], face.skin.reshape(-1, 1)[near]
    near &= directions[:, 1] <= BROW_ELEVATION
    skin = skin_distance(face.depth, face.frame, directions[near])
    known = ~np.isnan(skin)
    return directions[near][known], skin[known][:, None]
