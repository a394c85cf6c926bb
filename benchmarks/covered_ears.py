"""With ``--ears``: how much of an ear changes under what covers it, and does the verdict say so?

    python benchmarks/covered_ears.py DATA [--bare]

The left ear of heads of DATA (heads/, open-kbp/) gets gel, gauze or a headphone; of what stood out of the bare head there, the share that
changed is told. ``--bare``: all heads without a cover, on which no ear may be told to be covered. Exit status 1 where a cover of 12 mm or
more is a PASS, or a bare ear is told.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import there
from FaceDeidLNLib.case.records import CaseResult, Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.face.ears import Ear
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.ears import ear_tissue

HEADS = ("heads/cthead_ct.nrrd", "heads/headsq_ct.nrrd", *(f"open-kbp/pt_{n}_ct.nrrd" for n in (4, 58, 95, 168)))
SIDE, SEED = "left", 1
#: Tissue is denser (HU); covers go so far (mm) beyond an ear's ellipse and behind its tragion, and have noise of so many HU.
TISSUE_HU, AROUND_MM, BEHIND_MM, NOISE_HU = -400.0, 8.0, 12.0, 15.0
#: A headphone's shell is so thick (mm).
SHELL_MM = 4.0
#: Covers of less (mm) may pass.
THIN_MM = 12.0
#: How the reason begins that tells of a covered ear.
TOLD = "ear stands out from the head"


@dataclass(frozen=True)
class Cover:
    """What lies on an ear: so thick (mm) and dense (HU); a headphone is ``hollow``."""

    name: str
    thick_mm: float
    hu: float
    hollow: bool = False


COVERS = (
    Cover("gel", 6, 10),
    Cover("gel", 12, 10),
    Cover("gel", 25, 10),
    Cover("gauze", 12, -300),
    Cover("headphone", 20, 100, hollow=True),
    Cover("headphone", 30, 100, hollow=True),
)


def main() -> int:
    """Print a line per head and cover; 1 where one is not told that should be, or one that should not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--bare", action="store_true", help="all heads, nothing on their ears")
    options = parser.parse_args()
    if options.bare:
        return report_bare(options.data)
    wrong = 0
    for name in there(options.data, HEADS):
        ct = read_ct(options.data / name).volume
        bare = hidden(ct)
        for cover in COVERS:
            result = hidden(covered(ct, next(ear for ear in bare.face.ears if ear.side == SIDE), cover))
            passed = result.verdict.value == "PASS"
            share = "-" if result.result is None else f"{share_changed(ct, bare, result):.0%}"
            print(f"{name:<32}{cover.name:<10}{cover.thick_mm:>3.0f} mm  {result.verdict.value:<7}{share:>5}", flush=True)
            wrong += passed and cover.thick_mm >= THIN_MM
    print(f"covers of {THIN_MM:.0f} mm and more that are a PASS: {wrong}")
    return int(wrong > 0)


def report_bare(data: Path) -> int:
    """How many bare heads are told to have a covered ear; 1 where one is."""
    paths = [path for folder in ("heads", "open-kbp", "open-kbp-partial") for path in sorted((data / folder).glob("*_ct.n*"))]
    told = [path.name for path in paths if any(TOLD in reason for reason in hidden(read_ct(path).volume).reasons)]
    print(f"{len(paths)} bare heads, told to have a covered ear: {len(told)} {' '.join(told)}")
    return int(bool(told))


def hidden(ct: Volume) -> CaseResult:
    """The face and the ears taken away."""
    return deface(Request(ct, parameters=Parameters(effect="mask", ears=True, seed=SEED)))


def covered(ct: Volume, ear: Ear, cover: Cover) -> Volume:
    """The CT with a cover on an ear, seen from the side."""
    tissue = ndimage.label(ct.array > TISSUE_HU)[0]
    outside = ndimage.distance_transform_edt(tissue != np.argmax(np.bincount(tissue.ravel())[1:]) + 1, ct.geometry.sampling)
    at = np.argwhere((outside > 0) & (outside <= cover.thick_mm))
    place = ear.place(ct.geometry.to_lps(at))
    border = ear.sample(ear.border, place)
    taken = (border > -AROUND_MM) & (place[:, 2] > -BEHIND_MM)
    if cover.hollow:
        taken &= (outside[tuple(at.T)] > cover.thick_mm - SHELL_MM) | (border < 0)
    array = ct.array.copy()
    noise = np.random.default_rng(SEED).normal(0, NOISE_HU, int(taken.sum()))
    array[tuple(at[taken].T)] = np.rint(cover.hu + noise).astype(array.dtype)
    return ct.with_array(array)


def share_changed(ct: Volume, bare: CaseResult, result: CaseResult) -> float:
    """Share of the ear's tissue in the bare head that changed where it was covered."""
    at = tuple(ear_tissue(ct, bare.face, bare.landmarks, SIDE).T)
    before = result.result.array[at]
    return float((before != ct.array[at]).mean())


if __name__ == "__main__":
    sys.exit(main())
