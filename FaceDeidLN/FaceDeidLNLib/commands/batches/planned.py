"""Which cases of a batch are still to be done, after what is known of each and what people decided."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InputError
from ...header.base import HeaderPolicy
from ...header.policy import policy_named
from ...output.decisions import MEND, REJECT, Decision, read_decisions
from ...output.signing import is_own_release, public_text
from ..console import BAD_INPUT, REVIEW
from .case_run import released_sha256
from .cases import Case
from .ledger import Ledger
from .loop import Setting
from .places import Places
from .review_work import decided, left_behind, strangers, taken_over, unheard, why_not_taken
from .row import Row
from .superseded import set_aside

_NOT_DONE = "not done again: take the line out of the decisions to have it done"


@dataclass(frozen=True)
class Planned:
    """The cases that are still to be done, sentences about what people did in vain, and about releases of cases that are gone."""

    waiting: list[Case]
    unheard: list[str]
    gone: list[str]


def plan(
    cases: list[Case],
    ledger: Ledger,
    options: argparse.Namespace,
    setting: Setting,
    places: Places,
    known: Collection[str] = (),
    left: Collection[str] = (),
) -> Planned:
    """What is still to be done; nothing of these cases is touched, because replacing an output is up to the case.

    Rows of cases that there are no more go, but for those in ``left``; ``known`` are the names of cases that others do.

    Raises InputError where OUT_DIR holds results of other inputs or options, or an output that is not the released one any
    more, and --overwrite was not given.
    """
    names = {case.name for case in cases}.union(known)
    decisions = _by_case(read_decisions([*filter(Path.exists, [places.decisions]), *options.decisions]), names)
    policy = policy_named(options.header, options.key, options.patients, (options.out_dir,))
    rows = _still_right(cases, ledger, options, setting)
    not_taken, waiting = _take_over(cases, rows, options, policy), []
    for case in cases:
        row, decision, signed = rows.get(case.name), decisions.get(case.name), None
        if row is not None and _is_taken_back(row, decision):
            del rows[case.name]
            row = None
        if row is None and decision is not None and decision.decision == REJECT:
            rows[case.name] = row = _rejected(case, setting, places)
        if row is not None and decision is not None:
            rows[case.name], signed = decided(case, row, decision, options.qa)
        if signed is not None or not is_done(rows.get(case.name), options.out_dir / case.output, options.signing_key):
            waiting.append(signed or case)
    _require_unchanged(waiting, rows, options)
    undone = {case.name for case in waiting if not case.sign_off}
    kept = {**{name: ledger.rows[name] for name in left}, **{name: row for name, row in rows.items() if name not in undone}}
    gone = [row for name, row in sorted(ledger.rows.items()) if name not in names.union(left) and (options.out_dir / row.output).exists()]
    ledger.keep(kept.values())
    told = [*unheard(decisions, names, rows, options.qa), *strangers(not_taken)]
    return Planned(waiting, told, left_behind([row.case for row in gone if row.is_released]))


def _take_over(cases: list[Case], rows: dict[str, Row], options: argparse.Namespace, policy: HeaderPolicy) -> dict[str, str]:
    """What people released in Slicer gets its row; returns why something that lies there is not taken over, by the case's name."""
    signer = "" if options.signing_key is None else public_text(options.signing_key)
    not_taken = {}
    for case in cases:
        row = rows.get(case.name)
        why = None if row is None else why_not_taken(case, row, options.out_dir, signer, policy)
        if row is not None and why == "":
            rows[case.name] = taken_over(case, row, options.out_dir)
        elif why:
            not_taken[case.name] = why
    return not_taken


def _by_case(decisions: dict[str, Decision], names: Collection[str]) -> dict[str, Decision]:
    """The decisions by the names of their cases, in which, unlike in tables, several blanks may stand together."""
    spelled = {" ".join(name.split()): name for name in names} | {name: name for name in names}
    return {spelled.get(name, name): decision for name, decision in decisions.items()}


def _is_taken_back(row: Row, decision: Decision | None) -> bool:
    """A rejection does not hold any more: a later line says mend, or of a case that was not done for it no line says so."""
    said = "" if decision is None else decision.decision
    return row.is_rejected and (said == MEND or (said != REJECT and _NOT_DONE in row.reasons))


def _still_right(cases: list[Case], ledger: Ledger, options: argparse.Namespace, setting: Setting) -> dict[str, Row]:
    """The rows of these cases that are of the inputs and options that there are now."""
    there = [(case, ledger.rows[case.name]) for case in cases if case.name in ledger.rows]
    rows = {case.name: row for case, row in there if not is_of_other(row, case, setting)}
    others = [case.name for case, row in there if case.name not in rows and not is_mended(row, case, setting)]
    if others and not options.overwrite:
        raise InputError(
            f"{options.out_dir} holds results made from other inputs or with other options ({others[0]}, ...): "
            "name another folder, or give --overwrite."
        )
    return rows


def _rejected(case: Case, setting: Setting, places: Places) -> Row:
    """The row of a case that a person rejected before it was done with these choices; what was released of it does not stay."""
    moved = set_aside(setting.out_dir / case.output, case.output, places.superseded) if setting.overwrite else ""
    return Row(
        case=case.name,
        verdict="REVIEW",
        reasons="; ".join(filter(None, (_NOT_DONE, moved))),
        exit_code=REVIEW,
        input_key=case.input_key(),
        options_key=case.options_key(setting.words),
    )


def is_of_other(row: Row, case: Case, setting: Setting) -> bool:
    """The row is of other inputs or options than the case has now."""
    return (row.input_key, row.options_key) != (case.input_key(), case.options_key(setting.words))


def is_mended(row: Row, case: Case, setting: Setting) -> bool:
    """Nothing was released of the case and nobody rejected it, and its input is another one now: it is simply done again."""
    return row.waits and row.options_key == case.options_key(setting.words)


def _require_unchanged(waiting: list[Case], rows: dict[str, Row], options: argparse.Namespace) -> None:
    """Raises InputError where something else than the release lies where the row says that there is one, unless --overwrite."""
    changed = [case.output for case in waiting if case.name in rows and _is_changed(rows[case.name], options.out_dir / case.output)]
    or_unsigned = "" if options.signing_key is None else ", or it is not signed with the key"
    if changed and not options.overwrite:
        raise InputError(
            f"{options.out_dir / changed[0]} is not what was released there: its SHA-256 is not that of its certificate, "
            f"or that is of another case{or_unsigned}; move it away, or give --overwrite."
        )


def is_done(row: Row | None, output: Path, key: Path | None) -> bool:
    """What was released stays as it is, REVIEW and FAIL are results; what could not be read may have been mended since, and what crashed
    or took too long may have more memory or time now.

    A certified output is believed where it is the one that was released for this case; where a signing key is given, its certificate
    is also signed with it.
    """
    if row is None or row.exit_code == BAD_INPUT or row.is_unfinished:
        return False
    return not row.is_released or (is_own_release(output, key) and released_sha256(output) == row.output_sha256)


def _is_changed(row: Row, output: Path) -> bool:
    """Something else than the release lies where the row says that there is one (seen for cases that are not done)."""
    return row.is_released and output.exists()
