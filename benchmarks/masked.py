"""Real heads whose background was masked at a distance from the skin, and real heads in fields of view of other shapes: which are told?

    python benchmarks/masked.py DATA [--jobs N] [--heads headsq,pt_4]

DATA/heads and DATA/open-kbp hold the CTs, around which 70 mm of noisy air are put. Where a mask ends shows the old face, moved outwards
(eroding it by as much gives the face back); a round or straight field of view ends elsewhere. Every head goes the road up to the gate.
Exit status 1 where a mask whose end is left before the face is a PASS, or where a field of view is told to be a mask.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import there
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume, resample
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.padding import without_padding
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.release import as_stored
from FaceDeidLNLib.verify.masked_background import LEAST_MET, mask_ends
from robustness import HEADS

#: Those that are small enough to go down the road many times.
NAMES = ("headsq", "pt_4", "pt_31", "pt_58", "pt_95")
#: Air around the head (mm), its noise (HU), and what is air in the input (HU).
ROOM_MM, NOISE_HU, AIR_BELOW_HU = 70.0, 12.0, -900
#: Values that backgrounds are masked with, and distances from the skin (mm).
FILLS, DISTANCES_MM = (-2000, -1024, 0), (17.0, 30.0, 45.0, 60.0)
#: What the verdict says of a mask alone.
SAID = "mm from the skin"
#: Radii of round fields of view (mm), as cylinders and as balls.
RADII_MM = (120.0, 150.0)


@dataclass(frozen=True)
class Row:
    """One head with one background: the verdict, shares of lines that meet an end and of ends at one distance, and whether it is told."""

    head: str
    change: str
    verdict: str
    met: float
    alike: float
    told: bool

    @property
    def wrong(self) -> bool:
        """A mask whose end is left and that is not told, or a field of view that is."""
        is_mask = self.change.startswith("masked")
        return (is_mask and self.verdict == "PASS" and self.met >= LEAST_MET) or (not is_mask and self.told)


def main() -> int:
    """Run all, print a line each, and how many are wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--heads", default=",".join(NAMES), help="names separated by commas (default: %(default)s)")
    options = parser.parse_args()
    places = there(options.data, (str(HEADS.get(name, name)) for name in options.heads.split(",")))
    rows, heads = [], [name for name in options.heads.split(",") if str(HEADS.get(name, name)) in places]
    with ProcessPoolExecutor(options.jobs) as pool:
        for some in pool.map(run, *zip(*[(options.data, name) for name in heads], strict=True)):
            rows += some
    masks = [row for row in rows if row.change.startswith("masked")]
    left = [row for row in masks if row.met >= LEAST_MET]
    print(f"masks: {len(masks)}, of which {len(left)} end before the new face, {sum(row.told for row in masks)} told")
    fields = [row for row in rows if row not in masks]
    print(f"fields of view: {len(fields)}, {sum(row.told for row in fields)} told to be masks")
    least, most = min(row.alike for row in left), max(row.alike for row in fields)
    print(f"ends at one distance: {least:.2f} and more of a mask's, {most:.2f} at most of a field of view's")
    return int(any(row.wrong for row in rows))


def run(data: Path, name: str) -> list[Row]:
    """All backgrounds of one head."""
    scan = with_room(read_ct(data / HEADS[name]).volume)
    return [show(look(name, change, scan, np.asarray(beyond), fill)) for change, beyond in backgrounds(scan) for fill in FILLS]


def with_room(ct: Volume) -> Volume:
    """The CT (int16) with noisy air, in place of its own too, all around it."""
    room = [(0, 0), *((round(ROOM_MM / step),) * 2 for step in ct.geometry.sampling[1:])]
    matrix = ct.geometry.ijk_to_lps.copy()
    matrix[:3, 3] = ct.geometry.to_lps(np.array([[0, -room[1][0], -room[2][0]]]))[0]
    array = np.pad(ct.array.astype(np.float32), room, constant_values=-1000.0)
    air = np.random.default_rng(0).normal(-1000.0, NOISE_HU, array.shape)
    array = np.where(array < AIR_BELOW_HU, np.maximum(air, -1024.0), array)
    return Volume(np.rint(array).astype(np.int16), Geometry(array.shape, matrix))


def backgrounds(scan: Volume) -> Iterator[tuple[str, np.ndarray]]:
    """Names of backgrounds, and which voxels are in each."""
    grid = scan.geometry
    body = resample(find_body(scan), grid, order=0, fill=0.0).array > 0.5
    from_skin = ndimage.distance_transform_edt(~body, sampling=grid.sampling)
    for mm in DISTANCES_MM:
        yield f"masked {mm:.0f} mm", from_skin > mm
    smooth = ndimage.gaussian_filter(body.astype(np.float32), [15.0 / step for step in grid.sampling])
    yield "masked smoothly", smooth < 0.05
    off = [(np.arange(n) - at) * mm for n, at, mm in zip(body.shape, ndimage.center_of_mass(body), grid.sampling, strict=True)]
    k, j, i = np.ix_(*off)
    for radius in RADII_MM:
        yield f"cylinder {radius:.0f} mm", np.broadcast_to(np.hypot(j, i), body.shape) > radius
        yield f"ball {radius:.0f} mm", np.sqrt(k**2 + j**2 + i**2) > radius


def look(name: str, change: str, scan: Volume, beyond: np.ndarray, fill: int) -> Row:
    """One head with one background, up to the gate."""
    made = scan.with_array(np.where(beyond, fill, scan.array).astype(np.int16))
    volume, padding = without_padding(made)
    ct = CtInput(volume, Path(f"{name}.nrrd"), ".nrrd", padding=padding)
    case = as_stored(ct, deface(Request(volume, parameters=Parameters(seed=1))))
    told = any(SAID in reason for reason in case.reasons)
    if case.result is None:
        return Row(name, f"{change}, {fill}", case.verdict.value, 0.0, 0.0, told)
    ends = mask_ends(ct.padding_worked_on, volume, case.result, case.face)
    return Row(name, f"{change}, {fill}", case.verdict.value, ends.met, ends.alike, told)


def show(row: Row) -> Row:
    """Print one line."""
    print(f"{row.head:<10}{row.change:<24}{row.verdict:<8}{row.met:.2f} {row.alike:.2f} {'told' if row.told else ''}", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
