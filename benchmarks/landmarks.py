"""How near the automatic landmarks come to the marks, and how far their confidence can be believed.

    python benchmarks/landmarks.py DATA [--variants N] [--quiet]
    python benchmarks/landmarks.py DATA --mandibles

DATA holds pt_N_ct.nrrd, pt_N_labels.nrrd and landmarks.json. Patients that a member of the shipped ensemble was trained on are predicted
only with the members that have not seen them, so that development patients are cross-validated and new patients meet the whole ensemble.
``--mandibles`` compares the chin that is found with the one that the drawn mandible gives where none is found, and counts the mandibles
that are doubted. ``--variants`` adds randomly turned, cropped and obstructed versions of every patient. Exit status 1 where a limit is
missed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import require
from FaceDeidLNLib.anatomy.jaw.points import CHIN_CONFIDENCE, jaw_doubts, jaw_landmarks
from FaceDeidLNLib.anatomy.landmark.net import LandmarkModel, load_model, predict_landmarks
from FaceDeidLNLib.anatomy.landmark.shape import NET_LANDMARKS
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.input.images import read_volume
from training.patients import MANDIBLE, Patient, load_patients
from training.variants import Case, plain, random_variant

#: Median, the share that must lie within, and within how many mm.
LIMITS = {
    "pronasale": (5.0, 0.95, 10.0),
    "sellion": (6.0, 0.95, 12.0),
    "stomion": (7.0, 0.90, 12.0),
    "pogonion": (7.0, 0.90, 12.0),
    "menton": (8.0, 0.90, 15.0),
    "eye_right": (5.0, 0.95, 10.0),
    "eye_left": (5.0, 0.95, 10.0),
    "tragion_right": (7.0, 0.90, 12.0),
    "tragion_left": (7.0, 0.90, 12.0),
}
MARKED = len(LIMITS)
#: A mandible of fewer voxels was not drawn.
FEWEST_VOXELS = 300
SURE, WITHIN_MM, SURE_RIGHT, SURE_SHARE = 0.5, 10.0, 0.95, 0.85


@dataclass(frozen=True, eq=False)
class Result:
    """Of one case: ``error`` (11,) mm (inf: missed; NaN: truth unknown), ``confidence`` (11,), ``visible`` and ``claimed`` (11,) bool."""

    name: str
    error: np.ndarray
    confidence: np.ndarray
    visible: np.ndarray
    claimed: np.ndarray
    known: np.ndarray


def evaluate(name: str, case: Case, model: LandmarkModel) -> Result:
    """Predict one case and compare."""
    found = predict_landmarks(case.ct, model)
    rows = [found[n] for n in NET_LANDMARKS]
    claimed = np.array([r.position_lps is not None for r in rows])
    positions = np.array([r.position_lps if r.position_lps is not None else [np.inf] * 3 for r in rows])
    visible = np.isfinite(case.landmarks[:, 0])
    error = np.full(len(rows), np.nan)
    error[visible] = np.linalg.norm(positions[visible] - case.landmarks[visible], axis=1)
    return Result(name, error, np.array([r.confidence for r in rows]), visible, claimed, case.known)


def mandible_table(data: Path, model: LandmarkModel) -> None:
    """Print the distance of the chin's landmarks from the marks: found, and made from the drawn mandible."""
    errors: dict[tuple[str, str], list[float]] = {(name, way): [] for name in CHIN_CONFIDENCE for way in ("found", "from the mandible")}
    doubted = []
    for patient in load_patients(data):
        labels = read_volume(data / f"{patient.name}_labels.nrrd")
        if np.count_nonzero(labels.array == MANDIBLE) < FEWEST_VOXELS:
            continue
        ct, drawn = plain(patient).ct, (Segment("mandible", labels.with_array(labels.array == MANDIBLE)),)
        found = {
            name: Landmark(name, p.position_lps, p.confidence) for name, p in predict_landmarks(ct, model.without(patient.name)).items()
        }
        doubted += [f"{patient.name}: {doubt}" for doubt in jaw_doubts(ct, Landmarks(found), drawn)]
        lost = Landmarks({**found, **{name: Landmark(name, None, 0.0) for name in CHIN_CONFIDENCE}})
        for way, given in (("found", Landmarks(found)), ("from the mandible", jaw_landmarks(ct, lost, drawn))):
            for name in CHIN_CONFIDENCE:
                place = given.position(name)
                mark = patient.landmarks[NET_LANDMARKS.index(name)]
                errors[name, way].append(np.inf if place is None else float(np.linalg.norm(place - mark)))
    for (name, way), distances in errors.items():
        e = np.array(distances)[~np.isnan(distances)]
        line = f"{name:10s}{way:18s} n {len(e)}, median {np.median(e):.1f} mm, p95 {np.percentile(e, 95):.1f}"
        print(f"{line}, worst {e.max():.1f}, within 10 mm {(e <= WITHIN_MM).mean():.1%}")
    print(f"mandibles doubted: {len(doubted)} {'; '.join(doubted)}")


