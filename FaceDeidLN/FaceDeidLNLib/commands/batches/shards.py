"""Parts of a batch that know nothing of each other: which cases each has, and their results joined."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import InputError

if TYPE_CHECKING:
    from .cases import Case

_OF_A_SHARD = re.compile(r"results-(\d+)-of-(\d+)\.csv")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 0) of ``count``."""

    number: int = 0
    count: int = 1

    def cases(self, cases: Sequence[Case]) -> list[Case]:
        """This part's cases: by a hash of each one's name, so that a case that comes or goes moves no other."""
        return [case for case in cases if self.has(case.name)]

    def has(self, name: str) -> bool:
        """A case of this name is of this part."""
        return _draw(name) % self.count == self.number

    def results(self, folder: Path) -> Path:
        """The results file of this part; of a batch that is not in parts ``results.csv``."""
        return folder / f"results{self.ending}.csv"

    @property
    def ending(self) -> str:
        """What stands behind the name of a part's own files; nothing where there are no parts."""
        return "" if self.count == 1 else f"-{self.number}-of-{self.count}"


def _draw(name: str) -> int:
    """A number that only the name decides, evenly spread."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8], "big")


def shard(text: str) -> Shard:
    """An argparse type: I/N, the part I (from 0) of N."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is no part of a batch: I/N with I from 0 to N-1, for instance 0/4")
    return Shard(int(found[1]), int(found[2]))


def shards_in(folder: Path) -> list[Shard]:
    """All parts of the batch in a folder, in their order, from their results files.

    :raises InputError: there are none, some are missing, or they are of different divisions.
    """
    matches = filter(None, (_OF_A_SHARD.fullmatch(path.name) for path in folder.glob("results-*-of-*.csv")))
    found = sorted((Shard(int(match[1]), int(match[2])) for match in matches), key=lambda one: one.number)
    counts = {one.count for one in found}
    if not found:
        raise InputError(f"{folder} holds no results of parts of a batch (results-0-of-4.csv, ...): run batch with --shard first.")
    if len(counts) > 1:
        raise InputError(f"{folder} holds results of different divisions ({', '.join(map(str, sorted(counts)))} parts): move one aside.")
    missing = sorted(set(range(found[0].count)) - {one.number for one in found})
    if missing:
        raise InputError(f"{folder} lacks the results of part {missing[0]}/{found[0].count}: run batch with that --shard first.")
    return found
