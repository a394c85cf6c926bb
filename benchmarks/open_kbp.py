"""The main job on the open-kbp patients, checked against landmarks that a person marked.

    python benchmarks/open_kbp.py DATA [--jobs N] [--effect NAME]

DATA/open-kbp holds pt_N_ct.nrrd and landmarks.json. For each patient: the verdict, and for nose, mouth and chin the share of the
skin within 8 mm of the mark whose voxels changed. Skin is found here by a threshold alone, not with the project's own code.
Exit status 1 where fewer than 45 patients pass, or a patient that passes shows a mark.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface

MARKS = ("pronasale", "stomion", "pogonion", "menton")
MUST_PASS = 45
NEAR_MM = 8.0
#: From half way between air and soft tissue up to bone, teeth and metal, which are no skin where they meet the air of an open mouth.
SKIN_HU = (-300.0, 300.0)
#: Skin further than this (mm) behind menton lies under the chin, where the submental triangle has to stay as it is.
BEHIND_MENTON_MM = 4.0
#: A mark is hidden where at least this share of the skin around it changed; the rest is one voxel of a handful, at the rim.
HIDDEN_SHARE = 0.9


@dataclass(frozen=True)
class Patient:
    """One patient's result; ``shares`` per mark, None where no skin lies within 8 mm of it or it is out of view."""

    name: str
    verdict: str
    reasons: tuple[str, ...]
    shares: dict[str, float | None]
    seconds: float

    @property
    def shows(self) -> list[str]:
        """Marks that can still be seen."""
        return [name for name, share in self.shares.items() if share is not None and share < HIDDEN_SHARE]


def main() -> int:
    """Run all patients, print one line each and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--effect", default="mask", help="effect (default: %(default)s)")
    options = parser.parse_args()
    folder = options.data / "open-kbp"
    marks = json.loads((folder / "landmarks.json").read_text())["patients"]
    print("patient   verdict  " + "".join(f"{name:>10}" for name in MARKS) + "   seconds  reasons")
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run_patient, folder / f"{name}_ct.nrrd", told["landmarks"], options.effect) for name, told in marks.items()]
        patients = [show(job.result()) for job in jobs]
    return summary(patients)


def run_patient(path: Path, marks: dict[str, list[float] | None], effect: str) -> Patient:
    """De-identify one patient and look at the skin around each mark."""
    ct = read_ct(path).volume
    result = deface(Request(ct, parameters=Parameters(effect=effect)))
    changed = np.zeros(ct.array.shape, dtype=bool) if result.result is None else result.result.array != ct.array
    skin = outer_skin(ct)
    behind = {"menton": BEHIND_MENTON_MM}
    shares = {name: share_changed(ct, skin, changed, marks.get(name), behind.get(name, NEAR_MM)) for name in MARKS}
    name = path.name.removesuffix("_ct.nrrd")
    return Patient(name, result.verdict.value, result.reasons, shares, sum(result.seconds.values()))


def outer_skin(ct: Volume) -> np.ndarray:
    """Soft-tissue voxels that touch the air around the patient, (k, j, i) bool."""
    tissue = ct.array > SKIN_HU[0]
    labels, _ = ndimage.label(~tissue)
    edge = np.unique(np.concatenate([np.take(labels, end, axis).ravel() for axis in range(3) for end in (0, -1)]))
    outside = np.isin(labels, edge[edge > 0])
    return tissue & (ct.array < SKIN_HU[1]) & ndimage.binary_dilation(outside)


def share_changed(ct: Volume, skin: np.ndarray, changed: np.ndarray, mark: list[float] | None, behind_mm: float) -> float | None:
    """Share of the skin voxels within NEAR_MM of a mark (LPS mm), and at most ``behind_mm`` behind it, that changed.

    None where there is no such voxel.
    """
    if mark is None:
        return None
    box = ct.geometry.box_around(np.array([mark]), NEAR_MM)
    places = np.argwhere(skin[box.slices]) + np.asarray(box.start)
    if not len(places):
        return None
    offset = ct.geometry.to_lps(places) - mark
    near = places[(np.linalg.norm(offset, axis=1) <= NEAR_MM) & (offset[:, 1] <= behind_mm)]
    return float(changed[tuple(near.T)].mean()) if len(near) else None


def show(patient: Patient) -> Patient:
    """Print one patient's line."""
    shares = "".join(f"{'-':>10}" if share is None else f"{share:>10.0%}" for share in patient.shares.values())
    mark = f"  SHOWS {', '.join(patient.shows)}" if patient.verdict == "PASS" and patient.shows else ""
    print(f"{patient.name:<10}{patient.verdict:<9}{shares}{patient.seconds:>10.1f}  {'; '.join(patient.reasons)}{mark}", flush=True)
    return patient


def summary(patients: list[Patient]) -> int:
    """Print the counts; 1 where a limit is missed."""
    passed = [patient for patient in patients if patient.verdict == "PASS"]
    showing = [patient.name for patient in passed if patient.shows]
    unjudged = sum(share is None for patient in passed for share in patient.shares.values())
    print(f"\nPASS: {len(passed)} of {len(patients)} (at least {MUST_PASS} must)")
    print(f"PASS with a mark whose skin changed by less than {HIDDEN_SHARE:.0%}: {len(showing)} {' '.join(showing)}")
    print(f"marks of PASS patients that could not be judged (out of view, or no skin within {NEAR_MM:g} mm): {unjudged}")
    return int(len(passed) < MUST_PASS or bool(showing))


if __name__ == "__main__":
    sys.exit(main())
