"""Attack 2 on one head: is it found in pictures of its skin, and in pictures of what every effect leaves?

    PYTHONPATH=FaceDeidLN python benchmarks/rendered.py DATA [--head cthead] [--effects mask,reface] [--style full] [--cheap]
        [--draws N] [--patients N] [--pictures OUT]

DATA/heads holds NAME_ct.nrrd. Needs the extra ``attack`` (dlib and face_recognition). First what a distance is worth: for every pair
of different heads (with the first N patients of DATA/open-kbp) the distances of their skins' pictures from the same side, and
the share of them within each tolerance: what chance gives. Then a row for each result: in how many pictures a face is
detected, and the smallest embedding distance to the original's photographs (its skin), to any of the original's pictures (bone
surfaces too), and to the nearest other head; the place of the original among all heads by that distance to skins (1: it is the
nearest); and the share of pairs from the same side within 0.6, to the original and to the others. The row "another scan" is
the same head scanned again. What the reversals recover is looked at with the result it came from.
--pictures writes one contact sheet per row; heads that may not be shown belong into no repository. Exit status 1 where the
original is not detected, another scan of it does not match, or a row of --must matches within the tolerance of 0.6.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import number_of, require
from FaceDeidLNLib.attack.controls import another_scan
from FaceDeidLNLib.attack.dlib_recogniser import DlibRecogniser
from FaceDeidLNLib.attack.portraits import CHEAP_SITTING, FULL_SITTING, PHOTOGRAPHS, VIEWS, Sitting, portraits
from FaceDeidLNLib.attack.rendered import TOLERANCES, Sightings, attack_rendered, likeness, look, same_view_distances
from FaceDeidLNLib.attack.reversal import in_place, reversals_of
from FaceDeidLNLib.attack.window import Window, face_window
from FaceDeidLNLib.case.find import find_landmarks
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.drawing import grid
from FaceDeidLNLib.output.letters import write_png
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.pipeline import deface

SAME = "another scan"
OTHERS = ("cthead", "headsq", "icrp110_female_pseudo")
#: What a reversal gives is looked at raw, at the levels that attack 1 uses for it.
RECOVERED = Sitting(("raw",), (-500, -300, -50, 50), tuple(VIEWS))
SHEET = Sitting(("raw",), (-300, 50), ("front", "left 30", "from below"))


def main() -> int:
    """Look at the original, at every effect's result and at the other heads, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--head", default="cthead", help="(default: %(default)s)")
    parser.add_argument("--effects", default=",".join(EFFECTS), help="(default: %(default)s)")
    parser.add_argument("--style", default="full", help="(default: %(default)s)")
    parser.add_argument("--must", default=Parameters().effect, help="effects that must not match (default: %(default)s)")
    parser.add_argument("--cheap", action="store_true", help=f"{CHEAP_SITTING.shots} pictures of each in place of {FULL_SITTING.shots}")
    parser.add_argument("--draws", type=int, default=1, help="results of every effect of --must (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=4, help="patients of open-kbp among the other heads (default: %(default)s)")
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets (default: none)")
    options = parser.parse_args()
    require(options.data, f"heads/{options.head}_ct.nrrd")
    sitting, recogniser = CHEAP_SITTING if options.cheap else FULL_SITTING, DlibRecogniser()
    ct, landmarks = read_head(options.data, options.head)
    window = face_window(landmarks)
    photographs, known = look(ct, window, recogniser, PHOTOGRAPHS), look(ct, window, recogniser, sitting)
    told = f"{photographs.detected} of {photographs.shots} photographs of the skin, {known.detected} of {known.shots} pictures"
    print(f"{options.head}: a face in {told}", flush=True)
    heads = other_heads(options.data, options.head, options.patients)
    others = {name: look(head, face_window(marks), recogniser, PHOTOGRAPHS) for name, head, marks in heads}
    show_chance({options.head: photographs, **others})
    print(f"{'row':<16}{'faces':>6}{'of':>6}{'to skin':>9}{'to any':>9}{'others':>9}{'-0.3':>8}{'-0.6':>8}{'place':>7}", end="")
    print(f"{'own':>7}{'others':>8}  closest picture", flush=True)
    missed = [] if photographs.detected else ["the original is not detected"]
    for row, results in rows(ct, window, options):
        seen = [look(volume, window, recogniser, sitting if n == 0 else RECOVERED) for n, volume in enumerate(results)]
        distance = show(row, seen, photographs, known, list(others.values()))
        matches = distance <= TOLERANCES["default"]
        if matches and row.split()[0] in options.must.split(",") or not matches and row == SAME:
            missed.append(f"{row}: {distance:.3f}")
        if options.pictures:
            write_sheet(options.pictures / f"{options.head}_{row.replace(' ', '_')}.png", results[0], window)
    print(f"missed: {'; '.join(missed) or 'nothing'}")
    return int(bool(missed))


def read_head(data: Path, name: str) -> tuple[Volume, Landmarks]:
    """A head and its automatic landmarks."""
    ct = read_ct(data / "heads" / f"{name}_ct.nrrd").volume
    return ct, find_landmarks(ct, None)


def other_heads(data: Path, head: str, patients: int) -> Iterator[tuple[str, Volume, Landmarks]]:
    """Name, CT and landmarks of what the distance to the original is compared with."""
    for name in OTHERS:
        if name != head:
            yield name, *read_head(data, name)
    phantom = make_phantom((1.5, 1.5, 1.5), seed=1)
    yield "phantom", phantom.ct, phantom.landmarks
    paths = sorted((data / "open-kbp").glob("pt_*_ct.nrrd"), key=lambda path: number_of(path.name))
    for path in paths[:patients]:
        ct = read_ct(path).volume
        yield path.name.removesuffix("_ct.nrrd"), ct, find_landmarks(ct, None)


def show_chance(heads: dict[str, Sightings]) -> None:
    """Print how far different heads are apart from the same side, and how often that is within a tolerance."""
    print(f"{'different heads':<40}{'pairs':>7}{'nearest':>9}{'median':>9}" + "".join(f"{f'<= {t}':>9}" for t in TOLERANCES.values()))
    everything = []
    for a, b in combinations(heads, 2):
        apart = same_view_distances(heads[a], heads[b])
        everything.append(apart)
        if len(apart):
            show_apart(f"{a}, {b}", apart)
    unseen = [name for name, sightings in heads.items() if not sightings.faces]
    print(f"no face is found in any picture of: {', '.join(unseen) or 'none'}")
    if sum(map(len, everything)):
        show_apart("all: what chance gives", np.concatenate(everything))


def show_apart(title: str, apart: np.ndarray) -> None:
    """Print a line of distances."""
    within = "".join(f"{(apart <= tolerance).mean():>9.0%}" for tolerance in TOLERANCES.values())
    print(f"{title:<40}{len(apart):>7}{apart.min():>9.3f}{np.median(apart):>9.3f}{within}", flush=True)


def rows(ct: Volume, window: Window, options: argparse.Namespace) -> Iterator[tuple[str, list[Volume]]]:
    """The name of each row, its volume, and what was recovered from it."""
    yield SAME, [another_scan(ct, window, np.random.default_rng(0))]
    for effect in options.effects.split(","):
        for draw in range(options.draws if effect in options.must.split(",") else 1):
            result = deface(Request(ct, parameters=Parameters(style=options.style, effect=effect))).result
            if result is None:
                print(f"{effect}: no face was found")
                break
            name = f"{effect} {draw + 1}" if draw else effect
            yield name, [result, *(in_place(undo(result, window), result) for undo in reversals_of(effect).values())]


def show(row: str, seen: list[Sightings], photographs: Sightings, known: Sightings, others: list[Sightings]) -> float:
    """Print one row; returns the smallest distance to the original."""
    skin, anything = attack_rendered(seen, photographs, others), attack_rendered(seen, known)
    own = min(skin.own, anything.own, key=lambda found: found.distance)
    margins = "".join(f"{own.margin(tolerance):>+8.3f}" for tolerance in TOLERANCES.values())
    everything = Sightings(0, tuple(face for sightings in seen for face in sightings.faces))
    place = 1 + sum(likeness(everything, other).distance < skin.own.distance for other in others)
    apart = [same_view_distances(everything, photographs), np.concatenate([same_view_distances(everything, other) for other in others])]
    within = [f"{(one <= TOLERANCES['default']).mean():.0%}" if len(one) else "-" for one in apart]
    print(
        f"{row:<16}{skin.detected_after:>6}{skin.shots_after:>6}{skin.own.distance:>9.3f}{anything.own.distance:>9.3f}"
        f"{skin.others.distance:>9.3f}{margins}{place:>4}/{1 + len(others):<2}{within[0]:>7}{within[1]:>8}  {own.shot} = {own.known_shot}",
        flush=True,
    )
    return own.distance


def write_sheet(path: Path, ct: Volume, window: Window) -> None:
    """Some of the pictures that the recogniser saw."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [picture for _, picture in portraits(ct, window, SHEET)]
    write_png(grid([pictures[: len(SHEET.views)], pictures[len(SHEET.views) :]]), path)


if __name__ == "__main__":
    sys.exit(main())
