"""Which cases of a batch are still to be done, after what is known of each and what people decided."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

from ...core.errors import InputError
from ...header.policy import policy_named
from ...output.signing import is_own_release
from ..console import BAD_INPUT
from .case_run import released_sha256
from .cases import Case
from .decisions import read_decisions
from .ledger import Ledger
from .loop import Setting
from .places import Places
from .review_work import decided, taken_over
from .row import Row


def plan(
    cases: list[Case], ledger: Ledger, options: argparse.Namespace, setting: Setting, places: Places, left: Collection[str] = ()
) -> list[Case]:
    """The cases that are still to be done; nothing of theirs is touched, because replacing an output is up to the case.

    Rows of cases that there are no more go, but for those in ``left``.

    Raises InputError where OUT_DIR holds results of other inputs or options, or an output that is not the released one any
    more, and --overwrite was not given.
    """
    decisions = read_decisions([*filter(Path.exists, [places.decisions]), *options.decisions])
    policy = policy_named(options.header, options.key, options.patients, (options.out_dir,))
    names = {case.name for case in cases}
    rows = {name: row for name, row in ledger.rows.items() if name in names}
    others = [case.name for case in cases if case.name in rows and is_of_other(rows[case.name], case, setting)]
    if others and not options.overwrite:
        raise InputError(
            f"{options.out_dir} holds results made from other inputs or with other options ({others[0]}, ...): "
            "name another folder, or give --overwrite."
        )
    for name in others:
        del rows[name]
    waiting = []
    for case in cases:
        row = rows.get(case.name)
        if row is not None and (taken := taken_over(case, row, options.out_dir, options.signing_key, policy)):
            rows[case.name] = row = taken
        signed = None
        if row is not None and case.name in decisions:
            rows[case.name], signed = decided(case, row, decisions[case.name], options.qa)
        if signed is not None or not is_done(rows.get(case.name), options.out_dir / case.output, options.signing_key):
            waiting.append(signed or case)
    _require_unchanged(waiting, rows, options)
    undone = {case.name for case in waiting if not case.sign_off}
    kept = {**{name: ledger.rows[name] for name in left}, **{name: row for name, row in rows.items() if name not in undone}}
    ledger.keep(kept.values())
    return waiting


def is_of_other(row: Row, case: Case, setting: Setting) -> bool:
    """The row is of other inputs or options than the case has now."""
    return (row.input_key, row.options_key) != (case.input_key(), case.options_key(setting.words))


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
    """What was released stays as it is, REVIEW and FAIL are results; what could not be read may have been mended since.

    A certified output is believed where it is the one that was released for this case; where a signing key is given, its certificate
    is also signed with it.
    """
    if row is None or row.exit_code == BAD_INPUT:
        return False
    return not row.is_released or (is_own_release(output, key) and released_sha256(output) == row.output_sha256)


def _is_changed(row: Row, output: Path) -> bool:
    """Something else than the release lies where the row says that there is one (seen for cases that are not done)."""
    return row.is_released and output.exists()
