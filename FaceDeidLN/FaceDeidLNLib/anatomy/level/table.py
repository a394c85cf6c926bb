"""The table of node levels: all that code, panel and help know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .regions import Neck, level_ia, level_ib, level_ii, level_ix, level_viii

#: The SMAS, which bounds most levels laterally, lies at least this deep (mm) under the skin of cheek and parotid.
SMAS_MM = 4.0
DEEP_MM = 8.0


@dataclass(frozen=True)
class LevelRecord:
    """One level. To add one: its region in a file here beside, and its row below.

    ``gives`` is one sentence for tooltips and help. ``edges`` say what each edge is taken from (see regions.py); the share of
    them that this patient's own structures give is its confidence. ``region`` makes the mask on the jaw's grid from the neck,
    the side (0 left, 1 right) and how deep (mm) it begins below the skin; it is ``least_mm`` deep whatever is asked for.
    ``needs_mandible``: without most of the mandible it cannot be judged; one that starts from ``Neck.landmarks`` can.
    """

    name: str
    gives: str
    edges: tuple[str, ...]
    region: Callable[[Neck, int, float], np.ndarray]
    least_mm: float = SMAS_MM
    has_sides: bool = True
    needs_mandible: bool = True


LEVEL_RECORDS = (
    LevelRecord(
        "Ia",
        "under the chin, between the anterior bellies of the digastric muscles",
        ("mandible", "mandible", "hyoid", "hyoid", "skin", "mean"),
        lambda neck, side, start: level_ia(neck, start),
        least_mm=0.0,
        has_sides=False,
    ),
    LevelRecord(
        "Ib",
        "inside the lower border of the jaw, around the submandibular gland",
        ("mandible", "mandible", "hyoid", "gland", "skin", "mean"),
        level_ib,
        least_mm=0.0,
    ),
    LevelRecord("II", "upper neck along the great vessels", ("hyoid", "gland", "skin", "mean", "mean", "mean"), level_ii),
    LevelRecord("VIII", "around the parotid gland", ("mandible", "mandible", "mandible", "skin", "mean", "mean"), level_viii),
    LevelRecord(
        "IX", "the cheek; it lies in the face and costs privacy", ("mandible", "mandible", "skin", "skin", "mean", "mean"), level_ix
    ),
    LevelRecord(
        "IX-deep",
        "the part of IX that lies 8 mm and more below the skin",
        ("mandible", "mandible", "skin", "skin", "mean", "mean"),
        level_ix,
        least_mm=DEEP_MM,
    ),
)
LEVELS_BY_NAME = {record.name: record for record in LEVEL_RECORDS}
