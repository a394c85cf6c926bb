"""What the program of a batch itself costs: cases that do nothing, through the loop, the ledger, the lists and the report.

    python benchmarks/batch_empty.py OUT [--cases 100000]

OUT must be new. Prints wall and processor seconds, the memory above the start, and the size of ledger and lists, for a tenth of the cases
and for all of them, so that one can see whether they grow in proportion. One case in ten is a REVIEW.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1] / "FaceDeidLN"
sys.path[:0] = [str(PACKAGES)]


def main() -> int:
    """Run a tenth, and all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--cases", type=int, default=100_000)
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    for count in (options.cases // 10, options.cases):
        empty(options.out / f"empty-{count}", count)
    return 0


def empty(out: Path, count: int) -> None:
    """Cases that do nothing, in a program of their own whose memory can be measured."""
    paths = [str(PACKAGES), str(Path(__file__).parent)]
    code = f"import sys; sys.path[:0] = {paths!r}; import batch_empty; batch_empty.run_empty({str(out)!r}, {count})"
    subprocess.run([sys.executable, "-c", code], check=True)


def run_empty(out: str, count: int) -> None:
    """The loop, the ledger, the lists and the report of so many cases."""
    from FaceDeidLNLib.commands.batches.cases import Case
    from FaceDeidLNLib.commands.batches.ledger import Ledger
    from FaceDeidLNLib.commands.batches.loop import Listed, Loop, Setting
    from FaceDeidLNLib.commands.batches.places import Places
    from FaceDeidLNLib.commands.batches.quarantine import quarantine
    from FaceDeidLNLib.commands.batches.report import write_report
    from FaceDeidLNLib.commands.batches.review_work import write_work
    from FaceDeidLNLib.commands.batches.task import Limits
    from FaceDeidLNLib.commands.console import Console

    folder = Path(out)
    folder.mkdir(parents=True)
    base, begin, cpu = peak_mb(), time.monotonic(), time.process_time()
    cases = [Case(f"case-{number:06d}", folder / "none.nrrd", f"case-{number:06d}.nrrd") for number in range(count)]
    places, setting = Places(folder), Setting(folder, (), Limits(1.0))
    ledger = Ledger(places.ledger, places.results)
    ledger.keep([])
    Loop(ledger, Instant(), setting, Console(quiet=True), lambda: None).run(Listed(cases))
    done = [(case, ledger.rows[case.name]) for case in cases]
    ledger.export()
    quarantine(places.quarantine, done)
    write_work(done, setting, places.worklist)
    write_report([row for _, row in done], places.report, folder)
    size = sum(path.stat().st_size for path in folder.parent.glob(f"{folder.name}-*") if path.is_file()) / 2**20
    took = f"{time.monotonic() - begin:.0f} s, {time.process_time() - cpu:.1f} s of CPU"
    print(f"{count} empty cases: {took}, {peak_mb() - base:.0f} MB above the start; ledger and lists {size:.0f} MB")
    ledger.close()


def peak_mb() -> float:
    """The most memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Instant:
    """An engine whose cases end as soon as they are started, one in ten as a REVIEW."""

    def __init__(self) -> None:
        self._ended: list = []

    @property
    def room(self) -> int:
        """Always."""
        return 16 - len(self._ended)

    def start(self, task) -> None:  # noqa: ANN001
        """It ends."""
        from FaceDeidLNLib.commands.batches.task import Ended

        review = int(task.case[-1]) == 0
        report = {"exit_code": 3 if review else 0, "verdict": "REVIEW" if review else "PASS", "share_of_body_changed": 0.02}
        self._ended.append(Ended(task.case, 3 if review else 0, ("look at this",) if review else (), report, 1.0))

    def wait(self, seconds: float) -> list:
        """All."""
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Nothing runs."""


if __name__ == "__main__":
    sys.exit(main())
