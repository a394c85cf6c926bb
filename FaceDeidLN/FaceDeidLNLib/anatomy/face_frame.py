"""The head's own axes: a mean face laid onto whatever landmarks were found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ..core.affine import affine, similarity_back
from ..core.errors import FaceNotFoundError
from ..core.landmarks import Landmarks

#: Mean positions in mm: x to the patient's left, y anterior, z superior, origin midway between the tragia.
#: Generalised Procrustes mean (mirrored, true size) of 58 head-and-neck radiotherapy patients of the OpenKBP
#: collection (Babier et al., Med Phys 2021;48:5549), heads as they lay: about 14 degrees chin-up of Frankfort.
#: The gonia are the angles of 48 of the patients' drawn mandibles, on the bone.
MEAN_FACE: dict[str, tuple[float, float, float]] = {
    "pronasale": (0.0, 122.3, 14.4),
    "sellion": (0.0, 94.2, 46.6),
    "stomion": (0.0, 108.2, -26.4),
    "pogonion": (0.0, 111.4, -59.3),
    "menton": (0.0, 100.3, -73.9),
    "eye_right": (-32.8, 69.2, 42.0),
    "eye_left": (32.8, 69.2, 42.0),
    "tragion_right": (-66.3, 0.0, 0.0),
    "tragion_left": (66.3, 0.0, 0.0),
    "gonion_right": (-44.9, 34.8, -49.0),
    "gonion_left": (44.9, 34.8, -49.0),
}

#: Fewer landmarks than this do not fix a rotation.
MIN_LANDMARKS = 3
#: Over this distance in mm a landmark that lies off the mean face pulls the drawing with it.
PULL_MM = 35.0
#: Landmarks that lie nearer (mm, root mean square) to one line than that (in the smallest head) leave open how it is turned.
LEAST_ASIDE_MM = 5.0
#: Below this confidence a landmark does not help to place the frame.
MIN_CONFIDENCE = 0.2


@dataclass(frozen=True, eq=False)
class FaceFrame:
    """A similarity from face coordinates (mm of the mean face) to LPS mm, and how each landmark lies off it.

    ``axes`` (3, 3) has the unit vectors left, anterior, superior in LPS as columns; ``origin`` (3,) is midway
    between the tragia; ``scale`` is this head's size over the mean's. ``anchors`` (N, 3) are mean positions and
    ``pulls`` (N, 3) the residuals there in face coordinates.
    """

    axes: np.ndarray
    origin: np.ndarray
    scale: float
    anchors: np.ndarray
    pulls: np.ndarray

    def to_lps(self, face: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of face coordinates (N, 3)."""
        return affine(np.atleast_2d(face), self.scale * self.axes, self.origin)

    def to_face(self, lps: np.ndarray) -> np.ndarray:
        """Face coordinates (N, 3) of LPS mm (N, 3)."""
        return similarity_back(np.atleast_2d(lps), self.axes, self.origin, self.scale)

    def adapt(self, face: np.ndarray) -> np.ndarray:
        """Move points (N, 3) of the mean face to this face: near a landmark they follow it.

        Gaussian kernel regression of the residuals, which fades to the plain similarity far from every landmark.
        """
        points = np.atleast_2d(np.asarray(face, dtype=float))
        if not len(self.anchors):
            return points
        square = ((points[:, None, :] - self.anchors[None]) ** 2).sum(-1)
        weight = np.exp(-square / (2 * PULL_MM**2))
        return points + weight @ self.pulls / np.maximum(weight.sum(1, keepdims=True), 0.5)


def fit_frame(landmarks: Landmarks) -> FaceFrame:
    """Lay the mean face onto the landmarks (least squares similarity, Umeyama 1991, weighted by confidence).

    Raises FaceNotFoundError where fewer than three landmarks are there or they lie on one line.
    """
    usable = [n for n in MEAN_FACE if landmarks.confidence(n) >= MIN_CONFIDENCE]
    if len(usable) < MIN_LANDMARKS:
        raise FaceNotFoundError(
            f"only {len(usable)} of the facial landmarks were found ({', '.join(usable) or 'none'}); at least {MIN_LANDMARKS} are needed: "
            "place the missing ones in Slicer and give them with --landmarks"
        )
    mean = np.array([MEAN_FACE[n] for n in usable])
    here = np.array([landmarks.position(n) for n in usable]) * (1, -1, 1)  # LPS to (left, anterior, superior): no mirror is hidden in it
    weight = np.array([landmarks.confidence(n) for n in usable])
    scale, axes, shift = _similarity(mean, here, weight)
    flip = np.array([1.0, -1.0, 1.0])
    frame = FaceFrame(flip[:, None] * axes, flip * shift, scale, np.zeros((0, 3)), np.zeros((0, 3)))
    residuals = frame.to_face(here * flip) - mean
    return FaceFrame(frame.axes, frame.origin, scale, mean, residuals * weight[:, None])


def _similarity(mean: np.ndarray, here: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) that take ``mean`` to ``here``; the size stays that of a human head."""
    w = weight / weight.sum()
    a, b = mean - w @ mean, here - w @ here
    if min(np.linalg.svd(points * np.sqrt(w)[:, None], compute_uv=False)[1] for points in (a, b / _SCALES[0])) < LEAST_ASIDE_MM:
        raise FaceNotFoundError("the landmarks lie on one line, so its orientation is open: add an eye or a tragion with --landmarks")
    rotation, _ = Rotation.align_vectors(b, a, weights=w)
    axes = rotation.as_matrix()
    scale = float((w[:, None] * b * (a @ axes.T)).sum() / (w[:, None] * a**2).sum())
    scale = float(np.clip(scale, *_SCALES))
    return scale, axes, w @ here - scale * axes @ (w @ mean)


#: From an infant to a very large adult, over the mean adult.
_SCALES = (0.6, 1.25)
