"""How far the surface that each object of a study shows lies from the old skin, before and after; seconds and peak memory.

    python benchmarks/study_proof.py DATA

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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))


def measure(folder: Path, out: Path) -> None:
    """Run one folder of studies and print one JSON line per study."""
    from FaceDeidLNLib.study.family import Options
    from FaceDeidLNLib.study.plan import plan
    from FaceDeidLNLib.study.run import run

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
            "surfaces": [surface.facts() for surface in result.proof.surfaces] if result.proof else [],
        }
        print(json.dumps(facts), flush=True)


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
