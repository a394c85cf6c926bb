"""Check a de-identified CT against its original, whoever made it.

With --face-segment it also checks that nothing changed outside it; without it, it reports where voxels changed, and
judges geometry, scalar type and the protected segments only. Whether the face is hidden well enough is not judged here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options as shared
from .console import FAIL, PASS, Console, Outcome

if TYPE_CHECKING:
    import numpy as np

    from ..core.geometry import Geometry

SUMMARY = "check a result against its original, another tool's too"
EXAMPLES = "example:\n  facedeidln verify ct.nrrd ct-deface.nrrd --nodes nodes.seg.nrrd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ORIGINAL, RESULT and what must not have changed."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="DICOM folder or image file before")
    parser.add_argument("result", type=Path, metavar="RESULT", help="DICOM folder or image file after")
    shared.add_protection(parser)
    parser.add_argument("--face-segment", type=Path, metavar="FILE", help="where voxels may have changed (.seg.nrrd or label map)")
    shared.add_series(parser)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read both, compare, judge."""
    from ..facts import comparison_facts
    from ..input.ct import read_ct, read_result
    from ..input.place import place_segments
    from ..verify.compare import compare
    from ..verify.verdict import judge
    from .describe import protection_lines, reason_lines
    from .inputs import frame_notes, read_all, read_nodes, read_one

    console.progress(0.0, "reading")
    ct = read_ct(options.original, options.series, by_hand=True)
    original, result = ct.volume, read_result(options.result, ct).volume
    nodes = read_nodes(options.nodes, options.node_segments, ct)
    more = read_all(options.protect, ct)
    protected = place_segments([*nodes.taken, *more], original.geometry)
    given = None if options.face_segment is None else read_one(options.face_segment, ct)
    face = None if given is None else place_segments([given], original.geometry)[0]
    console.progress(0.6, "comparing")
    comparison = compare(original, result, face, protected)
    judgement = judge(comparison, None)
    where = changed_extent(comparison.changed, original.geometry)
    unjudged = not_judged(face is not None)
    facts = {
        "verdict": judgement.verdict.value,
        "reasons": [*judgement.reasons, *unjudged],
        "not_judged": unjudged,
        **comparison_facts(comparison),
        "changed_extent_lps_mm": where,
    }
    changed = f"{comparison.changed_voxels:,} voxels changed{_between(where)}"
    protection = protection_lines(comparison.protected)
    if comparison.changed is None:
        facts.update({"changed_voxels": None, "protected": [{**one, "changed": None} for one in facts["protected"]]})
        changed = "the voxels cannot be compared, because there are more or fewer of them"
        protection = [f"  protected '{check.name}': not compared" for check in comparison.protected]
    notes = [f"  note: {note}" for note in frame_notes((*nodes.taken, *nodes.guides, *nodes.left_out, *more, given))]
    lines = [f"{judgement.verdict.value}: {changed}", *reason_lines(facts["reasons"]), *protection, *notes]
    if comparison.changed_outside_face is not None:
        lines.append(f"  outside the face segment: {comparison.changed_outside_face:,} voxels changed")
    return Outcome(PASS if judgement.verdict.value == "PASS" else FAIL, facts, "\n".join(lines))


def not_judged(has_face_segment: bool) -> list[str]:
    """What a PASS of this command does not say."""
    outside = "not judged: whether anything changed outside the face, because no --face-segment was given"
    return ([] if has_face_segment else [outside]) + ["not judged: whether the face is hidden well enough"]


def changed_extent(changed: np.ndarray | None, geometry: Geometry) -> dict[str, Any] | None:
    """The LPS mm box of the centres of the voxels that changed; None where none did or the grids differ."""
    if changed is None or not changed.any():
        return None
    import numpy as np

    lines = [np.flatnonzero(changed.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    ends = [(line[0], line[-1]) for line in lines]
    corners = geometry.to_lps(np.array([(k, j, i) for k in ends[0] for j in ends[1] for i in ends[2]]))
    return {"low": corners.min(0).round(1).tolist(), "high": corners.max(0).round(1).tolist()}


def _between(where: dict[str, Any] | None) -> str:
    if where is None:
        return ""
    spans = (f"{name} {low:.0f} to {high:.0f}" for name, low, high in zip("LPS", where["low"], where["high"], strict=True))
    return f", within {', '.join(spans)} mm"
