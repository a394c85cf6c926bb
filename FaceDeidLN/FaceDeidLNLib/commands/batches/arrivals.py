"""The cases of a batch that watches a folder: which of them were taken, and what becomes of one that changes after that."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .cases import Case
from .ledger import Ledger
from .loop import Setting
from .planned import is_mended, is_of_other
from .row import Row


class Arrivals:
    """What was taken so far, in this run of the batch or an earlier one.

    A case whose files changed after it was released is told, and left as it is; one that was not released is done again.

    :param find: the cases that there are now. :param ledger: what is known of them. :param note: gets all that were taken, whenever
        there are more of them. :param say: what a person has to know.
    """

    def __init__(
        self, find: Callable[[], list[Case]], ledger: Ledger, note: Callable[[list[Case]], None], say: Callable[[str], None]
    ) -> None:
        self._find, self._ledger, self._note, self._say = find, ledger, note, say
        self.taken: list[Case] = []
        #: The names of those that changed after they were done.
        self._left: set[str] = set()
        #: The cases that a person signed off, and their rows before that was carried out.
        self._signed: dict[str, Case] = {}
        self._looked_at: dict[str, Row] = {}

    @property
    def known(self) -> set[str]:
        """The names of those that are not to be taken."""
        return {case.name for case in self.taken} | self._left

    def find(self) -> list[Case]:
        """The cases that there are now, with what a person signed off."""
        return [self._signed.get(case.name, case) for case in self._find()]

    def begin(self, setting: Setting) -> None:
        """Those that were done earlier are taken already."""
        rows = self._ledger.rows
        for case in [case for case in self._find() if case.name in rows]:
            row = rows[case.name]
            if is_of_other(row, case, setting) and not is_mended(row, case, setting) and not setting.overwrite:
                self._leave(case)
            else:
                self.taken.append(case)

    def await_again(self, waiting: Iterable[Case]) -> None:
        """These are to be done (again): they are taken like those that come."""
        again = {case.name: case for case in waiting}
        self._signed = {name: case for name, case in again.items() if case.sign_off}
        self._looked_at = {name: self._ledger.rows[name] for name in self._signed}
        self.taken = [case for case in self.taken if case.name not in again]

    def take(self, cases: list[Case]) -> None:
        """Cases have come to rest and are being done."""
        known = {case.name for case in self.taken}
        self.taken += [case for case in cases if case.name not in known]
        self._note(self.taken)

    def grew(self, case: Case) -> bool | None:
        """Is a case that was taken, and has changed since, done once more? None as long as nobody knows what became of it."""
        row = self._ledger.rows.get(case.name)
        if row is None or row is self._looked_at.get(case.name):
            return None
        if not row.waits:
            self._leave(case)
            return False
        self._signed.pop(case.name, None)  # what was signed off was a result of what it was before
        self._ledger.keep(one for one in self._ledger.rows.values() if one.case != case.name)
        return True

    def _leave(self, case: Case) -> None:
        self._left.add(case.name)
        self._say(f"{case.name} changed after it was done, and is left as it is; --overwrite does it again.")
