"""Soft tissues and air spaces inside the head: muscles, glands, eyes, brain stem, sinuses, airway."""

from __future__ import annotations

from .bones import spine_y
from .fields import chain, ellipsoid, hinged, rope
from .skin import JAW_AXIS
from .tissue import Tissue, tissue

AIR, FAT, MUSCLE, GLAND, VESSEL = -1000.0, -100.0, 58.0, 40.0, 65.0


def muscles(opening_deg: float) -> tuple[Tissue, ...]:
    """Fat spaces and the muscles that the eye looks for on a slice."""
    floor = hinged(ellipsoid((0, -52, -68), (23, 29, 18)), opening_deg, JAW_AXIS)
    digastric = hinged(chain([(8, -79, -89), (8, -62, -95), (9, -40, -103)], (3.5, 4.5, 3.5)), opening_deg, JAW_AXIS)
    mylohyoid = hinged(chain([(25, -62, -80), (6, -48, -97)], (3, 3)), opening_deg, JAW_AXIS)
    return (
        tissue(FAT, chain([(0, 18, -62), (0, 20, -100), (0, 30, -170)], (42, 47, 52)), depth_mm=5),
        tissue(FAT, ellipsoid((38, -56, -40), (11, 15, 22)).both_sides(), ellipsoid((30, -20, -36), (6, 10, 22)).both_sides()),
        tissue(FAT, ellipsoid((24, -44, -84), (14, 22, 12)).both_sides(), depth_mm=5),
        tissue(
            MUSCLE,
            chain([(54, -44, -8), (52, -27, -60)], (6, 7.5)).both_sides(),
            ellipsoid((53, -36, -34), (8, 15, 28)).both_sides(),
            depth_mm=7,
        ),
        tissue(MUSCLE, ellipsoid((56, -34, 26), (11, 30, 30)).both_sides(), depth_mm=4.5),
        tissue(MUSCLE, ellipsoid((36, -30, -28), (6, 14, 22)).both_sides()),
        tissue(MUSCLE, rope([(54, 20, -24), (52, 15, -55), (37, -6, -112), (24, -14, -160)], (8, 9.5, 9, 8)).both_sides(), depth_mm=5),
        *_nape(),
        tissue(MUSCLE, rope([(0, -14, -84), (0, -16, -116), (0, -6, -160)], (16, 17, 16)), depth_mm=6),
        tissue(MUSCLE + 4, floor),
        tissue(MUSCLE, digastric.both_sides(), mylohyoid.both_sides(), depth_mm=4.5),
        tissue(
            VESSEL,
            rope([(27, 2, -30), (27, 0, -80), (24, 2, -150)], (3, 3.5, 3.5)).both_sides(),
            rope([(34, 8, -30), (33, 8, -150)], (5, 6)).both_sides(),
        ),
    )


def _nape() -> tuple[Tissue, ...]:
    """Muscles behind and beside the spine, and the trapezius over them."""
    deep = rope([(13, 48, -18), (13, 50, -80), (14, 58, -150)], (12, 12.5, 13))
    splenius = rope([(30, 44, -14), (30, 46, -80), (34, 56, -150)], (9, 9.5, 10))
    levator = rope([(36, 26, -30), (38, 30, -80), (44, 38, -150)], (6.5, 8, 10))
    scalene = rope([(24, 14, -50), (28, 16, -100), (36, 20, -160)], (7, 8, 10))
    trapezius = rope([(10, 74, -30), (26, 70, -80), (60, 62, -140), (110, 50, -160)], (5, 7, 9, 12))
    longus = rope([(8, 2, -30), (8, 0, -90), (10, 6, -150)], (4, 4.5, 4.5))
    return tuple(tissue(MUSCLE, body.both_sides(), depth_mm=6) for body in (deep, splenius, levator, scalene, trapezius, longus))


def glands() -> tuple[Tissue, ...]:
    """Salivary glands, each side a segment of its own."""
    out = []
    for side, sign in (("left", 1), ("right", -1)):
        submandibular = ellipsoid((sign * 27, -34, -82), (9, 16, 11), (0, sign * 15, sign * -25))
        parotid = ellipsoid((sign * 52, -3, -28), (12, 19, 28), (0, 0, sign * 8))
        out.append(tissue(GLAND, submandibular, depth_mm=4.5, name=f"Submandibular gland {side}"))
        out.append(tissue(-5.0, parotid, depth_mm=4.5, name=f"Parotid gland {side}"))
    return tuple(out)


