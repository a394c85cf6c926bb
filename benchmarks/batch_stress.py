"""A batch of many synthetic cases under fire: damaged and crashing ones among them, workers and the program itself killed at random.

    python benchmarks/batch_stress.py OUT [--studies 500] [--kills 10] [--engine local|dask] [--jobs 2] [--minutes 10] [--light]

The cases are three small synthetic heads as NRRD, NIfTI and DICOM, one in 25 damaged, one in 50 crashing (SIGSEGV while it is read).
They are done with the default choices, so a release is a PASS. Kills (SIGKILL) come at random numbers of rows; half hit a process that
does cases or a Dask worker, half the program, which is started again. Then: every case has one row and the verdict that it must have,
nothing partial is left, and outputs have voxel by voxel the values of single runs: all processes of this benchmark, and of no other
program, draw the new surface from the same number. At last the processor seconds of an undisturbed batch against runs of the same cases
without one. ``--minutes`` ends the batch by SIGTERM after so long (exit status 4); the same command goes on. With ``--light`` cases are
done by a stand-in (``batch_light.py``), which reads its input and releases by the program's own road, but leaves the face where it is:
all that a batch does itself, in little time. Exit status 1 where anything is not as it must be. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1] / "FaceDeidLN"
sys.path[:0] = [str(PACKAGES), str(PACKAGES / "Testing" / "Python")]

from FaceDeidLNLib.output.certificate import is_certified  # noqa: E402

PROGRAM = [sys.executable, "-m", "FaceDeidLNLib.commands.main"]
KINDS = ("nrrd", "nii.gz", "dicom")
SPACING_MM = (6.0, 6.0, 6.0)
#: Seeds of the synthetic heads.
HEADS = (1, 2, 3)
_STOPPED = 4
DAMAGED_EVERY, CRASHING_EVERY = 25, 50
#: Has cases done by the stand-in.
LIGHT = f"""
if any("serve" in word for word in sys.orig_argv):
    sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})
    import batch_light
    sys.modules["FaceDeidLNLib.commands.main"] = batch_light
"""
#: Has every process draw from the same number, so that runs can be compared.
SAME_DRAW = """
import secrets
secrets.randbits = lambda bits: 2 ** (bits - 1) + 1
"""
#: Ends any process that does cases as soon as it opens a file of a case called so.
CRASH = """
import os, signal, sys
if any("serve" in word for word in sys.orig_argv):
    sys.addaudithook(lambda event, args: event == "open" and "crash-" in str(args[0]) and os.kill(os.getpid(), signal.SIGSEGV))
"""


@dataclass(frozen=True)
class Made:
    """A case, where it lies, and the exit code that it must have."""

    name: str
    kind: str
    head: int
    code: int

    @property
    def file(self) -> str:
        """What its input and output are called."""
        return self.name if self.kind == "dicom" else f"{self.name}.{self.kind}"


def main() -> int:
    """Make, run under fire, check, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a folder of its own")
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--engine", choices=("local", "dask"), default="local")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so long, to go on with the same command")
    parser.add_argument("--bare", type=int, default=6, help="bare runs to compare with (0: none)")
    parser.add_argument("--light", action="store_true", help="cases are done by a stand-in")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    problems = []
    made = make_cases(options.out, options.studies)
    environment(options.out, options.light)
    if not under_fire(options):
        print(f"{rows_in(options.out)} of {options.studies} cases have their row; the same command goes on")
        return _STOPPED
    problems += check(made, options.out / "fired")
    problems += compare_light(made, options.out) if options.light else compare(made, options.out / "fired", options.out)
    problems += [] if options.light or not options.bare else overhead(made, options)
    print("\n".join(problems) or "all as it must be")
    return int(bool(problems))


def make_cases(out: Path, count: int) -> list[Made]:
    """A few heads in three kinds, as often as asked."""
    folder, models = out / "in", out / "models"
    if folder.exists():
        return [made_case(number) for number in range(count)]
    unfinished = out / "in.unfinished"
    for one in (unfinished, models):
        shutil.rmtree(one, ignore_errors=True)
        one.mkdir()
    for head in HEADS:
        make_models(models, head)
    made = [make_case(unfinished, models, number) for number in range(count)]
    unfinished.rename(folder)
    return made


