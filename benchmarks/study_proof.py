"""How far the surface that each object of a study shows lies from the old skin; the averaging attack; seconds and peak memory.

    python benchmarks/study_proof.py DATA [--withhold-doubtful]

Averaging: of each pair of released CTs of one frame of reference the second is resampled onto the first and the two are averaged. At
every voxel of the original's skin where the first CT changed, the distance (mm) to the nearest skin of the released CT, and of the
average, is taken from the files alone: median and 10th percentile. A smaller one of the average means that averaging helps.

DATA holds studies/*.tar.xz (real studies, unpacked to a temporary folder). Each study is worked on in a process of its own; a REVIEW
is a result too and names its object.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

if TYPE_CHECKING:
    from FaceDeidLNLib.core.volume import Volume
    from FaceDeidLNLib.study.report import Report, StudyResult

#: What is no air (HU).
SKIN_HU = -300.0


def measure(folder: Path, out: Path) -> None:
    """Run one folder of studies and print one JSON line per study."""
    from FaceDeidLNLib.study.family import Options
    from FaceDeidLNLib.study.plan import plan
    from FaceDeidLNLib.study.run import run

    begin = time.process_time()
    planned = plan(folder)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for result in run(planned, out, Options(withhold_doubtful="--withhold-doubtful" in sys.argv)):
        series = {report.entry.instance.text("SeriesInstanceUID") for report in result.reports}
        facts = {
            "verdict": result.verdict,
            "reasons": list(result.reasons),
            "series": len(series),
            "seconds": round(result.seconds, 1),
            "peak_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) // 1024,
            "cpu_seconds": round(time.process_time() - begin, 1),
            "averaging": averaging(result) if result.output else [],
            "surfaces": [surface.facts() for surface in result.proof.surfaces] if result.proof else [],
        }
        print(json.dumps(facts), flush=True)


def averaging(result: StudyResult) -> list[dict[str, object]]:
    """The averaging attack on each pair of neighbouring released CTs of one frame of reference."""
    from FaceDeidLNLib.core.volume import resample
    from FaceDeidLNLib.input.ct import read_ct
    from FaceDeidLNLib.study.registry import family_of
    from FaceDeidLNLib.study.staging import staged

    series: dict[tuple[str, str], list[Report]] = {}
    for report in result.reports:
        instance = report.entry.instance
        if report.file is not None and family_of(instance.sop_class) == "ct":
            series.setdefault((instance.frame, instance.text("SeriesInstanceUID")), []).append(report)
    out = []
    for (one, first), (other, second) in combinations(series, 2):
        if one != other:
            continue
        reports = series[one, first]
        with staged([report.entry.instance for report in reports]) as folder:
            before = read_ct(folder).volume
        released, sibling = (read_ct((result.output / members[0].file).parent).volume for members in (reports, series[other, second]))
        again = resample(sibling, released.geometry, fill=-1000.0).array
        mean = released.with_array((released.array.astype(np.float32) + again) / 2)
        names = [series[key][0].entry.instance.text("SeriesDescription") for key in ((one, first), (other, second))]
        alone, both = (distances(before, released, attacked) for attacked in (released, mean))
        out.append({"pair": names, "one_mm": alone, "averaged_mm": both})
    return out


def distances(before: Volume, released: Volume, attacked: Volume) -> list[float]:
    """Median and 10th percentile (mm) from the original's skin, where the released CT changed, to the nearest skin of ``attacked``."""
    old, new = (skin_voxels(volume.array) for volume in (before, attacked))
    points = old & (before.array != released.array)
    found = ndimage.distance_transform_edt(~new, before.geometry.sampling)[points]
    return [round(float(value), 2) for value in np.percentile(found, (50, 10))] if found.size else []


def skin_voxels(array: np.ndarray) -> np.ndarray:
    """Bool: the outermost voxels of what is no air, as seen from the edge of the volume."""
    labels, _ = ndimage.label(array < SKIN_HU)
    edge = np.unique(np.concatenate([part.ravel() for axis in range(3) for part in (labels.take(0, axis), labels.take(-1, axis))]))
    outside = np.isin(labels, edge[edge > 0])
    return ndimage.binary_dilation(outside) & ~outside


def main() -> int:
    """Every study of DATA; exit status 1 where one could not be worked on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--withhold-doubtful", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.data, options.out)
        return 0
    failed = 0
    more = ["--withhold-doubtful"] if options.withhold_doubtful else []
    for archive in sorted((options.data / "studies").glob("*.tar.xz")):
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            with tarfile.open(archive) as packed:
                packed.extractall(place / "in", filter="data")
            begin = time.perf_counter()
            command = [sys.executable, __file__, str(place / "in"), "--one", "--out", str(place / "out"), *more]
            done = subprocess.run(command, capture_output=True, text=True)
            print(f"{archive.name}: {time.perf_counter() - begin:.0f} s", done.stdout or done.stderr[-500:], sep="\n")
            failed += done.returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
