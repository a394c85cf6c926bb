"""Results in words and as the facts of ``--json``; nothing in them describes the original face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pipeline import CaseResult
from ..verify.compare import Comparison, SegmentCheck
from ..verify.coverage import Coverage


def facts_of(result: CaseResult) -> dict[str, Any]:
    """Verdict, reasons and figures of a result."""
    facts: dict[str, Any] = {
        "verdict": result.verdict.value,
        "reasons": list(result.reasons),
        "privacy": result.privacy,
        "style": result.parameters.style,
        "effect": result.parameters.effect,
        "seconds": dict(result.seconds),
    }
    if result.comparison is not None:
        facts |= comparison_facts(result.comparison)
    if result.coverage is not None:
        facts["face_skin"] = coverage_facts(result.coverage)
    if result.body_share is not None:
        facts["share_of_body_changed"] = round(result.body_share, 4)
    return facts


def comparison_facts(comparison: Comparison) -> dict[str, Any]:
    """What changed, in voxels."""
    return {
        "same_geometry": comparison.same_geometry,
        "same_scalar_type": comparison.same_type,
        "changed_voxels": comparison.changed_voxels,
        "changed_outside_face": comparison.changed_outside_face,
        "protected": [{"name": s.name, "voxels": s.voxels, "changed": s.changed} for s in comparison.protected],
    }


def coverage_facts(coverage: Coverage) -> dict[str, Any]:
    """What became of the face's skin."""
    return {
        "changed_share": round(coverage.changed_share, 4),
        "moved_share": round(coverage.moved_share, 4),
        "mean_displacement_mm": round(coverage.mean_displacement_mm, 2),
    }


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
