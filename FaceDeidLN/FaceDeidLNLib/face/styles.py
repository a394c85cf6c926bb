"""Which part of the face a style hides: closed outlines on the mean face, and the landmarks that must be covered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core.errors import InputError
from ..core.parameters import Parameters
from .strategies import STRATEGIES, Strategy

Point = tuple[float, float, float]
BOTH_SIDES = ("right", "left")
#: More than this share of the body was never meant: a face was at most 14 % of it, even in slabs of a few centimetres.
MOST_OF_BODY = 0.25
#: How far (degrees) beyond a whole face new tissue runs out, 2 mm each: so far that a slender head under a full face still looks like
#: one, and short of the ears, which stand 20 degrees behind the curve.
RUN_OUT_DEGREES = 16.0


@dataclass(frozen=True)
class Style:
    """A region style: what lies inside a curve on the skin.

    ``gives`` is one phrase for tooltips and help. ``border`` (N, 3) is its closed outline in mm of the mean face (left, anterior,
    superior), ``islands`` are further ones that belong to it. ``covers`` names the landmarks whose skin must change for the style to
    be kept, ``ears`` the sides whose ear it hides when ears are asked for. Beyond its border
    new tissue runs out over the air, so far (``run_out``, degrees): where all of a face is new, it would end as a mask does.
    """

    name: str
    gives: str
    border: tuple[Point, ...]
    covers: tuple[str, ...]
    ears: tuple[str, ...] = BOTH_SIDES
    islands: tuple[tuple[Point, ...], ...] = ()
    most_of_body: float = MOST_OF_BODY
    run_out: float = 0.0


#: What can be asked for by name: a style, or the way in which another tool chooses its region.
Region = Style | Strategy


def _both_sides(half: tuple[Point, ...]) -> tuple[Point, ...]:
    """A closed outline from its left half, which runs from the top of the midline down the left side to the bottom of the midline."""
    return (*half, *((-x, y, z) for x, y, z in half[-2:0:-1]))


#: Left half of ``full``. The upper border stands above the brow, the side border a finger's breadth in front of the ear canal, the
#: lower border at the mandible's lower edge and just behind the menton: in the mean face that edge is seen at -37 degrees in
#: the midline and at -39 to -40 degrees from 15 to 60 degrees of azimuth (medians of 48 mandible contours of the
#: collection named in face_frame.py).
_FULL_LEFT = (
    (0, 97, 74),
    (20, 95, 75),
    (40, 84, 74),
    (56, 64, 66),
    (65, 48, 48),
    (69, 36, 24),
    (69, 31, 2),
    (67, 31, -20),
    (60, 36, -43),
    (54, 48, -58),
    (42, 68, -66),
    (28, 84, -73),
    (14, 94, -80),
    (0, 97, -83),
)
FULL = Style(
    name="full",
    gives="from the brow to the chin, in front of the ears",
    border=_both_sides(_FULL_LEFT),
    covers=("pronasale", "sellion", "stomion", "pogonion", "eye_right", "eye_left"),
    run_out=RUN_OUT_DEGREES,
)

#: As ``full``, with the forehead up to the hair line, which stands 55 to 60 mm above the sellion (trichion to nasion 60 mm: Farkas,
#: Anthropometry of the Head and Face, 1994).
FULL_HAIRLINE = Style(
    name="full-hairline",
    gives="as full, with the forehead up to the hair line",
    border=_both_sides(((0, 84, 106), (24, 80, 105), (44, 68, 98), (58, 54, 80), *_FULL_LEFT[4:])),
    covers=FULL.covers,
    run_out=FULL.run_out,
)

#: The bar over the eyes in old medical publications: lids, bony orbits' inner two thirds, and the nasal root between them.
EYES = Style(
    name="eyes",
    gives="the bar over the eyes of old publications; hides little",
    border=_both_sides(
        (
            (0, 97, 61),
            (20, 95, 61),
            (40, 84, 60),
            (54, 66, 58),
            (61, 52, 54),
            (64, 46, 43),
            (62, 52, 32),
            (54, 66, 27),
            (40, 82, 25),
            (20, 92, 25),
            (0, 104, 26),
        )
    ),
    covers=("sellion", "eye_right", "eye_left"),
)

#: A carnival mask: brow, eyes and nasal root, down to the cheekbones.
VENETIAN = Style(
    name="venetian",
    gives="brow, eyes and root of the nose, as a Venetian mask",
    border=_both_sides(
        (
            (0, 97, 74),
            (20, 95, 75),
            (40, 84, 74),
            (56, 64, 66),
            (65, 48, 48),
            (66, 44, 32),
            (60, 56, 19),
            (48, 72, 13),
            (34, 86, 12),
            (20, 94, 18),
            (8, 106, 26),
            (0, 108, 28),
        )
    ),
    covers=EYES.covers,
)

#: One half of the face, the patient's left, up to the midline; of the ears it hides the left one.
PHANTOM = Style(
    name="phantom",
    gives="the patient's left half of the face, as the Phantom's mask",
    border=(*_FULL_LEFT, (0, 111, -59), (0, 108, -26), (0, 122, 14), (0, 94, 47)),
    covers=("eye_left",),
    ears=("left",),
)

#: Upper and lower lip with their corners, from below the nose to the fold over the chin.
LIPS = _both_sides(((0, 112, -10), (14, 108, -11), (26, 98, -16), (34, 90, -27), (27, 94, -40), (14, 104, -45), (0, 108, -47)))

STYLES = {style.name: style for style in (FULL, FULL_HAIRLINE, EYES, VENETIAN, PHANTOM)}
REGIONS: dict[str, Region] = {**STYLES, **STRATEGIES}


def style_named(name: str) -> Region:
    """The style or strategy of that name; InputError lists the names there are."""
    if name not in REGIONS:
        raise InputError(f"There is no style '{name}'; choose one of: {', '.join(REGIONS)}.")
    return REGIONS[name]


def chosen_region(parameters: Parameters) -> Region:
    """The region of a run: the named one with the ears and lips that are asked for; without ears its ``ears`` are empty.

    Raises InputError for a name that is not there, and for lips where no curve is drawn.
    """
    region = style_named(parameters.style)
    ears = region.ears if parameters.ears else ()
    region = replace(region, ears=ears, covers=(*region.covers, *(f"tragion_{side}" for side in ears)))
    if not parameters.lips:
        return region
    if not isinstance(region, Style):
        raise InputError(f"Lips can be added to a style with a curve, and '{region.name}' has none: choose one of {', '.join(STYLES)}.")
    return replace(region, islands=(LIPS,), covers=tuple(dict.fromkeys((*region.covers, "stomion"))))


def drawn_style(parameters: Parameters) -> Style:
    """The region of a run where it is drawn by a curve; InputError where it is not."""
    region = chosen_region(parameters)
    if not isinstance(region, Style):
        raise InputError(f"The region '{region.name}' is not drawn by a curve: give no curve, or choose one of {', '.join(STYLES)}.")
    return region
