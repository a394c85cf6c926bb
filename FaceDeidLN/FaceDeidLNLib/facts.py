"""The figures of a result: all of them for ``--json`` and the review, and for the certificate in classes that many heads share.

How far a face's skin moved, or how many voxels it, a node or a node level had, is nearly the same for every scan of one head and differs
between heads: whoever has a candidate's CT could check a certificate against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .case.records import CaseResult
from .core.coarse import coarse
from .verify.compare import Comparison
from .verify.coverage import Coverage
from .verify.privacy import RECOGNISABLE
from .verify.privacy_causes import causes_of_kept
from .verify.verdict import MIN_CHANGED_SHARE, MIN_CONFIDENCE, MIN_MEAN_DISPLACEMENT_MM

#: The bounds of the classes: what the verdict rests on, and no finer.
_SHARE_OF_SKIN = (0.5, MIN_CHANGED_SHARE)
_SHARE_OF_BODY = (0.1, 0.4)
#: Figures of objects that follow or are clipped: counts, and the share of the old skin's step that is left.
_COUNTS = ("changed_voxels", "voxels_without_dose", "frames_dropped")
_STEP = "share_of_step_left"


def facts_of(result: CaseResult) -> dict[str, Any]:
    """Verdict, reasons and figures of a result."""
    facts: dict[str, Any] = {
        "verdict": result.verdict.value,
        "reasons": list(result.reasons),
        "privacy": privacy_said(result),
        "privacy_causes": [] if privacy_said(result) != RECOGNISABLE else list(result.causes),
        "style": result.parameters.style,
        "effect": result.parameters.effect,
        "seconds": dict(result.seconds),
    }
    if result.comparison is not None:
        facts |= comparison_facts(result.comparison)
    if result.provided:
        facts["segmented"] = list(result.provided)
    if result.face is not None:
        facts["named_in_face"] = named_in_face(result)
    facts["node_levels"] = level_facts(result)
    if result.coverage is not None:
        facts["face_skin"] = coverage_facts(result.coverage)
    if result.body_share is not None:
        facts["share_of_body_changed"] = round(result.body_share, 4)
    return facts


def privacy_said(result: CaseResult) -> str:
    """The privacy class of a result; what hides no skin of a face is recognisable, whatever its region and effect were tested for."""
    hides = result.comparison is not None and result.comparison.changed_voxels
    hides = hides and (result.coverage is None or result.coverage.changed_share > 0)
    return result.privacy if hides else RECOGNISABLE


def named_in_face(result: CaseResult) -> str:
    """How much of the face the protected segments keep, over what the attack benchmark kept."""
    if not result.face.kept:
        return "nothing kept"
    more = causes_of_kept(result.parameters, result.face.kept_ml)
    return "more kept than was attacked" if more else "kept within what was attacked"


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


def certificate_facts(result: CaseResult) -> dict[str, Any]:
    """``facts_of`` without what would describe the original head: its figures in classes, and those in sentences to one digit."""
    facts = facts_of(result)
    facts["reasons"] = [coarse(reason) for reason in facts["reasons"]]
    facts["seconds"] = {step: float(f"{seconds:.0e}") for step, seconds in facts["seconds"].items()}
    facts["node_levels"] = [_level_in_classes(level) for level in facts["node_levels"]]
    if "changed_voxels" in facts:
        facts["changed_voxels"] = amount(facts["changed_voxels"])
        facts["protected"] = segments_in_classes(facts["protected"])
    if result.coverage is not None:
        skin = result.coverage
        facts["face_skin"] = {
            "changed": in_class(100 * skin.changed_share, [100 * share for share in _SHARE_OF_SKIN], "%"),
            "moved_on_average": in_class(skin.mean_displacement_mm, [MIN_MEAN_DISPLACEMENT_MM], "mm"),
        }
    if result.body_share is not None:
        facts["share_of_body_changed"] = in_class(100 * result.body_share, [100 * share for share in _SHARE_OF_BODY], "%")
    return facts


def segments_in_classes(segments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Protected segments (``comparison_facts``) without their sizes."""
    return [{**segment, "voxels": amount(segment["voxels"])} for segment in segments]


def _level_in_classes(level: Mapping[str, Any]) -> dict[str, Any]:
    """A node level without its size."""
    told = {name: value for name, value in level.items() if name != "volume_ml"}
    confidence = in_class(100 * level["confidence"], [100 * MIN_CONFIDENCE], "%")
    return {**told, "voxels": amount(level["voxels"]), "confidence": confidence, "reason": coarse(level["reason"])}


def figures_in_classes(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of what followed or was clipped, as a certificate tells them; each was held to its limit before."""
    told = dict(figures)
    told |= {name: amount(figures[name]) for name in _COUNTS if name in figures}
    if figures.get(_STEP) is not None:
        told[_STEP] = "within the limit"
    return told


def amount(count: int) -> str:
    """How much a count of voxels or frames of one head is, and no more."""
    return "some" if count else "none"


def in_class(value: float, bounds: Sequence[float], unit: str) -> str:
    """The class of a value between ascending bounds, in words."""
    below = [bound for bound in bounds if value >= bound]
    above = [bound for bound in bounds if value < bound]
    if not below:
        return f"less than {above[0]:g} {unit}"
    return f"at least {below[-1]:g} {unit}" + (f", less than {above[0]:g} {unit}" if above else "")
