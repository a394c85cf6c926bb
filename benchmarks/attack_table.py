"""The whole attack table by one command: every region and effect, every attacker, controls, floor and intervals; the verdicts read it.

    PYTHONPATH=FaceDeidLN python benchmarks/attack_table.py DATA [--out DIR] [--only ROWS] [--patients N] [--jobs N] [--minutes M] [--write]

DATA/open-kbp holds pt_N_ct.nrrd, pt_N_labels.nrrd and landmarks.json. The gallery is the skins of all patients; the attacked window comes
from the marks in landmarks.json, the de-identification from the project's own landmarks, with the default node levels kept. The rows
are those of attack_rows.py: regions and effects, other systems as presets, what other tools do, levels, and named nodes that are kept;
--only chooses some, as style/effect[/levels[/nodes]],... Every row meets

- matching of surfaces: 5 filters at 8 levels, rigidly aligned with every skin; what undoes the effect is tried too (one draw); where that
  finds nearly everybody (Variant.is_contested), 3 filters at 5 levels, and no model;
- the model that learned (attack_learned.py): --draws results of each patient, each attacked in turn, from the new skin; from all levels
  seen from the front, bone included; from inner sides and whatever lies behind the foremost surface; and from what comes to light once
  the fill is taken away;
- ``best``: whichever of these has the highest AUC.

Controls: the head scanned again, cut 6 mm deep, smoothed with 10 mm, and the original itself for the model, with the floor (tissue
behind the face, and what lies around the curve), which no effect changes. A class is given for the default levels and this code alone:
``tested`` is a row with rank-1 at most 8 % and AUC at most 0.65 by matching, on at least 50 patients, while the controls keep their power,
and at most 5 % and 0.65 on average over the draws by the model (0.60 is the aim). A row with named nodes that holds sets how much may be
kept: the median volumes of its patients.

What was measured lies in --out, a file per row and patient, and is not measured again: with --minutes the script stops after so many and
goes on where it is started again. --write puts the rows that all patients have into FaceDeidLNLib/verify/attack_table.csv; ``code`` there
says what made a row that another code made.
"""

from __future__ import annotations

import argparse
import csv
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line has it; read when numpy is loaded

import numpy as np
from attack_learned import BEHIND, FLOOR, FRONT, INNER, ORIGINAL, SKIN, View, figures, looked_at
from attack_rows import DEFAULT_LEVELS, Variant, control_volumes, every_variant, faces, patient
from data_folder import marked_patients
from FaceDeidLNLib.attack.battery import CHEAP, FULL, Probe, Trial, probe_distances
from FaceDeidLNLib.attack.controls import another_scan
from FaceDeidLNLib.attack.gallery import Gallery, skin_field
from FaceDeidLNLib.attack.linkage import bone_distances, bone_field
from FaceDeidLNLib.attack.reversal import recovered_mm
from FaceDeidLNLib.attack.scores import Recognition
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.verify.coverage import share_of_body
from FaceDeidLNLib.verify.privacy import class_of

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "FaceDeidLN" / "FaceDeidLNLib" / "verify" / "attack_table.csv"
FIGURES = ("rank1", "rank1_high", "auc", "auc_low", "auc_high")
LATER = ("learned", "bone", "inner", "unfilled", "floor")
COLUMNS = ("style", "effect", "levels", "nodes", "kept_ml", "kept_near_skin_ml", "battery", "patients", "rank1", "rank1_low", "rank1_high",
           "rank5", "auc", "auc_low", "auc_high", "recovered_mm", "body_share", "body_share_max", "chosen",
           *(f"{attack}_{figure}" for attack in LATER for figure in FIGURES), "best", "best_rank1", "best_auc",
           "draws", "privacy", "code")  # fmt: skip
MOST_RANK1, MOST_AUC, FEWEST_PATIENTS = 0.08, 0.65, 50
#: The same for the learned attack on the new skin; and for all frontal levels, bone included, which may tell no more than the floor.
MOST_LEARNED_RANK1, MOST_LEARNED_AUC, MOST_BONE_RANK1 = 0.05, 0.65, 0.06
BONE = "by bone (out of scope)"
CONTROLS = {"before": 0.95, "cut 6 mm": 0.95, "smoothed 10 mm": 0.80}
Line = dict[str, object]


