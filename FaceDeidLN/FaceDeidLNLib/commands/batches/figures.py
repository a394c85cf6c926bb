"""The figures of a case that a report of many cases shows the distribution of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Names in the ledger, with what the report calls them, and the steps in which it tells them: those of a face are told so coarsely that
#: no head is known by them.
FIGURES = {
    "moved_mm": ("skin moved on average, mm, in steps of 2", 2.0),
    "body_percent": ("share of the body changed, %, in whole per cent", 1.0),
    "kept_percent": ("voxels of protected segments kept, %", 0.1),
}


def figures_of(report: Mapping[str, Any]) -> dict[str, float]:
    """Those that the report of a case (``--json``) has."""
    figures: dict[str, float] = {}
    skin, body = report.get("face_skin"), report.get("share_of_body_changed")
    if isinstance(skin, Mapping):
        figures["moved_mm"] = float(skin["mean_displacement_mm"])
    if isinstance(body, float):
        figures["body_percent"] = 100 * body
    protected = [one for one in report.get("protected", ()) if one["voxels"]]
    if protected:
        changed, voxels = (sum(one[name] for one in protected) for name in ("changed", "voxels"))
        figures["kept_percent"] = 100 * (1 - changed / voxels)
    return {name: round(value, 2) for name, value in figures.items()}
