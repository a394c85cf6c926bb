"""The learned attack on the default run: what a model tells of the old skin that was trained on other people's results.

    PYTHONPATH=FaceDeidLN python benchmarks/attack_learned.py DATA [--write] [--effect reface] [--patients N] [--draws N] [--jobs N]

DATA/open-kbp holds pt_N_ct.nrrd and landmarks.json. Every patient is attacked once, in a draw of his own, by a model that learned from
the originals and results (--draws each) of the others: 10-fold cross-validation over persons, ridge and CCA, the better chosen on one
half of the probes and scored on the other. Seen are maps along lines of sight wholly
inside the curve (attack/depth_maps.py), and the gallery is the skin there: nothing outside the curve is in it. Poses of probe and
gallery are off by a degree and a millimetre. Printed for each group of maps: rank-1, rank-5 and AUC with intervals, and the same with
every training skin given to somebody else (chance). Two controls stand in the table: the original skin, and the floor, "deep" and
"around" of the *original*, which no effect changes.
With --write the columns learned_*, bone_* and floor_* of FaceDeidLNLib/verify/attack_table.csv are set for that row, and the class of
every row is given anew: see ``attack_table.classified``.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from attack_table import COLUMNS, DEFAULT_LEVELS, TABLE, classified, patient
from FaceDeidLNLib.attack.depth_maps import jittered, maps_of, skin_map, unfilled_map
from FaceDeidLNLib.attack.learned import Sightings, joined, learned_attack, permuted
from FaceDeidLNLib.attack.scores import Recognition
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.effect.registry import EFFECTS

#: What is attacked: groups of maps. The columns of the table are those of SKIN, FRONT and FLOOR.
SKIN, FRONT, FLOOR = "skin", "skin+soft+bone+inner", "deep+around"
GROUPS = (SKIN, "soft", "bone", "inner", "unfilled", FRONT, "around", "deep", FLOOR, f"{FRONT}+{FLOOR}")
ORIGINAL = "original"


@dataclass(frozen=True)
class View:
    """One look at one patient: groups of maps (none for the gallery's look) and the skin in the same pose."""

    maps: dict[str, np.ndarray]
    skin: np.ndarray


def main() -> int:
    """Make the views, attack them, print and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="write the learned columns of the committed table")
    parser.add_argument("--effect", default="reface", choices=tuple(EFFECTS))
    parser.add_argument("--patients", type=int, default=60, help="use only the first N")
    parser.add_argument("--draws", type=int, default=3, help="results of each patient to learn from")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    folder = options.data / "open-kbp"
    names = sorted(json.loads((folder / "landmarks.json").read_text())["patients"], key=lambda name: int(name[3:]))[: options.patients]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = [pair for pair in pool.map(partial(views, folder, options.effect, options.draws), names) if pair is not None]
    figures = {}
    for what, sides in ((ORIGINAL, [pair[0] for pair in found]), (options.effect, [pair[1] for pair in found])):
        for group in GROUPS:
            if group.split("+")[0] in sides[0][0].maps:
                figures[what, group] = attacked(what, group, sightings_of(sides, group.split("+")))
    if options.write:
        write(options.effect, figures)
    return 0


def views(folder: Path, effect: str, draws: int, name: str) -> tuple[list[View], list[View]] | None:
    """Views of one patient, the original's and the results': the probe's, ``draws`` to learn from, and last the gallery's.

    None for a patient in whom the project finds no face.
    """
    ct, points, truth = patient(folder, name)
    patient.cache_clear()
    request, window = Request(ct, parameters=Parameters(effect=effect)), face_window(points)
    try:
        anatomy = find_anatomy(ct, find_landmarks(ct, None))
        face = find_face(request, anatomy, (), node_levels(request, anatomy))
    except FaceDeidError:
        return None
    sides: tuple[list[View], list[View]] = ([], [])
    for draw in range(draws + 1):
        pose = jittered(window, np.random.default_rng([int(name[3:]), draw]))
        skin = skin_map(truth.depth, pose)
        result = apply_effect(EFFECTS[effect], ct, face, request.parameters)
        sides[0].append(View(dict(maps_of(ct, pose).of), skin))
        sides[1].append(View({**maps_of(result, pose).of, "unfilled": unfilled_map(result, pose)}, skin))
    pose = jittered(window, np.random.default_rng([int(name[3:]), draws + 1]))
    known = View({}, skin_map(truth.depth, pose))
    return [*sides[0], known], [*sides[1], known]


def sightings_of(patients: list[list[View]], groups: list[str]) -> Sightings:
    """What the attacker has of these groups of maps."""
    seen = [joined([view.maps[group] for group in groups]) for views in patients for view in views[1:-1]]
    skin = [view.skin for views in patients for view in views[1:-1]]
    whose = [number for number, views in enumerate(patients) for _ in views[1:-1]]
    probes = [joined([views[0].maps[group] for group in groups]) for views in patients]
    gallery = [views[-1].skin for views in patients]
    return Sightings(*(np.array(part) for part in (seen, skin, whose, probes, gallery)))


def attacked(what: str, group: str, sightings: Sightings) -> Recognition:
    """Attack, and print the line with its chance."""
    found, chance = learned_attack(sightings), learned_attack(permuted(sightings))
    rank1, auc = found.rank1, found.auc
    print(
        f"{what:<10}{group:<36}{found.probes:>4} rank-1 {rank1.value:.3f} ({rank1.low:.2f}-{rank1.high:.2f})  "
        f"rank-5 {found.rank5.value:.2f}  "
        f"AUC {auc.value:.3f} ({auc.low:.2f}-{auc.high:.2f})  permuted {chance.rank1.value:.2f} / {chance.auc.value:.2f}",
        flush=True,
    )
    return found


def write(effect: str, figures: dict[tuple[str, str], Recognition]) -> None:
    """Set the learned columns of the row of ``full`` with the effect, and the classes."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        if (line["style"], line["effect"], line["levels"]) == ("full", effect, DEFAULT_LEVELS):
            line.update(columns("learned", figures[effect, SKIN]) | columns("bone", figures[effect, FRONT]))
            line.update(columns("floor", figures[ORIGINAL, FLOOR]))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(classified(lines))


def columns(name: str, found: Recognition) -> dict[str, object]:
    """A recognition as columns of the table."""
    parts = {"rank1": found.rank1.value, "rank1_high": found.rank1.high}
    parts |= {"auc": found.auc.value, "auc_low": found.auc.low, "auc_high": found.auc.high}
    return {f"{name}_{part}": round(float(value), 4) for part, value in parts.items()}


if __name__ == "__main__":
    sys.exit(main())
