"""Which part of the face a style hides: a closed outline on the mean face, and the landmarks that must be covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError


@dataclass(frozen=True)
class Style:
    """A region style.

    ``half_outline`` (N, 3) runs from the top of the midline down the left side to the bottom of the midline, in mm of
    the mean face (left, anterior, superior); the right side mirrors it. ``covers`` names the landmarks whose skin must
    change for the style to be kept.
    """

    name: str
    half_outline: tuple[tuple[float, float, float], ...]
    covers: tuple[str, ...]

    def outline(self) -> np.ndarray:
        """The whole closed outline (2N - 2, 3), the patient's left side first."""
        left = np.array(self.half_outline)
        right = left[-2:0:-1] * (-1, 1, 1)
        return np.vstack([left, right])


#: The upper border stands above the brow, the side border a finger's breadth in front of the ear canal, the lower
#: border at the mandible's lower edge and just behind the menton: in the mean face that edge is seen at -37 degrees in
#: the midline and at -39 to -40 degrees from 15 to 60 degrees of azimuth (medians of 48 mandible contours of the
#: collection named in frame.py).
FULL = Style(
    name="full",
    half_outline=(
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
    ),
    covers=("pronasale", "sellion", "stomion", "pogonion", "eye_right", "eye_left"),
)

#: As ``full``, with the forehead up to the hair line, which stands 55 to 60 mm above the sellion (trichion to nasion 60 mm: Farkas,
#: Anthropometry of the Head and Face, 1994).
FULL_HAIRLINE = Style(
    name="full-hairline",
    half_outline=((0, 84, 106), (24, 80, 105), (44, 68, 98), (58, 54, 80), *FULL.half_outline[4:]),
    covers=FULL.covers,
)

STYLES = {style.name: style for style in (FULL, FULL_HAIRLINE)}


def style_named(name: str) -> Style:
    """The style of that name; InputError lists the names there are."""
    if name not in STYLES:
        raise InputError(f"there is no style '{name}'; choose one of: {', '.join(STYLES)}")
    return STYLES[name]
