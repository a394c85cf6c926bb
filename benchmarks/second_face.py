"""A second head in the field of view: seen beside real patients, never seen where there is none, and what looking for it costs.

    python benchmarks/second_face.py DATA [--what pairs,single,seconds] [--part I/N]

DATA holds heads, open-kbp and open-kbp-partial. ``pairs``: two real heads (whole, turned, smaller, half out of the field of view) in one
CT. ``single``: all patients and heads as they are. ``seconds``: processor seconds of this check and of the one for layers on the face, on
DATA/heads/cthead_ct.nrrd in 512 x 512 x 234 voxels, bare, on a table of metal, and with arms beside the head, and on the neck CT of
DATA/studies (512 x 512 x 295, a head rest beside the head). Exit status 1 where a head is missed or seen where there is none, or where
both checks together take longer than MOST_SECONDS.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import require, there
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.face_frame import FaceFrame, fit_frame
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.anatomy.landmark.net import load_model
from FaceDeidLNLib.anatomy.second_face import second_face
from FaceDeidLNLib.anatomy.skin import skin_depth
from FaceDeidLNLib.case.find import face_bounds
from FaceDeidLNLib.core.errors import FaceNotFoundError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import AIR_HU, Volume, block_mean, canonical_grid, resample
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.verify.layer import layer_doubts
from speed import upsample

#: First head, second head, its shift (mm), turn (degrees about x, y, z) and size, and what share of an axis (k, j, i) is kept.
PAIRS = (
    ("cthead", "headsq", (230, 0, 0), (0, 0, 0), 1.0, None),
    ("cthead", "cthead", (200, 0, 0), (0, 0, 0), 1.0, None),
    ("cthead", "cthead", (165, 0, 0), (0, 0, 0), 1.0, None),
    ("pt_58", "cthead", (0, 0, 250), (180, 0, 0), 1.0, None),
    ("cthead", "cthead", (180, 0, -40), (0, 0, 0), 0.65, None),
    ("cthead", "headsq", (0, -40, -260), (0, 0, 180), 1.0, None),
    ("pt_95", "headsq", (250, 0, 60), (0, 0, 90), 0.8, None),
    ("pt_31", "cthead", (-260, 0, -30), (0, 0, -60), 1.0, None),
    ("icrp110_female_pseudo", "cthead", (190, 0, 20), (0, 30, 0), 1.0, None),
    ("headsq", "cthead", (0, -230, 0), (180, 0, 0), 1.0, None),
    ("headsq", "cthead", (0, 0, 300), (0, 180, 0), 1.0, None),
    ("pt_4", "pt_31", (400, 0, 0), (0, 0, 0), 1.0, None),
    ("cthead", "cthead", (230, 0, 0), (0, 0, 0), 1.0, (2, 0.76)),
    ("cthead", "headsq", (230, 0, 0), (0, 0, 0), 1.0, (2, 0.76)),
    ("cthead", "cthead", (230, 0, 0), (0, 0, 0), 1.0, (2, 0.68)),
    ("cthead", "cthead", (230, 0, 0), (0, 0, 0), 1.0, (0, 0.45)),
    ("pt_58", "headsq", (-200, -150, -120), (0, 0, 0), 0.8, None),
    ("pt_58", "headsq", (0, -220, -200), (60, 0, 0), 0.8, None),
    ("cthead", "cthead", (150, -150, 0), (0, 0, 90), 1.0, (2, 0.8)),
    ("pt_2", "headsq", (342, 55, 31), (0, 0, 60), 0.6, None),
    ("pt_31", "cthead", (339, 100, -29), (0, 90, 0), 0.6, (2, 0.8)),
)
SPACING_MM = 2.5
#: The target for both checks together, the middle of RUNS runs.
MOST_SECONDS, RUNS = 0.3, 5


def main() -> int:
    """Print what each part finds; 1 where one misses its aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--what", default="pairs,single,seconds", help="(default: %(default)s)")
    parser.add_argument("--part", default="1/1", help="the I-th of N parts of pairs and single (default: %(default)s)")
    options = parser.parse_args()
    part, parts = (int(number) for number in options.part.split("/"))
    wrong = 0
    if "pairs" in options.what:
        require(options.data, *{f"{'open-kbp' if name.startswith('pt_') else 'heads'}/{name}_ct.nrrd" for one in PAIRS for name in one[:2]})
        found = [report(f"{a} + {b}", pair(options.data, a, b, *rest)) for a, b, *rest in PAIRS[part - 1 :: parts]]
        wrong += found.count(False)
        print(f"{found.count(True)} of {len(found)} second heads seen")
    if "single" in options.what:
        found = [report(name, read_ct(path).volume) for name, path in list(singles(options.data))[part - 1 :: parts]]
        wrong += found.count(True)
        print(f"{found.count(True)} of {len(found)} single heads taken for two")
    if "seconds" in options.what:
        wrong += seconds(options.data)
    return int(bool(wrong))


