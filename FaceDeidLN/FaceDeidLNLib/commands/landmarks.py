"""Find the facial landmarks of a CT and write them as markups (.mrk.json), to look at and to mend in Slicer."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InputError
from . import options as shared
from .console import PASS, REVIEW, Console, Outcome

SUMMARY = "find the facial landmarks and write them as .mrk.json"
EXAMPLES = "example:\n  facedeidln landmarks ct.nrrd landmarks.mrk.json"
ENDING = ".mrk.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """INPUT and OUT.mrk.json."""
    parser.add_argument("input", type=Path, metavar="INPUT", help="DICOM folder or image file")
    parser.add_argument("output", type=Path, metavar="OUT.mrk.json", help="where to write the landmarks")
    shared.add_series(parser)
    shared.add_overwrite(parser)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read, find, write; exit code 3 where not a single landmark was found."""
    if not options.output.name.endswith(ENDING):
        raise InputError(f"{options.output.name}: landmarks are written as a markups file, so its name must end in {ENDING}.")
    from ..anatomy.landmark.detect import detect_landmarks
    from ..input.ct import read_ct
    from ..input.images import image_files
    from ..output.destination import require_destination
    from ..output.markups import write_landmarks_json

    require_destination(options.output, options.overwrite, image_files(options.input))
    console.progress(0.0, "reading")
    ct = read_ct(options.input, options.series)
    console.progress(0.3, "landmarks")
    found = detect_landmarks(ct.volume)
    placed = [point for point in found if point.position is not None]
    facts = {"landmarks": {p.name: None if p.position is None else p.position.tolist() for p in found}, "output": str(options.output)}
    facts["confidence"] = {point.name: round(point.confidence, 3) for point in placed}
    if not placed:
        reason = next((point.reason for point in found if point.reason), "no face is in view")
        return Outcome(
            REVIEW, {**facts, "output": None, "reasons": [reason]}, f"REVIEW: no landmark was found ({reason}); nothing was written."
        )
    write_landmarks_json(options.output, found, options.overwrite)
    lines = [f"{len(placed)} of {len(list(found))} landmarks written to {options.output}"]
    lines += [f"  {p.name:<20} " + (f"{p.confidence:4.0%} sure" if p.position is not None else f"missing: {p.reason}") for p in found]
    return Outcome(PASS, facts, "\n".join(lines))
