"""What is left for science in structures that nobody named: share of bit-identical voxels, per structure and variant.

    PYTHONPATH=FaceDeidLN python benchmarks/utility.py DATA [--variants full/mask,outline/drown] [--protect NAMES] [--jobs N]
        [--patients N]

DATA/open-kbp holds pt_N_ct.nrrd and pt_N_labels.nrrd. Each variant is STYLE/EFFECT, with every other parameter at its default
(node levels stay) and the project's own landmarks. Printed for each: voxels kept, pooled over all patients and of the worst patient;
the largest change of ten first-order features in any patient; and the share of the body's voxels that changed, mean and
largest; how far the front of bone, as a threshold of 300 HU shows it, lies from where it was, and how many voxels over it there are
for one before. Structures named by --protect are given as protected segments: nothing of them may change. Exit status 1 where the
first variant misses a limit: organs 99.5 %, target volumes 98 %, protected 100 %, body 5 % (mean).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import labelled_patients
from FaceDeidLNLib.attack.depth_maps import lines_inside
from FaceDeidLNLib.attack.surfaces import coarse, first_hit, sample_lines
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import BoxMask, tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.face.styles import REGIONS
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.verify.coverage import share_of_body
from FaceDeidLNLib.verify.utility import structure_utility

#: Structures by label, and the share of their voxels that must be kept (None: told only).
STRUCTURES = {
    "brainstem": (1, 0.995), "spinal cord": (2, 0.995), "right parotid": (3, 0.995), "left parotid": (4, 0.995),
    "oesophagus": (5, None), "larynx": (6, 0.995), "mandible": (7, 0.995), "PTV56": (8, 0.98), "PTV63": (9, 0.98), "PTV70": (10, 0.98),
}  # fmt: skip
MOST_BODY_SHARE = 0.05
BONE_HU = 300.0
Variant = tuple[str, str]


@dataclass(frozen=True)
class Kept:
    """One structure of one patient: voxels, how many of them are bit-identical, largest relative change of a feature."""

    name: str
    voxels: int
    kept: int
    feature_change: float


@dataclass(frozen=True)
class Row:
    """What one patient adds to one variant; ``problem`` says why there is no result."""

    patient: str
    variant: Variant
    structures: tuple[Kept, ...] = ()
    body_share: float = 0.0
    bone: tuple[float, float] = (0.0, 1.0)
    problem: str = ""


def main() -> int:
    """De-identify everybody with every variant and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--variants", default=f"full/{Parameters().effect},outline/drown", help="(default: %(default)s)")
    parser.add_argument("--protect", default="", help=f"names out of: {', '.join(STRUCTURES)} (default: none)")
    parser.add_argument("--patients", type=int, default=60, help="use only the first N")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    options = parser.parse_args()
    paths = labelled_patients(options.data / "open-kbp")
    variants = [known for known in (tuple(text.split("/")) for text in options.variants.split(",")) if is_known(known)]
    protect = tuple(name for name in options.protect.split(",") if name)
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(patient_rows, variants=variants, protect=protect)
        rows = [row for part in pool.map(work, paths[: options.patients]) for row in part]
    missed = [show(variant, [row for row in rows if row.variant == variant], protect) for variant in variants]
    return int(not missed or bool(missed[0]))


def is_known(variant: Sequence[str]) -> bool:
    """Whether style and effect exist; says so where one does not."""
    known = len(variant) == 2 and variant[0] in REGIONS and variant[1] in EFFECTS
    if not known:
        print(f"{'/'.join(variant)}: there is no such style or effect, left out")
    return known


def patient_rows(path: Path, variants: Sequence[Variant], protect: Sequence[str]) -> list[Row]:
    """The rows of one patient."""
    name = path.name.removesuffix("_ct.nrrd")
    ct, structures = read_ct(path).volume, read_structures(path.with_name(f"{name}_labels.nrrd"))
    try:
        return [Row(name, *figures) for figures in measured(ct, structures, variants, protect)]
    except FaceDeidError as error:
        return [Row(name, variant, problem=str(error)) for variant in variants]


def read_structures(path: Path) -> list[BoxMask]:
    """The structures of a label map that is on its CT's grid; those that are empty are left out."""
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    masks = [tight(name, labels == number) for name, (number, _) in STRUCTURES.items()]
    return [mask for mask in masks if mask.voxels]


