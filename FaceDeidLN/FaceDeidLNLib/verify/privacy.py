"""What the attack benchmark says of a region and an effect together."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

TESTED = "tested"
RECOGNISABLE = "recognisable"


@cache
def _tested_combinations() -> frozenset[tuple[str, str]]:
    """Pairs (style, effect) that the committed benchmark table calls tested; none while there is no table."""
    table = resources.files(__package__).joinpath("attack_table.csv")
    if not table.is_file():
        return frozenset()
    with table.open(encoding="utf-8", newline="") as lines:
        return frozenset((row["style"], row["effect"]) for row in csv.DictReader(lines) if row["privacy"] == TESTED)


def privacy_class(style: str, effect: str) -> str:
    """``tested`` where the combination passed the project's attack benchmark, else ``recognisable``."""
    return TESTED if (style, effect) in _tested_combinations() else RECOGNISABLE
