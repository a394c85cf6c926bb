"""The outer surface: head, face, ears, neck and shoulders.

Sizes follow the adult means of Farkas, Anthropometry of the Head and Face (1994): head 150 x 190 mm, sellion to menton
120 mm, face breadth 135 mm, nose protrusion 20 mm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .fields import Body, Step, chain, ellipsoid, hinged, rope, rotation

#: Takes a body of the closed jaw to where it is with the jaw opened.
Move = Callable[[Body], Body]
#: (y, z) of the jaw joint's axis in the head frame.
JAW_AXIS = (-12.0, 2.0)
#: From that axis forward to the lips.
JAW_TO_LIPS_MM = 83.0


def jaw_turn(opening_deg: float) -> np.ndarray:
    """Matrix (3, 3) that turns the jaw open about its axis."""
    return rotation((opening_deg, 0.0, 0.0))


def skin(opening_deg: float = 0.0) -> tuple[Step, ...]:
    """The steps that sculpt the skin, with the jaw opened by an angle."""

    def jaw(body: Body) -> Body:
        return hinged(body, opening_deg, JAW_AXIS)

    return (*_head(), *_neck(), *_lower_face(jaw), *_mid_face(), *_eyes(), *_mouth(jaw, opening_deg), *_nose(), *_ears())


def _head() -> tuple[Step, ...]:
    return (
        Step(ellipsoid((0, 22, 47), (75, 73, 77))),
        Step(ellipsoid((0, -20, 52), (65, 71, 72)), 34),
        Step(ellipsoid((0, 35, 0), (62, 50, 45)), 25),
        Step(ellipsoid((0, -36, 5), (62, 52, 58)), 24),
    )


def _neck() -> tuple[Step, ...]:
    return (
        Step(chain([(0, 22, -10), (0, 20, -90), (0, 30, -200)], (50, 54, 58)), 26),
        Step(chain([(22, 50, -10), (28, 52, -90), (44, 56, -150)], (26, 29, 36)).both_sides(), 24),
        Step(chain([(0, -18, -106), (0, -12, -128), (0, 4, -165)], (19, 21, 20)), 18),
        Step(chain([(55, 46, -150), (115, 44, -178), (170, 42, -192)], (42, 44, 50)).both_sides(), 36),
        Step(ellipsoid((0, 30, -215), (140, 70, 60)), 25),
        Step(rope([(52, 18, -40), (48, 10, -72), (34, -9, -118), (20, -15, -160)], (8, 9, 10, 10)).both_sides(), 18),
    )


def _lower_face(jaw: Move) -> tuple[Step, ...]:
    return (
        Step(ellipsoid((0, -58, -40), (38, 39, 46)), 18),
        Step(jaw(ellipsoid((0, -48, -74), (38, 40, 24))), 14),
        Step(jaw(chain([(46, -14, -40), (42.5, -21, -60), (29, -58, -77), (12, -81, -86)], (13, 12, 13, 13)).both_sides()), 14),
        Step(jaw(ellipsoid((0, -60, -68), (33, 31, 25))), 14),
        Step(jaw(ellipsoid((0, -85, -88), (16, 13, 12.5))), 12),
        Step(ellipsoid((36, -55, -50), (17, 22, 24)).both_sides(), 16),
        Step(ellipsoid((43, -34, -30), (17, 30, 38)).both_sides(), 18),
    )


def _mid_face() -> tuple[Step, ...]:
    return (
        Step(ellipsoid((34, -62, -26), (22, 23, 24)).both_sides(), 18),
        Step(chain([(36, -71, -10), (51, -55, -5), (57, -34, -2), (60, -10, 0)], (11, 8.5, 6, 4)).both_sides(), 16),
        Step(rope([(3, -84, 31), (20, -84, 34.5), (36, -75, 34.5), (48, -60, 27)], (8, 8, 7, 6)).both_sides(), 14),
    )


def _eyes() -> tuple[Step, ...]:
    slit = [(15.5, -82, 10.5), (20, -86, 9.6), (31, -88, 8.2), (40, -85.5, 9.8), (45.5, -79, 12)]
    lash = [(17.5, -81.5, 11.5), (24, -84.6, 11.2), (31, -85.6, 10.4), (38, -83.6, 11.4), (44.5, -77.4, 13.6)]
    crease = [(19, -84.5, 18), (25, -86.5, 20.5), (32, -87, 21.2), (40, -83.5, 20), (46.5, -76, 16)]
    return (
        Step(ellipsoid((31.5, -96, 13), (18, 15, 12)).both_sides(), 12, cut=True),
        Step(ellipsoid((31, -72, 13), (14.5, 13.2, 13)).both_sides(), 6),
        Step(rope(crease, (0.4, 1, 1.1, 1, 0.4), 12).both_sides(), 3, cut=True),
        Step(rope(lash, (0.6, 1.2, 1.4, 1.2, 0.6), 12).both_sides(), 2),
        Step(rope(slit, (0.6, 1.2, 1.4, 1.2, 0.6), 12).both_sides(), 1.2, cut=True),
    )


def _mouth(jaw: Move, opening_deg: float) -> tuple[Step, ...]:
    upper = [(0, -94.5, -52.8), (5, -94.8, -51.6), (14, -90.5, -53.2), (23.5, -82.5, -57)]
    lower = [(0, -93.6, -61.4), (10, -91.4, -61), (23.5, -82.5, -58)]
    line = [(0, -101.5, -57.0), (7, -100.8, -56.5), (15, -96, -57.1), (25.5, -87, -58)]
    steps = [
        Step(rope(upper, (5.3, 5.2, 4.6, 3), 10).both_sides(), 6),
        Step(jaw(rope(lower, (6, 5.6, 3), 10)).both_sides(), 6),
        Step(rope(line, (1.5, 1.5, 1.3, 0.8), 12).both_sides(), 2.5, cut=True),
        Step(rope([(0, -101, -39), (0, -102.8, -49)], (1.8, 2.4), 1), 5, cut=True),
        Step(jaw(ellipsoid((0, -101.5, -74), (18, 7.5, 4.5))), 10, cut=True),
    ]
    if opening_deg:
        drop = JAW_TO_LIPS_MM * float(np.sin(np.radians(opening_deg)))
        gap = ellipsoid((0, -78, -57.5 - drop / 2), (22, 30, max(1.0, drop / 2 - 1.5)), (opening_deg / 2, 0, 0))
        steps.append(Step(gap, 4, cut=True))
    return tuple(steps)


def _nose() -> tuple[Step, ...]:
    return (
        Step(rope([(0, -80, 26), (0, -83.5, 15), (0, -94, 0), (0, -102.5, -14)], (8, 6.5, 6.3, 7.8), 10), 10),
        Step(chain([(4, -84, 10), (9.5, -84, -20)], (5.5, 7.5)).both_sides(), 11),
        Step(chain([(3, -93, -2), (5.5, -97, -19)], (5.5, 7)).both_sides(), 8),
        Step(ellipsoid((0, -105, -22), (9.5, 9.5, 8.5)), 7),
        Step(ellipsoid((11.4, -95.5, -25.5), (6.2, 10, 6.8), (-10, 0, 12)).both_sides(), 5),
        Step(chain([(0, -103, -26), (0, -93, -33.5)], (3.6, 4)), 5),
        Step(chain([(6.6, -101.5, -34), (6.8, -97.5, -25), (5, -84, -15)], (2.6, 3.0, 3.2)).both_sides(), 1.6, cut=True),
    )


def _ears() -> tuple[Step, ...]:
    turn = (-12, 0, -20)
    helix = [(73, 1, 8), (75, 3, 24), (79, 12, 33), (83.5, 24, 28), (84, 28, 13), (81, 24, -5), (77, 14, -20), (74, 7, -25)]
    anti = [(79, 11, 22), (81, 19, 10), (79, 18, -6), (77, 11, -14)]
    return (
        Step(ellipsoid((76, 14, 4), (4.2, 16, 29), turn).both_sides(), 6),
        Step(rope(helix, (1.6, 2.4, 2.7, 2.8, 2.8, 2.8, 3.4, 3.2), 16).both_sides(), 3),
        Step(ellipsoid((81.5, 9, -1), (7, 8, 12), turn).both_sides(), 3, cut=True),
        Step(rope(anti, (1.4, 2.2, 2.2, 1.6), 10).both_sides(), 3),
        Step(ellipsoid((72.5, -1, -1), (3.6, 3.4, 6), (0, 0, 20)).both_sides(), 4),
        Step(chain([(78, 6, 0), (66, 2, 1), (50, -2, 2)], (3.6, 3.2, 3)).both_sides(), 1.5, cut=True),
    )
