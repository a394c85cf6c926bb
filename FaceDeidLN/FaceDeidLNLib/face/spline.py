"""A closed line through points, as smooth as a cubic spline is.

scipy has the same (``CubicSpline`` with ``bc_type="periodic"``), in a package that takes a sixth of all the time that a run imports.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_banded

#: Points nearer to each other count as so far apart.
LEAST_LENGTH = 1e-3


def closed_spline(points: np.ndarray, count: int) -> np.ndarray:
    """``count`` points (count, D) of the closed cubic spline through points (N, D), N at least 3, evenly spaced by the chords' length.

    First and second derivative go on everywhere: a cyclic system for the second derivatives at the points, as in de Boor, A Practical
    Guide to Splines (1978), chapter IV.
    """
    after = np.roll(points, -1, axis=0)
    step = np.maximum(np.linalg.norm(after - points, axis=1), LEAST_LENGTH)
    slope = (after - points) / step[:, None]
    bend = _cyclic(step, 6 * (slope - np.roll(slope, 1, axis=0)))
    knots = np.concatenate([[0.0], np.cumsum(step)])
    along = np.linspace(0, knots[-1], count, endpoint=False)
    of = np.searchsorted(knots, along, side="right") - 1
    here, length = (along - knots[of])[:, None], step[of][:, None]
    bend_here, bend_next = bend[of], np.roll(bend, -1, axis=0)[of]
    first = slope[of] - length * (2 * bend_here + bend_next) / 6
    return points[of] + here * (first + here * (bend_here / 2 + here * (bend_next - bend_here) / (6 * length)))


def _cyclic(step: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Second derivatives (N, D): three diagonals, and what goes around as a change of rank one (Sherman and Morrison 1950)."""
    before = np.roll(step, 1)
    middle, around = 2 * (before + step), step[-1]
    corner = np.zeros(len(step))
    corner[0], corner[-1] = -middle[0], around
    bands = np.stack([before, middle, step])  # above: step[i - 1] in column i; below: step[i] in column i
    bands[1, 0] += middle[0]
    bands[1, -1] += around**2 / middle[0]
    solved = solve_banded((1, 1), bands, np.column_stack([right, corner]))
    rest, whole = solved[:, :-1], solved[:, -1:]
    factor = around / -middle[0]
    return rest - whole * (rest[:1] + factor * rest[-1:]) / (1 + whole[0] + factor * whole[-1])
