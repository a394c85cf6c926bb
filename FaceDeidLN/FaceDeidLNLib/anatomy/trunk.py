"""Where the bone of the trunk lies below a head: spine, ribs, breastbone, collar bones, shoulders and upper arms."""

from __future__ import annotations

import numpy as np

from .face_frame import FaceFrame

#: Everything here is in mm of the mean face (left, anterior, superior); made on 88 patients, of whom 73 show their shoulders.
#: The neck turns about this place.
NECK = np.array([0.0, -20.0, -60.0])
#: The trunk begins below the first height where the neck is, this far to both sides, and below the second one elsewhere. Few
#: patients' shoulders reach above -100, half of them -125.
NECK_TOP, NECK_SIDE, SHOULDER_TOP = -95.0, 85.0, -110.0
#: Its bone lies behind a slope: collar bones and breastbone reach forward to 56, 73, 92 and 93 at the heights -120, -160, -200 and
#: -240, and to 18, 46, 68 and 84 in all but two patients. What single patients have before it is thin.
SLOPE_AT, SLOPE_FRONT, SLOPE, FURTHEST_FRONT = -100.0, 15.0, 0.45, 115.0
#: ... and within these ends behind and to the sides: shoulder blades reach -203, arms that lie beside the trunk 260.
BEHIND, SIDE = -210.0, 265.0


def in_trunk(frame: FaceFrame, lps: np.ndarray) -> np.ndarray:
    """True (N,) for points (N, 3) in LPS mm that lie where the bone of the trunk of the head at ``frame`` does.

    The trunk is thought to lie as the head does, and along the patient axes too: a head that is turned or bent does not take its trunk
    along, and a CT's axes may be wrong.
    """
    straight = (np.atleast_2d(lps) - frame.to_lps(NECK)[0]) * (1.0, -1.0, 1.0) / frame.scale + NECK
    return _below_head(frame.to_face(lps)) | _below_head(straight)


def _below_head(points: np.ndarray) -> np.ndarray:
    side, front, height = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    slope = np.clip(SLOPE_FRONT + SLOPE * (SLOPE_AT - height), SLOPE_FRONT, FURTHEST_FRONT)
    low = (height < SHOULDER_TOP) | ((height < NECK_TOP) & (side < NECK_SIDE))
    return low & (front < slope) & (front > BEHIND) & (side < SIDE)
