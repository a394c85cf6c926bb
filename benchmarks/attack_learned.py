"""The learned attack on one row: what a model tells of the old skin that was trained on other people's results, by what it sees.

    PYTHONPATH=FaceDeidLN python benchmarks/attack_learned.py DATA [--row full/reface] [--patients N] [--draws N] [--averaged N]
        [--groups MAPS ...] [--jobs N]

DATA/open-kbp holds pt_N_ct.nrrd and landmarks.json. Every patient is attacked in --draws results, one after the other, by a model that
learned from the originals and the other draws of the others: 10-fold cross-validation over persons, ridge and CCA, the better chosen on
one half of the probes and scored on the other; figures and intervals are the means over the draws (whose persons are the same).
Seen are maps along lines of sight wholly inside the curve (attack/depth_maps.py), and the gallery is the skin there: it is cut at the
curve, nothing outside of it is in it. Poses of probe and gallery are off by a degree and a millimetre. Printed for each group of maps:
rank-1, rank-5 and AUC with intervals, and the same with every training skin given to somebody else (chance). Two controls stand in the
table: the original skin, and the floor, "deep" and "around" of the *original*, which no effect changes. With --averaged the attacker has
that many results of each person, drawn anew each time, in every one of the draws, and sees their mean.
The whole table is made by attack_table.py.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from attack_rows import DEFAULT_LEVELS, Variant, faces, patient
from data_folder import marked_patients
from FaceDeidLNLib.attack.depth_maps import jittered, maps_of, skin_map, unfilled_map
from FaceDeidLNLib.attack.learned import Sightings, joined, learned_attack, permuted
from FaceDeidLNLib.attack.scores import Estimate, Recognition
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect

#: What is attacked: groups of maps. The columns of the table are those of SKIN, FRONT, INNER, BEHIND and FLOOR.
SKIN, FRONT, INNER, BEHIND, FLOOR = "skin", "skin+soft+bone", "inner+second", "unfilled", "deep+around"
GROUPS = (SKIN, "soft", "bone", FRONT, "inner", "second", INNER, BEHIND, "around", "deep", FLOOR, f"{FRONT}+{INNER}+{FLOOR}")
ORIGINAL = "original"


@dataclass(frozen=True)
class View:
    """One look at one patient: groups of maps (none for the gallery's look) and the skin in the same pose."""

    maps: dict[str, np.ndarray]
    skin: np.ndarray


def main() -> int:
    """Make the views, attack them and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--row", default="full/reface", help="style/effect[/levels[/nodes]] (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=60, help="use only the first N")
    parser.add_argument("--draws", type=int, default=4, help="results of each patient; each in turn is attacked")
    parser.add_argument("--averaged", type=int, default=1, help="results whose mean is one draw (default: %(default)s)")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS, metavar="MAPS", help="%(choices)s (default: all)")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    folder, parts = options.data / "open-kbp", options.row.split("/")
    variant = Variant(*parts[:2], (parts[2:3] or [""])[0] or DEFAULT_LEVELS, *parts[3:])
    names = marked_patients(folder)[: options.patients]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = [pair for pair in pool.map(partial(views, folder, variant, options.draws, options.averaged), names) if pair is not None]
    for what, sides in ((ORIGINAL, [pair[0] for pair in found]), (variant.effect, [pair[1] for pair in found])):
        for group in options.groups:
            if all(name in sides[0][0].maps for name in group.split("+")):
                chance = learned_attack(permuted(sightings_of(sides, group.split("+"), 0)))
                show(what, group, *figures(sides, group, options.draws), chance, len(found))
    return 0


def views(folder: Path, variant: Variant, draws: int, averaged: int, name: str) -> tuple[list[View], list[View]] | None:
    """Views of one patient, the original's and the results': one a draw, of so many results each, and last the gallery's.

    None for a patient in whom the project finds no face.
    """
    ct, points, truth = patient(folder, name)
    patient.cache_clear()
    try:
        _, face, _ = next(faces(folder, name, ct, [variant]))
    except FaceDeidError:
        return None
    made = [apply_effect(variant.made_by, ct, face, variant.parameters()) for _ in range(draws * averaged if variant.is_random else 1)]
    original = looked_at(name, [ct], points, truth.depth, draws, behind=True)
    *each, gallery = looked_at(name, made, points, truth.depth, draws * averaged, behind=True)
    return list(original), [*(mean_view(each[n : n + averaged]) for n in range(0, len(each), averaged)), gallery]


def mean_view(some: Sequence[View]) -> View:
    """The mean of what several results show; the skin in the first one's pose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a line on which none of them meets anything
        return View({group: np.nanmean([view.maps[group] for view in some], axis=0) for group in some[0].maps}, some[0].skin)


def looked_at(name: str, volumes: Sequence[Volume], marks: Landmarks, depth: Volume, draws: int, behind: bool = False) -> tuple[View, ...]:
    """A view a draw of one patient's volumes, in turn, and the gallery's; ``behind`` with the tissue that no effect changes.

    ``depth`` is the true signed depth (mm) below the skin.
    """
    window, out, number = face_window(marks), [], int(name.rsplit("_", 1)[1])
    for draw in range(draws):
        pose = jittered(window, np.random.default_rng([number, draw]))
        volume = volumes[draw % len(volumes)]
        maps = {**maps_of(volume, pose).of, "unfilled": unfilled_map(volume, pose)}
        kept = {group: values.astype(np.float32) for group, values in maps.items() if behind or group not in FLOOR.split("+")}
        out.append(View(kept, skin_map(depth, pose)))
    pose = jittered(window, np.random.default_rng([number, draws]))
    return (*out, View({}, skin_map(depth, pose)))


def sightings_of(patients: list[list[View]], groups: list[str], attacked_draw: int) -> Sightings:
    """What the attacker has of these groups of maps where he attacks one draw, and learns from the others."""
    others = [[view for draw, view in enumerate(views[:-1]) if draw != attacked_draw] for views in patients]
    seen = [joined([view.maps[group] for group in groups]) for views in others for view in views]
    skin = [view.skin for views in others for view in views]
    whose = [number for number, views in enumerate(others) for _ in views]
    probes = [joined([views[attacked_draw].maps[group] for group in groups]) for views in patients]
    gallery = [views[-1].skin for views in patients]
    return Sightings(*(np.array(part, dtype=float) for part in (seen, skin, whose, probes, gallery)))


def figures(patients: list[list[View]], group: str, draws: int) -> tuple[Recognition, list[Recognition]]:
    """Attack every draw: the mean, and each."""
    each = [learned_attack(sightings_of(patients, group.split("+"), draw), draw) for draw in range(draws)]
    return mean_of(each), each


def mean_of(found: list[Recognition]) -> Recognition:
    """The mean figures, and the mean ends of their intervals, over draws of the same persons."""
    mean = lambda figures: Estimate(*(float(np.mean([getattr(f, end) for f in figures])) for end in ("value", "low", "high")))  # noqa: E731
    parts = {name: mean([getattr(one, name) for one in found]) for name in ("rank1", "rank5", "auc")}
    return replace(found[0], **parts)


def show(what: str, group: str, found: Recognition, each: list[Recognition], chance: Recognition, count: int) -> None:
    """Print a line."""
    rank1, auc = found.rank1, found.auc
    print(
        f"{what:<10}{group:<36}{count:>4} rank-1 {rank1.value:.3f} ({rank1.low:.2f}-{rank1.high:.2f})  "
        f"rank-5 {found.rank5.value:.2f}  AUC {auc.value:.3f} ({auc.low:.2f}-{auc.high:.2f}; "
        f"{' '.join(f'{one.auc.value:.2f}' for one in each)})  permuted {chance.rank1.value:.2f} / {chance.auc.value:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
