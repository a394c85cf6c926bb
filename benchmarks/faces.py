"""The face of every patient: is it hidden, is no more hidden than the face, and does the verdict say so?

    python benchmarks/faces.py DATA [--jobs N] [--effect NAME] [--only pt_3,pt_7] [--sheets OUT]

DATA/open-kbp holds pt_N_ct.nrrd, pt_N_labels.nrrd and landmarks.json; DATA/open-kbp-partial the same without marks: what is in
view of the known ones stands in partial_marks.json beside this script; a landmarks.json there takes its place.
Skin, jaw and body are judged on the voxels and the marks alone (``face_measures``), not with the project's own measures.
``--sheets`` writes contact sheets, front and left side before and after; they show patients: keep them out of any repository.
Exit status 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line has it; read when numpy is loaded

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import there
from face_measures import HIDDEN_SHARE, Marks, behind_ears_mm, below_jaw_mm, share_of_body, shares_hidden
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.drawing import grid
from FaceDeidLNLib.output.letters import write_png
from FaceDeidLNLib.output.pictures import labelled_skin_view, prepare_skin
from FaceDeidLNLib.output.render import head_focus
from FaceDeidLNLib.pipeline import deface

PARTIAL_MARKS = Path(__file__).with_name("partial_marks.json")
SHARE_PASS = {"open-kbp": 57 / 60, "open-kbp-partial": 20 / 28}
#: Limits on what is hidden: mm behind the tragia, mm below the jaw line, share of the body (whole patients only).
MOST_BEHIND_MM, MOST_BELOW_MM, MOST_SHARE = 0.0, 10.0, 0.04
#: Hidden share at each mark, and how far changed tissue reaches behind the tragia and below the jaw line, mm.
COLUMNS = ("nose", "mouth", "chin", "mentn", "eye r", "eye l", "ears", "jaw")
PANEL_PX = 170
PER_SHEET = 16


@dataclass(frozen=True, eq=False)
class Case:
    """A patient's files and marks; ``marks`` empty where nobody marked him."""

    folder: str
    name: str
    ct: Path
    labels: Path
    marks: Marks


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a patient. ``shares``: hidden share of the skin per mark; ``picture``: his row of the contact sheet."""

    case: Case
    verdict: str
    reasons: tuple[str, ...]
    out_of_view: tuple[str, ...]
    shares: dict[str, float | None]
    behind: float | None
    below: float | None
    share: float
    seconds: float
    picture: np.ndarray | None = field(default=None, repr=False)

    @property
    def misses(self) -> list[str]:
        """Marks whose skin can still be seen; menton, where the submental triangle that stays begins, is counted apart."""
        return [name for name, share in self.shares.items() if name != "menton" and share is not None and share < HIDDEN_SHARE]

    @property
    def too_large(self) -> list[str]:
        """Where more than the face is hidden."""
        found = []
        if self.behind is not None and self.behind > MOST_BEHIND_MM:
            found.append(f"{self.behind:.0f} mm behind the tragia")
        if self.below is not None and self.below > MOST_BELOW_MM:
            found.append(f"{self.below:.0f} mm below the jaw")
        if self.case.folder == "open-kbp" and self.share > MOST_SHARE:
            found.append(f"{self.share:.1%} of the body")
        return found


def main() -> int:
    """Run all patients, print the table and the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--effect", default="mask", help="effect (default: %(default)s)")
    parser.add_argument("--only", default="", help="names of patients, separated by commas (default: all)")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets (default: none)")
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    folders = [place.partition("/")[0] for place in there(options.data, (f"{folder}/*_ct.nrrd" for folder in SHARE_PASS))]
    cases = [case for folder in folders for case in find_cases(options.data / folder) if not only or case.name in only]
    if unknown := sorted(only - {case.name for case in cases}):
        sys.exit(f"{options.data} holds no patients of the names {', '.join(unknown)}.")
    print(f"{'patient':<9}{'verdict':<8}" + "".join(f"{title:>6}" for title in COLUMNS) + f"{'body':>7}")
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run, case, options.effect, options.sheets is not None) for case in cases]
        outcomes = [show(job.result()) for job in jobs]
    if options.sheets:
        write_sheets(outcomes, options.sheets)
    return max(summary(name, [o for o in outcomes if o.case.folder == name]) for name in SHARE_PASS)


