"""The cases of a batch on their way through an engine: begun, tried again, and noted, each with one row."""

from __future__ import annotations

import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ...core.coarse import coarse
from ...header.options import KEEP
from ...output.signing import is_own_release
from ...release import AttemptWatch, remove_released
from ..console import BAD_INPUT, FAIL, PASS, REVIEW, Console
from .cases import Case
from .engine import Engine
from .figures import figures_of
from .ledger import Ledger
from .places import Places
from .row import SIGNED_OFF, WITHHELD, Row
from .superseded import set_aside
from .task import Ended, Limits, Task

_WAIT_S = 0.1
#: So many times as long as the lists took to write they are not written again.
_PAUSES = 10
#: Options whose value is a name of a segment or series.
_NAMING = ("--node-segments", "--series")
_VERDICT_WITHOUT_REPORT = {FAIL: "FAIL", BAD_INPUT: "BAD INPUT", REVIEW: "REVIEW", PASS: "PASS"}


@dataclass(frozen=True)
class Setting:
    """What all cases of a batch share: where results and review material go, the shared words, what a case may take."""

    out_dir: Path
    words: tuple[str, ...]
    limits: Limits
    retries: int = 1
    overwrite: bool = False
    qa: Path | None = None
    signing_key: Path | None = None
    #: Names of node segments that count in every case, with "," between them, and what is done to headers; they are among the words too.
    node_segments: str = ""
    header: str = KEEP
    key: Path | None = None
    patients: Path | None = None


@dataclass(frozen=True)
class _Attempt:
    """A case at work: what lay under its output's name and the key of its inputs when it was begun, and whether it replaces a release."""

    case: Case
    watch: AttemptWatch
    input_key: str
    replaces: bool


class Supply(Protocol):
    """Where cases come from."""

    def take(self) -> list[Case]:
        """Those that there are new since last time; asked often."""

    @property
    def is_over(self) -> bool:
        """There will be no more."""


class Listed:
    """Cases that are all known."""

    def __init__(self, cases: list[Case]) -> None:
        self._cases = cases

    def take(self) -> list[Case]:
        """All of them, once."""
        cases, self._cases = self._cases, []
        return cases

    @property
    def is_over(self) -> bool:
        """They were taken."""
        return not self._cases


class Loop:
    """Runs cases; ``run`` returns when there are no more. A case that crashed goes to the end, ``retries`` times at most.

    ``settled`` is called when all that there were have ended, and seldom enough to take little of the time: what it writes grows with the
    number of all cases, and cases may come one by one.
    """

    def __init__(self, ledger: Ledger, engine: Engine, setting: Setting, console: Console, settled: Callable[[], None]) -> None:
        self._ledger, self._engine, self._setting, self._console, self._settled = ledger, engine, setting, console, settled
        self._waiting: deque[Case] = deque()
        self._at_work: dict[str, _Attempt] = {}
        #: Ended before they began, because there is no place for their output.
        self._refused: list[Ended] = []
        self._known, self._done = 0, 0
        #: Also of cases that the ledger does not count as begun, because somebody else's output lies there.
        self._crashes: dict[str, list[str]] = {}
        self._has_new_rows, self._not_before = False, float("-inf")

    def run(self, supply: Supply) -> None:
        """Run all cases of the supply; each gets its row as soon as it ends. The engine is closed, however this ends."""
        try:
            while True:
                is_over, new = supply.is_over, supply.take()
                self._known += len(new)
                self._waiting += new
                if is_over and not new and not self._waiting and not self._at_work:
                    return
                self._feed()
                ended, self._refused = [*self._refused, *self._engine.wait(_WAIT_S)], []
                self._note(ended)
                self._has_new_rows |= bool(ended)
                self._settle_if_due()
                self._console.progress(self._done / max(self._known, 1), f"{self._done} of {self._known} cases")
        finally:
            self._engine.close()

    def _settle_if_due(self) -> None:
        if not self._has_new_rows or self._waiting or self._at_work or time.monotonic() < self._not_before:
            return
        begin = time.monotonic()
        self._settled()
        self._has_new_rows, self._not_before = False, time.monotonic() + _PAUSES * (time.monotonic() - begin)

    def _feed(self) -> None:
        """Begin as many cases as there is room for: all are noted on the disk before the first starts."""
        tasks = []
        for _ in range(min(self._engine.room, len(self._waiting))):
            case = self._waiting.popleft()
            output = self._setting.out_dir / case.output
            key, replaces = case.input_key(), False
            try:
                task = self._task(case, output)
                output.parent.mkdir(parents=True, exist_ok=True)
                replaces = task.is_begun and output.exists()
                tasks.append(task)
            except OSError as problem:
                self._refused.append(Ended(case.name, BAD_INPUT, (f"there is no place for its output ({problem.strerror})",)))
            self._at_work[case.name] = _Attempt(case, AttemptWatch(output), key, replaces)
        self._ledger.begin(*(task.case for task in tasks if task.is_begun))
        for task in tasks:
            self._engine.start(task)

    def _task(self, case: Case, output: Path) -> Task:
        """The output that a killed batch had begun and released without noting it is replaced; nobody else's is."""
        key = self._setting.signing_key
        own = case.name in self._ledger.begun and is_own_release(output, key)
        is_begun = own or self._setting.overwrite or not output.exists()
        return Task(case.name, words_of(case, self._setting), output.absolute(), self._setting.limits, is_begun, key)

    def _note(self, ended: list[Ended]) -> None:
        rows = [row for one in ended if (row := self._final(one)) is not None]
        self._ledger.put(*rows)
        self._done += len(rows)
        for row in rows:
            self._console.say(f"{row.case}: {row.verdict}" + (f" ({row.reasons})" if row.exit_code else ""))

    def _final(self, ended: Ended) -> Row | None:
        """The row of a case that ended; None where it is tried again."""
        attempt = self._at_work.pop(ended.case)
        case = attempt.case
        row = replace(row_of(ended, case, self._setting), input_key=attempt.input_key)
        before = self._crashes.pop(case.name, None) or list(self._ledger.crashes.get(case.name, ()))
        if ended.is_crash and len(before) < self._setting.retries:
            self._crashes[case.name] = [*before, row.reasons]
            self._ledger.crashed(case.name, row.reasons)
            self._waiting.append(case)
            return None
        left = [] if ended.code == PASS else [_taken_back(attempt.watch), self._set_aside(attempt)]
        told = [row.reasons, *left, *(f"tried again after: {reason}" for reason in before)]
        return replace(row, attempts=len(before) + 1, reasons="; ".join(filter(None, told)))

    def _set_aside(self, attempt: _Attempt) -> str:
        """A release that was to be replaced does not stay among the results of this batch where no new one came.

        That is an earlier one (--overwrite), or that of an attempt that ended without telling of it.
        """
        if not attempt.replaces:
            return ""
        out_dir, output = self._setting.out_dir, attempt.case.output
        return set_aside(out_dir / output, output, Places(out_dir).superseded)


