"""Real heads, changed as other scanners, positions and fields of view would show them: is the face hidden, or does the verdict say so?

    python benchmarks/robustness.py DATA [--jobs N] [--heads cthead,pt_4] [--changes "rotated x +20,noise"]

DATA/heads and DATA/open-kbp hold the CTs; open-kbp/landmarks.json the marks of the patients. The marks of the other heads are the
automatic landmarks of the unchanged head that are certain (70 % and more), which were looked at and lie on their features. The marks
go along with every change; what comes to lie outside the field of view is not asked for. A silent miss is a PASS although less than
90 % of the skin at a mark in view changed. Exit status 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import there
from face_changes import CHANGES, Head, changed_head
from face_measures import EYES, FACE_MARKS, HIDDEN_SHARE, Marks, shares_hidden
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface

HEADS = {
    "cthead": "heads/cthead_ct.nrrd",
    "headsq": "heads/headsq_ct.nrrd",
    "icrp110": "heads/icrp110_female_pseudo_ct.nrrd",
    "partial_head": "heads/partial_head_ct.nii.gz",
    **{name: f"open-kbp/{name}_ct.nrrd" for name in ("pt_4", "pt_31", "pt_58", "pt_95")},
}
MARK_NAMES = (*FACE_MARKS, "sellion", *EYES, "tragion_right", "tragion_left")
CERTAIN = 0.7


@dataclass(frozen=True)
class Row:
    """The outcome of one head under one change: PASS, REVIEW, FAIL or SILENT MISS, and what there is to say."""

    head: str
    change: str
    outcome: str
    note: str


def main() -> int:
    """Run every change on every head, print the table and the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--heads", default=",".join(HEADS), help="names separated by commas (default: %(default)s)")
    parser.add_argument("--changes", default=",".join(CHANGES), help="names separated by commas (default: all)")
    options = parser.parse_args()
    places = there(options.data, (HEADS.get(name, name) for name in options.heads.split(",")))
    heads, changes = [name for name in options.heads.split(",") if HEADS.get(name, name) in places], options.changes.split(",")
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run, options.data, head, change) for head in heads for change in changes]
        rows = [show(job.result()) for job in jobs]
    return summary(rows, heads, changes)


def load(data: Path, name: str) -> Head:
    """A head and its marks."""
    path = data / HEADS[name]
    ct = read_ct(path).volume
    marked = path.parent / "landmarks.json"
    if marked.exists():
        return Head(ct, json.loads(marked.read_text())["patients"][name]["landmarks"])
    found = detect_landmarks(ct)
    return Head(ct, {n: found.position(n).tolist() if found.confidence(n) >= CERTAIN else None for n in MARK_NAMES})


def run(data: Path, name: str, change: str) -> Row:
    """De-identify one changed head and look at its marks."""
    head = changed_head(load(data, name), change)
    if head is None:
        return Row(name, change, "-", "the change does not apply")
    result = deface(Request(head.ct, parameters=Parameters(effect="mask")))
    changed = np.zeros(head.ct.array.shape, dtype=bool) if result.result is None else result.result.array != head.ct.array
    shares = shares_hidden(head.surface or head.ct, changed, in_view(head))
    seen = [f"{n} {s:.0%}" for n, s in shares.items() if n != "menton" and s is not None and s < HIDDEN_SHARE]
    verdict = result.verdict.value
    outcome = "SILENT MISS" if verdict == "PASS" and seen else verdict
    return Row(name, change, outcome, "; ".join([*(["would show " + ", ".join(seen)] if seen else []), *result.reasons]))


def in_view(head: Head) -> Marks:
    """The marks whose place is in the field of view."""
    kept = {}
    for name, mark in head.marks.items():
        kji = None if mark is None else head.ct.geometry.to_kji(np.array([mark]))[0]
        inside = kji is not None and np.all((kji >= 0) & (kji <= np.array(head.ct.array.shape) - 1))
        # Ears tell the head's axes even where they are cut off.
        kept[name] = mark if inside or name.startswith("tragion") else None
    return kept


def show(row: Row) -> Row:
    """Print one line."""
    print(f"{row.head:<14}{row.change:<20}{row.outcome:<12}{row.note[:150]}", flush=True)
    return row


def summary(rows: list[Row], heads: list[str], changes: list[str]) -> int:
    """Print the table of all outcomes; 1 where one is a silent miss."""
    outcome = {(row.head, row.change): row.outcome for row in rows}
    print("\n" + " " * 20 + "".join(f"{head:>13}" for head in heads))
    for change in changes:
        print(f"{change:<20}" + "".join(f"{outcome[head, change]:>13}" for head in heads))
    counts = {word: sum(row.outcome == word for row in rows) for word in ("PASS", "REVIEW", "FAIL", "SILENT MISS")}
    print("\n" + ", ".join(f"{word} {count}" for word, count in counts.items()))
    return int(counts["SILENT MISS"] > 0)


if __name__ == "__main__":
    sys.exit(main())
