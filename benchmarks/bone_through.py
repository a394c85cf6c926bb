"""Bone that comes through a new face: what stays of the old one before its surface, by the head's size, with and without its growth.

    PYTHONPATH=FaceDeidLN python benchmarks/bone_through.py DATA [--draws N] [--patients N]

DATA/open-kbp holds pt_N_ct.nrrd. Each patient's default face is found once, and N surfaces are drawn for it; without growth they are those
of a face that knows nothing of what stays. Counted are voxels of the region that are not in the face segment and lie before the surface:
ml of bone (above BONE_HU) on average and at most, the share of draws with more than SEEN_ML of it, and ml of all tissue.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line has it; read when numpy is loaded
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

import numpy as np
from attack_rows import DEFAULT, faces
from data_folder import require
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import drawing
from FaceDeidLNLib.effect.reface import in_view
from FaceDeidLNLib.face.polar import voxels_to_polar
from FaceDeidLNLib.face.relief import random_surface
from FaceDeidLNLib.face.segment import Face
from FaceDeidLNLib.input.ct import read_ct

#: What is denser is bone, what is less dense air.
BONE_HU, AIR_HU = 250.0, -250.0
#: So much bone (ml) before a surface is a bump that can be seen.
SEEN_ML = 0.05
#: The heads are told apart by their size over the mean's.
SIZES = (0.0, 0.97, 1.0, 1.04, np.inf)


@dataclass(frozen=True)
class Through:
    """ml of bone and of all tissue before each surface (draws, 2), and the head's size over the mean's."""

    size: float
    ml: np.ndarray


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--draws", type=int, default=8, help="surfaces of each patient (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=60, help="at most so many (default: %(default)s)")
    options = parser.parse_args()
    require(options.data, "open-kbp/pt_*_ct.nrrd", "open-kbp/landmarks.json")
    folder, found = options.data / "open-kbp", []
    for path in sorted(folder.glob("pt_*_ct.nrrd"))[: options.patients]:
        ct = read_ct(path).volume
        for _, face, _ in faces(folder, path.name.removesuffix("_ct.nrrd"), ct, [DEFAULT]):
            found.append((measured(face, ct, options.draws), measured(replace(face, staying=None), ct, options.draws)))
            now, before = (one.ml[:, 0].mean() for one in found[-1])
            print(f"{path.name}: size {face.frame.scale:.3f}, bone {now:.3f} ml, without growth {before:.3f}", file=sys.stderr, flush=True)
    for name, patients in zip(("as it is", "without growth"), zip(*found, strict=True), strict=True):
        report(name, patients)
    return 0


def measured(face: Face, ct: Volume, draws: int) -> Through:
    """What stays before so many surfaces of a face."""
    box = face.region.box
    stays = face.region.array & ~face.segment.inside(box)
    old = ct.array[box.slices][stays]
    directions, distance = voxels_to_polar(face.frame, ct.geometry.crop(box), np.argwhere(stays))
    ml = []
    for seed in range(draws):
        surface = in_view(random_surface(face, drawing(seed)), ct.geometry, face)
        before = old[distance > face.raster.sample(surface, directions)]
        ml.append([np.count_nonzero(before > least) * ct.geometry.voxel_mm3 / 1000.0 for least in (BONE_HU, AIR_HU)])
    return Through(face.frame.scale, np.array(ml))


def report(name: str, patients: tuple[Through, ...]) -> None:
    """One line for all heads, and one for those of each size."""
    bounds = [(0.0, np.inf), *zip(SIZES[:-1], SIZES[1:], strict=True)]
    for low, high in bounds:
        some = [one.ml for one in patients if low < one.size <= high]
        if some:
            bone, tissue = np.moveaxis(np.array(some), -1, 0)
            seen = (
                f"{bone.mean():.3f} ml of bone, {bone.max():.2f} at most, {np.mean(bone > SEEN_ML):.0%} of draws with more than {SEEN_ML}"
            )
            print(f"{name}, size {low:g} to {high:g}: {len(some)} heads, {seen}; {tissue.mean():.2f} ml of all that stays", flush=True)


if __name__ == "__main__":
    sys.exit(main())
