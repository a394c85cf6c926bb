"""The figures of a result, for the certificate and for ``--json``; nothing in them describes the original face."""

from __future__ import annotations

from typing import Any

from .pipeline import CaseResult
from .verify.compare import Comparison
from .verify.coverage import Coverage


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
    if result.provided:
        facts["segmented"] = list(result.provided)
    facts["node_levels"] = level_facts(result)
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


def level_facts(result: CaseResult) -> list[dict[str, Any]]:
    """Per node level that was to stay: volume, changed voxels, confidence, what it was derived from; or why it was not judged."""
    changed = {} if result.comparison is None else {check.name: check.changed for check in result.comparison.protected}
    facts = []
    for level in result.levels:
        facts.append(
            {
                "name": level.name,
                "voxels": level.mask.voxels,
                "volume_ml": round(level.volume_ml, 1),
                "changed": changed.get(level.mask.name),
                "confidence": level.confidence,
                "derived_from": level.derived_from,
                "judged": level.judged,
                "reason": level.reason,
            }
        )
    return facts


def coverage_facts(coverage: Coverage) -> dict[str, Any]:
    """What became of the face's skin."""
    return {
        "changed_share": round(coverage.changed_share, 4),
        "moved_share": round(coverage.moved_share, 4),
        "mean_displacement_mm": round(coverage.mean_displacement_mm, 2),
    }
