"""A closed line through points, as smooth as a cubic spline is.

scipy has the same (``CubicSpline`` with ``bc_type="periodic"``), in a package that takes a fifth of a whole run's imports.
"""

from __future__ import annotations

import numpy as np

#: Points nearer to each other count as so far apart.
LEAST_LENGTH = 1e-3


def closed_spline(points: np.ndarray, count: int) -> np.ndarray:
    """``count`` points (count, D) of the closed cubic spline through points (N, D), N at least 3, evenly spaced by the chords' length.

    First and second derivative go on everywhere: a cyclic system for the second derivatives at the points, as in de Boor, A Practical
    Guide to Splines (1978), chapter IV.
    """
    number = len(points)
    after = np.roll(points, -1, axis=0)
    step = np.maximum(np.linalg.norm(after - points, axis=1), LEAST_LENGTH)
    slope = (after - points) / step[:, None]
    at, before = np.arange(number), np.roll(step, 1)
    system = np.zeros((number, number))
    system[at, at] = 2 * (before + step)
    system[at, at - 1] = before
    system[at, (at + 1) % number] = step
    bend = np.linalg.solve(system, 6 * (slope - np.roll(slope, 1, axis=0)))
    knots = np.concatenate([[0.0], np.cumsum(step)])
    along = np.linspace(0, knots[-1], count, endpoint=False)
    of = np.searchsorted(knots, along, side="right") - 1
    here, length = (along - knots[of])[:, None], step[of][:, None]
    bend_here, bend_next = bend[of], np.roll(bend, -1, axis=0)[of]
    first = slope[of] - length * (2 * bend_here + bend_next) / 6
    return points[of] + here * (first + here * (bend_here / 2 + here * (bend_next - bend_here) / (6 * length)))
