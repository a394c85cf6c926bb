"""PET and MR whose head lies elsewhere than the CT's, made of real CTs: how many are stopped at which shift.

    python benchmarks/study_elsewhere.py DATA [--patients 8]

From CTs of DATA/open-kbp and DATA/heads an image is made with the values of a PET (blurred, 4 mm) and of an MR (fat, muscle and bone at
levels of their own, a bias field, 3 mm), shifted by 0, 3, 10 and 30 mm to the left, backwards and upwards. One line per kind and shift:
``follows``: of so many images whose face was replaced so many are a REVIEW; ``same body``: the same for images that show nothing of the
face region, whose body is compared with the CT's; there 3 mm are no reason and shall not be one.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import number_of, there
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume, canonical_grid, resample
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.study.elsewhere import remembered, require_same_body
from FaceDeidLNLib.study.family import TOLERANCE_MM, DoubtError
from FaceDeidLNLib.study.hidden import HiddenFace
from FaceDeidLNLib.study.pet_mr import follow_image

SHIFTS_MM = (0, 3, 10, 30)
WAYS = {"left": (1, 0, 0), "back": (0, 1, 0), "up": (0, 0, 1)}


def pet_like(ct: Volume) -> Volume:
    """The body at a level of its own, blurred as by a scanner of 5 mm (FWHM), with noise."""
    coarse = resample(ct, canonical_grid(ct.geometry.corners(), 4.0), fill=-1000.0)
    uptake = np.clip((coarse.array + 700) / 700, 0, 1.3) * 400
    blurred = ndimage.gaussian_filter(uptake, 5.0 / 2.355 / 4.0)
    return coarse.with_array(np.maximum(blurred + np.random.default_rng(1).normal(0, 20, blurred.shape), 0).astype(np.float32))


def mr_like(ct: Volume) -> Volume:
    """Fat bright, muscle grey, bone and air dark, brighter towards the coil in front, with noise."""
    coarse = resample(ct, canonical_grid(ct.geometry.corners(), 3.0), fill=-1000.0)
    values = np.interp(coarse.array, (-1000, -500, -100, 40, 300, 1000), (15, 40, 420, 220, 90, 30))
    bias = np.linspace(1.3, 0.8, values.shape[1])[None, :, None]
    return coarse.with_array((values * bias + np.random.default_rng(2).normal(0, 12, values.shape)).astype(np.float32))


KINDS: dict[str, Callable[[Volume], Volume]] = {"PET": pet_like, "MR": mr_like}


def shifted(image: Volume, mm: float, way: tuple[int, int, int]) -> Volume:
    """The image with its head moved in its own grid's place."""
    matrix = image.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += mm * np.array(way)
    return Volume(image.array, Geometry(image.geometry.shape, matrix))


def stopped(work: Callable[[], object]) -> str:
    """Why something is a REVIEW; empty where it is none."""
    try:
        work()
    except DoubtError as doubt:
        return str(doubt)
    return ""


def files(data: Path, patients: int) -> list[Path]:
    """The heads, and the first patients."""
    there(data, ("heads/*ct*", "open-kbp/pt_*_ct.nrrd"))
    kbp = sorted((data / "open-kbp").glob("pt_*_ct.nrrd"), key=lambda path: number_of(path.name))
    heads = [path for path in sorted((data / "heads").glob("*")) if "ct" in path.name and path.name.endswith((".nrrd", ".nii.gz"))]
    return [*heads, *kbp[:patients]]


def one_head(path: Path, asked: list[tuple[str, int, str]]) -> Iterator[tuple[str, int, str, str, str]]:
    """Kind, shift, way, and why it was stopped where it follows and where its body is compared."""
    ct = read_ct(path).volume
    decided = deface(Request(ct, parameters=Parameters(seed=7)))
    if decided.result is None:
        print(f"{path.name}: {decided.verdict.value}, left out", flush=True)
        return
    hidden, shown = HiddenFace.of(decided, (), np.random.default_rng(1)), [remembered(ct)]
    images = {kind: make(ct) for kind, make in KINDS.items()}
    for kind, mm, way in asked:
        image = shifted(images[kind], mm, WAYS[way])
        random = np.random.default_rng(3)
        follows = stopped(lambda image=image, random=random: follow_image(hidden, image, np.eye(4), TOLERANCE_MM, random))
        yield kind, mm, way, follows, stopped(lambda image=image: require_same_body(image, shown))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--patients", type=int, default=8)
    options = parser.parse_args()
    asked = [(kind, mm, way) for kind in KINDS for mm in SHIFTS_MM for way in (WAYS if mm else ("left",))]
    counts: dict[tuple[str, int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for path in files(options.data, options.patients):
        try:
            for kind, mm, way, follows, body in one_head(path, asked):
                found = counts[kind, mm, way]
                found[0] += 1
                found[1] += bool(follows)
                found[2] += bool(body)
                if mm in (0, 3) and (follows or body):
                    print(f"{path.name} {kind} {mm} mm {way}: follows: {follows or 'yes'}; body: {body or 'the same'}", flush=True)
        except FaceDeidError as error:
            print(f"{path.name}: {error}, left out", flush=True)
    print("kind, shift (mm), way: images, follows: REVIEW, same body: REVIEW")
    for (kind, mm, way), (images, follows, body) in counts.items():
        print(f"{kind:4}{mm:4} {way:5}: {images:3}, {follows:3}, {body:3}")


if __name__ == "__main__":
    main()
