"""Where a batch writes what, for a whole batch and for a part of one.

In OUT_DIR stands what travels: outputs, certificates, ``results.csv`` and ``report.html``. Beside it, for its owner alone, stands what
holds paths, figures of faces, or both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...output.certificate import named
from ...output.worklist import DECISIONS_ENDING, LIST_ENDING
from .cases import QUARANTINE, SUPERSEDED
from .shards import Shard


@dataclass(frozen=True)
class Places:
    """The files of a batch, or of one part of it."""

    out_dir: Path
    shard: Shard = Shard()

    @property
    def results(self) -> Path:
        """The table of results."""
        return self.shard.results(self.out_dir)

    @property
    def report(self) -> Path:
        """The report, which shows no face."""
        return self.out_dir / f"report{self.shard.ending}.html"

    @property
    def ledger(self) -> Path:
        """What the batch knows of its cases."""
        return self._beside(f"-ledger{self.shard.ending}.sqlite")

    @property
    def inputs(self) -> Path:
        """Which input each case had."""
        return self._beside("-inputs.csv")

    @property
    def worklist(self) -> Path:
        """What waits for a person."""
        return self._beside(LIST_ENDING.replace(".csv", f"{self.shard.ending}.csv"))

    @property
    def decisions(self) -> Path:
        """What a person decided."""
        return self._beside(DECISIONS_ENDING)

    @property
    def quarantine(self) -> Path:
        """The inputs that were refused, each with the reason beside it."""
        return self._beside(QUARANTINE)

    @property
    def superseded(self) -> Path:
        """Earlier releases whose cases were not released again."""
        return self._beside(SUPERSEDED)

    def _beside(self, ending: str) -> Path:
        folder = named(self.out_dir.resolve())
        return folder.with_name(folder.name + ending)
