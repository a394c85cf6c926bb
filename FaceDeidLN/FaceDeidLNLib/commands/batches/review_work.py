"""What people do in a batch: decisions are carried out, releases made in Slicer are taken over, the rest becomes the work list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...core.errors import OutputError
from ...header.base import HeaderPolicy
from ...output.certificate import SCHEMA, STUDY_SCHEMA, certificate_path
from ...output.decisions import ACCEPT, MEND, REJECT, Decision
from ...output.own import OTHER_INPUT, Manner, why_not_own
from ...output.signing import public_text, read_certificate
from ...output.worklist import WorkItem, write_worklist
from ..console import PASS, REVIEW
from .case_run import released_sha256
from .cases import DEFACE, STUDY, Case
from .loop import Setting
from .own_input import is_of_case
from .row import REJECTED, SIGNED_OFF, Row
from .table import FILE_COLUMNS

_SLICER = "released in Slicer"
#: So many names stand in a sentence.
_SHOWN = 5


def why_not_taken(case: Case, row: Row, out_dir: Path, signer: str, policy: HeaderPolicy) -> str | None:
    """Why what was released under a case's output since the case ended is not taken over; empty where it is, None where nothing was.

    It is the release of a person in Slicer where its certificate is its own and not the one that lay there when the case ended, its
    headers were treated as the batch's are (``policy``), it is signed with the batch's key (``signer``), and made of the case's input.
    """
    if row.is_released:
        return None
    output = out_dir / case.output
    why = why_not_own(output, row.left, Manner(policy, signer, STUDY_SCHEMA if case.command == STUDY else SCHEMA))
    return OTHER_INPUT if why == "" and not is_of_case(case, output, policy) else why


def taken_over(case: Case, row: Row, out_dir: Path) -> Row:
    """The row of a case that was not released by the batch and has been since, by a person in Slicer."""
    output = out_dir / case.output
    certificate = read_certificate(certificate_path(output))
    verdict = str(certificate.get("verdict"))
    return replace(
        row,
        output=case.output,
        verdict=verdict if verdict == "PASS" else SIGNED_OFF,
        privacy=str(certificate.get("privacy", "")),
        reasons="; ".join(filter(None, (_SLICER, *map(str, certificate.get("reasons", ()))))),
        exit_code=PASS,
        output_sha256=released_sha256(output),
        left="",
    )


def strangers(why: Mapping[str, str]) -> list[str]:
    """Sentences about what lies among the results, travels with them, and is not taken over; ``why`` by the names of the cases."""
    alike = {reason: sorted(name for name in why if why[name] == reason) for reason in sorted(set(why.values()))}
    return [
        f"what lies among the results for {_some(names)} is not taken over ({reason}): take it away, and release the case as the batch does"
        for reason, names in alike.items()
    ]


def decided(case: Case, row: Row, decision: Decision, qa: Path | None) -> tuple[Row, Case | None]:
    """The row after a decision, and the case with its sign-off where it is to be run once more for it.

    What was released stays released; an acceptance counts for a REVIEW of the very result that was looked at.
    """
    if row.is_released:
        return row, None
    if decision.decision == REJECT:
        why = "rejected by a person" + (f": {decision.remark}" if decision.remark else "")
        return row if row.is_rejected else replace(row, verdict=REJECTED, exit_code=REVIEW, reasons=_first(why, row.reasons)), None
    if decision.decision == MEND:
        return replace(row, remark=decision.remark), None
    if decision.decision == ACCEPT and row.verdict == "REVIEW" and row.seen == decision.result and qa is not None:
        words = ("--sign-off", str((qa / case.name).absolute()), f"--remark={decision.remark}", f"--reviewer={decision.reviewer}")
        return row, replace(case, sign_off=words)
    return row, None


def unheard(decisions: Mapping[str, Decision], names: Collection[str], rows: Mapping[str, Row], qa: Path | None) -> list[str]:
    """Sentences about decisions that change nothing, so that nobody believes that they did.

    :param names: the cases of the whole batch, of which ``rows`` may be a part.
    :param qa: the folder of what was looked at, without which nothing can be signed off.
    """
    of_nobody = sorted(decisions.keys() - set(names))
    told = [f"no case of this batch is called {_some(of_nobody)}: what was decided on it counts for nothing"] if of_nobody else []
    known = [(name, rows[name], decision.decision, decision.result) for name, decision in sorted(decisions.items()) if name in rows]
    reviews = [(name, row.seen == result) for name, row, said, result in known if said == ACCEPT and row.verdict == "REVIEW"]
    other = [name for name, is_same in reviews if not is_same]
    not_shown = [name for name, is_same in reviews if is_same and qa is None]
    told += [f"{_some(not_shown)} was accepted and is not released without --qa: name the folder that was looked at"] if not_shown else []
    told += [f"{_some(other)} was accepted as another result than the one that is there now: look at it again"] if other else []
    not_to_be = [name for name, row, said, _ in known if said == ACCEPT and not row.is_released and row.verdict != "REVIEW"]
    told += [f"{_some(not_to_be)} cannot be accepted: only a REVIEW can"] if not_to_be else []
    too_late = [name for name, row, said, _ in known if said in (REJECT, MEND) and row.is_released]
    return told + (
        [f"{_some(too_late)} was released before it was decided on, and stays: take it away where it must not"] if too_late else []
    )


def left_behind(names: Sequence[str]) -> list[str]:
    """A sentence about releases whose cases are none of the batch any more: they stand in no table, and travel with the others."""
    told = f"{_some(names)} was released and is no case of this batch any more; the release stays: take it away where it must not"
    return [told] if names else []


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _first(why: str, reasons: str) -> str:
    return "; ".join(filter(None, (why, reasons)))


def write_work(done: Iterable[tuple[Case, Row]], setting: Setting, path: Path) -> int:
    """Write what waits for a person; how many cases do. Studies are not among them: the panel opens one CT.

    :raises OutputError: it cannot be written.
    """
    signer = "" if setting.signing_key is None else public_text(setting.signing_key)
    items = [_item(case, row, setting, signer) for case, row in done if row.waits and case.command == DEFACE]
    try:
        write_worklist(items, path)
    except OSError as problem:
        raise OutputError(f"The work list {path} cannot be written ({problem.strerror}).") from problem
    return len(items)


def _item(case: Case, row: Row, setting: Setting, signer: str) -> WorkItem:
    files = {column: tuple(path.absolute() for flag, path in case.files if flag == word) for column, word in FILE_COLUMNS.items()}
    options = dict(zip(case.options[::2], case.options[1::2], strict=True))
    names = f"{setting.node_segments},{options.get('--node-segments', '')}".split(",")
    review = None if setting.qa is None else (setting.qa / case.name).absolute()
    return WorkItem(
        case=case.name,
        ct=case.input.absolute(),
        output=(setting.out_dir / case.output).absolute(),
        verdict=row.verdict,
        reasons=row.reasons,
        review=review if review is not None and review.is_dir() else None,
        nodes=files["nodes"],
        protect=files["protect"],
        **{name: next(iter(files[name]), None) for name in ("landmarks", "curve", "face_segment")},
        node_segments=tuple(name.strip() for name in names if name.strip()),
        series=options.get("--series", ""),
        remark=row.remark,
        header=setting.header,
        key=_absolute(setting.key),
        patients=_absolute(setting.patients),
        signed=signer,
        left=row.left,
    )


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()
