"""Does the padding of a CT, which is written as it was, stand before the face? Then no new face can, and the old one shows against it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..core.geometry import Geometry
from ..face.polar import unit_vectors
from ..face.segment import Face

#: Padding this close (mm) before the skin takes the place of a new face, which stands 13 mm (median) before what the curve spans.
REACH_MM, STEP_MM = 15.0, 1.0
#: Share of the face's lines of sight that may meet it there: a round field of view cuts a nose's tip, and no cheek fits into a tenth.
MOST_SHARE = 0.1
#: Lines of sight that are looked along at a time.
TOGETHER = 4096


def padding_doubts(padding: np.ndarray | None, grid: Geometry, face: Face) -> tuple[str, ...]:
    """What there is to say of ``padding`` (bool of the CT's ``grid``; None where there is none) before a ``face``."""
    if padding is None or share_before(padding, grid, face) <= MOST_SHARE:
        return ()
    return (
        "padding (one value that reads as more than air) stands close before the face and is written as it was: no new face can stand "
        "there, and the old one may show against it; the CT was cut to a window of values, its background was masked, or its round field "
        "of view ends at the face: give the CT as it was scanned",
    )


def share_before(padding: np.ndarray, grid: Geometry, face: Face) -> float:
    """Share of the lines of sight inside the curve, with skin in the field of view, that meet padding within REACH_MM before the skin."""
    met = np.concatenate(list(_met(padding, grid, face)))
    return float(met.mean()) if len(met) else 0.0


def _met(padding: np.ndarray, grid: Geometry, face: Face) -> Iterator[np.ndarray]:
    unit, skin = unit_vectors(face.frame, face.raster.directions()[face.inside]), face.skin[face.inside]
    offsets = np.arange(0.0, REACH_MM + STEP_MM / 2, STEP_MM)
    for first in range(0, len(unit), TOGETHER):
        lines = slice(first, first + TOGETHER)
        points = face.frame.origin + unit[lines, None] * (skin[lines, None] + offsets)[..., None]
        kji = grid.to_kji(points.reshape(-1, 3))
        seen = grid.holds(kji)
        held = np.zeros(len(kji), dtype=bool)
        held[seen] = padding[tuple(np.rint(kji[seen]).astype(int).T)]
        by_line = (-1, len(offsets))
        yield held.reshape(by_line).any(axis=1)[seen.reshape(by_line)[:, 0]]
