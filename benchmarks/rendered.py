"""Attack 2 on one head: is it found in pictures of its skin, and in pictures of what every effect leaves?

    PYTHONPATH=FaceDeidLN python benchmarks/rendered.py DATA [--head cthead] [--effects mask,reface] [--style full] [--cheap]
        [--pictures OUT]

DATA/heads holds NAME_ct.nrrd. Needs the extra ``attack`` (dlib and face_recognition). Each row: in how many pictures a face is
detected, and the smallest embedding distance to the original's photographs (its skin), to any of the original's pictures (bone
surfaces too), and to the nearest other head, which says what such a distance is worth. The row "another scan" is the same
head scanned again. What the reversals recover is looked at with the result it came from.
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

from FaceDeidLNLib.attack.controls import another_scan
from FaceDeidLNLib.attack.dlib_recogniser import DlibRecogniser
from FaceDeidLNLib.attack.portraits import CHEAP_SITTING, FULL_SITTING, PHOTOGRAPHS, VIEWS, Sitting, portraits
from FaceDeidLNLib.attack.rendered import TOLERANCES, Sightings, attack_rendered, likeness, look
from FaceDeidLNLib.attack.reversal import REVERSALS, in_place
from FaceDeidLNLib.attack.window import Window, face_window
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.drawing import grid, write_png
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.pipeline import Request, deface, find_landmarks

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
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets (default: none)")
    options = parser.parse_args()
    sitting, recogniser = CHEAP_SITTING if options.cheap else FULL_SITTING, DlibRecogniser()
    ct, landmarks = read_head(options.data, options.head)
    window = face_window(landmarks)
    photographs, known = look(ct, window, recogniser, PHOTOGRAPHS), look(ct, window, recogniser, sitting)
    others = [look(head, face_window(marks), recogniser, PHOTOGRAPHS) for head, marks in other_heads(options.data, options.head)]
    told = f"{photographs.detected} of {photographs.shots} photographs of the skin, {known.detected} of {known.shots} pictures"
    print(f"{options.head}: a face in {told}")
    nearest = min(likeness(a, b).distance for a, b in combinations([photographs, *others], 2))
    print(f"different heads: {nearest:.3f} apart at the closest of {len(others) + 1}, so a distance of that size recognises nobody")
    print(f"{'row':<16}{'faces':>6}{'of':>6}{'to skin':>9}{'to any':>9}{'others':>9}{'-0.3':>8}{'-0.6':>8}  closest picture", flush=True)
    missed = [] if photographs.detected else ["the original is not detected"]
    for row, results in rows(ct, window, options):
        seen = [look(volume, window, recogniser, sitting if n == 0 else RECOVERED) for n, volume in enumerate(results)]
        distance = show(row, seen, photographs, known, others)
        matches = distance <= TOLERANCES["default"]
        if matches and row in options.must.split(",") or not matches and row == SAME:
            missed.append(f"{row}: {distance:.3f}")
        if options.pictures:
            write_sheet(options.pictures / f"{options.head}_{row.replace(' ', '_')}.png", results[0], window)
    print(f"missed: {'; '.join(missed) or 'nothing'}")
    return int(bool(missed))


def read_head(data: Path, name: str) -> tuple[Volume, Landmarks]:
    """A head and its automatic landmarks."""
    ct = read_ct(data / "heads" / f"{name}_ct.nrrd").volume
    return ct, find_landmarks(ct, None)


def other_heads(data: Path, head: str) -> Iterator[tuple[Volume, Landmarks]]:
    """What the distance to the original is compared with."""
    for name in OTHERS:
        if name != head:
            yield read_head(data, name)
    phantom = make_phantom((1.5, 1.5, 1.5), seed=1)
    yield phantom.ct, phantom.landmarks


def rows(ct: Volume, window: Window, options: argparse.Namespace) -> Iterator[tuple[str, list[Volume]]]:
    """The name of each row, its volume, and what was recovered from it."""
    yield SAME, [another_scan(ct, window, np.random.default_rng(0))]
    for effect in options.effects.split(","):
        result = deface(Request(ct, parameters=Parameters(style=options.style, effect=effect))).result
        if result is None:
            print(f"{effect}: no face was found")
            continue
        yield effect, [result, *(in_place(undo(result, window), result) for undo in REVERSALS[effect].values())]


def show(row: str, seen: list[Sightings], photographs: Sightings, known: Sightings, others: list[Sightings]) -> float:
    """Print one row; returns the smallest distance to the original."""
    skin, anything = attack_rendered(seen, photographs, others), attack_rendered(seen, known)
    own = min(skin.own, anything.own, key=lambda found: found.distance)
    margins = "".join(f"{own.margin(tolerance):>+8.3f}" for tolerance in TOLERANCES.values())
    print(
        f"{row:<16}{skin.detected_after:>6}{skin.shots_after:>6}{skin.own.distance:>9.3f}{anything.own.distance:>9.3f}"
        f"{skin.others.distance:>9.3f}{margins}  {own.shot} = {own.known_shot}",
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
