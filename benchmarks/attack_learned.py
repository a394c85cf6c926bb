"""The learned attack on the default run: what a model tells of the old skin that was trained on other people's results.

    PYTHONPATH=FaceDeidLN python benchmarks/attack_learned.py DATA [--write] [--effect reface] [--patients N] [--draws N] [--jobs N]

DATA/open-kbp holds pt_N_ct.nrrd and landmarks.json. Every patient is attacked in --draws results, one after the other, by a model that
learned from the originals and the other draws of the others: 10-fold cross-validation over persons, ridge and CCA, the better chosen on
one half of the probes and scored on the other; figures and intervals are the means over the draws (whose persons are the same).
Seen are maps along lines of sight wholly
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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from attack_table import COLUMNS, DEFAULT_LEVELS, TABLE, classified, patient
from FaceDeidLNLib.attack.depth_maps import jittered, maps_of, skin_map, unfilled_map
from FaceDeidLNLib.attack.learned import Sightings, joined, learned_attack, permuted
from FaceDeidLNLib.attack.scores import Estimate, Recognition
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
    parser.add_argument("--draws", type=int, default=4, help="results of each patient; each in turn is attacked")
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
                figures[what, group] = attacked(what, group, sides, options.draws)
    if options.write:
        write(options.effect, figures)
    return 0


def views(folder: Path, effect: str, draws: int, name: str) -> tuple[list[View], list[View]] | None:
    """Views of one patient, the original's and the results': one a draw, and last the gallery's.

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
    for draw in range(draws):
        pose = jittered(window, np.random.default_rng([int(name[3:]), draw]))
        skin = skin_map(truth.depth, pose)
        result = apply_effect(EFFECTS[effect], ct, face, request.parameters)
        sides[0].append(View(dict(maps_of(ct, pose).of), skin))
        sides[1].append(View({**maps_of(result, pose).of, "unfilled": unfilled_map(result, pose)}, skin))
    pose = jittered(window, np.random.default_rng([int(name[3:]), draws]))
    known = View({}, skin_map(truth.depth, pose))
    return [*sides[0], known], [*sides[1], known]


def sightings_of(patients: list[list[View]], groups: list[str], attacked_draw: int) -> Sightings:
    """What the attacker has of these groups of maps where he attacks one draw, and learns from the others."""
    others = [[view for draw, view in enumerate(views[:-1]) if draw != attacked_draw] for views in patients]
    seen = [joined([view.maps[group] for group in groups]) for views in others for view in views]
    skin = [view.skin for views in others for view in views]
    whose = [number for number, views in enumerate(others) for _ in views]
    probes = [joined([views[attacked_draw].maps[group] for group in groups]) for views in patients]
    gallery = [views[-1].skin for views in patients]
    return Sightings(*(np.array(part) for part in (seen, skin, whose, probes, gallery)))


def attacked(what: str, group: str, patients: list[list[View]], draws: int) -> Recognition:
    """Attack every draw, and print the line with the first one's chance."""
    turns = [sightings_of(patients, group.split("+"), draw) for draw in range(draws)]
    each = [learned_attack(sightings, draw) for draw, sightings in enumerate(turns)]
    found, chance = mean_of(each), learned_attack(permuted(turns[0]))
    rank1, auc = found.rank1, found.auc
    print(
        f"{what:<10}{group:<36}{found.probes:>4} rank-1 {rank1.value:.3f} ({rank1.low:.2f}-{rank1.high:.2f})  "
        f"rank-5 {found.rank5.value:.2f}  AUC {auc.value:.3f} ({auc.low:.2f}-{auc.high:.2f}; "
        f"{' '.join(f'{one.auc.value:.2f}' for one in each)})  permuted {chance.rank1.value:.2f} / {chance.auc.value:.2f}",
        flush=True,
    )
    return found


def mean_of(found: list[Recognition]) -> Recognition:
    """The mean figures, and the mean ends of their intervals, over draws of the same persons."""
    mean = lambda figures: Estimate(*(float(np.mean([getattr(f, end) for f in figures])) for end in ("value", "low", "high")))  # noqa: E731
    parts = {name: mean([getattr(one, name) for one in found]) for name in ("rank1", "rank5", "auc")}
    return replace(found[0], **parts)


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