def make_models(models: Path, head: int) -> None:
    """One head in all kinds."""
    import numpy as np
    import SimpleITK as sitk
    from dicom_series import Series, write_series
    from FaceDeidLNLib.phantom import make_phantom
    from written import write_volume

    ct = make_phantom(SPACING_MM, seed=head).ct
    first, second, third = (model(models, kind, head) for kind in KINDS)
    write_volume(ct, first)
    sitk.WriteImage(sitk.ReadImage(str(first)), str(second))
    across, down, up = ct.geometry.spacing
    corner = ct.geometry.ijk_to_lps[:3, 3]
    write_series(third, Series((ct.array + 1024).astype(np.uint16), spacing=(down, across), step=np.array([0, 0, up]), origin=corner))


def model(folder: Path, kind: str, head: int) -> Path:
    """Where a head of a kind lies in a folder."""
    return folder / (f"head{head}" if kind == "dicom" else f"{kind[:3]}{head}.{kind}")


def made_case(number: int) -> Made:
    """What the case of a number is."""
    crashes, damaged = number % CRASHING_EVERY == 7, number % DAMAGED_EVERY == 3
    name = f"{'crash' if crashes else 'damaged' if damaged else 'whole'}-{number:06d}"
    head = HEADS[number // len(KINDS) % len(HEADS)]
    return Made(name, KINDS[number % len(KINDS)], head, 1 if crashes else 2 if damaged else 0)


def make_case(folder: Path, models: Path, number: int) -> Made:
    """A copy of a model, whole, damaged or crashing."""
    made = made_case(number)
    source, target, crashes, damaged = model(models, made.kind, made.head), folder / made.file, made.code == 1, made.code == 2
    if made.kind == "dicom":
        shutil.copytree(source, target)
        files = sorted(target.iterdir())
        if crashes:
            files[0].rename(target / f"crash-{files[0].name}")
        if damaged:
            os.truncate(files[len(files) // 2], files[0].stat().st_size // 2)
    else:
        shutil.copy(source, target)
        if damaged:
            os.truncate(target, target.stat().st_size // 2)
    return made


def environment(out: Path, light: bool | None = None) -> dict[str, str]:
    """That of all runs: the package, what makes cases crash, and who does them (None: as it was)."""
    site = out / "site"
    site.mkdir(exist_ok=True)
    if light is not None:
        (site / "sitecustomize.py").write_text(SAME_DRAW + CRASH + LIGHT * light)
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(PACKAGES))), "OMP_NUM_THREADS": "1"}


def under_fire(options: argparse.Namespace) -> bool:
    """Run the batch, kill, start again, until it ends by itself (True), or the time is over."""
    out, note = options.out / "fired", options.out / "fire.json"
    words = [*PROGRAM, "batch", str(options.out / "in"), str(out), "--engine", options.engine, "--jobs", str(options.jobs)]
    known = json.loads(note.read_text()) if note.exists() else {"kills": {}, "seconds": 0.0}
    hits, begin, chance = Counter(known["kills"]), time.monotonic(), random.Random(options.seed)
    moments = sorted(chance.randrange(1, int(0.95 * options.studies)) for _ in range(options.kills))
    chance.seed(f"{options.seed} {sum(hits.values())}")
    ends, code = begin + 60 * options.minutes, -signal.SIGKILL
    while code == -signal.SIGKILL and time.monotonic() < ends:
        process = subprocess.Popen([*words, "--quiet"], env=environment(options.out), stderr=subprocess.DEVNULL)
        while process.poll() is None:
            time.sleep(chance.uniform(0.1, 1.5))
            if time.monotonic() > ends:
                process.terminate()
                process.wait()
            elif sum(hits.values()) < options.kills and rows_in(options.out) >= moments[sum(hits.values())]:
                hits[kill_one(process.pid, chance, "program" if sum(hits.values()) % 2 else "worker")] += 1
            took = known["seconds"] + time.monotonic() - begin
            note.write_text(json.dumps({"kills": hits, "seconds": took}))
        code = process.returncode
    print(f"{options.studies} cases, engine {options.engine}: {dict(hits)} killed; {took:.0f} s so far; exit {code}")
    return code not in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM)


def rows_in(out: Path) -> int:
    """The rows of the results so far."""
    results = out / "fired" / "results.csv"
    return max(0, results.read_bytes().count(b"\n") - 1) if results.exists() else 0


def kill_one(program: int, chance: random.Random, what: str) -> str:
    """Kill the program, or one of the processes below it (by /proc)."""
    below = [pid for pid in descendants(program) if b"serve" in command_of(pid) or b"spawn_main" in command_of(pid)]
    victim = chance.choice(below) if what == "worker" and below else program
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return "nobody"
    return what


