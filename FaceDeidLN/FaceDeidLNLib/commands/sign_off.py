"""A REVIEW that a person looked at and signs off on the command line: the same result is made again, and only that one is released."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError

if TYPE_CHECKING:
    from ..case.records import CaseResult
    from ..clearance import SignOff
    from ..core.parameters import Parameters
    from ..output.seen import Seen

_OTHER = "what was signed off was another result than this one: look at it again"


def add_sign_off(parser: argparse.ArgumentParser) -> None:
    """What a person says of a REVIEW."""
    group = parser.add_argument_group("sign-off of a REVIEW")
    group.add_argument("--sign-off", type=Path, metavar="DIR", help="release the REVIEW that this --qa folder shows; needs --remark")
    group.add_argument("--remark", default="", metavar="TEXT", help="why it may leave; goes into the certificate")
    group.add_argument("--reviewer", default="", metavar="NAME", help="who says so; goes into the certificate")


@dataclass(frozen=True)
class Asked:
    """The sign-off that was asked for, and what it is of."""

    remark: str
    reviewer: str
    seen: Seen

    def parameters(self, parameters: Parameters) -> Parameters:
        """Those that draw the same result again."""
        return replace(parameters, seed=self.seen.seed)

    def of(self, result: CaseResult) -> tuple[CaseResult, SignOff]:
        """The sign-off of this result; where another one was looked at none, the reason among its own, and a REVIEW of what would pass."""
        from ..clearance import NOT_SIGNED, SignOff
        from ..output.seen import digest
        from ..verify.verdict import Verdict

        if result.result is not None and digest(result.result) == self.seen.result:
            return result, SignOff(self.remark, self.reviewer)
        verdict = Verdict.REVIEW if result.verdict is Verdict.PASS else result.verdict
        return replace(result, verdict=verdict, reasons=(*result.reasons, _OTHER)), NOT_SIGNED


def asked_sign_off(options: argparse.Namespace) -> Asked | None:
    """The sign-off of a command line; None where there is none.

    :raises InputError: it lacks its remark, or the folder shows no result.
    """
    from ..output.seen import read_seen

    if options.sign_off is None:
        if options.remark or options.reviewer:
            raise InputError("--remark and --reviewer are for a sign-off: name the case's review folder with --sign-off DIR.")
        return None
    if not options.remark.strip():
        raise InputError("A sign-off needs a remark, which goes into the certificate: say with --remark why the result may leave.")
    if options.also:
        raise InputError("--sign-off is of the CT that was looked at, and --also adds images that were not: leave one of them out.")
    return Asked(options.remark.strip(), options.reviewer.strip(), read_seen(options.sign_off))
