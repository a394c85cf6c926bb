"""The attack on a head of 1 mm voxels: is it found among the patients once it is de-identified?

    PYTHONPATH=FaceDeidLN python benchmarks/attack_fine.py DATA [--effects reface,mask,blur] [--draws N] [--patients N] [--jobs N]

DATA/heads/cthead_ct.nrrd (1 x 1 x 2 mm) joins the gallery of DATA/open-kbp. Each draw of each effect meets the full battery and the
reversals. One head tells no rate: what is printed is its rank among all, per draw, for the attacker's median option and for his
luckiest one (better than chance by luck alone), apart for levels up to soft tissue and for those that show bone, which stays.
"before" is the head as if scanned again. The attacked window comes from the landmarks found on the original.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from attack_table import enrolled
from FaceDeidLNLib.attack.battery import FULL, Probe, probe_distances
from FaceDeidLNLib.attack.controls import another_scan, cut_skin
from FaceDeidLNLib.attack.gallery import Gallery, skin_field
from FaceDeidLNLib.attack.reversal import reversals_of
from FaceDeidLNLib.attack.scores import ranks
from FaceDeidLNLib.attack.window import Window, face_window
from FaceDeidLNLib.case.find import find_anatomy, find_landmarks
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface

HEAD = "cthead"
#: From this level (HU) on a surface is bone's.
BONE_HU = 150
Draw = tuple[str, int, tuple[Volume, Window, Gallery, str]]


def main() -> int:
    """Enrol, attack, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--effects", default="reface,mask,blur", help="effects to attack (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=5, help="results per effect (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=60, help="size of the gallery without the head (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    options = parser.parse_args()
    folder = options.data / "open-kbp"
    names = sorted(json.loads((folder / "landmarks.json").read_text())["patients"], key=lambda name: int(name[3:]))[: options.patients]
    ct = read_ct(options.data / "heads" / f"{HEAD}_ct.nrrd").volume
    landmarks = find_landmarks(ct, None)
    anatomy, window = find_anatomy(ct, landmarks), face_window(landmarks)
    with ProcessPoolExecutor(options.jobs) as pool:
        fields = [skin for skin, _ in pool.map(enrolled, [folder] * len(names), names)]
        gallery = Gallery((*names, HEAD), np.stack([*fields, skin_field(anatomy.depth, window)]))
        print(f"rank of {HEAD} among {len(gallery.names)}; chance {(len(gallery.names) + 1) / 2:.0f}")
        print(f"{'effect':<14}{'draw':>5}{'soft: median':>14}{'luckiest':>10}{'bone: median':>14}{'luckiest':>10}")
        controls = {"before": another_scan(ct, window, np.random.default_rng(0)), "cut 6 mm": cut_skin(ct, anatomy.depth, 6.0)}
        jobs = [(name, 0, pool.submit(attacked, volume, window, gallery, "")) for name, volume in controls.items()]
        jobs += [(e, n, pool.submit(attacked, *job)) for e, n, job in draws(ct, options.effects.split(","), options.draws, window, gallery)]
        for effect, draw, job in jobs:
            show(effect, draw, job.result())
    return 0


def draws(ct: Volume, effects: list[str], count: int, window: Window, gallery: Gallery) -> Iterator[Draw]:
    """Effect, number of the draw, and what to attack; effects that draw nothing at random come once."""
    for effect in effects:
        before = None
        for draw in range(count):
            result = deface(Request(ct, parameters=Parameters(effect=effect))).result
            if before is not None and np.array_equal(result.array, before.array):
                break
            before = result
            yield effect, draw, (result, window, gallery, effect)


def attacked(ct: Volume, window: Window, gallery: Gallery, effect: str) -> dict[str, float]:
    """The head's rank by the attacker's option."""
    undone = reversals_of(effect) if effect else {}
    found = probe_distances(Probe(HEAD, ct, window), gallery, FULL, undone)
    own = np.array([len(gallery.names) - 1])
    return {name: float(ranks(row[None], own)[0]) for name, row in found.items() if np.isfinite(row).all()}


def show(effect: str, draw: int, found: dict[str, float]) -> None:
    """Print a line."""
    figures = ""
    for bone in (False, True):
        group = [rank for name, rank in found.items() if (int(name.split()[-2]) >= BONE_HU) is bone]
        figures += f"{np.median(group):>14.1f}{min(group):>10.1f}" if group else f"{'-':>14}{'-':>10}"
    print(f"{effect:<14}{draw:>5}{figures}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
