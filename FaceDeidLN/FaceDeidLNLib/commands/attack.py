"""Attack de-identified CTs: does the surface of a result tell whose face it was?

ORIGINALS and RESULTS are folders with image files (or DICOM folders) of the same names. The gallery holds the skins of all
originals, and of those in --gallery. The attacked window comes from the marks in ORIGINALS/landmarks.json (or --marks); an
original without marks is marked automatically. Written to --out: attack.json, attack.csv (all distances), attack.png.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, OutputError
from .console import PASS, Console, Outcome

if TYPE_CHECKING:
    from ..attack.battery import Trial
    from ..core.landmarks import Landmarks
    from ..core.volume import Volume

SUMMARY = "try to recognise the persons in de-identified CTs"
EXAMPLES = "example:\n  facedeidln attack originals/ results/ --out attack/"
ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
FEWEST_HEADS = 4
_SHARES = (("rank-1", "rank1"), ("rank-5", "rank5"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ORIGINALS, RESULTS, what else is in the gallery, and how hard to try."""
    parser.add_argument("originals", type=Path, metavar="ORIGINALS", help="folder of the CTs before")
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder of the CTs after, under the same names")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="more CTs whose skins the attacker knows")
    parser.add_argument("--marks", type=Path, metavar="FILE", help="facial landmarks of the originals (ORIGINALS/landmarks.json)")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("attack"), help="where to write the figures (default: %(default)s)")
    parser.add_argument("--cheap", action="store_true", help="3 filters and 5 levels in place of 5 and 8; no effect is undone")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Enrol, attack, write; the exit code says nothing about the outcome of the attack."""
    from ..attack.battery import CHEAP, FULL, NO_REVERSALS, Probe, Trial, enrol
    from ..attack.reversal import ALL_REVERSALS

    originals, results = heads_in(options.originals), heads_in(options.results)
    shared = [name for name in results if name in originals]
    known = {**(heads_in(options.gallery) if options.gallery else {}), **originals}
    if not shared or len(known) < FEWEST_HEADS:
        raise InputError(
            f"{len(shared)} of {len(results)} results have an original of the same name, and the gallery holds {len(known)} heads; "
            f"at least 1 and {FEWEST_HEADS} are needed."
        )
    marks = read_marks(options.marks or options.originals / "landmarks.json")
    gallery, windows = enrol(_enrolled(known, marks, console))
    trial = Trial(gallery, CHEAP if options.cheap else FULL)
    for done, name in enumerate(shared):
        console.progress(0.4 + 0.6 * done / len(shared), f"attacking {name}")
        trial.add(Probe(name, read_volume(results[name]), windows[name]), NO_REVERSALS if options.cheap else ALL_REVERSALS)
    facts = report_of(trial, shared)
    write_report(options.out, facts, trial, shared)
    return Outcome(PASS, facts, f"{summary(facts)}\n  written to {options.out}")


def summary(facts: Mapping[str, Any]) -> str:
    """The figures in one sentence."""
    share = [f"{name} {facts[key]['value']:.1%} ({facts[key]['low']:.1%} to {facts[key]['high']:.1%})" for name, key in _SHARES]
    auc = "AUC {value:.2f} ({low:.2f} to {high:.2f})".format(**facts["auc"])
    chance = f"chance {facts['chance_rank1']:.1%}"
    return f"{facts['probes']} results against {facts['gallery']} skins: {share[0]}, {chance}, {share[1]}, {auc}"


def heads_in(folder: Path) -> dict[str, Path]:
    """The CTs of a folder by name: image files without ending and without ``_ct``, and DICOM folders."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.")
    found = {}
    for path in sorted(folder.iterdir()):
        ending = next((e for e in sorted(ENDINGS, key=len, reverse=True) if path.name.endswith(e)), None)
        if path.is_dir():
            found[path.name] = path
        elif ending and not path.name.endswith(f"_labels{ending}"):
            found[path.name.removesuffix(ending).removesuffix("_ct")] = path
    return found


def read_volume(path: Path) -> Volume:
    """A CT in HU."""
    from ..input.ct import read_ct

    return read_ct(path).volume


def read_marks(path: Path) -> dict[str, Landmarks]:
    """Marks by name of the head from {"patients": {NAME: {"landmarks": {LANDMARK: [L, P, S] or null}}}}; none without the file."""
    if not path.is_file():
        return {}
    try:
        heads = json.loads(path.read_text(encoding="utf-8"))["patients"]
        return {name: _landmarks(head["landmarks"]) for name, head in heads.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} does not hold landmarks by patient: {error}.") from error


def _landmarks(places: Mapping[str, Any]) -> Landmarks:
    import numpy as np

    from ..core.landmarks import Landmark, Landmarks

    given = {name: np.array(place, dtype=float) for name, place in places.items() if place is not None}
    return Landmarks({name: Landmark(name, place, 1.0, "user") for name, place in given.items()})


def _enrolled(known: Mapping[str, Path], marks: Mapping[str, Landmarks], console: Console) -> Iterator[tuple[str, Volume, Landmarks]]:
    """Name, CT and landmarks of every head of the gallery."""
    from ..anatomy.landmarks import detect_landmarks

    for done, (name, path) in enumerate(known.items()):
        console.progress(0.4 * done / len(known), f"enrolling {name}")
        ct = read_volume(path)
        yield name, ct, marks[name] if name in marks else detect_landmarks(ct)


def report_of(trial: Trial, names: list[str]) -> dict[str, Any]:
    """The figures as plain numbers and words."""
    from ..attack.scores import best_option, ranks

    found = trial.result()
    option, matrix = best_option(trial.options(), trial.columns())
    per_head = dict(zip(names, ranks(matrix, trial.columns()).tolist(), strict=True))
    return {**asdict(found), "chance_rank1": 1 / found.gallery, "best_option": option, "rank_with_best_option": per_head}


def write_report(folder: Path, facts: Mapping[str, Any], trial: Trial, names: list[str]) -> None:
    """attack.json, attack.csv and attack.png. Raises OutputError where they cannot be written."""
    from ..attack.figure import write_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "attack.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        with (folder / "attack.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["option", "probe", *trial.gallery.names])
            for option, matrix in trial.options().items():
                writer.writerows([option, name, *(f"{v:.4f}" for v in row)] for name, row in zip(names, matrix, strict=True))
        write_figure(folder / "attack.png", trial)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}.") from error