def measured(
    ct: Volume, structures: Sequence[BoxMask], variants: Sequence[Variant], protect: Sequence[str]
) -> Iterator[tuple[Variant, tuple[Kept, ...], float, tuple[float, float]]]:
    """Variant, what is kept of every structure, share of the body that changed, and ``bone_seen``. The anatomy is found once."""
    anatomy = find_anatomy(ct, find_landmarks(ct, None))
    levels = node_levels(Request(ct), anatomy)
    protected = [structure for structure in structures if structure.name in protect]
    for style, effect in variants:
        parameters = Parameters(style=style, effect=effect)
        face = find_face(Request(ct, parameters=parameters), anatomy, protected, levels)
        result = apply_effect(EFFECTS[effect], ct, face, parameters)
        kept = tuple(kept_of(ct, result, structure) for structure in structures)
        yield (style, effect), kept, share_of_body(result.array != ct.array, ct, anatomy.body), bone_seen(ct, result, anatomy.landmarks)


def bone_seen(ct: Volume, result: Volume, landmarks: Landmarks) -> tuple[float, float]:
    """What a threshold takes for bone: median distance (mm) of its front from the old one inside the curve, and voxels over old ones."""
    window = lines_inside(face_window(landmarks))
    front = [first_hit(sample_lines(coarse(one, window), window), BONE_HU, window) for one in (ct, result)]
    count = [max(1, np.count_nonzero(one.array > BONE_HU)) for one in (ct, result)]
    return float(np.nanmedian(np.abs(front[1] - front[0]))), count[1] / count[0]


def kept_of(ct: Volume, result: Volume, structure: BoxMask) -> Kept:
    """One structure before and after."""
    found = structure_utility(ct, result, structure)
    return Kept(structure.name, found.voxels, round(found.kept * found.voxels), max(abs(v) for v in found.feature_change.values()))


def show(variant: Variant, rows: Sequence[Row], protect: Sequence[str]) -> list[str]:
    """Print a variant's lines; returns the limits that it misses."""
    done = [row for row in rows if not row.problem]
    print(f"\n{'/'.join(variant)}: {len(done)} of {len(rows)} patients", flush=True)
    for row in rows:
        if row.problem:
            print(f"  {row.patient}: {row.problem}")
    print(
        f"  {'structure':<26}{'patients':>9}{'kept %':>10}{'worst %':>10}  {'worst patients (below the limit)':<44}{'feature change %':>17}"
    )
    missed = [name for name in STRUCTURES if not structure_line(name, done, name in protect)]
    shares = np.array([row.body_share for row in done] or [np.nan])
    most = done[int(np.argmax(shares))].patient if done else "-"
    print(
        f"  body voxels changed: mean {shares.mean():.2%}, most {shares.max():.2%} ({most}), over 5 %: {(shares > MOST_BODY_SHARE).sum()}"
    )
    if not shares.mean() <= MOST_BODY_SHARE:
        missed.append("body")
    moved, grown = np.array([row.bone for row in done] or [(np.nan, np.nan)]).T
    print(f"  bone at {BONE_HU:g} HU: front moved by {np.median(moved):.1f} mm (median), voxels {np.mean(grown):.2f} times as many")
    print(f"  limits missed: {', '.join(missed) or 'none'}")
    return missed


def structure_line(name: str, rows: Sequence[Row], is_protected: bool) -> bool:
    """Print one structure's line; True where its limit is kept, or it was drawn in nobody."""
    limit = 1.0 if is_protected else STRUCTURES[name][1]
    mine = [(row.patient, kept) for row in rows for kept in row.structures if kept.name == name]
    if not mine:
        return True
    pooled = sum(kept.kept for _, kept in mine) / sum(kept.voxels for _, kept in mine)
    shares = sorted((kept.kept / kept.voxels, patient) for patient, kept in mine)
    worst = [f"{patient} {share:.1%}" for share, patient in shares if share < (limit or 0.0)]
    told = ", ".join(worst[:3]) + (f" and {len(worst) - 3}" if len(worst) > 3 else "")
    change = max(kept.feature_change for _, kept in mine)
    title = f"{name} (protected)" if is_protected else name
    print(f"  {title:<26}{len(mine):>9}{pooled:>10.3%}{shares[0][0]:>10.2%}  {told:<44}{change:>15.2%}")
    return limit is None or pooled >= limit


if __name__ == "__main__":
    sys.exit(main())
