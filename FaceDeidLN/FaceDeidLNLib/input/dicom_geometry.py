"""Slice positions to one affine, gantry tilt included; uneven slices are refused with the reason."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..core.geometry import Geometry
from .dicom_header import HeaderSlice

#: Slice gaps may differ by this share of the usual gap, by no less than the rounding of written positions (mm) ...
GAP_SHARE = 0.02
GAP_ROUNDING_MM = 0.02
#: ... and by no more than this, in mm; a slice may lie off the straight line through all by as much.
GAP_LIMIT_MM = 0.1
#: Largest difference between the direction cosines of two slices: 0.006 degrees, or 0.03 mm over 300 mm.
ORIENTATION_TOLERANCE = 1e-4
#: Slices closer than this, in mm, lie at the same place.
SAME_PLACE_MM = 0.01


def series_geometry(items: list[HeaderSlice]) -> tuple[list[HeaderSlice], Geometry]:
    """The slices (see :func:`.dicom_header.require_numbers`) sorted along their normal, and the geometry (k slices, j rows, i columns).

    The k axis runs from the first slice to the last, so that a tilted gantry gives a sheared affine.

    :raises InputError: slices that differ in size or direction, duplicates, gaps that are not equal.
    """
    _require_alike(items)
    rows = np.array(items[0].header.ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(rows[0], rows[1])
    height = np.array([_position(s) @ normal for s in items])
    order = np.argsort(height, kind="stable")
    items, height = [items[n] for n in order], height[order]
    if len(items) < 2:
        raise InputError(f"The series has only {len(items)} slice: a scout or fragment has no face to work on, give the axial series.")
    _require_even(items, height)
    positions = np.array([_position(s) for s in items])
    step = (positions[-1] - positions[0]) / (len(items) - 1)
    _require_straight(positions, step)
    header = items[0].header
    matrix = np.eye(4)
    matrix[:3, 0] = rows[0] * float(header.PixelSpacing[1])
    matrix[:3, 1] = rows[1] * float(header.PixelSpacing[0])
    matrix[:3, 2] = step
    matrix[:3, 3] = positions[0]
    return items, Geometry((len(items), int(header.Rows), int(header.Columns)), matrix)


def _position(item: HeaderSlice) -> np.ndarray:
    return np.array(item.header.ImagePositionPatient, dtype=float)


def _require_alike(items: list[HeaderSlice]) -> None:
    """Every slice has the same size, spacing and direction."""
    first = items[0].header
    for item in items:
        header = item.header
        if (header.Rows, header.Columns) != (first.Rows, first.Columns) or not np.allclose(
            header.PixelSpacing, first.PixelSpacing, rtol=1e-4
        ):
            raise InputError(
                f"{item.path.name} differs in size or pixel spacing from {items[0].path.name}: give slices of one acquisition."
            )
        if not np.allclose(header.ImageOrientationPatient, first.ImageOrientationPatient, rtol=0, atol=ORIENTATION_TOLERANCE):
            raise InputError(f"{item.path.name} is turned against {items[0].path.name}: give slices of one acquisition.")
    rows = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    if not np.allclose(rows @ rows.T, np.eye(2), atol=1e-3):
        raise InputError(f"{items[0].path.name} has direction cosines that are not perpendicular unit vectors: the header is damaged.")


def _require_even(items: list[HeaderSlice], height: np.ndarray) -> None:
    """Equal gaps between the slices, along their normal."""
    gaps = np.diff(height)
    if gaps.min() < SAME_PLACE_MM:
        n = int(np.argmin(gaps))
        count = int(np.count_nonzero(gaps < SAME_PLACE_MM))
        raise InputError(
            f"{count} slices lie at the place of another one (first: {items[n].path.name} and {items[n + 1].path.name}): "
            "remove the duplicates or give one phase of the series."
        )
    usual = float(np.median(gaps))
    allowed = min(max(GAP_SHARE * usual, GAP_ROUNDING_MM), GAP_LIMIT_MM)
    odd = np.flatnonzero(np.abs(gaps - usual) > allowed)
    if odd.size == 0:
        return
    n = int(odd[0])
    between = f"{items[n].path.name} and {items[n + 1].path.name}"
    multiples = gaps[odd] / usual
    if np.all(np.abs(multiples - np.rint(multiples)) * usual <= 2 * allowed) and np.all(np.rint(multiples) >= 2):
        missing = int(np.sum(np.rint(multiples) - 1))
        raise InputError(
            f"{missing} slices are missing (the first between {between}; the others lie {usual:.4g} mm apart): get the whole series."
        )
    raise InputError(
        f"The gaps between the slices run from {gaps.min():.4g} to {gaps.max():.4g} mm (usually {usual:.4g} mm, first odd one between "
        f"{between}), and one voxel grid cannot hold them: resample the series to equal gaps, or give the part with equal gaps."
    )


def _require_straight(positions: np.ndarray, step: np.ndarray) -> None:
    """All slices start on one straight line."""
    line = positions[0] + np.arange(len(positions))[:, None] * step
    worst = float(np.linalg.norm(positions - line, axis=1).max())
    if worst > 2 * GAP_LIMIT_MM:
        raise InputError(f"The slices are shifted against each other by up to {worst:.3g} mm, and one voxel grid cannot hold them.")
