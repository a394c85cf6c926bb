"""How one case is run, by whichever engine: in a process of its own kind, judged by what lies on the disk afterwards."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...output.certificate import certificate_hash, certificate_path
from ...output.signing import is_own_release
from ...release import AttemptWatch, remove_released
from ..console import BAD_INPUT, FAIL, PASS, REVIEW
from .child import Child, ChildEnded, overdue
from .task import Ended, Task


class CaseRunner:
    """Does cases in one child process, which is replaced when it ended or is spent."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.is_over = False

    def run(self, task: Task) -> Ended:
        """Run a case to its end; whatever happens to its process, no output is left that is not reported as released."""
        watch, begin = AttemptWatch(task.output), time.monotonic()
        answer: dict[str, Any] = {}
        try:
            answer, was_asked = self._fit_child(task).ask(_words(task))
            code, reasons, is_crash = _judged(answer, was_asked, task)
        except ChildEnded as end:
            code, reasons, is_crash = FAIL, [str(end)], overdue(task.limits) not in str(end)
        if code != PASS and watch.has_new_certificate():
            remove_released(task.output)  # it ended between the release and its report
        return Ended(
            case=task.case,
            code=code,
            reasons=tuple(reasons),
            report=answer.get("report", {}),
            seconds=time.monotonic() - begin,
            is_crash=is_crash,
            is_overdue=code == FAIL and any(overdue(task.limits) in reason for reason in reasons),
            peak_memory_mb=answer.get("peak_memory_mb"),
            cpu_seconds=answer.get("cpu_seconds"),
            versions=answer.get("versions", ""),
            output_sha256=released_sha256(task.output) if code == PASS else "",
            left="" if code == PASS else certificate_hash(task.output),
        )

    def stop(self) -> None:
        """End the process, and the case in it."""
        self.is_over = True
        if self.child is not None:
            self.child.stop()

    def _fit_child(self, task: Task) -> Child:
        if self.child is not None and not (self.child.is_fit and self.child.limits == task.limits):
            self.child.stop()
            self.child = None
        if self.child is None:
            self.child = Child(task.limits)
        if self.is_over:  # it was stopped while the child was made
            self.child.stop()
        return self.child


def _words(task: Task) -> list[str]:
    """The case's words; its own remainder of an attempt that was killed is replaced, nobody else's."""
    own = task.is_begun and "--overwrite" not in task.words and is_own_release(task.output, task.signing_key)
    return [*task.words, *(["--overwrite"] if own else [])]


def _judged(answer: Mapping[str, Any], was_asked: bool, task: Task) -> tuple[int, list[str], bool]:
    """Exit code, reasons, and whether it is a crash; anything but a report that fits what lies on the disk is a FAIL."""
    code, report = answer["code"], answer["report"]
    if was_asked and code not in (PASS, REVIEW, FAIL, BAD_INPUT):
        return FAIL, [f"{overdue(task.limits)}; the process ended by {_SIGNALS.get(code, code)}"], False
    if not report or code not in (PASS, REVIEW, FAIL, BAD_INPUT):
        return FAIL, [f"the process ended with code {code} without a report"], True
    if code == PASS and not is_own_release(task.output, task.signing_key):
        return FAIL, ["the process reported a release, but there is no output with its certificate"], False
    reasons = [*report.get("reasons", []), report.get("error", "")]
    return code, [str(reason) for reason in reasons if reason], False


_SIGNALS = {130: "SIGINT", 143: "SIGTERM"}


def released_sha256(output: Path) -> str:
    """One hash of a released output: of the file, or of the names and hashes of a folder's files; empty where there is none."""
    try:
        said = json.loads(certificate_path(output).read_text(encoding="utf-8"))
        hashes = said["files"] if "files" in said else said["output"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return hashes if isinstance(hashes, str) else hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