def eyes() -> tuple[Tissue, ...]:
    """Orbital fat, eye muscles, optic nerve, eyeball and lens."""
    out = [
        tissue(-90.0, ellipsoid((29, -60, 13), (17, 25, 15.5), (0, 0, -18)).both_sides(), depth_mm=3.5),
        tissue(45.0, chain([(31, -62, 13), (16, -32, 12)], (2.2, 2)).both_sides()),
    ]
    for dx, dz in ((9, 0), (-9, 0), (0, 9), (0, -9)):
        out.append(tissue(50.0, rope([(31 + dx, -72, 13 + dz), (28 + dx, -56, 13 + dz), (17, -33, 12)], (1.5, 2.4, 1.2)).both_sides()))
    for side, sign in (("left", 1), ("right", -1)):
        ball = ellipsoid((sign * 31, -72, 13), (12, 12, 12))
        out.append(tissue(45.0, ball, depth_mm=1.5, name=f"Eye {side}"))
        out.append(tissue(12.0, ellipsoid((sign * 31, -72, 13), (11, 11, 11)), depth_mm=2.5))
        out.append(tissue(95.0, ellipsoid((sign * 31, -80.3, 13), (4.5, 1.9, 4.5))))
    return tuple(out)


def nerves() -> tuple[Tissue, ...]:
    """Brain stem and spinal cord in their canal, ventricles."""
    canal = [(0, spine_y(z) + 17.5, z) for z in (-40.0, -70.0, -100.0, -130.0, -160.0)]
    return (
        tissue(20.0, rope([(0, 16, -18), *canal], (11, *[8.0] * len(canal)), 16)),
        tissue(38.0, rope([(0, 4, 20), (0, 13, -18), *canal], (14, 9, *[5.0] * len(canal)), 16)),
        tissue(8.0, rope([(8, -22, 56), (9, 0, 66), (18, 30, 56)], (4, 5, 5)).both_sides()),
    )


def air_spaces() -> tuple[Tissue, ...]:
    """Paranasal sinuses, mastoid cells, nasal cavity and the airway down to the trachea."""
    cells = [ellipsoid((55 + dx, 20 + dy, z), (2.8, 3, 3.2)).both_sides() for z, dx, dy in MASTOID_CELLS]
    nose = ellipsoid((6, -62, -13), (4.6, 30, 17)).both_sides()
    throat = rope([(0, -28, -14), (0, -15, -30), (0, -13, -60), (0, -15, -92), (0, -12, -122), (0, -4, -165)], (9, 9, 7.5, 8, 7, 8.5), 14)
    return (
        tissue(AIR, ellipsoid((24, -59, -15), (12.5, 14, 15)).both_sides(), depth_mm=10),
        tissue(AIR, ellipsoid((9, -83.5, 34), (7.5, 3, 6)).both_sides(), depth_mm=8),
        tissue(AIR, *(ellipsoid((9, y, 13), (4.5, 5, 8)).both_sides() for y in (-66, -55, -44))),
        tissue(AIR, ellipsoid((8, -26, 5), (7, 9, 8)).both_sides()),
        tissue(AIR, *cells, depth_mm=8),
        tissue(AIR, chain([(50, -2, 2), (46, -1, 3)], (3, 4)).both_sides()),
        tissue(AIR, nose, depth_mm=4),
        tissue(AIR, rope([(6.2, -97, -26), (5.5, -86, -18), (5, -76, -16)], (3, 3.2, 4)).both_sides(), depth_mm=-10),
        tissue(45.0, *(rope([(8, -80, z), (7.5, -60, z), (8, -42, z + 2)], (1.5, 2.6, 1.5)).both_sides() for z in (-23, -10))),
        tissue(AIR, throat, depth_mm=6),
        tissue(AIR, ellipsoid((0, -52, -46), (19, 26, 2.6), (-6, 0, 0)), depth_mm=8),
        tissue(50.0, chain([(0, -30, -36), (0, -19, -52)], (3.5, 2.5)), chain([(0, -24, -90), (0, -15, -82)], (3, 1.5))),
    )


#: (z, dx, dy) of the air cells in the mastoid.
MASTOID_CELLS = (
    (6, 0, -4),
    (6, 2, 4),
    (0, -3, 2),
    (-1, 3, -2),
    (-7, 0, 3),
    (-8, 3, -3),
    (-13, 1, 0),
    (-18, 2, -1),
    (3, -7, 1),
    (-4, -4, -4),
)
