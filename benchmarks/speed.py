"""Seconds per stage, per effect and peak memory for a CT of 512 x 512 x 234 voxels, beside the time just to read and write the same file.

    python benchmarks/speed.py DATA [--face-deid-ct FOLDER --face-deid-ct-python PYTHON] [--only PART ...]

First the whole road from DICOM to DICOM (see speed_series.py), beside face_deid_ct where FOLDER holds its face_deid_ct.py
(https://github.com/kitamura-felipe/face_deid_ct, to be fetched by whoever measures) and PYTHON has what that asks for.

DATA holds heads/cthead_ct.nrrd, which is resampled to that size, and open-kbp, of which PATIENTS go up to the face segment too. Each
measurement is a process of its own. Peak memory is the process's largest resident set above the one after its imports. "Up to the face
segment" is all steps before the effect, without imports and reading; its memory includes the CT that was read. An effect's seconds are
the middle of RUNS runs, in the face of the default region, the copy of the CT included; beside them the seconds of all processors
together. Exit status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from data_folder import require
from speed_series import PARTS, Other, as_users_have_it, report_series

PACKAGES = Path(__file__).resolve().parents[1] / "FaceDeidLN"
sys.path.insert(0, str(PACKAGES))

SIZE = (512, 512, 234)
#: The targets on two cores: seconds of everything but imports, reading and writing; memory in int16 volumes.
MOST_SECONDS, MOST_VOLUMES = 2.0, 3.0
#: The same up to the face segment, and for a CT of open-kbp (a median).
MOST_SEGMENT_SECONDS, MOST_SEGMENT_VOLUMES, MOST_PATIENT_SECONDS = 1.5, 3.0, 1.5
PATIENTS = 12
#: The target for an effect alone.
MOST_EFFECT_SECONDS = 2.0
RUNS = 5
#: Parts that other scripts measure: 88 patients killed in the middle and resumed, and the panel's clicks on the CT of SIZE.
BESIDE = {"batch": "batch_check.py", "panel": "panel_seconds.py"}
VOLUME_BYTES = SIZE[0] * SIZE[1] * SIZE[2] * 2


def main() -> int:
    """Measure and print; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--effect", default="", help="effect of the whole run (default: the program's)")
    parser.add_argument("--face-deid-ct", type=Path, metavar="FOLDER", help="the folder of face_deid_ct.py, to compare with")
    parser.add_argument("--face-deid-ct-python", default=sys.executable, metavar="PYTHON", help="a Python that can run it")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each process; the middle one is told (default: %(default)s)")
    every = (*PARTS, "stages", *BESIDE)
    parser.add_argument("--only", nargs="+", choices=every, default=every, metavar="PART", help="%(choices)s (default: all)")
    options = parser.parse_args()
    require(options.data, "heads/cthead_ct.nrrd", *["ge-head-dicom/*.dcm"] * bool({"road", "dicom"} & set(options.only)))
    other = None if options.face_deid_ct is None else Other(options.face_deid_ct, options.face_deid_ct_python)
    missed = report_series(options.data, other, options.runs, options.only) if set(options.only) & set(PARTS) else 0
    missed += report_stages(options) if "stages" in options.only else 0
    missed += sum(report_beside(name, options.data) for name in BESIDE if name in options.only)
    return int(bool(missed))


def report_beside(name: str, data: Path) -> int:
    """What another script of this folder prints of a part of the program; 1 where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ct.nrrd"
        words = {"batch": [data, Path(folder) / "batch", "--singles", "0"], "panel": [source]}[name]
        if name == "panel":
            measure("upsample", data / "heads" / "cthead_ct.nrrd", source, "")
        print(f"{BESIDE[name]}:", flush=True)
        words = [sys.executable, Path(__file__).with_name(BESIDE[name]), *words]
        return int(subprocess.run(words, env=as_users_have_it(None), check=False).returncode != 0)


def report_stages(options: argparse.Namespace) -> int:
    """The stages of the road on one image file, up to the face segment, and the effects; how many targets are missed."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ct.nrrd"
        measure("upsample", options.data / "heads" / "cthead_ct.nrrd", source, "")
        copy = middle_of([measure("copy", source, Path(folder) / f"copy{n}.nrrd", options.effect) for n in range(options.runs)])
        whole = middle_of([measure("deface", source, Path(folder) / f"deface{n}.nrrd", options.effect) for n in range(options.runs)])
        segment = measure("segment", source, Path(), options.effect)
        patients = [measure("segment", patient, Path(), options.effect) for patient in some_patients(options.data)]
        effects = measure("effects", source, Path(), options.effect)
    return report(copy, whole) + report_segment(segment, patients) + report_effects(effects)


def middle_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The middle of several measurements by what all of their steps took together."""
    return sorted(runs, key=lambda told: sum(told["seconds"].values()))[len(runs) // 2]


def some_patients(data: Path) -> list[Path]:
    """The first of DATA's whole patients, by name."""
    return sorted((data / "open-kbp").glob("*_ct.nrrd"))[:PATIENTS]


def upsample(source: Path, target: Path) -> None:
    """The CT on a grid of SIZE over the same field of view."""
    import SimpleITK as sitk  # not in the process that measures, with whose size each of the measured ones begins

    image = sitk.ReadImage(str(source))
    spacing = [step * old / new for step, old, new in zip(image.GetSpacing(), image.GetSize(), SIZE, strict=True)]
    again = sitk.Resample(
        image, SIZE, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection(), -1000, sitk.sitkInt16
    )
    sitk.WriteImage(again, str(target), useCompression=True, compressionLevel=1)


def measure(task: str, source: Path, target: Path, effect: str) -> dict[str, Any]:
    """Run a task of this file in a process of its own."""
    words = [sys.executable, str(Path(__file__).resolve()), "--task", task, str(source), str(target), effect]
    return json.loads(subprocess.run(words, env=as_users_have_it(), capture_output=True, text=True, check=True).stdout)


def run_task(task: str, source: Path, target: Path, effect: str) -> dict[str, Any]:
    """Read, in between de-identify or do nothing, write; seconds per stage and memory in bytes."""
    begin = time.perf_counter()
    from FaceDeidLNLib.case.records import Request
    from FaceDeidLNLib.core.parameters import Parameters
    from FaceDeidLNLib.input.ct import read_ct
    from FaceDeidLNLib.output.images import write_image
    from FaceDeidLNLib.pipeline import deface
    from FaceDeidLNLib.release import Destination, release

    seconds = {"imports": time.perf_counter() - begin}
    baseline = peak_bytes()
    begin = time.perf_counter()
    ct = read_ct(source)
    seconds["reading"] = time.perf_counter() - begin
    facts: dict[str, Any] = {"verdict": ""}
    if task == "deface":
        result = deface(Request(ct.volume, parameters=Parameters(effect=effect or Parameters().effect)))
        seconds |= result.seconds
        facts = {"verdict": result.verdict.value, "reasons": result.reasons}
    after_work = peak_bytes() - baseline
    begin = time.perf_counter()
    if task == "copy":
        write_image(ct, ct.volume, target)
    elif result.verdict.value == "PASS":
        release(ct, result, Destination(target), accept_recognisable=True)
    seconds["writing, reading back"] = time.perf_counter() - begin
    return {**facts, "seconds": seconds, "baseline": baseline, "work": after_work, "peak": peak_bytes() - baseline}


def run_segment(source: Path) -> dict[str, Any]:
    """Seconds of each step up to the face segment, the middle of RUNS runs by their sum, and memory in bytes after the first."""
    from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
    from FaceDeidLNLib.case.records import Request
    from FaceDeidLNLib.input.ct import read_ct

    baseline = peak_bytes()
    ct = read_ct(source).volume
    runs = []
    for _ in range(RUNS):
        marks = [time.perf_counter()]
        landmarks = find_landmarks(ct, None)
        marks.append(time.perf_counter())
        anatomy = find_anatomy(ct, landmarks)
        marks.append(time.perf_counter())
        levels = node_levels(Request(ct), anatomy)
        marks.append(time.perf_counter())
        find_face(Request(ct), anatomy, (), levels)
        marks.append(time.perf_counter())
        runs.append([end - begin for begin, end in itertools.pairwise(marks)])
        if len(runs) == 1:
            peak = peak_bytes() - baseline
    middle = sorted(runs, key=sum)[RUNS // 2]
    return {"seconds": dict(zip(("landmarks", "skin", "node levels", "face segment"), middle, strict=True)), "peak": peak}


def run_effects(source: Path) -> dict[str, Any]:
    """Seconds and processor seconds of every effect, and the share of the CT's voxels in the box of the face."""
    from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
    from FaceDeidLNLib.case.records import Request
    from FaceDeidLNLib.core.parameters import Parameters
    from FaceDeidLNLib.effect.base import apply_effect
    from FaceDeidLNLib.effect.registry import EFFECTS
    from FaceDeidLNLib.input.ct import read_ct

    ct = read_ct(source).volume
    anatomy = find_anatomy(ct, find_landmarks(ct, None))
    face = find_face(Request(ct), anatomy, (), node_levels(Request(ct), anatomy))
    told = {}
    for name, effect in EFFECTS.items():
        runs = []
        for _ in range(RUNS):
            begin, work = time.perf_counter(), time.process_time()
            apply_effect(effect, ct, face, Parameters(effect=name))
            runs.append((time.perf_counter() - begin, time.process_time() - work))
        told[name] = sorted(runs)[RUNS // 2]
    return {"effects": told, "box": face.segment.array.size / ct.array.size}


def peak_bytes() -> int:
    """The largest resident set of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def report(copy: dict[str, Any], whole: dict[str, Any]) -> int:
    """Print both measurements; 1 where a target is missed."""
    around = ("imports", "reading", "writing, reading back")
    work = sum(seconds for name, seconds in whole["seconds"].items() if name not in around)
    print(f"{'stage':<24}{'de-identify':>12}{'read and write':>16}   (seconds)")
    for name, seconds in whole["seconds"].items():
        print(f"{name:<24}{seconds:>12.2f}{copy['seconds'].get(name, float('nan')):>16.2f}".replace("nan", "  -"))
    print(f"{'work alone':<24}{work:>12.2f}   target: under {MOST_SECONDS:g}")
    for name, told in (("de-identify", whole), ("read and write", copy)):
        volumes = told["peak"] / VOLUME_BYTES
        memory = f"{told['peak'] / 1e6:.0f} MB over {told['baseline'] / 1e6:.0f} MB of imports"
        print(f"peak memory, {name}: {memory}, that is {volumes:.1f} int16 volumes")
    print(f"verdict: {whole['verdict']} {'; '.join(whole['reasons'])}; target for memory: under {MOST_VOLUMES:g} volumes")
    return int(whole["verdict"] != "PASS" or work >= MOST_SECONDS or whole["peak"] / VOLUME_BYTES >= MOST_VOLUMES)


def report_segment(large: dict[str, Any], patients: list[dict[str, Any]]) -> int:
    """Print time and memory up to the face segment; 1 where a target is missed."""
    seconds, volumes = sum(large["seconds"].values()), large["peak"] / VOLUME_BYTES
    steps = ", ".join(f"{name} {step:.2f}" for name, step in large["seconds"].items())
    print(f"up to the face segment  {seconds:>12.2f}   ({steps}); target: at most {MOST_SEGMENT_SECONDS:g}")
    print(f"its peak memory: {volumes:.1f} int16 volumes; target: under {MOST_SEGMENT_VOLUMES:g}")
    times = [sum(patient["seconds"].values()) for patient in patients]
    middle = statistics.median(times)
    target = f"target: at most {MOST_PATIENT_SECONDS:g}"
    print(f"the same for {len(times)} CTs of open-kbp: median {middle:.2f}, most {max(times):.2f}; {target}")
    return int(seconds > MOST_SEGMENT_SECONDS or volumes >= MOST_SEGMENT_VOLUMES or middle > MOST_PATIENT_SECONDS)


def report_effects(found: dict[str, Any]) -> int:
    """Print a line per effect; 1 where one is too slow."""
    target = f"target: under {MOST_EFFECT_SECONDS:g} s; the face's box is {found['box']:.0%} of the CT"
    print(f"{'effect alone':<24}{'seconds':>12}{'of processors':>16}   {target}")
    for name, (seconds, work) in found["effects"].items():
        print(f"{name:<24}{seconds:>12.2f}{work:>16.2f}")
    return int(any(seconds >= MOST_EFFECT_SECONDS for seconds, _ in found["effects"].values()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        task, source, target, chosen = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]
        tasks = {"effects": run_effects, "segment": run_segment}
        if task == "upsample":
            print(json.dumps(upsample(source, target)))
        else:
            print(json.dumps(tasks[task](source) if task in tasks else run_task(task, source, target, chosen)))
        sys.exit(0)
    sys.exit(main())