def find_cases(folder: Path) -> list[Case]:
    """The patients of a folder in the order of their numbers."""
    told = folder / "landmarks.json"
    told = told if told.exists() else PARTIAL_MARKS
    marks = json.loads(told.read_text())["patients"]
    paths = sorted(folder.glob("*_ct.nrrd"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
    names = [path.name.removesuffix("_ct.nrrd") for path in paths]
    empty = {"landmarks": {}}
    return [
        Case(folder.name, name, path, path.with_name(f"{name}_labels.nrrd"), marks.get(name, empty)["landmarks"])
        for name, path in zip(names, paths, strict=True)
    ]


def run(case: Case, effect: str, with_picture: bool) -> Outcome:
    """De-identify one patient and measure what changed."""
    ct = read_ct(case.ct).volume
    result = deface(Request(ct, parameters=Parameters(effect=effect)))
    changed = np.zeros(ct.array.shape, dtype=bool) if result.result is None else result.result.array != ct.array
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(case.labels))) if case.labels.exists() else None
    return Outcome(
        case,
        result.verdict.value,
        result.reasons,
        result.out_of_view,
        shares_hidden(ct, changed, case.marks),
        behind_ears_mm(ct, changed, case.marks),
        below_jaw_mm(ct, changed, case.marks, labels),
        share_of_body(ct, changed),
        sum(result.seconds.values()),
        picture(case, ct, result.result, f"{case.name} {result.verdict.value}") if with_picture else None,
    )


def picture(case: Case, before: Volume, after: Volume | None, caption: str) -> np.ndarray:
    """Front and left side before, and after where there is a result, in one row."""
    marks = [mark for mark in case.marks.values() if mark is not None]
    focus = head_focus(before.geometry, np.array(marks) if marks else before.geometry.corners(), 60.0)
    panels = []
    for volume in (before, before if after is None else after):
        skin = prepare_skin(volume)
        panels += [labelled_skin_view(skin, view, PANEL_PX, focus, caption if volume is before else "") for view in ("front", "left")]
    return np.hstack(panels)


def show(outcome: Outcome) -> Outcome:
    """Print one patient's line."""
    shares = "".join(f"{'-' if share is None else f'{share:.0%}':>6}" for share in outcome.shares.values())
    lengths = "".join(f"{'-' if value is None else f'{value:.0f}':>6}" for value in (outcome.behind, outcome.below))
    notes = [*outcome.too_large, *outcome.reasons]
    if outcome.misses:
        notes.insert(0, f"{'SHOWS' if outcome.verdict == 'PASS' else 'would show'} {', '.join(outcome.misses)}")
    if outcome.out_of_view:
        notes.append(f"out of view: {', '.join(outcome.out_of_view)}")
    print(f"{outcome.case.name:<9}{outcome.verdict:<8}{shares}{lengths}{outcome.share:>7.1%}  {'; '.join(notes)}", flush=True)
    return outcome


def summary(folder: str, outcomes: Sequence[Outcome]) -> int:
    """Print the counts of a folder; 1 where a limit is missed."""
    if not outcomes:
        return 0
    passed = [outcome for outcome in outcomes if outcome.verdict == "PASS"]
    missed = [outcome.case.name for outcome in passed if outcome.misses]
    large = [outcome.case.name for outcome in passed if outcome.too_large]
    unmarked = [outcome.case.name for outcome in outcomes if not outcome.case.marks]
    need = int(np.ceil(SHARE_PASS[folder] * len(outcomes) - 1e-9))
    print(f"\n{folder}: PASS {len(passed)} of {len(outcomes)} (at least {need} must)")
    print(f"  silent misses (PASS, but skin at a mark changed by less than {HIDDEN_SHARE:.0%}): {len(missed)} {' '.join(missed)}")
    print(f"  PASS with more hidden than the face: {len(large)} {' '.join(large)}")
    menton = [o.case.name for o in passed if o.shares["menton"] is not None and o.shares["menton"] < HIDDEN_SHARE]
    print(f"  PASS with less than {HIDDEN_SHARE:.0%} at menton, where the submental triangle begins: {len(menton)} {' '.join(menton)}")
    print(f"  not marked, so not judged for misses: {len(unmarked)} {' '.join(unmarked)}")
    print(f"  seconds per patient, all steps: median {np.median([o.seconds for o in outcomes]):.1f}")
    return int(len(passed) < need or bool(missed) or (folder == "open-kbp" and bool(large)))


def write_sheets(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Contact sheets of PER_SHEET patients, two to a row."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(outcomes), PER_SHEET):
        pictures = [outcome.picture for outcome in outcomes[start : start + PER_SHEET]]
        rows = [pictures[n : n + 2] for n in range(0, len(pictures), 2)]
        rows[-1] += [np.zeros_like(pictures[0])] * (2 - len(rows[-1]))
        write_png(grid(rows), folder / f"faces_{start // PER_SHEET + 1}.png")


if __name__ == "__main__":
    sys.exit(main())
