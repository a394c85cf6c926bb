"""Thousands of damaged files of every kind that the project reads: read right, or refused in one sentence, in bounded time and memory.

    python benchmarks/fuzz.py [--files 5000] [--whole-road 60] [--first-seed 1000] [--only "nrrd,RTSTRUCT"]

Every file is a small whole one. Every third gets one to four random changes: bits, bytes, pieces left out, doubled or cut off, numbers
that no header is made for; the others are changed in their own form (header lines, data elements, keys, cells, voxels), and told is how
many of them are read. A finding is any exception but the project's own, a sentence that is none, values that differ from those of an
independent reader (nibabel, pynrrd, SimpleITK, pydicom), more than 30 s or 1 GB, or the end of the process. Some go the whole road
of the command line: exit code 0, 2 or 3, and with 0 an output whose face changed and whose nodes did not.
Exit status 1 where there is a finding. No data are needed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "FaceDeidLN"
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

from fuzz_roads import WHOLE_ROADS  # noqa: E402  the path above leads to it
from fuzz_targets import TARGETS  # noqa: E402
from fuzzing import fuzzed  # noqa: E402


def main() -> int:
    """Damage the files, print a line per kind and every finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5000, help="damaged files in all (default: %(default)s)")
    parser.add_argument("--whole-road", type=int, default=60, help="damaged files that go the whole road (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=1000, help="another number gives other files (default: %(default)s)")
    every = ",".join(target.name for target in (*TARGETS, *WHOLE_ROADS))
    parser.add_argument("--only", default=every, help="kinds separated by commas (default: all)")
    options = parser.parse_args()
    chosen = options.only.split(",")
    names, roads = ([target.name for target in some if target.name in chosen] for some in (TARGETS, WHOLE_ROADS))
    work = {name: -(-options.files // len(names)) for name in names}
    work |= {name: -(-options.whole_road // len(roads)) for name in roads}
    wrong = read = 0
    for name, count in work.items():
        if not count:
            continue
        seeds = range(options.first_seed, options.first_seed + count)
        begin = time.perf_counter()
        tried = list(fuzzed((name,), seeds))
        findings = [one.finding for one in tried if one.finding is not None]
        wrong, read, whole = wrong + len(findings), read + sum(one.was_read for one in tried), sum(one.was_read for one in tried)
        print(f"{name:24} {len(seeds)} files, {whole} read, {len(findings)} findings, {time.perf_counter() - begin:.0f} s", flush=True)
        for finding in findings:
            print(f"  seed {finding.seed}: {finding.what}", flush=True)
    print(f"{sum(work.values())} files, {read} of them read ({read / sum(work.values()):.0%}), {wrong} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
