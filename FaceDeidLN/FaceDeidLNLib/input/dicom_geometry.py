"""Slice positions to one affine, gantry tilt included; uneven slices get an even grid and keep their places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.stack import ON_PLANE
from .dicom_header import HeaderSlice, value_of

#: Slice gaps may differ by this share of the usual gap, by no less than the rounding of written positions (mm) ...
GAP_SHARE = 0.02
GAP_ROUNDING_MM = 0.02
#: ... and by no more than this, in mm; a slice may lie off the straight line through all by as much.
GAP_LIMIT_MM = 0.1
#: Among uneven gaps, the grid has the usual one where at least this share of them has it; a grid is never finer than this, in mm.
USUAL_SHARE, MIN_STEP_MM = 0.6, 0.5
#: More planes than this have no CT.
MAX_PLANES = 4000
#: How many runs of equal gaps a note tells one by one.
MAX_RUNS = 3
#: Largest difference between the direction cosines of two slices: 0.006 degrees, or 0.03 mm over 300 mm.
ORIENTATION_TOLERANCE = 1e-4
#: Slices closer than this, in mm, lie at the same place.
SAME_PLACE_MM = 0.01


@dataclass(frozen=True, eq=False)
class Placed:
    """Slices sorted along their normal, the even grid (k slices, j rows, i columns) of them, and a note where they are uneven.

    ``places`` (n,) are the slices' own places along k, in planes of the grid; None where every slice is a plane.
    """

    slices: list[HeaderSlice]
    geometry: Geometry
    places: np.ndarray | None = None
    gaps_mm: np.ndarray | None = None
    note: str = ""


def series_geometry(items: list[HeaderSlice]) -> Placed:
    """The slices (see :func:`.dicom_header.require_numbers`) and the grid of them.

    The k axis runs from the first slice to the last, so that a tilted gantry gives a sheared affine. Where the gaps are not
    equal, the grid has a step that most or all of the slices lie on, and ends with or just behind the last one.

    :raises InputError: slices that differ in size or direction, duplicates, slices shifted against each other.
    """
    _require_alike(items)
    _require_one_frame(items)
    rows = np.array(items[0].header.ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(rows[0], rows[1])
    height = np.array([_position(s) @ normal for s in items])
    order = np.argsort(height, kind="stable")
    items, height = [items[n] for n in order], height[order]
    if len(items) < 2:
        raise InputError(f"The series has only {len(items)} slice: a scout or fragment has no face to work on, give the axial series.")
    _require_apart(items, height)
    positions = np.array([_position(s) for s in items])
    even = is_even(height)
    share = np.linspace(0.0, 1.0, len(items)) if even else (height - height[0]) / (height[-1] - height[0])
    _require_straight(positions, share)
    step_mm = (height[-1] - height[0]) / (len(items) - 1) if even else _step_mm(np.diff(height))
    places = (height - height[0]) / step_mm
    header = items[0].header
    matrix = np.eye(4)
    matrix[:3, 0] = rows[0] * float(header.PixelSpacing[1])
    matrix[:3, 1] = rows[1] * float(header.PixelSpacing[0])
    matrix[:3, 2] = (positions[-1] - positions[0]) / (len(items) - 1 if even else places[-1])
    matrix[:3, 3] = positions[0]
    planes = len(items) if even else int(np.ceil(places[-1] - ON_PLANE)) + 1
    if planes > MAX_PLANES:
        raise InputError(f"The slices lie between {np.diff(height).min():.3g} and {np.diff(height).max():.3g} mm apart: give one stack.")
    geometry = Geometry((planes, int(header.Rows), int(header.Columns)), matrix)
    if even:
        return Placed(items, geometry)
    return Placed(items, geometry, places, np.diff(height), _uneven_note(np.diff(height), step_mm))


def _position(item: HeaderSlice) -> np.ndarray:
    return np.array(value_of(item.header, "ImagePositionPatient"), dtype=float)


def _require_alike(items: list[HeaderSlice]) -> None:
    """Every slice has the same size, spacing and direction."""
    first = items[0].header
    size, spacing, direction = (first.Rows, first.Columns), first.PixelSpacing, first.ImageOrientationPatient
    for item in items:
        header = item.header
        alike = (value_of(header, "Rows"), value_of(header, "Columns")) == size
        if not alike or not _is_near(value_of(header, "PixelSpacing"), spacing, rtol=1e-4, atol=1e-8):
            raise InputError(
                f"{item.path.name} differs in size or pixel spacing from {items[0].path.name}: give slices of one acquisition."
            )
        if not _is_near(value_of(header, "ImageOrientationPatient"), direction, rtol=0.0, atol=ORIENTATION_TOLERANCE):
            raise InputError(f"{item.path.name} is turned against {items[0].path.name}: give slices of one acquisition.")
    rows = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    if not np.allclose(rows @ rows.T, np.eye(2), atol=1e-3):
        raise InputError(f"{items[0].path.name} has direction cosines that are not perpendicular unit vectors: the header is damaged.")


def _require_one_frame(items: list[HeaderSlice]) -> None:
    """All slices lie in one frame of reference. Where each has its own, an anonymiser has named them anew one by one."""
    frames = [str(value_of(item.header, "FrameOfReferenceUID") or "") for item in items]
    if 1 < len({*frames} - {""}) < len(items):
        other = next(item for item, frame in zip(items, frames, strict=True) if frame not in ("", next(filter(None, frames))))
        raise InputError(
            f"{other.path.name} lies in another frame of reference than {items[0].path.name}, so that nobody knows how they lie to each "
            "other: give slices of one acquisition."
        )


def _is_near(values: object, others: object, rtol: float, atol: float) -> bool:
    """Slices of a series share what they have in common: what is the same object needs no comparison."""
    return values is others or bool(np.allclose(values, others, rtol=rtol, atol=atol))


def _require_apart(items: list[HeaderSlice], height: np.ndarray) -> None:
    """No two slices lie at the same place."""
    gaps = np.diff(height)
    if gaps.min() < SAME_PLACE_MM:
        n = int(np.argmin(gaps))
        count = int(np.count_nonzero(gaps < SAME_PLACE_MM))
        lie = "slice lies" if count == 1 else "slices lie"
        raise InputError(
            f"{count} {lie} at the place of another one (first: {items[n].path.name} and {items[n + 1].path.name}): "
            "remove the duplicates or give one phase of the series."
        )


def _allowed_mm(step_mm: float) -> float:
    """How far a gap may be from what it should be."""
    return min(max(GAP_SHARE * step_mm, GAP_ROUNDING_MM), GAP_LIMIT_MM)


def is_even(height: np.ndarray) -> bool:
    """True where sorted places (mm) of slices lie evenly."""
    gaps = np.diff(height)
    usual = float(np.median(gaps))
    return bool(np.all(np.abs(gaps - usual) <= _allowed_mm(usual)))


def _step_mm(gaps: np.ndarray) -> float:
    """The step of an even grid for uneven gaps: one that all gaps are multiples of, else the usual one, else a small one."""
    usual = float(np.median(gaps))
    least = float(np.median(gaps[gaps <= gaps.min() + _allowed_mm(gaps.min())]))
    if np.all(np.abs(gaps / least - np.rint(gaps / least)) * least <= _allowed_mm(least)):
        return float(gaps.sum() / np.rint(gaps / least).sum())
    alike = np.abs(gaps - usual) <= _allowed_mm(usual)
    if alike.mean() >= USUAL_SHARE:
        return float(gaps[alike].mean())
    return max(least, MIN_STEP_MM)


def _uneven_note(gaps: np.ndarray, step_mm: float) -> str:
    """In one line, how the slices lie and what is done about it."""
    runs: list[tuple[float, int]] = []
    for gap in gaps:
        if runs and abs(gap - runs[-1][0]) <= _allowed_mm(runs[-1][0]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((float(gap), 1))
    told = ", then ".join(f"{count} gap{'s' if count > 1 else ''} of {gap:.4g} mm" for gap, count in runs)
    if len(runs) > MAX_RUNS:
        told = f"gaps from {gaps.min():.4g} to {gaps.max():.4g} mm"
    return f"the slices do not lie evenly ({told}): worked on an even grid of {step_mm:.4g} mm, every slice written at its own place"


def _require_straight(positions: np.ndarray, share: np.ndarray) -> None:
    """All slices start on one straight line, each at its ``share`` (n,) of the way."""
    line = positions[0] + share[:, None] * (positions[-1] - positions[0])
    worst = float(np.linalg.norm(positions - line, axis=1).max())
    if worst > 2 * GAP_LIMIT_MM:
        raise InputError(f"The slices are shifted against each other by up to {worst:.3g} mm, and one voxel grid cannot hold them.")