@dataclass(frozen=True)
class Seen:
    """What one patient adds to one row: distances by option, the skin recovered at best (mm), what changed and what nodes kept, views."""

    patient: str
    variant: Variant
    distances: dict[str, np.ndarray] = field(default_factory=dict)
    recovered_mm: float = float("nan")
    body_share: float = 0.0
    kept_ml: tuple[float, float] = (0.0, 0.0)
    views: tuple[View, ...] = ()


def main() -> int:
    """Enrol all patients, attack every row, print and perhaps write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="where what was measured is kept (default: nowhere)")
    parser.add_argument("--only", default="", help="rows, as style/effect[/levels[/nodes]],...; all where it is empty")
    parser.add_argument("--patients", type=int, default=60, help="use only the first N (no combination is tested then)")
    parser.add_argument("--draws", type=int, default=4, help="results of each patient that the model is tried on")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so many, to be started again")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    options = parser.parse_args()
    folder = options.data / "open-kbp"
    names = marked_patients(folder)[: options.patients]
    variants = [Variant(*row_of(v)) for v in options.only.split(",") if v] or every_variant()
    out = options.out or Path(tempfile.mkdtemp(prefix="attack-"))
    with ProcessPoolExecutor(options.jobs) as pool:
        gallery, bones = galleries(out, pool.map, folder, names)
        work = Work(gallery, bones, folder, out, tuple(variants), options.draws, time.monotonic() + 60 * options.minutes)
        if not all(list(pool.map(work, names))):
            print(f"stopped after {options.minutes:g} minutes; start it again")
            return 3
        lines = list(pool.map(partial(line_of, out, gallery, options.draws), [*controls(), *variants]))
    lines = [line for line in lines if line]
    show(classified(lines))
    if options.write:
        write(lines)
    return 0


def row_of(text: str) -> list[str]:
    """Style, effect, levels and nodes of a row in --only."""
    parts = text.split("/")
    return [*parts[:2], (parts[2:3] or [""])[0] or DEFAULT_LEVELS, *parts[3:]]


def controls() -> list[Variant]:
    """The rows that are no result."""
    return [Variant("", name, "") for name in (ORIGINAL, *CONTROLS, BONE)]


def galleries(out: Path, run: Callable[..., Iterable], folder: Path, names: Sequence[str]) -> tuple[Gallery, Gallery]:
    """Skins and bones of all patients, enrolled by ``run`` (``map``, or a pool's) where they are not kept yet."""
    file = out / f"gallery-{len(names)}.npz"
    if not file.exists():
        skins, bones = zip(*run(enrolled, [folder] * len(names), names), strict=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, skins=np.stack(skins), bones=np.stack(bones))
    held = np.load(file)
    return Gallery(tuple(names), held["skins"]), Gallery(tuple(names), held["bones"])


def enrolled(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The gallery's fields of one patient: skin and, for the line that is out of scope, bone."""
    ct, points, anatomy = patient(folder, name)
    window = face_window(points)
    fields = skin_field(anatomy.depth, window), bone_field(ct, window)
    patient.cache_clear()
    return fields


def file_of(out: Path, variant: Variant, name: str) -> Path:
    """Where a row of a patient is kept."""
    return out / "-".join(part or "none" for part in (variant.style, variant.effect, variant.levels, variant.nodes)) / f"{name}.pickle"


@dataclass(frozen=True)
class Work:
    """Everything that is done to one patient."""

    gallery: Gallery
    bones: Gallery
    folder: Path
    out: Path
    variants: tuple[Variant, ...]
    draws: int
    until: float

    def __call__(self, name: str) -> bool:
        """Attack the rows of one patient that are missing; False where time ran out."""
        wanted = [v for v in (*controls(), *self.variants) if not file_of(self.out, v, name).exists()]
        if not wanted:
            return True
        if time.monotonic() > self.until:
            return False
        ct, points, anatomy = patient(self.folder, name)
        patient.cache_clear()
        self._controls(name, ct, wanted)
        results = [variant for variant in wanted if variant.style]
        try:
            for variant, face, found in faces(self.folder, name, ct, results):
                if time.monotonic() > self.until:
                    return False
                count = self.draws if variant.is_random and variant.is_contested else 1
                made = [apply_effect(variant.made_by, ct, face, variant.parameters()) for _ in range(count)]
                row = self._attacked(name, variant, made[0])
                looks = looked_at(name, made, points, anatomy.depth, self.draws) if variant.is_contested else ()
                share = share_of_body(made[0].array != ct.array, ct, found.body)
                self._keep(replace(row, body_share=share, kept_ml=face.kept_ml, views=looks))
        except FaceDeidError as error:
            print(f"{name}: {error}", flush=True)
            for variant in results:
                self._keep(Seen(name, variant))
        return True

    def _controls(self, name: str, ct: Volume, wanted: Sequence[Variant]) -> None:
        """What must be found, and another scan matched by its bone, which no face de-identification hides."""
        _, points, anatomy = patient(self.folder, name)
        window = face_window(points)
        for label, made in control_volumes(name, ct, anatomy):
            if Variant("", label, "") in wanted:
                self._keep(self._attacked(name, Variant("", label, ""), made()))
        if Variant("", ORIGINAL, "") in wanted:
            looks = looked_at(name, [ct], points, anatomy.depth, self.draws, behind=True)
            self._keep(Seen(name, Variant("", ORIGINAL, ""), views=looks))
        if Variant("", BONE, "") in wanted:
            other = another_scan(ct, window, np.random.default_rng(int(name[3:])))
            self._keep(Seen(name, Variant("", BONE, ""), {"bone": bone_distances(other, window, self.bones)}))

    def _attacked(self, name: str, variant: Variant, result: Volume) -> Seen:
        """One result matched with all skins, as it is and undone."""
        window, truth = face_window(patient(self.folder, name)[1]), self.gallery.fields[self.gallery.names.index(name)]
        undone = {label: undo(result, window) for label, undo in variant.reversals.items()}
        given = {label: partial(_given, volume) for label, volume in undone.items()}
        distances = probe_distances(Probe(name, result, window), self.gallery, FULL if variant.is_contested else CHEAP, given)
        best = np.nanmin([recovered_mm(volume, window, truth) for volume in (result, *undone.values())])
        return Seen(name, variant, distances, float(best))

    def _keep(self, seen: Seen) -> None:
        file = file_of(self.out, seen.variant, seen.patient)
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".half")
        half.write_bytes(pickle.dumps(seen))
        half.replace(file)


def _given(volume: Volume, _ct: Volume, _window: object) -> Volume:
    """A reversal that was done before."""
    return volume


def line_of(out: Path, gallery: Gallery, draws: int, variant: Variant) -> Line:
    """One row of the table; empty where no patient has it."""
    files = [file_of(out, variant, name) for name in gallery.names]
    rows = [pickle.loads(file.read_bytes()) for file in files if file.exists()]
    rows = [row for row in rows if row.distances or row.views]
    if not rows:
        return {}
    line: Line = {
        "style": variant.style,
        "effect": variant.effect,
        "levels": variant.levels,
        "nodes": variant.nodes,
        "privacy": "",
        "code": "",
    }
    line |= {"battery": "full" if variant.is_contested else "cheap", "patients": len(rows)}
    line |= matched(rows, gallery) if rows[0].distances else {}
    line |= {"body_share": _round(np.mean([row.body_share for row in rows])), "body_share_max": _round(max(row.body_share for row in rows))}
    line |= {"recovered_mm": _round(np.nanmean([row.recovered_mm for row in rows]))} if rows[0].distances else {}
    if variant.nodes:
        line["kept_ml"], line["kept_near_skin_ml"] = (_round(v) for v in np.median([row.kept_ml for row in rows], axis=0))
    if rows[0].views:
        line |= {**learned(variant, rows, draws), "draws": draws}
    return line | best_of(line)


def matched(rows: list[Seen], gallery: Gallery) -> Line:
    """The figures of matching."""
    trial = Trial(gallery, FULL)
    for row in rows:
        trial.add_rows(row.patient, row.distances)
    found = trial.result()
    return {
        **columns("", found),
        "rank1_low": _round(found.rank1.low),
        "rank5": _round(found.rank5.value),
        "chosen": " | ".join(found.chosen),
    }


def learned(variant: Variant, rows: list[Seen], draws: int) -> Line:
    """The figures of the model, by what it sees."""
    groups = {"learned": SKIN, "bone": FRONT, "inner": INNER} | ({"unfilled": BEHIND} if variant.style else {"floor": FLOOR})
    out: Line = {}
    for name, group in groups.items():
        out |= columns(name, figures([list(row.views) for row in rows], group, draws)[0])
    return out


def columns(name: str, found: Recognition) -> Line:
    """A recognition as columns of the table."""
    parts = {"rank1": found.rank1.value, "rank1_high": found.rank1.high}
    parts |= {"auc": found.auc.value, "auc_low": found.auc.low, "auc_high": found.auc.high}
    return {f"{name}_{part}".lstrip("_"): _round(value) for part, value in parts.items()}


def best_of(line: Line) -> Line:
    """Which attacker has the highest AUC."""
    offered = {"surface": "", **{name: f"{name}_" for name in LATER[:-1]}}
    held = {name: float(line[f"{start}auc"]) for name, start in offered.items() if line.get(f"{start}auc") not in (None, "")}
    if not held or not line["style"]:
        return {}
    best = max(held, key=lambda name: held[name])
    return {"best": best, "best_rank1": line[f"{offered[best]}rank1"], "best_auc": line[f"{offered[best]}auc"]}


def classified(lines: Sequence[Line]) -> list[Line]:
    """The lines with floor and privacy class."""
    power = all(float(line["rank1"]) >= CONTROLS[line["effect"]] for line in lines if line["effect"] in CONTROLS)
    floor = next(({k: v for k, v in line.items() if k.startswith("floor_")} for line in lines if line["effect"] == ORIGINAL), {})
    lines = [{**line, **(floor if line["style"] and line.get("bone_auc") else {})} for line in lines]
    return [{**line, "privacy": _class_of(line, power)} for line in lines]


def _class_of(line: Line, power: bool) -> str:
    """The attackers that are resisted, in the full battery, on enough patients and with controls that have power."""
    if line["levels"] != DEFAULT_LEVELS or line["code"]:
        return ""
    enough = int(line["patients"]) >= FEWEST_PATIENTS and line["battery"] == "full" and power
    names = [f"{attack}_{part}" for attack in LATER for part in FIGURES]
    figure = {name: float("nan" if line.get(name) in (None, "") else line[name]) for name in names}
    surface = float(line["rank1"]) <= MOST_RANK1 and float(line["auc"]) <= MOST_AUC
    learnt = figure["learned_rank1"] <= MOST_LEARNED_RANK1 and figure["learned_auc"] <= MOST_LEARNED_AUC
    bone = figure["bone_rank1"] <= MOST_BONE_RANK1 and figure["bone_auc_low"] <= figure["floor_auc_high"]
    held = {"surface": surface, "learned": learnt, "bone": bone}
    return class_of(frozenset(name for name, holds in held.items() if holds and enough))


def write(lines: Sequence[Line]) -> None:
    """The committed table with these rows in the place of those of the same name."""
    key = lambda line: tuple(line.get(name) or "" for name in ("style", "effect", "levels", "nodes", "code"))  # noqa: E731
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = {key(line): line for line in csv.DictReader(file)}
    rows |= {key(line): line for line in lines}
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(classified(list(rows.values())))


def show(lines: Sequence[Line]) -> None:
    """Print the figures that decide."""
    shown = [name for name in COLUMNS if name not in ("chosen", "code")]
    for line in lines:
        print(" | ".join(f"{name} {line[name]}" for name in shown if line.get(name) not in (None, "")), flush=True)


def _round(value: float) -> float:
    return round(float(value), 4)


if __name__ == "__main__":
    sys.exit(main())
