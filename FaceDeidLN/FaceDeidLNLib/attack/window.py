"""The attacked window: the face of the original as a raster of lines of sight, fixed by landmarks that were marked by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy.face_frame import fit_frame
from ..core.errors import InputError
from ..core.landmarks import Landmarks

#: Lines of sight reach from here to there (mm) from the point between the ears: from behind the facial bones to before any nose.
NEAR_MM = 40.0
FAR_MM = 165.0
STEP_MM = 1.5
#: Between neighbouring lines of sight (degrees); 5 degrees are 9 mm on the face.
RASTER_DEGREES = 5.0
#: The window ends here to either side (degrees of azimuth), a finger's breadth in front of the ear canals.
SIDE_DEGREES = 60.0
#: ... and so far above the nasal root (degrees of elevation): at the upper brow.
BROW_DEGREES = 10.0


@dataclass(frozen=True, eq=False)
class Window:
    """Lines of sight from between the ears through the face.

    ``axes`` (3, 3) has left, anterior, superior in LPS as columns, ``origin`` (3,) is in LPS mm; *head coordinates* are mm
    along these axes from that origin. ``unit`` (N, 3) are the lines' directions in head coordinates.
    """

    axes: np.ndarray
    origin: np.ndarray
    unit: np.ndarray

    def to_lps(self, head: np.ndarray) -> np.ndarray:
        """LPS mm (N, 3) of head coordinates (N, 3)."""
        return head @ self.axes.T + self.origin

    @property
    def radii(self) -> np.ndarray:
        """Distances (R,) in mm at which the lines are sampled, from outside to inside."""
        return np.arange(FAR_MM, NEAR_MM, -STEP_MM)


def face_window(marks: Landmarks) -> Window:
    """The window of one head: from chin to brow and from cheek to cheek; neck, ears and skull vault are not in it.

    ``marks`` must hold tragia, pogonion or menton, and sellion or the eyes. Raises InputError where they do not.
    """
    frame = fit_frame(marks)
    low = _elevation(frame.to_face, marks, ("menton", "pogonion"))
    high = _elevation(frame.to_face, marks, ("sellion", "eye_left", "eye_right")) + BROW_DEGREES
    elevation = np.arange(low, high + 1e-6, RASTER_DEGREES)
    azimuth = np.arange(-SIDE_DEGREES, SIDE_DEGREES + 1e-6, RASTER_DEGREES)
    a, e = (np.radians(v).ravel() for v in np.meshgrid(azimuth, elevation))
    unit = np.stack([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)], axis=1)
    return Window(frame.axes, frame.origin, unit)


def _elevation(to_face: object, marks: Landmarks, names: tuple[str, ...]) -> float:
    """Degrees above the level of the ears at which the first of the named marks is seen."""
    for name in names:
        position = marks.position(name)
        if position is not None:
            face = to_face(position)[0]
            return float(np.degrees(np.arctan2(face[2], np.hypot(face[0], face[1]))))
    raise InputError(f"The attack needs one of the landmarks {', '.join(names)} of every original.")
