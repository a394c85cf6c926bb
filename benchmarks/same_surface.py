"""How far apart the new skins of two scans of one person lie, drawn from one seed (as with the project's key) and from two.

    PYTHONPATH=FaceDeidLN python benchmarks/same_surface.py DATA [--patients N]

DATA/open-kbp holds pt_N_ct.nrrd. The second scan is made of the first: the patient lies 4 degrees turned and 8 mm off, in voxels of 3.3 mm
along other axes, with noise of 25 HU. Each scan goes the whole road by itself. Printed are root mean squares (mm) along the lines of sight
inside both curves, of the default result: same seed and other scan, other seed and same scan, other seed and other scan.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line has it; read when numpy is loaded
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

import numpy as np
from data_folder import marked_patients
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import AIR_HU, Volume, canonical_grid, resample
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.rays import rays_of

TURNED_DEGREES, SHIFT_MM, VOXEL_MM, NOISE_HU = 4.0, (6.0, -4.0, 3.0), 3.3, 25.0
SEEDS = (11, 12)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--patients", type=int, default=12, help="use only the first N (default: %(default)s)")
    options = parser.parse_args()
    folder, found = options.data / "open-kbp", []
    for name in marked_patients(folder)[: options.patients]:
        ct = read_ct(folder / f"{name}_ct.nrrd").volume
        again = scanned_again(ct)
        first, other = (new_skin(ct, seed) for seed in SEEDS)
        found.append([apart(first, new_skin(again, SEEDS[0])), apart(first, other), apart(first, new_skin(again, SEEDS[1]))])
        print(
            f"{name:<8} same seed, other scan {found[-1][0]:.2f}  other seed, same scan {found[-1][1]:.2f}  both {found[-1][2]:.2f}",
            flush=True,
        )
    middle, most = np.median(found, axis=0), np.max(found, axis=0)
    print(
        f"{len(found)} patients, median (most), mm: " + ", ".join(f"{one:.2f} ({top:.2f})" for one, top in zip(middle, most, strict=True))
    )
    return 0


def scanned_again(ct: Volume) -> Volume:
    """The patient of a CT on another day, as far as that can be made up."""
    angle, middle = np.radians(TURNED_DEGREES), ct.geometry.corners().mean(0)
    turn, there, back = np.eye(4), np.eye(4), np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    there[:3, 3], back[:3, 3] = middle + SHIFT_MM, -middle
    moved = Volume(ct.array, Geometry(ct.geometry.shape, there @ turn @ back @ ct.geometry.ijk_to_lps))
    hu = resample(moved, canonical_grid(moved.geometry.corners(), VOXEL_MM), fill=AIR_HU)
    noise = np.random.default_rng(1).normal(0.0, NOISE_HU, hu.array.shape)
    return hu.with_array(np.clip(np.rint(hu.array + noise), AIR_HU, 3000).astype(np.int16))


def new_skin(ct: Volume, seed: int) -> np.ndarray:
    """Distance (mm) of the new skin along each line of the face's raster; NaN outside the curve."""
    case = deface(Request(ct, parameters=Parameters(seed=seed)))
    hidden = HiddenFace.of(case, (), np.random.default_rng(0))
    out = np.full(hidden.face.inside.shape, np.nan)
    out[hidden.face.inside] = rays_of(hidden)[2]
    return out


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square of what lies between two skins."""
    return float(np.sqrt(np.nanmean((one - other) ** 2)))


if __name__ == "__main__":
    sys.exit(main())
