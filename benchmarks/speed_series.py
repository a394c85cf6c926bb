"""The whole road from a DICOM folder to a DICOM folder, each run a process of its own; beside it reading and writing, and face_deid_ct.

``speed.py`` prints it. The series is heads/cthead_ct.nrrd on 512 x 512 pixels, with the header of a real slice (ge-head-dicom),
uncompressed. Seconds are wall and processor seconds (user and system) of the whole process, the middle of several runs by the wall;
the three take turns, so that what else runs on the machine meets them all. Memory is the largest resident set above that of a process
that only loads the program. What was compiled once is not compiled again, whatever the environment says. A process begins with the size
of the one that starts it, so that this one loads no library and makes no CT itself:

    python benchmarks/speed_series.py make-dicom|make-nrrd DATA TARGET SLICES
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk

PACKAGES = Path(__file__).resolve().parents[1] / "FaceDeidLN"
SIDE, SLICES = 512, 295
#: The targets: wall seconds over those of face_deid_ct and over those of reading and writing, memory in int16 volumes.
MOST_OF_OTHER, MOST_OF_COPY, MOST_VOLUMES = 0.6, 3.0, {"dicom": 3.5, "nrrd": 3.0}
#: ... seconds more for the review material, and seconds of help, of a wrong argument and of the imports.
MOST_REVIEW_SECONDS, MOST_START_SECONDS, MOST_IMPORT_SECONDS = 3.0, 0.3, 0.6
#: Numbers of slices at which time and memory are looked at.
SIZES = (100, 300, 1000)
#: What can be measured alone: help, errors and imports; the road beside its neighbours; the road at those sizes, by kind.
PARTS = ("start", "road", "nrrd", "dicom")
_IMPORTS = "import " + ", ".join(f"FaceDeidLNLib.{name}" for name in ("pipeline", "release", "input.ct", "input.beside", "commands.inputs"))
_DICOM_IMPORTS = _IMPORTS + ", FaceDeidLNLib.input.dicom, FaceDeidLNLib.output.dicom"
#: The libraries of that road, with nothing of the program: no import of it takes less.
_LIBRARIES = "import numpy, scipy.ndimage, scipy.sparse.csgraph, scipy.sparse.linalg, scipy.spatial, scipy.special, SimpleITK"
_COPY = """
import pathlib, sys, pydicom
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    slice = pydicom.dcmread(path)
    slice.PixelData = slice.pixel_array.tobytes()
    slice.save_as(pathlib.Path(sys.argv[2]) / path.name)
"""
#: What every run does whatever it finds: imports, reading with all checks, writing, reading back, hashing. The CT is written as it is.
_AROUND = (
    _DICOM_IMPORTS
    + """
import pathlib, sys
from FaceDeidLNLib.output.certificate import output_sha256
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks, require_headers
ct, target = FaceDeidLNLib.input.ct.read_ct(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2])
require_headers(ct)
write_dicom_series(ct, ct.volume, target, Marks("written as it was read"))
output_sha256(target)
"""
)
_OTHER = "import sys; from face_deid_ct import drown_volume; drown_volume(sys.argv[1], sys.argv[2])"


@dataclass(frozen=True)
class Run:
    """One process: wall seconds, processor seconds, and its largest resident set in bytes."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Other:
    """face_deid_ct: the folder with its face_deid_ct.py, and a Python that has what it asks for."""

    folder: Path
    python: str


