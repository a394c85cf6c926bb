"""The hyoid bone, or where it is on average: the caudal and posterior edge of the submental region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...core.segment import Segment, places
from ...input.names import Role, role_of
from ..face_frame import FaceFrame
from .fit import JawFrame
from .grid import STEP_MM, JawGrid

#: Bone of the hyoid in HU; its thin horns are dimmer than cortical bone.
HYOID_HU = 190.0
#: Where its body can lie, in jaw coordinates (mm).
SEARCH_LOW, SEARCH_HIGH = (-26.0, 18.0, -122.0), (26.0, 72.0, -52.0)
#: Volume (mm3 of the mean jaw) between a horn's fragment and a piece of the spine or of a calcified larynx.
SIZES_MM3 = (120.0, 5000.0)


@dataclass(frozen=True)
class Hyoid:
    """The hyoid's body in jaw coordinates (mm): front edge ``front`` (y), upper and lower edge (z); ``found`` in this patient or mean."""

    front: float
    top: float
    bottom: float
    found: bool


#: Medians of what ``find_hyoid`` finds in 60 adults of the OpenKBP collection.
MEAN_HYOID = Hyoid(front=47.0, top=-76.0, bottom=-90.0, found=False)


def find_hyoid(grid: JawGrid, hu: np.ndarray | None, mandible: np.ndarray, segments: Sequence[Segment] = ()) -> Hyoid:
    """The hyoid of a segment of that name that lies where one can, else of the CT's bone below the jaw, else the mean.

    ``hu`` is the CT on ``grid``, where there is one; ``mandible`` (bool, on ``grid``) is left out of the search.
    """
    for segment in hyoid_segments(segments):
        jaw = grid.frame.to_jaw(segment.mask.geometry.to_lps(places(segment.mask.array > 0)))
        if _can_be_hyoid(jaw):
            return _measured(grid, grid.of_points(jaw))
    if hu is None:
        return MEAN_HYOID
    low, high = grid.index(np.array(SEARCH_LOW))[0], grid.index(np.array(SEARCH_HIGH))[0]
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    near = ndimage.binary_dilation(mandible[window], iterations=round(4.5 / STEP_MM))
    bone = (hu[window] > HYOID_HU) & ~near
    labels, _ = ndimage.label(bone, np.ones((3, 3, 3)))
    best = _most_central(labels)
    if best == 0:
        return MEAN_HYOID
    out = np.zeros(mandible.shape, dtype=bool)
    out[window] = labels == best
    return _measured(grid, out)


def hyoid_segments(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Those of the segments that are called a hyoid (a mylohyoid muscle is none) and are not empty."""
    guides = [segment for segment in segments if role_of(segment.name, segment.code) is Role.GUIDE]
    return tuple(segment for segment in guides if "hyoid" in segment.name.casefold() and segment.mask.array.any())


def hyoid_doubts(frame: FaceFrame, segments: Sequence[Segment]) -> tuple[str, ...]:
    """A sentence for each drawn hyoid that lies where none can in the head with this ``frame``: reasons for a REVIEW."""
    start, reasons = JawFrame(frame.axes, frame.origin, frame.scale), []
    for segment in hyoid_segments(segments):
        if not _can_be_hyoid(start.to_jaw(segment.mask.geometry.to_lps(places(segment.mask.array > 0)))):
            reasons.append(f"the segment '{segment.name}' lies where no hyoid can: it is no hyoid of this patient")
    return tuple(reasons)


def _can_be_hyoid(jaw: np.ndarray) -> bool:
    """True where most of the points (N, 3), in jaw coordinates, lie where a hyoid can."""
    return bool(np.mean(np.all((jaw > SEARCH_LOW) & (jaw < SEARCH_HIGH), axis=1)) > 0.5)


def _most_central(labels: np.ndarray) -> int:
    """The largest piece of a hyoid's size that does not reach the back of the window (the spine does)."""
    best, most = 0, 0.0
    for number, found in enumerate(ndimage.find_objects(labels), start=1):
        size = np.count_nonzero(labels[found] == number) * STEP_MM**3
        middle = abs(0.5 * (found[2].start + found[2].stop) - labels.shape[2] / 2) * STEP_MM
        central = middle < 14.0 and found[1].start > 0 and found[1].stop - found[1].start < 34 / STEP_MM
        fits = central and SIZES_MM3[0] <= size <= SIZES_MM3[1]
        if fits and size > most:
            best, most = number, size
    return best


def _measured(grid: JawGrid, mask: np.ndarray) -> Hyoid:
    """The edges of the hyoid's body: of what lies near the midline, or of all where nothing does."""
    body = mask & (np.abs(grid.x) < 10)
    body = body if body.any() else mask
    k, j, _ = np.nonzero(body)
    z, y = grid.z.ravel()[k], grid.y.ravel()[j]
    return Hyoid(float(np.percentile(y, 95)), float(z.max()), float(z.min()), True)
