"""The table of node levels: all that code, panel and help know of each. It is light: the help of the command line reads it."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.errors import InputError

#: The SMAS, which bounds most levels laterally, lies at least this deep (mm) under the skin of cheek and parotid.
SMAS_MM = 4.0
DEEP_MM = 8.0


@dataclass(frozen=True)
class LevelRecord:
    """One level. To add one: its region in a file here beside, its row below, and its name in README's row of ``--levels``.

    ``gives`` is one phrase for tooltips and help. ``edges`` say what each edge is taken from (see regions.py); the share of
    them that this patient's own structures give is its confidence. ``made_by`` names the file and the
    function that makes the mask on the jaw's grid from a ``Neck``, the side (0 left, 1 right; 0 without sides) and how deep (mm) it
    begins below the skin; that is ``least_mm`` at least, whatever is asked for.
    ``needs_mandible``: without most of the mandible it cannot be judged; one that starts from ``Neck.landmarks`` can.
    """

    name: str
    gives: str
    edges: tuple[str, ...]
    made_by: str
    least_mm: float = SMAS_MM
    has_sides: bool = True
    needs_mandible: bool = True


LEVEL_RECORDS = (
    LevelRecord(
        "Ia",
        "submental: under the chin, between the anterior bellies of the digastric muscles",
        ("mandible", "mandible", "hyoid", "hyoid", "skin", "mean"),
        "regions:level_ia",
        least_mm=0.0,
        has_sides=False,
    ),
    LevelRecord(
        "Ib",
        "submandibular: inside the lower border of the jaw, around the gland",
        ("mandible", "mandible", "hyoid", "gland", "skin", "mean"),
        "regions:level_ib",
        least_mm=0.0,
    ),
    LevelRecord(
        "II",
        "upper jugular: along the great vessels down to the hyoid, behind the gland",
        ("hyoid", "gland", "skin", "mean", "mean", "mean"),
        "regions:level_ii",
    ),
    LevelRecord(
        "VIII",
        "parotid: in and around the gland in front of the ear",
        ("mandible", "mandible", "mandible", "skin", "mean", "mean"),
        "regions:level_viii",
    ),
    LevelRecord(
        "IX",
        "bucco-facial: the cheek from 4 mm below its skin, where its nodes lie",
        ("mandible", "mandible", "skin", "skin", "mean", "mean"),
        "regions:level_ix",
    ),
    LevelRecord(
        "IX-deep",
        "the part of IX that lies 8 mm and more below the skin",
        ("mandible", "mandible", "skin", "skin", "mean", "mean"),
        "regions:level_ix",
        least_mm=DEEP_MM,
    ),
)
LEVEL_NAMES = tuple(record.name for record in LEVEL_RECORDS)


def level_named(name: str) -> LevelRecord:
    """The row of a level; InputError lists the names there are."""
    for record in LEVEL_RECORDS:
        if record.name == name:
            return record
    raise InputError(f"There is no node level '{name}' that can be made; choose from: {', '.join(LEVEL_NAMES)}.")