def _taken_back(watch: AttemptWatch) -> str:
    """What a worker released that was lost before it could report or undo it goes; why it could not, where it could not."""
    try:
        if watch.has_new_certificate():
            remove_released(watch.output)
    except OSError as problem:
        return f"what an attempt released could not be taken back ({problem.strerror}): take it away"
    return ""


def words_of(case: Case, setting: Setting) -> tuple[str, ...]:
    """The whole command line of a case."""
    words = [case.command, str(case.input), str((setting.out_dir / case.output).absolute())]
    words += [*_joined([*case.arguments(), *case.shared(setting.words)]), *case.sign_off, "--json", "--quiet"]
    if setting.qa is not None:
        words += ["--qa", str((setting.qa / case.name).absolute())]
    if setting.signing_key is not None:
        words += ["--signing-key", str(setting.signing_key.absolute())]
    return (*words, "--overwrite") if setting.overwrite else tuple(words)


def _joined(words: Sequence[str]) -> list[str]:
    """The words with each name that somebody else chose behind its option: one that begins with "-" would be taken for an option."""
    pairs = itertools.zip_longest(words, words[1:], fillvalue="")
    joined = [f"{word}={after}" if word in _NAMING else word for word, after in pairs]
    return [word for before, word in zip(("", *words), joined, strict=False) if before not in _NAMING]


def row_of(ended: Ended, case: Case, setting: Setting) -> Row:
    """The row of a case that ended."""
    report = ended.report
    said = report.get("verdict") if report.get("exit_code") == ended.code else None
    verdict = str(said or _VERDICT_WITHOUT_REPORT[ended.code])
    verdict = {(PASS, "REVIEW"): SIGNED_OFF, (REVIEW, "PASS"): WITHHELD}.get((ended.code, verdict), verdict)
    return Row(
        case=case.name,
        output=case.output if ended.code == PASS else "",
        verdict=verdict,
        privacy=str(report.get("privacy", "")),
        reasons=coarse(case.without_paths("; ".join(ended.reasons), setting.out_dir)),
        seconds=f"{ended.seconds:.1f}",
        cpu_seconds="" if ended.cpu_seconds is None else f"{ended.cpu_seconds:.2f}",
        peak_memory_mb="" if ended.peak_memory_mb is None else str(ended.peak_memory_mb),
        exit_code=ended.code,
        output_sha256=ended.output_sha256,
        versions=ended.versions,
        options_key=case.options_key(setting.words),
        figures=json.dumps(figures_of(report)),
        left=ended.left,
        seen=str(report.get("review_sha256", "")),
        unfinished=int(ended.is_crash or ended.is_overdue),
    )
