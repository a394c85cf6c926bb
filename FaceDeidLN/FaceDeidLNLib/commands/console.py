"""What a command says: results on standard output, progress and refusals on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from ..core.progress import Progress, silent

PASS, FAIL, BAD_INPUT, REVIEW = 0, 1, 2, 3
#: From the exit code that matters most to the one that matters least: a batch ends with the first that any case had.
WORST_FIRST = (FAIL, BAD_INPUT, REVIEW, PASS)
#: What a terminal obeys instead of showing it; names of files and of what is in them may hold it.
_OBEYED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
#: Not more often than this, so that a slow terminal does not slow the work.
_REDRAW_S = 0.1


@dataclass(frozen=True)
class Outcome:
    """The end of a command: its exit code, what ``--json`` prints, and what a person reads."""

    exit_code: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


def refusal(exit_code: int, sentence: str) -> Outcome:
    """The outcome of a command that did not get to its work."""
    return Outcome(exit_code, {"error": sentence}, sentence)


def tell(text: str, stream: TextIO | None) -> None:
    """Write text where perhaps nobody listens any more: neither a closed pipe nor a full disk undoes what was done.

    What the stream's encoding lacks is written as an escape; a program without a console has no stream at all.
    """
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):  # a closed stream is a ValueError
        _let_be(stream)


def _let_be(stream: TextIO) -> None:
    """Nothing more goes where writing failed; else Python would fail once more at its end, with an exit code of its own."""
    with contextlib.suppress(OSError, ValueError):
        handle = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(handle, stream.fileno())
        finally:
            os.close(handle)


class StatusLine:
    """One line on a terminal that is drawn over and over; on anything but a terminal it says nothing."""

    def __init__(self, stream: TextIO, label: str = "") -> None:
        self._stream, self._label = stream, label
        self._drawn = ""
        self._last = -_REDRAW_S

    def __call__(self, fraction: float, message: str) -> None:
        """Show the fraction done (0..1) and what is being done (a ``Progress``)."""
        now = time.monotonic()
        if now - self._last < _REDRAW_S:
            return
        self._last = now
        self._draw(f"{self._label}{100 * min(max(fraction, 0.0), 1.0):3.0f} %  {message}")

    def clear(self) -> None:
        """Leave an empty line for what comes next."""
        if self._drawn:
            self._draw("")
            tell("\r", self._stream)

    def _draw(self, line: str) -> None:
        tell("\r" + line.ljust(len(self._drawn)), self._stream)
        self._drawn = line


@dataclass(frozen=True)
class Console:
    """Where a command speaks, after ``--quiet`` and ``--json``."""

    quiet: bool = False
    as_json: bool = False
    status: StatusLine | None = None

    @property
    def progress(self) -> Progress:
        """The progress to hand to the work."""
        return self.status or silent

    def say(self, text: str) -> None:
        """Something worth knowing before the result is there."""
        if not (self.quiet or self.as_json):
            self._clear()
            tell(f"{text.translate(_OBEYED)}\n", sys.stdout)

    def finish(self, outcome: Outcome) -> int:
        """Print the outcome and return its exit code."""
        self._clear()
        if self.as_json:
            tell(json.dumps({"exit_code": outcome.exit_code, **outcome.facts}) + "\n", sys.stdout)
        elif outcome.text and outcome.exit_code != PASS:
            tell(f"{outcome.text.translate(_OBEYED)}\n", sys.stderr)
        elif outcome.text and not self.quiet:
            tell(f"{outcome.text.translate(_OBEYED)}\n", sys.stdout)
        return outcome.exit_code

    def _clear(self) -> None:
        if self.status is not None:
            self.status.clear()


def console_for(quiet: bool, as_json: bool) -> Console:
    """The console of one run: with a status line only where a person looks at a terminal."""
    watched = not quiet and sys.stderr is not None and sys.stderr.isatty()
    return Console(quiet, as_json, StatusLine(sys.stderr) if watched else None)
