"""What cannot be judged does not leave."""

from __future__ import annotations

from .family import Done, Series, Study, StudyRun
from .outcome import Decision
from .rules import WITHHELD, rule_for


class WithheldFamily:
    """Every class that the table withholds, and every class that it does not name."""

    name, shows_nothing = WITHHELD, False

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """The reason of the table."""
        return tuple(self._reason(instance.sop_class) for instance in series.instances)

    @staticmethod
    def _reason(sop_class: str) -> Decision:
        rule = rule_for(sop_class)
        return Decision.withhold(f"{rule.name}: {rule.reason}")

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Nothing."""
        return ()
