"""What became of one case."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import PurePosixPath

from ..console import BAD_INPUT, FAIL, PASS, REVIEW

#: Verdicts of a batch beside those of a case: what a person decided, and a PASS that is recognisable and that nobody accepted as that.
REJECTED, SIGNED_OFF, WITHHELD = "REJECTED", "SIGNED OFF", "WITHHELD"


@dataclass(frozen=True)
class Row:
    """One case's result.

    What of it stands in ``results.csv`` (``COLUMNS``) travels with the releases and holds no path of what was read. The rest is for the
    batch alone: ``input_key`` and ``options_key``, by which a later run knows the case again, ``figures`` (names to numbers) of
    the report, ``left`` (the hash of a certificate that lay beside the output when a case ended that was not released), ``seen``
    (the hash of the result that the review shows) and ``unfinished`` (1 where the machine or a limit ended the case, not 0).
    """

    case: str
    output: str = ""
    verdict: str = ""
    privacy: str = ""
    reasons: str = ""
    seconds: str = ""
    cpu_seconds: str = ""
    peak_memory_mb: str = ""
    attempts: int = 1
    exit_code: int = PASS
    output_sha256: str = ""
    versions: str = ""
    input_key: str = ""
    options_key: str = ""
    figures: str = "{}"
    left: str = ""
    seen: str = ""
    remark: str = ""
    unfinished: int = 0

    @property
    def is_released(self) -> bool:
        """Its output is there."""
        return self.exit_code == PASS

    @property
    def is_unfinished(self) -> bool:
        """The machine or a limit ended it, and no person has decided on it or mended it since."""
        return self.exit_code == FAIL and bool(self.unfinished)

    @property
    def is_rejected(self) -> bool:
        """A person decided that it does not leave."""
        return self.exit_code == REVIEW and self.verdict == REJECTED

    @property
    def is_refused(self) -> bool:
        """It is no case for release: rejected, failed or not to be read."""
        return self.is_rejected or self.exit_code in (FAIL, BAD_INPUT)

    @property
    def waits(self) -> bool:
        """A person can still mend it or decide on it."""
        return not self.is_released and not self.is_rejected


def as_told(row: Row) -> Row:
    """The row with its costs to one digit, as table and report have them, which travel: heads of one size fall together."""
    return replace(row, **{name: _one_digit(getattr(row, name)) for name in ("seconds", "cpu_seconds", "peak_memory_mb")})


def _one_digit(text: str) -> str:
    return f"{float(f'{float(text):.0e}'):.10g}" if text else ""


FIELDS = tuple(item.name for item in fields(Row))
#: The columns of the exported table.
COLUMNS = FIELDS[: FIELDS.index("versions") + 1]


def row_of(values: Mapping[str, object]) -> Row:
    """The row of a stored record; what a later version has stored beside it is passed over.

    :raises ValueError: something stands in it that no batch has stored.
    """
    known = {name: values[name] for name in FIELDS if name in values}
    for item in fields(Row):
        wanted = int if item.name in _WHOLE else str
        if item.name in known and not isinstance(known[item.name], wanted):
            raise ValueError(f"{item.name} is no {'number' if wanted is int else 'text'}")
    row = Row(**known)  # type: ignore[arg-type]
    if row.exit_code not in (PASS, REVIEW, FAIL, BAD_INPUT) or row.attempts < 0:
        raise ValueError(f"exit code {row.exit_code} after {row.attempts} attempts")
    if row.is_released and not PurePosixPath(row.output).name:
        raise ValueError("a release without an output")
    if not all(math.isfinite(float(text)) for text in (row.seconds, row.cpu_seconds, row.peak_memory_mb) if text):
        raise ValueError("seconds or memory are no numbers")
    if not isinstance(json.loads(row.figures), dict):
        raise ValueError("figures are no object")
    return row


_WHOLE = ("attempts", "exit_code", "unfinished")
