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
def _classes() -> dict[tuple[str, str], str]:
    """The class of every (style, effect) that the committed benchmark table calls tested; none while there is no table."""
    table = resources.files(__package__).joinpath("attack_table.csv")
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as lines:
        return {(row["style"], row["effect"]): row["privacy"] for row in csv.DictReader(lines) if is_tested(row["privacy"])}


def privacy_class(style: str, effect: str) -> str:
    """``tested: ...`` with the attackers that were resisted, where the combination passed the benchmark; else ``recognisable``."""
    return _classes().get((style, effect), RECOGNISABLE)
