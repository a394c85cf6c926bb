"""Results in words."""

from __future__ import annotations

from collections.abc import Sequence

from ..pipeline import CaseResult
from ..verify.compare import SegmentCheck


def figures(result: CaseResult) -> list[str]:
    """Lines for a person: what changed, and what did not."""
    lines = []
    if result.comparison is not None:
        share = "" if result.body_share is None else f" ({result.body_share:.1%} of the body)"
        lines.append(f"  changed: {result.comparison.changed_voxels:,} voxels{share}")
        lines += protection_lines(result.comparison.protected)
        if result.comparison.changed_outside_face is not None:
            lines.append(f"  outside the face segment: {result.comparison.changed_outside_face:,} voxels changed")
    if result.coverage is not None:
        skin = result.coverage
        lines.append(f"  face: {skin.changed_share:.0%} of its skin changed, by {skin.mean_displacement_mm:.1f} mm on average")
    lines.append(f"  privacy of '{result.parameters.style}' with '{result.parameters.effect}': {result.privacy}")
    return lines


def protection_lines(checks: Sequence[SegmentCheck]) -> list[str]:
    """One line per protected segment."""
    if not checks:
        return ["  protected: nothing was named (--nodes, --protect)"]
    return [f"  protected '{check.name}': {check.changed:,} of {check.voxels:,} voxels changed" for check in checks]


def reason_lines(reasons: Sequence[str]) -> list[str]:
    """The reasons as a list."""
    return [f"  - {reason}" for reason in reasons]