def report(name: str, ct: Volume) -> bool | None:
    """Whether a second head is seen; None where no face is found at all."""
    try:
        frame = fit_frame(detect_landmarks(ct))
    except FaceNotFoundError:
        print(f"{name}: no face found", flush=True)
        return None
    said = second_face(ct, frame)
    print(f"{name}: {said[0] if said else 'one head'}", flush=True)
    return bool(said)


def singles(data: Path) -> Iterator[tuple[str, Path]]:
    """Every CT of DATA by name."""
    for place in there(data, (f"{folder}/*_ct.n*" for folder in ("open-kbp", "open-kbp-partial", "heads"))):
        folder = place.partition("/")[0]
        yield from ((f"{folder}/{path.stem}", path) for path in sorted((data / folder).glob("*_ct.n*")))


def pair(
    data: Path, first: str, second: str, shift: tuple[int, ...], turn: tuple[int, ...], size: float, kept: tuple[int, float] | None
) -> Volume:
    """Two heads on one grid."""
    a, b = (read_ct(data / ("open-kbp" if name.startswith("pt_") else "heads") / f"{name}_ct.nrrd").volume for name in (first, second))
    middle = b.geometry.corners().mean(0)
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * size
    moved[:3, 3] = middle - moved[:3, :3] @ middle + np.array(shift, dtype=float)
    b = Volume(b.array, Geometry(b.geometry.shape, moved @ b.geometry.ijk_to_lps))
    grid = canonical_grid(np.vstack([a.geometry.corners(), b.geometry.corners()]), SPACING_MM)
    both = [np.clip(resample(block_mean(ct, SPACING_MM), grid, fill=AIR_HU).array, AIR_HU, 3000.0) for ct in (a, b)]
    ct = Volume(np.rint(np.maximum(*both)).astype(np.int16), grid)
    if kept is None:
        return ct
    stop = list(ct.array.shape)
    stop[kept[0]] = int(kept[1] * stop[kept[0]])
    return ct.crop(Box((0, 0, 0), tuple(stop)))


def seconds(data: Path) -> int:
    """Print the processor seconds of both checks; how many of the CTs take longer than MOST_SECONDS."""
    load_model()
    slow = 0
    with tempfile.TemporaryDirectory() as folder:
        upsample(data / "heads" / "cthead_ct.nrrd", Path(folder) / "ct.nrrd")
        with tarfile.open(data / "studies" / "neck-ct.tar.xz") as archive:
            archive.extractall(Path(folder) / "neck", filter="data")
        for path, bare in ((Path(folder) / "ct.nrrd", False), (Path(folder) / "neck", True)):
            ct = read_ct(path).volume
            frame = fit_frame(detect_landmarks(ct))
            depth = skin_depth(ct, find_body(ct), face_bounds(frame))
            for name, scene in (("neck CT", ct),) if bare else scenes(ct, frame):
                slow += is_slow(name, scene, frame, depth)
    return slow


def is_slow(name: str, ct: Volume, frame: FaceFrame, depth: Volume) -> bool:
    """Print the processor seconds of both checks on a CT; whether they are more than MOST_SECONDS."""
    spent = []
    for _ in range(RUNS):
        begin = time.process_time()
        said = (*second_face(ct, frame), *layer_doubts(ct, frame, depth, shows_eyes=True))
        spent.append(time.process_time() - begin)
    print(f"{name}: {statistics.median(spent):.2f} s, {len(said)} doubts", flush=True)
    return statistics.median(spent) > MOST_SECONDS


def scenes(ct: Volume, frame: FaceFrame) -> Iterator[tuple[str, Volume]]:
    """The CT, and the CT with things of bone's density in it."""
    yield "bare", ct
    table, arms = ct.array.copy(), ct.array.copy()
    last = ct.array.shape[1] - 1
    table[:, last - 42 : last - 8] = 400
    yield "on a table of metal", ct.with_array(table)
    middle = ct.geometry.to_kji(frame.origin[None])[0]
    j, i = np.indices(ct.array.shape[1:], sparse=True)
    for side in (-1, 1):
        away = np.hypot(j - middle[1], i - middle[2] - side * 205)
        for radius, hu in ((45, 40), (22, 1000), (12, 50)):
            arms[:, away < radius] = hu
    yield "arms beside the head", ct.with_array(arms)


if __name__ == "__main__":
    raise SystemExit(main())
