"""Make the mean mandible (FaceDeidLNLib/anatomy/jaw/mandible_mean.npz) from drawn mandibles and marked landmarks.

    python benchmarks/mean_mandible.py DATA_FOLDER OUTPUT.npz

DATA_FOLDER holds open-kbp/ (pt_N_labels.nrrd with the mandible as label 7, landmarks.json). The head's frame from the
landmarks brings every mandible into face coordinates; then the half-occupancy set of all of them and a similarity of
each to it are made in turn (generalised Procrustes analysis with closest points), symmetric about the midline.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import require
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.core.errors import FaceNotFoundError
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.input.images import read_volume

MANDIBLE = 7
STEP_MM = 2.0
LOW_MM, SIZE = np.array([-76.0, -10.0, -92.0]), (77, 63, 63)
#: A cell of the mean holds bone where one of the patient's points lies this near (mm).
NEAR_MM = 2.6
ROUNDS, CLOSEST_ROUNDS, TRIM, SCALES = 4, 8, 0.85, (0.85, 1.18)


def mandibles(folder: Path) -> list[np.ndarray]:
    """Every drawn mandible as points (N, 3) in face coordinates; voxels are split along their longer sides."""
    marks = json.loads((folder / "landmarks.json").read_text(encoding="utf-8"))["patients"]
    clouds = []
    for patient, entry in marks.items():
        points = {name: Landmark(name, np.array(lps, dtype=float)) for name, lps in entry["landmarks"].items() if lps is not None}
        labels = read_volume(folder / f"{patient}_labels.nrrd")
        kji = np.argwhere(labels.array == MANDIBLE)
        if len(kji) < 300:
            continue
        try:
            frame = fit_frame(Landmarks(points))
        except FaceNotFoundError:
            continue
        split = np.array([(0, y, z) for y in (-0.25, 0.25) for z in (-0.25, 0.25)])
        lps = labels.geometry.to_lps((kji[:, None] + split[None]).reshape(-1, 3))
        clouds.append(frame.to_face(lps)[::2])
    return clouds


def half_occupied(clouds: list[np.ndarray], cells: np.ndarray) -> np.ndarray:
    """The cells (N, 3) that more than half of the clouds, seen with their mirror images, occupy."""
    share = np.mean([np.isfinite(cKDTree(cloud).query(cells, distance_upper_bound=NEAR_MM)[0]) for cloud in clouds], axis=0)
    share = share.reshape(SIZE)
    return cells[(0.5 * (share + share[::-1]) > 0.5).ravel()]


def aligned(cloud: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The cloud moved by the similarity that lays it onto the mean (trimmed closest points)."""
    tree, moved = cKDTree(mean), cloud
    for _ in range(CLOSEST_ROUNDS):
        distance, index = tree.query(moved)
        near = distance < np.quantile(distance, TRIM)
        source, target = cloud[near], mean[index[near]]
        a, b = source - source.mean(0), target - target.mean(0)
        rotation = Rotation.align_vectors(b, a)[0].as_matrix()
        scale = np.clip((b * (a @ rotation.T)).sum() / (a**2).sum(), *SCALES)
        moved = scale * (cloud - source.mean(0)) @ rotation.T + target.mean(0)
    return moved


def main(data: Path, output: Path) -> None:
    """Write the left half of the mean mandible as whole mm (int8)."""
    axes = [low + STEP_MM * np.arange(n) for low, n in zip(LOW_MM, SIZE, strict=True)]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    own = mandibles(data / "open-kbp")
    clouds = own
    for _ in range(ROUNDS):
        mean = half_occupied(clouds, cells)
        print(f"{len(own)} mandibles, mean of {len(mean) * STEP_MM**3 / 1000:.1f} ml")
        clouds = [aligned(cloud, mean) for cloud in own]
    np.savez_compressed(output, left_half=mean[mean[:, 0] >= 0].astype(np.int8))


if __name__ == "__main__":
    require(Path(sys.argv[1]), "open-kbp/*_labels.nrrd", "open-kbp/landmarks.json")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
