"""Measure what a de-identified CT is still good for.

Per structure: voxels kept, volume, and the relative change of ten first-order features (the definitions of pyradiomics, bins of
25 HU), and how far the front of what a threshold of 300 HU takes for bone moves before it. With a second segmentation, drawn on the
result: Dice and volume by name. For the volume: share of the body's voxels that changed, and distance of the HU histograms.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from . import options as shared
from .console import PASS, Console, Outcome

if TYPE_CHECKING:
    from ..core.segment import BoxMask
    from ..input.case import CtInput
    from ..verify.utility import Agreement, StructureUtility, VolumeUtility

SUMMARY = "compare structures in a CT before and after"
EXAMPLES = "example:\n  facedeidln evaluate ct.nrrd ct-deface.nrrd --structures organs.seg.nrrd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ORIGINAL, RESULT and the segmentations."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="CT before")
    parser.add_argument("result", type=Path, metavar="RESULT", help="CT after")
    parser.add_argument(
        "--structures",
        type=Path,
        metavar="SEG",
        action="append",
        required=True,
        help=".seg.nrrd, label map, DICOM SEG or RTSTRUCT, on any grid (may be given again)",
    )
    parser.add_argument("--structures-after", type=Path, metavar="SEG", action="append", default=[], help="the same, drawn on RESULT")
    shared.add_series(parser)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read both, compare, print one line per structure. Raises InputError where the grids differ."""
    from ..input.ct import read_ct, read_result
    from ..verify.utility import agreements, evaluate

    before = read_ct(options.original, options.series, by_hand=True)
    after = read_result(options.result, before)
    original, result = before.volume, after.volume
    if not original.geometry.same_as(result.geometry):
        raise InputError("ORIGINAL and RESULT lie on different grids; only results on the original's grid can be compared.")
    structures = _read(options.structures, before)
    rows, whole = evaluate(original, result, structures)
    pairs = agreements(structures, _read(options.structures_after, after), original.geometry.voxel_mm3)
    if options.structures_after and not pairs:
        raise InputError("No structure has the same name in both segmentations: name them alike.")
    facts = {
        "structures": [_finite(asdict(row)) for row in rows],
        "agreement": [asdict(pair) for pair in pairs],
        "volume": asdict(whole),
    }
    return Outcome(PASS, facts, "\n".join([*_table(rows), *_agreement_lines(pairs), _volume_line(whole)]))


def _read(paths: Sequence[Path], ct: CtInput) -> list[BoxMask]:
    """The structures of all segmentations on the CT's grid."""
    from ..input.place import place_segments
    from .inputs import read_all

    return place_segments(read_all(paths, ct), ct.volume.geometry)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """The row with null for what has no number: a feature that was 0 before and is not after."""
    return {**row, "feature_change": {k: v if abs(v) < float("inf") else None for k, v in row["feature_change"].items()}}


def _table(rows: Sequence[StructureUtility]) -> list[str]:
    names = next((list(row.feature_change) for row in rows if row.feature_change), [])
    lines = ["structure | kept % | volume cm3 | front at 300 HU moved mm | " + " | ".join(f"{name} %" for name in names)]
    for row in rows:
        changes = " | ".join(f"{100 * row.feature_change[name]:.2f}" if name in row.feature_change else "-" for name in names)
        front = "-" if row.front_moved_mm is None else f"{row.front_moved_mm:.1f}"
        lines.append(f"{row.name} | {100 * row.kept:.3f} | {row.volume_mm3 / 1000:.2f} | {front} | {changes}")
    return lines


def _agreement_lines(pairs: Sequence[Agreement]) -> list[str]:
    lines = [f"{p.name} | {p.dice:.4f} | {p.volume_before_mm3 / 1000:.2f} | {p.volume_after_mm3 / 1000:.2f}" for p in pairs]
    return ["structure | Dice | volume before cm3 | volume after cm3", *lines] if pairs else []


def _volume_line(whole: VolumeUtility) -> str:
    body = "no body found" if whole.body_changed is None else f"{whole.body_changed:.2%} of the body changed"
    return f"{body}, {whole.tissue_changed:.2%} of all tissue; distance of the HU histograms {whole.histogram_distance:.4f}"
