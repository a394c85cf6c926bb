"""What the attack benchmark says of a region and an effect together: which attackers they resist."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

#: The attackers of the benchmark: matching of surfaces, effects undone or not; a model trained on other people's results, on the new
#: skin; the same on everything in front, bone included.
ATTACKERS = ("surface", "learned", "bone")
RECOGNISABLE = "recognisable"
#: What must be resisted before a result counts as free of recognisable features. Bone is told where it holds, and not asked for: it
#: gives away no more than the deep tissue and the skin around the face, which no face de-identification changes.
NEEDED = ("surface", "learned")
TESTED = f"tested: {', '.join(NEEDED)}"


def class_of(resisted: frozenset[str]) -> str:
    """The class of what resists these attackers ("tested: surface, learned"); recognisable where a needed one is missing."""
    if not resisted.issuperset(NEEDED):
        return RECOGNISABLE
    return f"tested: {', '.join(name for name in ATTACKERS if name in resisted)}"


def is_tested(privacy: str) -> bool:
    """True for a class that resists every attacker that must be resisted; False for anything else, whatever it says."""
    word, _, names = privacy.partition(": ")
    return word == "tested" and set(names.split(", ")).issuperset(NEEDED)


@cache
def _tested_rows() -> tuple[dict[str, str], ...]:
    """The rows that the committed benchmark table calls tested; none while there is no table."""
    table = resources.files(__package__).joinpath("attack_table.csv")
    if not table.is_file():
        return ()
    with table.open(encoding="utf-8", newline="") as lines:
        return tuple(row for row in csv.DictReader(lines) if is_tested(row["privacy"]))


def privacy_class(style: str, effect: str) -> str:
    """``tested: ...`` with the attackers that were resisted, where the combination passed the benchmark; else ``recognisable``."""
    plain = [row["privacy"] for row in _tested_rows() if (row["style"], row["effect"], row["nodes"]) == (style, effect, "")]
    return plain[0] if plain else RECOGNISABLE


def tested_to_keep(style: str, effect: str) -> tuple[tuple[float, float], ...]:
    """How much protected segments may keep of a face, one pair a row that was attacked: ml in all, and near the skin (``Face.kept_ml``).

    The medians of its patients: half of the attacked faces kept more. Empty where no row with named nodes passed.
    """
    rows = [row for row in _tested_rows() if (row["style"], row["effect"]) == (style, effect) and row["nodes"]]
    return tuple((float(row["kept_ml"]), float(row["kept_near_skin_ml"])) for row in rows)


def keeps_as_tested(style: str, effect: str, kept_ml: tuple[float, float]) -> bool:
    """Whether protected segments keep no more of a face than a row of the benchmark: nothing always is."""
    limits = ((0.0, 0.0), *tested_to_keep(style, effect))
    return any(kept_ml[0] <= most and kept_ml[1] <= near for most, near in limits)
