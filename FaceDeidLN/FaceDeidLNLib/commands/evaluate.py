"""Measure what a de-identified CT is still good for: per structure the voxels kept and the change of ten first-order features."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ..core.errors import InputError
from .console import PASS, Console, Outcome

SUMMARY = "compare structures in a CT before and after"
EXAMPLES = "example:\n  facedeidln evaluate ct.nrrd ct-deface.nrrd --structures organs.seg.nrrd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ORIGINAL, RESULT and the segmentations."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="CT before")
    parser.add_argument("result", type=Path, metavar="RESULT", help="CT after")
    parser.add_argument("--structures", type=Path, metavar="SEG", action="append", required=True, help="segmentation (may be given again)")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read both, compare, print one line per structure. Raises InputError where the grids differ."""
    from ..input.ct import read_ct
    from ..input.place import place_segments
    from ..input.segments import read_segments
    from ..verify.utility import evaluate

    original, result = read_ct(options.original).volume, read_ct(options.result).volume
    if not original.geometry.same_as(result.geometry):
        raise InputError("ORIGINAL and RESULT lie on different grids; only results on the original's grid can be compared.")
    structures = place_segments([s for path in options.structures for s in read_segments(path)], original.geometry)
    rows, whole = evaluate(original, result, structures)
    facts = {"structures": [asdict(row) for row in rows], "volume": asdict(whole)}
    names = list(rows[0].feature_change) if rows else []
    lines = ["structure | kept % | volume cm3 | " + " | ".join(f"{name} %" for name in names)]
    for row in rows:
        changes = " | ".join(f"{100 * row.feature_change.get(name, 0.0):.2f}" for name in names)
        lines.append(f"{row.name} | {100 * row.kept:.3f} | {row.volume_mm3 / 1000:.2f} | {changes}")
    lines.append(f"tissue changed {whole.tissue_changed:.2%}, histogram distance {whole.histogram_distance:.4f}")
    return Outcome(PASS, facts, "\n".join(lines))
