"""Parts of a batch that know nothing of each other: which cases each has, and their results joined."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError

if TYPE_CHECKING:
    from .cases import Case

RESULTS = "results.csv"
_OF_A_SHARD = re.compile(r"results-(\d+)-of-(\d+)\.csv")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 0) of ``count``."""

    number: int = 0
    count: int = 1

    def cases(self, cases: Sequence[Case]) -> list[Case]:
        """This part's cases: by a hash of each one's name, so that a case that comes or goes moves no other."""
        return [case for case in cases if _draw(case.name) % self.count == self.number]

    def results(self, folder: Path) -> Path:
        """The results file of this part; of a batch that is not in parts ``results.csv``."""
        return folder / (RESULTS if self.count == 1 else f"results-{self.number}-of-{self.count}.csv")


def _draw(name: str) -> int:
    """A number that only the name decides, evenly spread."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8], "big")


def shard(text: str) -> Shard:
    """An argparse type: I/N, the part I (from 0) of N."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is no part of a batch: I/N with I from 0 to N-1, for instance 0/4")
    return Shard(int(found[1]), int(found[2]))


def shard_results(folder: Path) -> list[Path]:
    """The results files of all parts of the batch in a folder, in their order.

    :raises InputError: there are none, some are missing, or they are of different divisions.
    """
    found = {path: match for path in folder.glob("results-*-of-*.csv") if (match := _OF_A_SHARD.fullmatch(path.name))}
    counts = {int(match[2]) for match in found.values()}
    if not found:
        raise InputError(f"{folder} holds no results of parts of a batch (results-0-of-4.csv, ...): run batch with --shard first.")
    if len(counts) > 1:
        raise InputError(f"{folder} holds results of different divisions ({', '.join(map(str, sorted(counts)))} parts): move one aside.")
    missing = sorted(set(range(counts.copy().pop())) - {int(match[1]) for match in found.values()})
    if missing:
        raise InputError(f"{folder} lacks the results of part {missing[0]}/{counts.pop()}: run batch with that --shard first.")
    return sorted(found, key=lambda path: int(found[path][1]))
