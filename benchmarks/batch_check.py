"""A batch over all open-kbp patients, killed once in the middle and resumed, against the same cases one by one.

    python benchmarks/batch_check.py DATA OUT [--jobs N] [--singles N]

DATA holds open-kbp and open-kbp-partial; the planning target volumes of each patient are the nodes. OUT must be new. The effect is
``mask``, which draws nothing at random, so that outputs can be compared. Exit status 1
where a case has not exactly one row, a partial file is left, or an output differs from that of a single run.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from data_folder import there

PACKAGES = Path(__file__).resolve().parents[1] / "FaceDeidLN"
PROGRAM = [sys.executable, "-m", "FaceDeidLNLib.commands.main"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGES)}
#: Planning target volumes in the label files.
TARGETS = (8, 9, 10)
#: Of every run.
CHOICES = ("--effect", "mask", "--accept-recognisable")


def main() -> int:
    """Run, kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--singles", type=int, default=None, help="how many cases to run one by one (default: all)")
    options = parser.parse_args()
    there(options.data, ("open-kbp/*_ct.nrrd", "open-kbp-partial/*_ct.nrrd"))
    options.out.mkdir(parents=True)
    cases = write_table(options.data.resolve(), options.out / "cases.csv")
    words = [*PROGRAM, "batch", str(options.out / "cases.csv"), str(options.out / "batch"), "--jobs", str(options.jobs), *CHOICES]
    begin = time.monotonic()
    done = kill_in_the_middle(words, options.out / "batch" / "results.csv", len(cases) // 2)
    ended = subprocess.run([*words, "--quiet"], env=ENVIRONMENT, check=False)
    print(f"killed after {done} rows, resumed; exit code {ended.returncode}; {time.monotonic() - begin:.0f} s in all")
    problems = check_rows(cases, options.out / "batch")
    problems += compare_singles(cases[: options.singles], options.out)
    print("\n".join(problems) or "all cases have one row, nothing partial is left, and all outputs are those of single runs")
    return int(bool(problems))


def write_table(data: Path, table: Path) -> list[dict[str, str]]:
    """One row per patient, with the target volumes that its label file has."""
    rows = []
    for path in sorted([*data.glob("open-kbp/*_ct.nrrd"), *data.glob("open-kbp-partial/*_ct.nrrd")]):
        labels = path.with_name(path.name.replace("_ct", "_labels"))
        there = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(labels)))) if labels.exists() else ()
        targets = ";".join(str(label) for label in TARGETS if label in there)
        rows.append({"input": str(path), "nodes": str(labels) if targets else "", "node_segments": targets, "output": path.name})
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["input", "nodes", "node_segments", "output"])
        writer.writeheader()
        writer.writerows(rows)
    return rows


def kill_in_the_middle(words: list[str], results: Path, rows: int) -> int:
    """Start the batch and kill it (SIGKILL) as soon as it has so many rows; the number of rows it then has."""
    process = subprocess.Popen([*words, "--quiet"], env=ENVIRONMENT)
    while process.poll() is None and count_rows(results) < rows:
        time.sleep(0.05)
    process.kill()
    process.wait()
    return count_rows(results)


def count_rows(results: Path) -> int:
    """Rows of a results file, 0 where there is none yet."""
    return max(0, results.read_bytes().count(b"\n") - 1) if results.exists() else 0


def check_rows(cases: list[dict[str, str]], folder: Path) -> list[str]:
    """Each case has one row, an output where it was released, and nothing else is there."""
    with (folder / "results.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    verdicts = [row["verdict"] for row in rows]
    print(", ".join(f"{verdicts.count(name)} {name}" for name in sorted(set(verdicts))))
    expected = {case["output"].removesuffix(".nrrd") for case in cases}
    problems = [] if sorted(row["case"] for row in rows) == sorted(expected) else ["the rows are not one per case"]
    released = {row["output"] for row in rows if row["exit_code"] == "0"}
    problems += [] if released else ["nothing was released, so that nothing was compared"]
    there = {path.name for path in folder.iterdir()} - {"results.csv", "report.html", ".batch.lock"}
    wanted = released | {name.removesuffix(".nrrd") + ".certificate.json" for name in released}
    return problems + [f"only one of row and file: {name}" for name in sorted(there ^ wanted)]


def compare_singles(cases: list[dict[str, str]], out: Path) -> list[str]:
    """Run each case alone; its output must have the voxels of the batch's, or be missing where the batch has none."""
    problems = []
    for case in cases:
        alone, together = out / "single.nrrd", out / "batch" / case["output"]
        words = [*PROGRAM, "deface", case["input"], str(alone), *CHOICES, "--quiet", "--overwrite"]
        words += ["--nodes", case["nodes"], "--node-segments", case["node_segments"].replace(";", ",")] if case["nodes"] else []
        alone.unlink(missing_ok=True)
        subprocess.run(words, env=ENVIRONMENT, stderr=subprocess.DEVNULL, check=False)
        if alone.exists() != together.exists() or (alone.exists() and not same_voxels(alone, together)):
            problems.append(f"{case['output']} is not what a single run gives")
    return problems


def same_voxels(one: Path, other: Path) -> bool:
    """Both images hold the same voxels."""
    arrays = [sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (one, other)]
    return bool(np.array_equal(*arrays))


if __name__ == "__main__":
    sys.exit(main())
