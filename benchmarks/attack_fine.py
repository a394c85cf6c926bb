"""The attack on heads of 0.5 and 1 mm voxels: are they found among the patients once they are de-identified, and by which attacker?

    PYTHONPATH=FaceDeidLN python benchmarks/attack_fine.py DATA [--out DIR] [--heads cthead,neck-ct] [--effects reface,reface-veil,mask]
        [--draws N] [--patients N]

DATA/heads/cthead_ct.nrrd (1 x 1 x 2 mm) and the CT of DATA/studies/neck-ct.tar.xz (0.54 x 0.54 x 1 mm, with contrast) join the gallery of
DATA/open-kbp, each alone. Each draw of each effect meets the full battery and the reversals; with --out, the folder in which
attack_table.py keeps the row full/EFFECT of the same patients, also the model that learned from their results. One head tells no rate:
what is printed is its rank among all, per draw, for each attacker's median option and for his luckiest one (better than chance by luck
alone): surfaces up to soft tissue, those of bone, both from lines of sight inside the curve alone (a gallery whose outside is cut), and
the model by what it sees. "before" is the head as if scanned again. The attacked window comes from the landmarks found on the original.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from attack_learned import FRONT, INNER, SKIN, View, looked_at, sightings_of
from attack_rows import Variant
from attack_table import Seen, file_of, galleries  # its pickles ask the program that runs for Seen
from data_folder import marked_patients
from FaceDeidLNLib.attack.battery import FULL, Probe, probe_distances
from FaceDeidLNLib.attack.controls import another_scan, cut_skin
from FaceDeidLNLib.attack.depth_maps import lines_inside
from FaceDeidLNLib.attack.gallery import Gallery, skin_field
from FaceDeidLNLib.attack.learned import stranger_distances
from FaceDeidLNLib.attack.scores import ranks
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.input.ct import read_ct

#: From this level (HU) on a surface is bone's.
BONE_HU = 150
Found = dict[str, list[float]]


def main() -> int:
    """Enrol, attack, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--out", type=Path, help="what attack_table.py keeps; without it nothing has learned")
    parser.add_argument("--heads", default="cthead,neck-ct", help="(default: %(default)s)")
    parser.add_argument("--effects", default="reface,reface-veil,mask", help="effects to attack (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=4, help="results per effect (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=60, help="size of the gallery without the head (default: %(default)s)")
    options = parser.parse_args()
    folder = options.data / "open-kbp"
    names = marked_patients(folder)[: options.patients]
    with tempfile.TemporaryDirectory() as scratch:
        known, _ = galleries(options.out or Path(scratch), map, folder, names)
        for head in options.heads.split(","):
            ct = read_head(options.data, head, Path(scratch))
            print(f"\n{head}: rank among {len(names) + 1}, chance {len(names) / 2 + 1:.0f}; median option (luckiest)", flush=True)
            for effect, draw, found in attacks(ct, known, options.effects.split(","), options.draws, options.out):
                print(
                    f"{effect:<18}{draw:>3}  " + "  ".join(f"{name} {np.median(r):.0f} ({min(r):.0f})" for name, r in found.items()),
                    flush=True,
                )
    return 0


def read_head(data: Path, head: str, scratch: Path) -> Volume:
    """A head by its name."""
    if head == "cthead":
        return read_ct(data / "heads" / "cthead_ct.nrrd").volume
    with tarfile.open(data / "studies" / f"{head}.tar.xz") as archive:
        archive.extractall(scratch / head, filter="data")
    return read_ct(scratch / head).volume


def attacks(ct: Volume, known: Gallery, effects: Sequence[str], draws: int, out: Path | None) -> Iterator[tuple[str, int, Found]]:
    """Effect, number of the draw, and the head's ranks by attacker; effects that draw nothing at random come once."""
    landmarks = find_landmarks(ct, None)
    anatomy, window = find_anatomy(ct, landmarks), face_window(landmarks)
    gallery = Gallery((*known.names, "head_1"), np.stack([*known.fields, skin_field(anatomy.depth, window)]))
    for name, volume in {
        "before": another_scan(ct, window, np.random.default_rng(0)),
        "cut 6 mm": cut_skin(ct, anatomy.depth, 6.0),
    }.items():
        yield name, 0, matched(volume, gallery, landmarks, Variant("", name, ""))
    request = Request(ct)
    levels = node_levels(request, anatomy)
    face = find_face(request, anatomy, (), levels)
    for variant in (Variant("full", effect) for effect in effects):
        made = [apply_effect(variant.made_by, ct, face, variant.parameters()) for _ in range(draws if variant.is_random else 1)]
        views = looked_at("head_1", made, landmarks, anatomy.depth, draws)
        for draw, result in enumerate(made):
            found = matched(result, gallery, landmarks, variant)
            yield variant.effect, draw, found | (learned(out, variant, known.names, views, draw) if out else {})


def matched(ct: Volume, gallery: Gallery, landmarks: Landmarks, variant: Variant) -> Found:
    """The head's ranks by surfaces: all lines of sight, and those inside the curve alone."""
    out: Found = {}
    whole = face_window(landmarks)
    for where, window in (("", whole), ("inside: ", lines_inside(whole))):
        distances = probe_distances(Probe("head_1", ct, window), gallery, FULL, variant.reversals)
        for option, row in distances.items():
            kind = "bone" if int(option.split()[-2]) >= BONE_HU else "soft"
            if np.isfinite(row).all():
                out.setdefault(where + kind, []).append(float(ranks(row[None], np.array([len(row) - 1]))[0]))
    return out


def learned(out: Path, variant: Variant, names: Sequence[str], views: tuple[View, ...], draw: int) -> Found:
    """The head's ranks by a model of the patients' results that are kept; nothing where there are none."""
    files = [file_of(out, variant, name) for name in names]
    rows: list[Seen] = [pickle.loads(file.read_bytes()) for file in files if file.exists()]
    patients = [list(row.views) for row in rows if row.views]
    if not patients:
        return {}
    least = min(len(views), *(len(one) for one in patients)) - 1
    patients = [[*one[:least], one[-1]] for one in (*patients, [views[draw], *views[:draw], *views[draw + 1 :]])]
    person = len(patients) - 1
    found: Found = {}
    for title, group in {"learned: skin": SKIN, "front": FRONT, "inner": INNER}.items():
        sightings = sightings_of(patients, group.split("+"), 0)
        found[title] = [float(ranks(row, np.array([person]))[0]) for row in stranger_distances(sightings, person).values()]
    return found


if __name__ == "__main__":
    sys.exit(main())
