"""What a batch says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..console import PASS, WORST_FIRST, Outcome
from .cases import is_segmentation
from .places import Places
from .row import Row

#: Of what was left out so many are named.
_NAMED = 5


def summary(rows: Sequence[Row], places: Places, left_out: Sequence[str], unheard: Sequence[str] = (), gone: Sequence[str] = ()) -> Outcome:
    """The outcome of a whole batch: counts, the worst exit code, decisions and releases that a person has to know of, files left out."""
    codes = {row.exit_code for row in rows}
    verdicts = Counter(row.verdict for row in rows)
    released, waiting = sum(row.is_released for row in rows), sum(row.waits for row in rows)
    refused = sum(row.is_refused for row in rows)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "none"
    facts = {
        "cases": len(rows),
        "released": released,
        "verdicts": dict(verdicts),
        "results": str(places.results),
        "inputs": str(places.inputs),
        "worklist": str(places.worklist),
        "waiting": waiting,
        "quarantine": str(places.quarantine) if refused else None,
        "left_out": list(left_out),
        "decisions_unheard": list(unheard),
        "left_behind": list(gone),
    }
    lines = [f"{len(rows)} case{'' if len(rows) == 1 else 's'}: {counts}; {released} released. Results: {places.results}"]
    lines.append(f"  which input each case had, for you alone: {places.inputs}")
    to_do = [f"{waiting} for a person to look at or mend: {places.worklist}"] if waiting else []
    to_do += [f"{refused} refused, with the reason beside each: {places.quarantine}"] if refused else []
    lines += [f"  {'; '.join(to_do)}"] if to_do else []
    lines += [f"  note: {sentence}" for sentence in (*unheard, *gone)]
    others = [name for name in left_out if not is_segmentation(Path(name))]
    if segments := [name for name in left_out if name not in others]:
        lines.append(f"  not read: {len(segments)} segmentations ({segments[0]}, ...); in a CSV each case can name its own, to protect it")
    if others:
        named = ", ".join(others[:_NAMED]) + ", ..." * (len(others) > _NAMED)
        lines.append(f"  not read, for want of an image or DICOM file: {named}")
    return Outcome(next((code for code in WORST_FIRST if code in codes), PASS), facts, "\n".join(lines))
