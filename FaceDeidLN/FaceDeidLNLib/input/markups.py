"""Landmarks and curves from Slicer's markups files (.mrk.json)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.landmarks import LANDMARK_NAMES, MIN_CONTROL_POINTS, Landmark, Landmarks
from ..core.plain_files import unread
from .formats.header import require_regular
from .plausible import FARTHEST_MM

#: A curve of so many points follows every pore; a markups file of it has some 600 bytes a point.
MOST_POINTS, MOST_BYTES = 10_000, 1 << 24
#: How a landmark's description tells where its position came from; written by output.markups.
_NUMBER, _PLACED = r"-?\d+(?:\.\d+)?", "found at ("
DESCRIPTION = re.compile(
    r"^(?P<source>\w+), confidence (?P<confidence>0(?:\.\d+)?|1(?:\.0+)?), "
    rf"{re.escape(_PLACED)}(?P<position>{_NUMBER}, {_NUMBER}, {_NUMBER})\) LPS mm$",
    re.ASCII,
)
#: A point that lies this close, in mm, to where it was found was not moved.
NOT_MOVED_MM = 0.01
#: From the file's coordinates to LPS; the numbers are those of vtkMRMLStorageNode in older files.
_TO_LPS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0), "1": (1.0, 1.0, 1.0), "0": (-1.0, -1.0, 1.0)}


def read_landmarks_json(path: Path) -> Landmarks:
    """Landmarks in LPS mm from the point lists of a .mrk.json.

    Names are taken without regard to case; blanks and hyphens count as underscores. A point that the user placed or
    moved has confidence 1. A point of an automatic file that was not moved keeps the confidence that its
    description tells, unless it is locked, which is how the user confirms it. A point that is not defined is missing.

    :raises InputError: the file is no markups file, or a name is unknown, twice there, or without a place.
    """
    points: dict[str, Landmark] = {}
    unknown: list[str] = []
    for markup in _markups(path, "Fiducial"):
        for control in _controls(markup, path):
            label = str(control.get("label", ""))
            name = re.sub(r"[\s-]+", "_", label.strip()).lower()
            if name not in LANDMARK_NAMES:
                unknown.append(label)
                continue
            if name in points:
                raise InputError(f"{Path(path).name} has the landmark '{name}' twice: keep one.")
            points[name] = _landmark(name, control, markup, path)
    if unknown:
        told = ", ".join(label[:40] for label in unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise InputError(f"{Path(path).name} has unknown landmarks ({told}); known are: {', '.join(LANDMARK_NAMES)}.")
    if not points:
        raise InputError(f"{Path(path).name} holds no landmark: name points after {', '.join(LANDMARK_NAMES[:3])}, ...")
    return Landmarks(points)


def read_curve_json(path: Path) -> np.ndarray:
    """Control points (N, 3) in LPS mm of the one closed curve of a .mrk.json.

    :raises InputError: the file is no markups file, holds no closed curve or several, or points in fewer than MIN_CONTROL_POINTS places.
    """
    curves = _markups(path, "ClosedCurve")
    if len(curves) != 1:
        raise InputError(f"{Path(path).name} holds {len(curves)} closed curves: give exactly one.")
    points = [_position(control, curves[0], path) for control in _controls(curves[0], path) if _is_defined(control)]
    places = len(np.unique(np.array(points).reshape(-1, 3), axis=0))
    if places < MIN_CONTROL_POINTS:
        told = f"The curve in {Path(path).name} has points in {places} places"
        raise InputError(f"{told}: around a face it needs at least {MIN_CONTROL_POINTS}, add points.")
    return np.array(points)


def _markups(path: Path, kind: str) -> list[dict[str, Any]]:
    """The markups of one type in a file."""
    path = Path(path)
    require_regular(path)
    if path.stat().st_size > MOST_BYTES:
        raise InputError(
            f"{path.name} is larger than any markups file of a face ({path.stat().st_size / 2**20:.0f} MB): save its points alone."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is no markups file ({unread(error)}): give a .mrk.json saved by 3D Slicer.") from error
    markups = content.get("markups") if isinstance(content, dict) else None
    if not isinstance(markups, list) or not all(isinstance(markup, dict) for markup in markups):
        raise InputError(f"{path.name} is no markups file: give a .mrk.json saved by 3D Slicer.")
    found = [markup for markup in markups if markup.get("type") == kind]
    if not found:
        kinds = ", ".join(str(markup.get("type"))[:40] for markup in markups[:5]) or "nothing"
        raise InputError(f"{path.name} holds {kinds}, and a markup of type {kind} is needed.")
    return found


def _controls(markup: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """The control points of a markup."""
    controls = markup.get("controlPoints", [])
    if not isinstance(controls, list) or not all(isinstance(control, dict) for control in controls):
        raise InputError(f"{Path(path).name} holds control points that are none: give a .mrk.json saved by 3D Slicer.")
    if len(controls) > MOST_POINTS:
        raise InputError(f"{Path(path).name} holds {len(controls)} points, more than any curve of a face has: give at most {MOST_POINTS}.")
    return controls


def _landmark(name: str, control: dict[str, Any], markup: dict[str, Any], path: Path) -> Landmark:
    """One control point as a landmark."""
    description = str(control.get("description", ""))
    if not _is_defined(control):
        return missing(name, description, "not defined in the markups file")
    position = _position(control, markup, path)
    return placed(name, position, description, control.get("locked", False))


def missing(name: str, description: str, otherwise: str) -> Landmark:
    """A point without a position: its description says why, or ``otherwise`` where it is still that of a point that was found.

    That one tells the place, which no verdict's reasons may carry into a certificate.
    """
    return Landmark(name, None, 0.0, "user", otherwise if not description or _PLACED in description else description)


def placed(name: str, position: np.ndarray, description: str, is_locked: bool) -> Landmark:
    """A point in LPS mm (3,) as it was found, where its description tells so and nobody moved or locked it; else the user's."""
    told = None if is_locked else DESCRIPTION.match(description)
    if told:
        found_at = np.array([float(value) for value in told["position"].split(",")])
        if np.linalg.norm(found_at - position) <= NOT_MOVED_MM:
            return Landmark(name, found_at, float(told["confidence"]), told["source"])
    return Landmark(name, position, 1.0, "user")


def _is_defined(control: dict[str, Any]) -> bool:
    return control.get("positionStatus", "defined") == "defined"


def _position(control: dict[str, Any], markup: dict[str, Any], path: Path) -> np.ndarray:
    """A control point in LPS mm (3,)."""
    system, units = str(markup.get("coordinateSystem", "LPS")), markup.get("coordinateUnits", "mm")
    if system not in _TO_LPS or units not in ("mm", ["mm", "mm", "mm"]):
        raise InputError(f"{Path(path).name} gives points in {system[:20]}, {str(units)[:20]}: save them in LPS or RAS, in mm.")
    try:
        position = np.array(control["position"], dtype=float) * _TO_LPS[system]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"A point of {Path(path).name} has no position of three numbers: place it again.") from error
    if position.shape != (3,) or not np.all(np.abs(position) <= FARTHEST_MM):
        raise InputError(f"A point of {Path(path).name} has no position of three numbers near the patient: place it again.")
    return position
