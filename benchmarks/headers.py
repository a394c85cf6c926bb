"""Clean the headers of every study of a data folder and look for anything of the originals in what comes out.

python benchmarks/headers.py DATA [--header research]: for each DATA/studies/*.tar.xz (unpacked into a temporary folder) the
instances, the attributes removed and cleaned, the milliseconds of CPU per instance (read twice and written, as a study is; without the
tables of the standard, which are loaded once), and the findings of the proof, which must be none.
Pixel data is left out: this is about headers alone.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import pydicom
from data_folder import require
from FaceDeidLNLib.header.base import HeaderError
from FaceDeidLNLib.header.known import known_in
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.output.dicom_clean import remove_pictures
from FaceDeidLNLib.output.dicom_header import source_header
from FaceDeidLNLib.output.dicom_plain import PlainHeaders
from FaceDeidLNLib.study.references import close_references
from pydicom.errors import InvalidDicomError


def instances(folder: Path) -> list[Path]:
    """Every DICOM file below a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and "SOPInstanceUID" in pydicom.dcmread(path, stop_before_pixels=True):
                found.append(path)
        except InvalidDicomError:
            continue
    return found


def clean_study(source: Path, out: Path, header: str) -> Counter[str]:
    """Write every instance of a study with a clean header; what was withheld is counted."""
    counts, paths = Counter(), instances(source)
    Profile(bytes(32), options_named(header)).clean(source_header(paths[0]))  # loads the tables
    policy, headers = Profile(bytes(32), options_named(header)), PlainHeaders()
    originals = frozenset(str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID) for path in paths)
    begin = time.process_time()
    for path in paths:
        policy.learn(pydicom.dcmread(path, stop_before_pixels=True))
    for number, path in enumerate(paths):
        try:
            dataset = source_header(path, headers)
            remove_pictures(dataset)
            close_references(dataset, originals)
            dataset = policy.clean(dataset)
        except HeaderError as error:
            counts[f"withheld: {error}"] += 1
            continue
        dataset.save_as(out / f"{number:05d}.dcm", enforce_file_format=True)
    counts["instances"] = len(paths)
    counts["ms each"] = round(1000 * (time.process_time() - begin) / max(1, len(paths)), 1)
    return counts + policy.counts


def main() -> None:
    """Print a line per study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--header", default="research")
    options = parser.parse_args()
    require(options.data, "studies/*.tar.xz")
    warnings.simplefilter("ignore")
    pydicom.config.logger.setLevel("ERROR")
    for archive in sorted((options.data / "studies").glob("*.tar.xz")):
        with tempfile.TemporaryDirectory() as place:
            source, out = Path(place) / "in", Path(place) / "out"
            out.mkdir()
            with tarfile.open(archive) as packed:
                packed.extractall(source, filter="data")
            counts = clean_study(source, out, options.header)
            findings = verify_headers(out, known_in(source), options_named(options.header))
        print(archive.name, dict(counts), f"findings: {len(findings)}", *map(str, findings[:10]), sep="\n  ")


if __name__ == "__main__":
    main()
