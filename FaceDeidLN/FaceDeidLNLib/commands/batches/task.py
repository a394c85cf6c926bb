"""What is asked of whoever does a case, and what comes back: plain values, so that they travel to another process or machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What a case may take: seconds, MB of memory (None: no limit), and threads."""

    seconds: float
    memory_mb: int | None = None
    threads: int = 1


@dataclass(frozen=True)
class Task:
    """One case: the words of its command line, and where its output goes.

    ``is_begun``: the ledger knows that it was begun here, so that a release under the output's name is this batch's own and is
    replaced. ``signing_key`` is the key that such a release is known by.
    """

    case: str
    words: tuple[str, ...]
    output: Path
    limits: Limits
    is_begun: bool = False
    signing_key: Path | None = None


@dataclass(frozen=True)
class Ended:
    """How a case ended: exit code, what the command reported, why in words, and what it took.

    ``is_crash``: it ended without a report of its own, so that another attempt is worth while; ``is_overdue``: it took too long. Neither is
    a result. ``output_sha256`` and ``left`` are hashes of the released output and of a certificate that lies beside an output that was
    not released now.
    """

    case: str
    code: int
    reasons: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    is_crash: bool = False
    is_overdue: bool = False
    peak_memory_mb: int | None = None
    cpu_seconds: float | None = None
    versions: str = ""
    output_sha256: str = ""
    left: str = ""
