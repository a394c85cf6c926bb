"""Results in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..anatomy.level.find import Level
from ..case.records import CaseResult
from ..face.segment import BEHIND_MEMBRANE_MM
from ..facts import privacy_said
from ..output.certificate import is_certified
from ..verify.compare import SegmentCheck
from ..verify.privacy import RECOGNISABLE

#: Of a protected segment without a voxel.
EMPTY = "it is empty, and protects nothing"


def figures(result: CaseResult) -> list[str]:
    """Lines for a person: what changed, and what did not."""
    lines = []
    if result.comparison is not None:
        share = "" if result.body_share is None else f" ({result.body_share:.1%} of the body)"
        lines.append(f"  changed: {result.comparison.changed_voxels:,} voxels{share}")
        lines += protection_lines(result.comparison.protected[: len(result.protected)])
        lines += level_lines(result.levels, result.comparison.protected[len(result.protected) :])
        if result.comparison.changed_outside_face is not None:
            lines.append(f"  outside the face segment: {result.comparison.changed_outside_face:,} voxels changed")
    if result.coverage is not None:
        skin = result.coverage
        lines.append(f"  face: {skin.changed_share:.0%} of its skin changed, by {skin.mean_displacement_mm:.1f} mm on average")
    lines.append(f"  privacy of '{result.parameters.region_name}' with '{result.parameters.effect}': {privacy_said(result)}")
    if privacy_said(result) == RECOGNISABLE:
        lines += [f"    {cause}" for cause in result.causes]
    depth_mm = result.parameters.depth_mm
    if depth_mm < BEHIND_MEMBRANE_MM and result.face is not None and len(result.face.curve.control):
        lines.append(
            f"  note: --depth-mm {depth_mm:g} changes hardly less than {BEHIND_MEMBRANE_MM:g}: so far behind the surface that the face is "
            "taken back to the segment always reaches, so that a new surface has room"
        )
    return lines


def protection_lines(checks: Sequence[SegmentCheck]) -> list[str]:
    """One line per protected segment."""
    if not checks:
        return ["  protected: nothing was named (--nodes, --protect)"]
    return [f"  protected '{check.name}': {_said_of(check)}" for check in checks]


def _said_of(check: SegmentCheck) -> str:
    return f"{check.changed:,} of {check.voxels:,} voxels changed" if check.voxels else EMPTY


def level_lines(levels: Sequence[Level], checks: Sequence[SegmentCheck]) -> list[str]:
    """One line per node level that stays, with what it was derived from; or why it could not be judged."""
    lines = []
    for level, check in zip(levels, checks, strict=True):
        told = f"confidence {level.confidence:.2f}, from {level.derived_from}" if level.judged else f"NOT JUDGED: {level.reason}"
        lines.append(f"  node level {level.name}: {check.changed:,} of {check.voxels:,} voxels changed ({level.volume_ml:.0f} ml, {told})")
    return lines


def reason_lines(reasons: Sequence[str]) -> list[str]:
    """The reasons as a list."""
    return [f"  - {reason}" for reason in reasons]


def earlier_lines(output: Path) -> list[str]:
    """Said where nothing was released and an earlier release has the output's name: it stays, and is not what was asked for now."""
    if not is_certified(output):
        return []
    return [f"  note: the earlier release {output} stays as it is, with its own certificate: take it away if it must not be used any more"]