def _all_cases(patients: list[Patient], variants: int) -> list[tuple[str, str, Case]]:
    rng = np.random.default_rng(11)
    cases = [("plain", p.name, plain(p)) for p in patients]
    return cases + [("variant", p.name, random_variant(p, rng)) for p in patients for _ in range(variants)]


def accuracy_table(results: list[Result]) -> bool:
    """Print distances per landmark; True where all limits are kept."""
    print(f"{'landmark':15s} {'n':>4s} {'median':>7s} {'p90':>6s} {'p95':>6s} {'worst':>6s}  limit")
    good = True
    errors = np.array([r.error for r in results])
    for name, column in zip(NET_LANDMARKS, errors.T, strict=True):
        e = np.sort(column[~np.isnan(column)])
        if len(e) == 0:
            continue
        at = [e[min(int(np.ceil(q * len(e))) - 1, len(e) - 1)] for q in (0.5, 0.9, 0.95, 1.0)]
        line = f"{name:15s} {len(e):4d} {at[0]:7.1f} {at[1]:6.1f} {at[2]:6.1f} {at[3]:6.1f}"
        if name in LIMITS:
            median, share, within = LIMITS[name]
            kept = np.median(e) <= median and (e <= within).mean() >= share
            good &= bool(kept)
            line += f"  median <= {median:g}, {share:.0%} <= {within:g}: {(e <= within).mean():.1%} {'ok' if kept else 'MISSED'}"
        print(line)
    return good


def confidence_table(results: list[Result]) -> bool:
    """Print how often 'within 10 mm' is said and true, over the marked landmarks; True where both limits are kept."""
    stack = {k: np.concatenate([getattr(r, k)[:MARKED] for r in results]) for k in ("error", "confidence", "visible", "claimed")}
    sure = stack["confidence"] >= SURE
    right = np.nan_to_num(stack["error"], nan=np.inf) <= WITHIN_MM
    precision, share = right[sure].mean(), sure[stack["visible"]].mean()
    print(f"said to be within 10 mm: {precision:.1%} are (limit {SURE_RIGHT:.0%})")
    print(f"said of {share:.1%} of those in view (limit {SURE_SHARE:.0%})")
    hidden = ~stack["visible"]
    if hidden.any():
        wrong = stack["claimed"][hidden].mean()
        print(f"out of view: {hidden.sum()}, of which {wrong:.1%} were wrongly given a position, {sure[hidden].mean():.1%} with confidence")
    for low, high in zip((0, 0.2, 0.5, 0.8, 0.95), (0.2, 0.5, 0.8, 0.95, 1.01), strict=True):
        part = stack["claimed"] & (stack["confidence"] >= low) & (stack["confidence"] < high)
        if part.any():
            mean = stack["confidence"][part].mean()
            print(f"  confidence {low:4.2f}-{min(high, 1):4.2f}: n {part.sum():5d}, mean {mean:.2f}, true {right[part].mean():.2f}")
    return bool(precision >= SURE_RIGHT and share >= SURE_SHARE)


def main() -> int:
    """Evaluate and print; 0 where every limit is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--variants", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="no table per patient")
    parser.add_argument("--mandibles", action="store_true", help="only the chin, with and without the drawn mandible")
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    require(args.data, "landmarks.json", "*_ct.nrrd", "*_labels.nrrd")
    model = load_model(args.model) if args.model else load_model()
    if args.mandibles:
        mandible_table(args.data, model)
        return 0
    groups: dict[str, list[Result]] = {"plain": [], "variant": []}
    for kind, name, case in _all_cases(load_patients(args.data), args.variants):
        groups[kind].append(evaluate(name, case, model.without(name)))
        if kind == "plain" and not args.quiet:
            _print_patient(groups[kind][-1])
    good = True
    for kind, results in groups.items():
        if results:
            print(f"\n{kind}: {len(results)} cases")
            good = (accuracy_table(results) & confidence_table(results)) and good
    return 0 if good else 1


def _print_patient(result: Result) -> None:
    print(f"\n{result.name}")
    for n, name in enumerate(NET_LANDMARKS):
        truth = "unknown" if not result.known[n] else "out of view" if not result.visible[n] else f"{result.error[n]:.1f} mm"
        print(f"  {name:15s} {'found' if result.claimed[n] else 'not in view':12s} confidence {result.confidence[n]:.2f}  error {truth}")


if __name__ == "__main__":
    sys.exit(main())
