"""The outer surface: head, face, ears, neck and shoulders.

Sizes follow the adult means of Farkas, Anthropometry of the Head and Face (1994): head 150 x 190 mm, sellion to menton
120 mm, face breadth 135 mm, nose protrusion 20 mm.
"""

from __future__ import annotations

from .fields import Body, Step, chain, ellipsoid, hinged, rope

#: (y, z) of the jaw joint's axis in the head frame.
JAW_AXIS = (-12.0, 2.0)


def skin(opening_deg: float = 0.0) -> tuple[Step, ...]:
    """The steps that sculpt the skin, with the jaw opened by an angle."""

    def jaw(body: Body) -> Body:
        return hinged(body, opening_deg, JAW_AXIS)

    return (*_head(), *_neck(), *_lower_face(jaw), *_mid_face(), *_eyes(), *_mouth(jaw, opening_deg), *_nose(), *_ears())


def _head() -> tuple[Step, ...]:
    return (
        Step(ellipsoid((0, 22, 47), (75, 73, 77))),
        Step(ellipsoid((0, -20, 52), (67, 72, 72)), 30),
        Step(ellipsoid((0, 35, 0), (62, 50, 45)), 25),
        Step(ellipsoid((0, -36, 5), (63, 52, 58)), 20),
    )


def _neck() -> tuple[Step, ...]:
    return (
        Step(chain([(0, 22, -30), (0, 20, -100), (0, 32, -200)], (54, 54, 58)), 18),
        Step(chain([(26, 52, -20), (30, 52, -100), (44, 56, -150)], (26, 28, 36)).both_sides(), 20),
        Step(chain([(0, -16, -104), (0, -12, -128), (0, 4, -165)], (20, 20, 20)), 16),
        Step(chain([(55, 46, -150), (115, 44, -178), (170, 42, -192)], (42, 44, 50)).both_sides(), 30),
        Step(ellipsoid((0, 30, -215), (140, 70, 60)), 25),
    )


def _lower_face(jaw) -> tuple[Step, ...]:
    return (
        Step(ellipsoid((0, -58, -40), (40, 39, 46)), 16),
        Step(jaw(ellipsoid((0, -48, -74), (40, 40, 24))), 14),
        Step(jaw(chain([(47, -14, -40), (45, -20, -60), (30, -58, -76), (12, -82, -86)], (14, 12, 13, 13)).both_sides()), 12),
        Step(jaw(ellipsoid((0, -86, -88), (17, 13, 12.5))), 10),
        Step(ellipsoid((46, -34, -34), (18, 30, 38)).both_sides(), 16),
    )


def _mid_face() -> tuple[Step, ...]:
    return (
        Step(ellipsoid((37, -62, -28), (23, 23, 24)).both_sides(), 14),
        Step(chain([(36, -74, -8), (53, -58, -3), (62, -30, 0)], (11, 9, 6)).both_sides(), 12),
        Step(rope([(4, -88, 34), (22, -88, 36), (38, -79, 36), (48, -66, 28)], (8, 8, 7, 6)).both_sides(), 8),
    )


def _eyes() -> tuple[Step, ...]:
    return (
        Step(ellipsoid((32, -96, 15), (18, 16, 11)).both_sides(), 10, cut=True),
        Step(ellipsoid((31, -72, 13), (14, 13.5, 13.5)).both_sides(), 5),
        Step(rope([(15, -81, 11), (23, -88, 11.5), (31, -89, 10.5), (39, -86, 11), (46, -77, 14)], (0.6, 1.0, 1.0, 1.0, 0.6)).both_sides(), 1.5, cut=True),
        Step(rope([(18, -83, 18), (25, -87, 21.5), (33, -88, 22.5), (42, -84, 20.5), (48, -76, 16)], (0.5, 1, 1, 1, 0.5)).both_sides(), 3, cut=True),
    )


def _mouth(jaw, opening_deg: float) -> tuple[Step, ...]:
    steps = [
        Step(rope([(0, -96, -52.5), (6, -97, -51.5), (14, -93.5, -53), (25, -85, -57)], (5.5, 5.5, 5, 3)).both_sides(), 4),
        Step(jaw(rope([(0, -95, -61.5), (12, -93, -61), (25, -85, -57.5)], (6, 5.5, 3))).both_sides(), 4),
        Step(rope([(0, -104, -57.0), (8, -103, -56.6), (16, -98.5, -57), (27, -89, -58.5)], (1.8, 1.8, 1.6, 1.0)).both_sides(), 2.5, cut=True),
        Step(rope([(0, -103, -36), (0, -104.5, -48)], (2.5, 3.0), 1), 4, cut=True),
        Step(jaw(rope([(0, -101, -75), (10, -98, -75), (18, -91, -77)], (4.5, 4, 3))).both_sides(), 7, cut=True),
    ]
    if opening_deg:
        gap = opening_deg / 2
        steps.append(Step(hinged(ellipsoid((0, -80, -57.5), (22, 30, max(1.0, 0.75 * opening_deg))), gap, JAW_AXIS), 4, cut=True))
    return tuple(steps)


def _nose() -> tuple[Step, ...]:
    return (
        Step(rope([(0, -83, 26), (0, -88.5, 16), (0, -97, 0), (0, -103.5, -14)], (8, 6.5, 7, 8)), 9),
        Step(chain([(5, -86, 10), (10, -86, -20)], (6, 8)).both_sides(), 10),
        Step(ellipsoid((0, -106, -20.5), (9, 9, 8.5)), 6),
        Step(ellipsoid((11.5, -96, -25.5), (6, 9.5, 7)).both_sides(), 4),
        Step(chain([(0, -104, -26), (0, -94, -34)], (3.5, 4)), 4),
        Step(chain([(6.0, -101, -36), (6.5, -97.5, -24), (5, -84, -14)], (3.2, 3.4, 3.4)).both_sides(), 2, cut=True),
    )


def _ears() -> tuple[Step, ...]:
    plate = ellipsoid((78, 14, 3), (4, 17, 30), (-12, 0, -28))
    bowl = ellipsoid((83, 9, -1), (8, 9, 14), (-12, 0, -28))
    helix = [(75, 1, 10), (78, 3, 26), (83, 13, 34), (88, 25, 28), (88, 29, 12), (84, 24, -6), (78, 13, -22), (75, 6, -26)]
    return (
        Step(plate.both_sides(), 4),
        Step(rope(helix, (2, 2.6, 2.8, 3, 3, 3, 3.5, 3), 14).both_sides(), 3),
        Step(bowl.both_sides(), 3, cut=True),
        Step(ellipsoid((75, -1, 0), (4, 3.5, 6)).both_sides(), 3),
        Step(chain([(79, 5, 0), (66, 2, 1), (50, -2, 2)], (4, 3.4, 3)).both_sides(), 1.5, cut=True),
    )
