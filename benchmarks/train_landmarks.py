"""Train the landmark networks from marked patients; this is how ``anatomy/landmark/landmark_net.npz`` was made.

    python benchmarks/train_landmarks.py DATA WORK [--shards 40] [--folds 3]

Needs PyTorch (CPU is enough) besides the project's own dependencies. DATA holds pt_N_ct.nrrd, pt_N_labels.nrrd and landmarks.json; WORK
takes the samples and the checkpoints, several gigabytes. Steps:

1. Pools of augmented samples for both networks: ``--shards`` samples of each patient (``training/samples.py``).
2. For each fold, one coarse and one fine network on the patients of the other folds, for STEPS batches (``training/fit.py``);
   patient n belongs to fold n modulo the number of folds.
3. Calibration on the patients that each member has not seen, as they are and in VARIANTS hard versions (``training/calibrate.py``).
4. Export into one file with the names of the patients that each member was trained on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

import torch
from FaceDeidLNLib.anatomy.landmark.net import WEIGHTS_FILE, load_model
from training.calibrate import calibration, held_out_rows
from training.export import export
from training.fit import Pool, train
from training.patients import Patient, load_patients, patient_names
from training.samples import STAGES, make_sample

#: Batches of six samples. The committed networks of fold 0 were ended by the clock instead, at about 1400 and 400 batches.
STEPS = {"coarse": 1200, "fine": 500}
#: First number of the seeds of each pool.
POOL_SEED = {"coarse": 2, "fine": 1}
#: Hard versions of each patient for the calibration.
VARIANTS = 4
UNCALIBRATED = {"within": np.array([1.0, -0.5, 0.0, 0.0, 0.0, 0.0]), "in_view": np.array([0.0, -1.0, 0.0, 0.0, 0.0, 0.0])}


def write_shard(patients: list[Patient], stage: str, path: Path, seed: tuple[int, int]) -> None:
    """One augmented sample of every patient."""
    rng = np.random.default_rng(seed)
    samples = [make_sample(p, STAGES[stage], rng) for p in patients]
    unfinished = path.with_name("." + path.name)
    np.savez(
        unfinished,
        hu=np.stack([s.hu for s in samples]),
        inside=np.packbits(np.stack([s.inside for s in samples])),
        points=np.stack([s.points for s in samples]),
        state=np.stack([s.state for s in samples]),
    )
    unfinished.replace(path)


def make_pools(patients: list[Patient], work: Path, shards: int) -> None:
    """The pools of both networks; shards that exist are kept."""
    for stage in STAGES:
        folder = work / f"pool_{stage}"
        folder.mkdir(parents=True, exist_ok=True)
        for shard in range(shards):
            path = folder / f"s{shard:03d}.npz"
            if not path.exists():
                write_shard(patients, stage, path, (POOL_SEED[stage], shard))


def train_fold(stage: str, fold: int, folds: int, patients: int, work: Path) -> Path:
    """Train one network; an existing checkpoint is kept. Three minutes a fold on two idle cores."""
    path = work / f"{stage}_{fold}.pt"
    if not path.exists():
        pool = Pool(work / f"pool_{stage}", np.flatnonzero(np.arange(patients) % folds != fold))
        torch.save(train(stage, pool, STEPS[stage], None, fold).state_dict(), path)
    return path


def main() -> None:
    """Run all steps that are not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=WEIGHTS_FILE)
    args = parser.parse_args()
    patients, names = load_patients(args.data), patient_names(args.data)
    make_pools(patients, args.work, args.shards)
    members = []
    for fold in range(args.folds):
        files = [train_fold(stage, fold, args.folds, len(names), args.work) for stage in STAGES]
        members.append((*files, [name for n, name in enumerate(names) if n % args.folds != fold]))
    plain_file = args.work / "uncalibrated.npz"
    export(members, UNCALIBRATED, plain_file)
    rows = held_out_rows(patients, load_model(plain_file), VARIANTS)
    export(members, calibration(rows), args.output)


if __name__ == "__main__":
    main()
