"""What came of a study, instance by instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .outcome import Decision
from .plan import Entry, StudyPlan
from .proof import Proof


@dataclass(frozen=True, eq=False)
class Report:
    """What came of an instance."""

    entry: Entry
    decision: Decision
    figures: Mapping[str, Any] = field(default_factory=dict)
    #: Where it stands in the released study.
    file: str | None = None


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What came of a study: ``output`` is None where nothing of it was released, and ``reasons`` say why."""

    planned: StudyPlan
    reports: tuple[Report, ...]
    reasons: tuple[str, ...]
    output: Path | None = None
    proof: Proof | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """PASS or REVIEW."""
        return "PASS" if self.output is not None else "REVIEW"
