"""Landmarks and curves as Slicer's markups files (.mrk.json), in LPS mm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..core.landmarks import Landmark, Landmarks
from .atomic import released_file

SCHEMA = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"


def write_landmarks_json(path: Path, landmarks: Landmarks, overwrite: bool = False) -> None:
    """Write landmarks as a point list; the description of each point tells source, confidence and place, or why it is missing.

    :raises InputError: the place is taken. :raises OutputError: it could not be written.
    """
    controls = [_control(str(n + 1), point.name, point.position, describe(point)) for n, point in enumerate(landmarks)]
    _write(path, "Fiducial", controls, overwrite)


def write_curve_json(path: Path, points: np.ndarray, overwrite: bool = False) -> None:
    """Write control points (N, 3) in LPS mm as a closed curve.

    :raises InputError: the place is taken. :raises OutputError: it could not be written.
    """
    controls = [_control(str(n + 1), f"curve-{n + 1}", point, "") for n, point in enumerate(np.asarray(points, dtype=float))]
    _write(path, "ClosedCurve", controls, overwrite)


def describe(point: Landmark) -> str:
    """What :data:`input.markups.DESCRIPTION` reads, to the last bit; a missing point tells its reason."""
    if point.position is None:
        return point.reason
    confidence, *place = (np.format_float_positional(value, trim="-") for value in (point.confidence, *point.position))
    return f"{point.source}, confidence {confidence}, found at ({', '.join(place)}) LPS mm"


def _control(identifier: str, label: str, position: np.ndarray | None, description: str) -> dict[str, Any]:
    """One control point of the schema."""
    return {
        "id": identifier,
        "label": label,
        "description": description,
        "associatedNodeID": "",
        "position": [0.0, 0.0, 0.0] if position is None else [float(value) for value in position],
        "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "undefined" if position is None else "defined",
    }


def _write(path: Path, kind: str, controls: list[dict[str, Any]], overwrite: bool) -> None:
    markup = {
        "type": kind,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(controls),
        "controlPoints": controls,
    }
    with released_file(path, overwrite) as partial:
        partial.write_text(json.dumps({"@schema": SCHEMA, "markups": [markup]}, indent=2) + "\n", encoding="utf-8")