def as_users_have_it(folder: Path | None = PACKAGES) -> dict[str, str]:
    """The environment of a process that finds the program in ``folder`` (None: wherever it is), and what is compiled there once."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept if folder is None else kept | {"PYTHONPATH": str(folder)}


def run(words: list[str], folder: Path = PACKAGES) -> Run:
    """Run a process to its end. Raises RuntimeError where it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(words, env=as_users_have_it(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode not in (0, 2):
        raise RuntimeError(f"{' '.join(words[:6])} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def run_anew(words: list[str], target: Path) -> Run:
    """As ``run``, where ``target`` (a folder) is not there: a release that is to be replaced is hashed first, which the others do not."""
    shutil.rmtree(target, ignore_errors=True)
    return run(words)


def deface_words(source: Path, target: Path, *more: str) -> list[str]:
    """The words that de-identify a CT."""
    return [sys.executable, "-m", "FaceDeidLNLib.commands.main", "deface", str(source), str(target), "--overwrite", "--quiet", *more]


def make(kind: str, data: Path, target: Path, slices: int) -> None:
    """Write the CT with so many slices as "dicom" or "nrrd", in a process of its own."""
    subprocess.run([sys.executable, str(Path(__file__).resolve()), f"make-{kind}", str(data), str(target), str(slices)], check=True)


def make_nrrd(data: Path, target: Path, slices: int) -> None:
    """Write the CT as a NRRD file of so many slices."""
    import SimpleITK as sitk

    image = resampled(data / "heads" / "cthead_ct.nrrd", slices)
    sitk.WriteImage(image, str(target), useCompression=True, compressionLevel=1)


def make_series(data: Path, folder: Path, slices: int) -> None:
    """Write the CT as a DICOM series of so many slices."""
    import numpy as np
    import pydicom
    import SimpleITK as sitk
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    image = resampled(data / "heads" / "cthead_ct.nrrd", slices)
    array = sitk.GetArrayFromImage(image)
    template = pydicom.dcmread(next((data / "ge-head-dicom").glob("*.dcm")))
    series, study, frame = (generate_uid(prefix=None) for _ in range(3))
    step, direction = np.array(image.GetSpacing()), np.array(image.GetDirection()).reshape(3, 3)
    folder.mkdir()
    for k, plane in enumerate(array):
        slice_ = pydicom.dcmread(template.filename)
        slice_.SeriesInstanceUID, slice_.StudyInstanceUID, slice_.FrameOfReferenceUID = series, study, frame
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
        slice_.ImagePositionPatient = [f"{x:.6f}" for x in image.TransformIndexToPhysicalPoint((0, 0, k))]
        slice_.ImageOrientationPatient = [f"{x:.6f}" for x in (*direction[:, 0], *direction[:, 1])]
        slice_.PixelSpacing, slice_.SliceThickness = [f"{step[1]:.6f}", f"{step[0]:.6f}"], f"{step[2]:.6f}"
        slice_.Rows, slice_.Columns, slice_.InstanceNumber, slice_.SliceLocation = SIDE, SIDE, k + 1, f"{k * step[2]:.4f}"
        slice_.BitsAllocated = slice_.BitsStored = 16
        slice_.HighBit, slice_.PixelRepresentation, slice_.RescaleSlope, slice_.RescaleIntercept = 15, 1, "1", "0"
        for keyword in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
            if keyword in slice_:
                delattr(slice_, keyword)
        slice_.add_new(0x7FE00010, "OW", plane.astype("<i2").tobytes())
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.save_as(folder / f"{k:04d}.dcm", implicit_vr=False, little_endian=True)


def resampled(source: Path, slices: int) -> sitk.Image:
    """The CT (int16) on SIDE x SIDE x ``slices`` voxels of the same field of view."""
    import SimpleITK as sitk

    image = sitk.ReadImage(str(source))
    size = (SIDE, SIDE, slices)
    spacing = [step * old / new for step, old, new in zip(image.GetSpacing(), image.GetSize(), size, strict=True)]
    again = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection(), -1000, sitk.sitkFloat32
    )
    return sitk.Cast(sitk.Round(again), sitk.sitkInt16)


def middle(runs: list[Run]) -> Run:
    """The middle of several runs by their wall seconds."""
    return sorted(runs, key=lambda one: one.wall)[len(runs) // 2]


def beside(runs: int, measures: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """The middle of ``runs`` runs of each, taking turns."""
    found: dict[str, list[Run]] = {name: [] for name in measures}
    for _ in range(runs):
        for name, measure in measures.items():
            found[name].append(measure())
            one = found[name][-1]
            print(f"{name}: {one.wall:.2f} s, {one.cpu:.2f} s of processors, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return {name: middle(each) for name, each in found.items()}


def measure_road(data: Path, other: Other | None, runs: int) -> dict[str, Run]:
    """The road, what of it is done whatever the face, reading and writing, the road with review material, and face_deid_ct if there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target, plain, copies = folder / "in" / "ct", folder / "out", folder / "plain", folder / "copies"
        (folder / "in").mkdir()
        copies.mkdir()
        make("dicom", data, source, SLICES)
        measures = {
            "de-identify": lambda: run_anew(deface_words(source, target), target),
            "all but the face": lambda: run_anew([sys.executable, "-c", _AROUND, str(source), str(plain)], plain),
            "read and write": lambda: run([sys.executable, "-c", _COPY, str(source), str(copies)]),
        }
        if other is not None:
            words = [other.python, "-c", _OTHER, str(folder / "in"), str(folder / "other")]
            measures["face_deid_ct"] = lambda: run(words, other.folder)
        found = beside(runs, measures)
        return found | beside(1, {"with --qa": lambda: run_anew(deface_words(source, target, "--qa", str(folder / "review")), target)})


def measure_start(runs: int) -> dict[str, Run]:
    """Help, a wrong argument, and the imports of the road for image files and for DICOM, with and without the program's own."""
    program = [sys.executable, "-m", "FaceDeidLNLib.commands.main"]
    return beside(
        runs,
        {
            "--help": lambda: run([*program, "--help"]),
            "wrong argument": lambda: run([*program, "deface", "no-such-file.nrrd", "out.nrrd"]),
            "imports": lambda: run([sys.executable, "-c", _IMPORTS]),
            "imports, DICOM": lambda: run([sys.executable, "-c", _DICOM_IMPORTS]),
            "their libraries alone": lambda: run([sys.executable, "-c", _LIBRARIES]),
            "the same, DICOM": lambda: run([sys.executable, "-c", f"{_LIBRARIES}, pydicom"]),
        },
    )


def measure_sizes(data: Path, kind: str, sizes: tuple[int, ...] = SIZES) -> dict[int, Run]:
    """The road on CTs of so many slices of 512 x 512, as "nrrd" or "dicom"."""
    found = {}
    for slices in sizes:
        with tempfile.TemporaryDirectory() as name:
            source, target = Path(name) / "ct.nrrd", Path(name) / "out.nrrd"
            if kind == "dicom":
                source, target = source.with_suffix(""), target.with_suffix("")
            make(kind, data, source, slices)
            found[slices] = run(deface_words(source, target))
            shutil.rmtree(target, ignore_errors=True)
        one = found[slices]
        print(f"{kind}, {slices}: {one.wall:.2f} s, {one.cpu:.2f} s of processors, {one.peak / 1e6:.0f} MB", file=sys.stderr, flush=True)
    return found


def report_series(data: Path, other: Other | None, runs: int, parts: Collection[str] = PARTS) -> int:
    """Measure and print ``parts`` of PARTS; how many targets are missed."""
    print(f"{processors()} processors, load {os.getloadavg()[0]:.1f} before; wall and processor seconds of processes, middle of {runs}")
    missed = _report_start(measure_start(runs)) if "start" in parts else 0
    missed += _report_road(measure_road(data, other, runs)) if "road" in parts else 0
    kinds = [kind for kind in MOST_VOLUMES if kind in parts]
    return missed + sum(_report_sizes(kind, measure_sizes(data, kind), measure_imports(kind)) for kind in kinds)


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure_imports(kind: str) -> int:
    """The largest resident set of a process that only loads the program for "nrrd" or "dicom"; the middle of three."""
    words = [sys.executable, "-c", _DICOM_IMPORTS if kind == "dicom" else _IMPORTS]
    return sorted(run(words).peak for _ in range(3))[1]


def _report_start(found: dict[str, Run]) -> int:
    for name, one in found.items():
        print(f"{name:<24}{one.wall:>8.2f}{one.cpu:>8.2f}")
    at_start = sum(found[name].wall > MOST_START_SECONDS for name in ("--help", "wrong argument"))
    return at_start + (found["imports"].wall > MOST_IMPORT_SECONDS)


def _report_road(found: dict[str, Run]) -> int:
    whole, copy, other = found["de-identify"], found["read and write"], found.get("face_deid_ct")
    print(f"DICOM to DICOM, {SIDE} x {SIDE} x {SLICES}")
    for name, one in found.items():
        print(f"{name:<24}{one.wall:>8.2f}{one.cpu:>8.2f}   {one.peak / 1e6:.0f} MB")
    print(f"over reading and writing: {whole.wall / copy.wall:.1f} (processor seconds {whole.cpu / copy.cpu:.1f}); target {MOST_OF_COPY:g}")
    around = found["all but the face"]
    print(f"all but the face, over reading and writing: {around.wall / copy.wall:.1f} (processor seconds {around.cpu / copy.cpu:.1f})")
    least = around.wall + (whole.cpu - around.cpu) / processors()
    print(f"with the rest's processor seconds shared out without loss: {least:.1f} s, {least / copy.wall:.1f} times reading and writing")
    if other is not None:
        ratio = f"{whole.wall / other.wall:.2f} (processor seconds {whole.cpu / other.cpu:.2f})"
        print(f"over face_deid_ct: {ratio}; target {MOST_OF_OTHER:g}")
    more = found["with --qa"].wall - whole.wall
    print(f"--qa adds {more:.1f} s; target {MOST_REVIEW_SECONDS:g}")
    missed = (whole.wall > MOST_OF_COPY * copy.wall) + (more > MOST_REVIEW_SECONDS)
    return missed + (other is not None and whole.wall > MOST_OF_OTHER * other.wall)


def _report_sizes(kind: str, found: dict[int, Run], base: int) -> int:
    """Time and memory over the number of slices; 1 where memory is above the target anywhere."""
    most = 0.0
    for slices, one in found.items():
        volumes = (one.peak - base) / (SIDE * SIDE * slices * 2)
        most = max(most, volumes)
        each = f"{1000 * one.cpu / slices:.0f} ms of a processor a slice"
        print(f"{kind}, {slices} slices{one.wall:>10.2f}{one.cpu:>8.2f}   {volumes:.1f} int16 volumes, {each}")
    print(f"{kind}: target {MOST_VOLUMES[kind]:g} int16 volumes")
    return int(most > MOST_VOLUMES[kind])


if __name__ == "__main__":
    makers = {"make-dicom": make_series, "make-nrrd": make_nrrd}
    makers[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
