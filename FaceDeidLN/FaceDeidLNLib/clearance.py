"""The release rule and its gate: what may leave, and the one way to the permission to write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .core.volume import Volume
from .verify.privacy import is_tested
from .verify.verdict import Verdict

#: What a person must know before saying yes to a combination that did not pass the attack benchmark.
RECOGNISABLE_REASON = (
    "this combination of region and effect, with what is kept in it, has not passed the project's attack benchmark, so the person may "
    "still be recognised"
)
#: Only ``clear`` has it.
_KEY = object()


class NotReleasedError(ValueError):
    """A result was to be written that may not leave; the message says why."""


@dataclass(frozen=True)
class SignOff:
    """What a person says of a REVIEW, and who; no remark is no sign-off."""

    remark: str = ""
    reviewer: str = ""


NOT_SIGNED = SignOff()


@dataclass(frozen=True)
class Judged:
    """What the rule looks at: verdict, reasons and privacy class of a result, and what people said of it.

    ``accepted``: somebody accepts that the person may be recognised. ``remark`` and ``reviewer`` are of whoever signed a REVIEW
    off, the remark empty as long as nobody did.
    """

    verdict: str
    reasons: tuple[str, ...]
    privacy: str
    accepted: bool = False
    remark: str = ""
    reviewer: str = ""

    @property
    def is_signed(self) -> bool:
        """A REVIEW that somebody signed off; a FAIL cannot be."""
        return self.verdict == Verdict.REVIEW.value and bool(self.remark.strip())

    @property
    def refusal(self) -> str:
        """Why the result may not leave, one sentence; empty where it may: PASS or signed REVIEW, and tested or its risk accepted."""
        if self.verdict != Verdict.PASS.value and not self.is_signed:
            return f"{self.verdict}: {'; '.join(self.reasons)}"
        return "" if is_tested(self.privacy) or self.accepted else RECOGNISABLE_REASON


@dataclass(frozen=True, eq=False)
class Clearance:
    """The permission to write this very ``volume``; ``case`` is what its certificate says of it. Made by ``clear`` alone."""

    volume: Volume
    case: dict[str, Any]
    key: object

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise TypeError("a clearance is made by clear() alone")


def clear(judged: Judged, volume: Volume | None, case: dict[str, Any]) -> Clearance:
    """The gate: the permission to write ``volume``, of which ``release.case_content`` said ``case``; a sign-off goes into the certificate.

    :raises NotReleasedError: there is none, with the reason.
    """
    if judged.refusal or volume is None:
        raise NotReleasedError(f"not to be released: {judged.refusal or 'there is no result'}")
    if (case["verdict"], case["privacy"]) != (judged.verdict, judged.privacy):
        raise NotReleasedError("not to be released: the certificate says something else than what was judged")
    if judged.is_signed:
        signature = {"name": judged.reviewer, "remark": judged.remark.strip()}
        case = {**case, "checks": {**case["checks"], "review_sign_off": {key: value for key, value in signature.items() if value}}}
    return Clearance(volume, case, _KEY)
