"""Skull, mandible, teeth, hyoid and cervical spine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .fields import Body, Step, chain, ellipsoid, hinged, rope, wall
from .skin import JAW_AXIS
from .tissue import Tissue, tissue

CORTICAL_HU, BONE_HU, SPONGY_HU, TOOTH_HU, CARTILAGE_HU = 1150.0, 800.0, 380.0, 2100.0, 130.0
#: Soft tissue lies below this, bone above.
SOFT_HU = 200.0
#: Thickness of the cranial vault, and of each of its two tables.
VAULT_MM, TABLE_MM = 6.5, 2.0
#: The tooth-bearing arches seen from above, left half: (x, y).
ALVEOLAR = ((0, -85), (8, -84), (16, -79), (22, -69), (25.5, -56), (27.5, -44))
MANDIBLE_PATH = ((0, -85), (9, -83), (19, -76), (28, -63), (38, -44), (45, -26))


def brain() -> tuple[Step, ...]:
    """The inside of the cranial vault; the vault is a shell around it."""
    return (
        Step(ellipsoid((0, 22, 47), (63, 61, 65))),
        Step(ellipsoid((0, -20, 53), (55, 60.5, 59.5)), 30),
        Step(ellipsoid((0, -52, -4), (64, 58, 31)), 12, cut=True),
        Step(ellipsoid((0, -10, -30), (34, 30, 34)), 10, cut=True),
        Step(ellipsoid((0, 45, 4), (48, 36, 24)), 10),
    )


def skull() -> tuple[Tissue, ...]:
    """Facial skeleton and skull base, without the vault."""
    return (
        tissue(SPONGY_HU, ellipsoid((0, -24, 4), (26, 20, 11)), chain([(0, -14, 0), (0, 4, -20)], (9, 7)), blend_mm=6),
        tissue(BONE_HU, chain([(14, -8, 4), (56, 14, 3)], (8, 12)).both_sides(), chain([(57, 19, 0), (57, 18, -22)], (11, 6)).both_sides()),
        Tissue(BONE_HU, _face(), 4.5),
        tissue(SPONGY_HU, ellipsoid((26, -64, -18), (14, 13, 16)).both_sides(), depth_mm=9),
        tissue(BONE_HU, rope([(0, -80, 26), (0, -84.5, 14), (0, -92, 2)], (4.5, 4, 2.4)), depth_mm=2.5),
        tissue(BONE_HU, ellipsoid((0, -62, -34), (24, 26, 3))),
        tissue(
            BONE_HU,
            chain([(14, -38, -4), (14, -42, -36)], (3, 2.5)).both_sides(),
            chain([(42, 4, -12), (38, -8, -38)], (2.5, 1.2)).both_sides(),
        ),
    )


def _face() -> tuple[Step, ...]:
    """Orbital rims, zygoma with its arch, maxilla with the alveolar process; orbits and nasal opening cut out."""
    upper_rim = rope([(4, -84, 29), (16, -84, 30), (30, -80, 32), (44, -70, 28), (50, -60, 14)], (7, 6, 5.5, 6, 5.5), 12)
    lateral = rope([(51, -60, 18), (50, -61, 6), (43, -66, -7), (30, -74, -7), (17, -78, 2), (12, -81, 18)], (5, 5, 6, 5, 4, 4), 14)
    arch = rope([(44, -64, -9), (54, -50, -5), (60.5, -30, -2), (59, -8, 3)], (8, 5.5, 3.4, 4.5), 10)
    return (
        Step(ellipsoid((22, -58, -20), (23, 21, 24)).both_sides()),
        Step(wall(ALVEOLAR, 11, [-48] * 6, [-28] * 6, 5), 6),
        Step(ellipsoid((0, -83, 33), (24, 7, 12)), 8),
        Step(upper_rim.both_sides(), 8),
        Step(lateral.both_sides(), 7),
        Step(arch.both_sides(), 7),
        Step(chain([(45, -54, 24), (42, -44, 0)], (5, 4)).both_sides(), 6),
        Step(ellipsoid((47, -46, 8), (4, 13, 19), (0, 0, -20)).both_sides(), 5),
        Step(chain([(11, -80, 10), (15, -78, -22)], (3.5, 4)).both_sides(), 6),
        Step(ellipsoid((30, -66, 12.5), (18, 28, 16.5), (0, 0, -18)).both_sides(), 3, cut=True),
        Step(ellipsoid((0, -68, -13), (11.5, 32, 15)), 4, cut=True),
    )


def mandible(opening_deg: float) -> tuple[Tissue, ...]:
    """The mandible as one named tissue, and its spongy core."""
    jaw = _jaw(opening_deg)
    body = wall(MANDIBLE_PATH, 11.5, (-92, -92, -91.5, -87, -79, -69), (-68, -68, -67, -65, -59, -50), 5.5)
    chin = ellipsoid((0, -87.5, -86), (13, 5.5, 7))
    core = wall(MANDIBLE_PATH, 6, (-90, -90, -89, -85, -77, -67), (-72, -72, -71, -69, -64, -54), 2.5)
    ramus = ellipsoid((47, -26, -40), (4.5, 17, 31), (-14, 0, 0)).both_sides()
    condyle = chain([(48, -20, -20), (49, -13, -3)], (4.5, 4)).both_sides()
    head = ellipsoid((50, -12, 0), (9, 4.5, 4.5)).both_sides()
    coronoid = chain([(46, -38, -30), (46, -37, -10)], (4, 2.5)).both_sides()
    steps = tuple(Step(jaw(b), 4) for b in (body, chin, ramus, condyle, head, coronoid))
    return (Tissue(CORTICAL_HU, steps, 5.0, "Mandible"), tissue(SPONGY_HU, jaw(core), depth_mm=8))


def teeth(opening_deg: float) -> tuple[Tissue, ...]:
    """Both arches: seven teeth a side, crown and root."""
    jaw = _jaw(opening_deg)
    upper, lower = [], []
    for x, y, width in _sockets():
        upper.append(chain([(x, y, -36), (x, y, -47), (x, y, -54.5)], (1.5, 0.62 * width, 0.5 * width)).both_sides())
        lower.append(jaw(chain([(x, y + 1.5, -78), (x, y + 1.5, -67), (x, y + 1.5, -60.5)], (1.5, 0.6 * width, 0.48 * width)).both_sides()))
    return (tissue(TOOTH_HU, *upper, depth_mm=-20), tissue(TOOTH_HU, *lower, depth_mm=-20))


def _sockets() -> list[tuple[float, float, float]]:
    """Place (x, y) and width of the left teeth along the arch, from the central incisor to the second molar."""
    widths = np.array([7.5, 6.5, 7.0, 6.8, 6.8, 9.5, 9.0])
    path = np.array(ALVEOLAR, dtype=float)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.cumsum(widths) - widths / 2
    return [
        (float(np.interp(s, along, path[:, 0])), float(np.interp(s, along, path[:, 1])), float(w)) for s, w in zip(at, widths, strict=True)
    ]


def neck_bones() -> tuple[Tissue, ...]:
    """Hyoid, laryngeal cartilage and the vertebrae."""
    hyoid = rope([(0, -35, -106), (10, -33, -105.5), (18, -22, -103), (22, -6, -98)], (4, 3.2, 2.6, 2))
    shield = wall([(0, -27), (9, -18), (17, -2)], 3, (-133, -131, -130), (-117, -115, -112), 1.4)
    return (*_spine(), tissue(BONE_HU, hyoid.both_sides(), depth_mm=5, name="Hyoid"), tissue(CARTILAGE_HU, shield, depth_mm=4, blend_mm=2))


def spine_y(z: float) -> float:
    """Head-frame y of the middle of the vertebral bodies: a lordotic line."""
    return float(12 - 4 * np.sin(np.pi * (z + 30) / -120) + 0.08 * max(0.0, -100 - z))


def _spine() -> tuple[Tissue, ...]:
    """C1 to T1 along a lordotic line."""
    out = [tissue(BONE_HU, rope([(0, 3, -27), (0, 5, -40), (0, 7, -50)], (5, 5.5, 8)))]
    for n, z in enumerate(np.arange(-30.0, -155.0, -17.0)):
        y = spine_y(z)
        if n:
            out.append(tissue(SPONGY_HU + 40, ellipsoid((0, y, z), (12.5, 9, 7.6), (-8, 0, 0)), ellipsoid((0, y + 1, z), (14, 7, 5))))
        ring = rope([(13, y + 3, z), (24, y + 9, z + 1), (15, y + 21, z - 1), (0, y + 29, z - 3)], (4.5, 5.5, 4, 3.5))
        out.append(
            tissue(SPONGY_HU + 180, ring.both_sides(), chain([(0, y + 29, z - 3), (0, y + 38 + 2 * n, z - 9)], (3.5, 2.8)), blend_mm=3)
        )
    return tuple(out)


def _jaw(opening_deg: float) -> Callable[[Body], Body]:
    return lambda body: hinged(body, opening_deg, JAW_AXIS)