def descendants(process: int) -> list[int]:
    """The processes below one."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*"):
        try:
            below = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
        found += below + [one for child in below for one in descendants(child)]
    return found


def command_of(process: int) -> bytes:
    """The words that a process was started with."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def check(made: list[Made], out: Path) -> list[str]:
    """Every case has one row with the code that it must have, its output where it was released, and nothing else is there."""
    with (out / "results.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    print(Counter(row["verdict"] for row in rows), "attempts:", Counter(row["attempts"] for row in rows))
    by_name = {row["case"]: row for row in rows}
    problems = [] if len(rows) == len(made) == len(by_name) else [f"{len(rows)} rows for {len(made)} cases"]
    for one in made:
        row = by_name.get(one.name)
        if row is None or int(row["exit_code"]) != one.code:
            problems.append(f"{one.name}: {row and (row['exit_code'], row['reasons'])}, must be {one.code}")
    released = {row["output"] for row in rows if row["exit_code"] == "0"}
    problems += [f"{name} is not certified" for name in sorted(released) if not is_certified(out / name)]
    named = {name.removesuffix(".nrrd").removesuffix(".nii.gz") + ".certificate.json" for name in released}
    there = {path.name for path in out.iterdir()} - {"results.csv", "report.html", ".batch.lock"}
    problems += [f"only one of row and file: {name}" for name in sorted(there ^ (released | named))]
    return problems


def compare_light(made: list[Made], out: Path) -> list[str]:
    """Every output is what the stand-in makes of its input."""
    from batch_light import told

    whole = [one for one in made if one.code == 0]
    outputs = {one.file: out / "fired" / one.file for one in whole}
    files = {name: next(path.iterdir()) if path.is_dir() else path for name, path in outputs.items() if path.exists()}
    return [f"{name} is not what a single run gives" for name, file in files.items() if file.read_text() != told(out / "in" / name)]


def compare(made: list[Made], out: Path, folder: Path) -> list[str]:
    """Every output has the voxels of a single run of its head and kind."""
    import numpy as np
    from FaceDeidLNLib.input.ct import read_ct

    problems, singles = [], folder / "singles"
    singles.mkdir(exist_ok=True)
    for kind, head in itertools.product(KINDS, HEADS):
        source, single = (model(place, kind, head) for place in (folder / "models", singles))
        if not single.exists():
            subprocess.run([*PROGRAM, "deface", str(source), str(single), "--quiet"], env=environment(folder), check=True)
        before, expected = (read_ct(path).volume.array for path in (source, single))
        problems += [f"{single} is what it was"] if np.array_equal(before, expected) else []
        for one in made:
            is_here = (one.kind, one.head, one.code) == (kind, head, 0) and (out / one.file).exists()
            if is_here and not np.array_equal(read_ct(out / one.file).volume.array, expected):
                problems.append(f"{one.name} is not what a single run gives")
    return problems


def overhead(made: list[Made], options: argparse.Namespace) -> list[str]:
    """Processor seconds per case of an undisturbed batch, its own part of them, and those of each case run alone or without a batch."""
    whole = [one for one in made if one.code == 0][: max(options.bare, 3)]
    table = options.out / "undisturbed.csv"
    names = [one.file for one in whole]
    table.write_text("input,output\n" + "".join(f"in/{name},{name}\n" for name in names))
    for folder in ("undisturbed", "bare", "loop"):
        shutil.rmtree(options.out / folder, ignore_errors=True)
        (options.out / f"{folder}-ledger.sqlite").unlink(missing_ok=True)
    words = ["--engine", options.engine, "--jobs", "1", "--quiet"]
    together = cpu_of([*PROGRAM, "batch", str(table), str(options.out / "undisturbed"), *words], options.out) / len(whole)
    with (options.out / "undisturbed" / "results.csv").open(newline="") as lines:
        own = together - sum(float(row["cpu_seconds"]) for row in csv.DictReader(lines)) / len(whole)
    each = [["deface", str(options.out / "in" / name), str(options.out / "bare" / name), "--quiet"] for name in names]
    alone = sum(cpu_of([*PROGRAM, *words], options.out) for words in each) / len(whole)
    for words in each:
        words[2] = words[2].replace("bare", "loop")
    loop = f"from FaceDeidLNLib.commands.main import main\nfor words in {each!r}: main(words)"
    in_loop = cpu_of([sys.executable, "-c", loop], options.out) / len(whole)
    print(f"CPU seconds per case, {len(whole)} cases: batch {together:.2f}, of these the program's own {own:.3f} (start included);")
    print(f"one process for each {alone:.2f}; one process for all, no batch {in_loop:.2f}")
    return [] if together <= 1.05 * alone else ["the batch costs more than 5 % over bare runs"]


def cpu_of(words: list[str], out: Path) -> float:
    """CPU seconds of a command with all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=environment(out), stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
