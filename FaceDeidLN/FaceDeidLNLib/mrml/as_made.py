"""What this module made and nobody changed: a curve or a face segment that may be made anew when what it was made of changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
from numpy.typing import ArrayLike

from ..core.errors import FaceDeidError
from ..core.segment import Segment
from .candidates import is_made_here
from .markups import control_points, landmarks_from_node, ras
from .matrices import LPS_RAS, to_world_ras
from .moved import SAME_MM, ijk_to_lps
from .segmentations import segments_from_node

#: Attribute of a node that holds what was put into it; saved with the scene.
_AS_MADE = "FaceDeidLN.AsMade"
#: The same where another engine made it: never made anew by itself, but no person has edited it either.
_BY_ENGINE = "FaceDeidLN.MadeByEngine"
#: Reference of such a node to the CT that it was made of. A scene that is added to another gives its nodes other identifiers, here too.
_MADE_OF = "FaceDeidLN.madeOf"


def same_points(before: ArrayLike, now: ArrayLike) -> bool:
    """Are as many points (N, 3) in mm at the same places, but for what a scene's file rounds? NaN is that of a point without one."""
    return np.shape(before) == np.shape(now) and bool(np.allclose(before, now, rtol=0.0, atol=SAME_MM, equal_nan=True))


def note_as_made(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLScalarVolumeNode, renewable: bool = True) -> None:
    """Remember what a curve or a face segment of a CT holds now; one that is not ``renewable`` counts as a person's from now on."""
    made = json.dumps([ct.GetID(), *_contents(node, ct)])
    node.SetAttribute(_AS_MADE, made if renewable else None)
    node.SetAttribute(_BY_ENGINE, None if renewable else made)
    node.SetNodeReferenceID(_MADE_OF, ct.GetID())


def forget_as_made(node: slicer.vtkMRMLNode) -> None:
    """A curve or a face segment is a person's own, whoever put it into its node."""
    for name in (_AS_MADE, _BY_ENGINE):
        node.SetAttribute(name, None)
    node.SetNodeReferenceID(_MADE_OF, None)


def was_noted(node: slicer.vtkMRMLNode) -> bool:
    """Did this module ever put a curve or a face segment into a node, whatever became of that?"""
    return bool(node.GetAttribute(_AS_MADE) or node.GetAttribute(_BY_ENGINE))


def is_as_made(node: slicer.vtkMRMLNode | None, ct: slicer.vtkMRMLScalarVolumeNode, engines: bool = False) -> bool:
    """Does a node hold just what this module put into it for this CT? False for None, and for what a person drew, dragged or edited.

    It may have been moved together with the CT, or left where it was when the CT was moved. Moved by itself it is a person's.
    With ``engines`` what another engine made counts, too.
    """
    noted = None if node is None else node.GetAttribute(_AS_MADE) or (node.GetAttribute(_BY_ENGINE) if engines else None)
    if not noted:
        return False
    made_of, *then = json.loads(noted)
    if (node.GetNodeReferenceID(_MADE_OF) or made_of) != ct.GetID():
        return False
    try:
        held = _contents(node, ct)
    except FaceDeidError:  # bent by a transform since: whatever reads it says so
        return False
    return any(_same(before, now) for before, now in zip(then, held, strict=False))  # before: in the world only


def is_drawing(node: slicer.vtkMRMLNode) -> bool:
    """Does a node hold what a person draws: points, a curve, segments? Not what this module fills with what it keeps."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return was_noted(node) or not is_made_here(node)
    return node.IsA("vtkMRMLMarkupsNode")


def drawn(node: slicer.vtkMRMLNode) -> str:
    """What tells the content of a drawing from what it held at another moment, wherever it lies; empty where a transform bends it."""
    if node.IsA("vtkMRMLMarkupsNode"):
        return _points(node)
    try:
        return _digest(segments_from_node(node), np.linalg.inv(LPS_RAS @ to_world_ras(node)))
    except FaceDeidError:  # whatever works on it says so
        return ""


def is_drawn_since(node: slicer.vtkMRMLNode, then: str) -> bool:
    """Has a person drawn in a node since its content was ``then``, as ``drawn`` tells it? What this module made anew is no drawing."""
    made_of = node.GetNodeReference(_MADE_OF)
    return drawn(node) != then and (made_of is None or not is_as_made(node, made_of, engines=True))


def noted_drawing(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLScalarVolumeNode) -> list[Any]:
    """What tells a drawing and its place on a CT from those of another moment, as a scene keeps it.

    :raises FaceDeidError: a transform bends it.
    """
    is_points = node.IsA("vtkMRMLMarkupsNode")
    points = range(node.GetNumberOfControlPoints()) if is_points else ()
    named = [[node.GetNthControlPointLabel(n), node.GetNthControlPointLocked(n), node.GetNthControlPointPositionStatus(n)] for n in points]
    return [named, *_contents(node, ct)]


def is_by_hand(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Has a person a part in a drawing: a landmark that he placed, moved or locked, a curve or a face segment that he drew or changed?"""
    if node.IsA("vtkMRMLMarkupsFiducialNode"):
        return any(point.source == "user" for point in landmarks_from_node(node))
    return not is_as_made(node, ct, engines=True)


def is_noted_drawing(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLScalarVolumeNode, then: list[Any]) -> bool:
    """Is a drawing as it was noted, in the world or on its CT? What this module made anew for that CT counts as such, too."""
    if is_as_made(node, ct, engines=True):
        return True
    try:
        named, *now = noted_drawing(node, ct)
    except FaceDeidError:  # bent since: it lies elsewhere
        return False
    return named == then[0] and any(_same(before, held) for before, held in zip(then[1:], now, strict=False))


def _points(node: slicer.vtkMRMLMarkupsNode) -> str:
    """Name, lock and place of the points of a node, in its own coordinates."""
    said = []
    for index in range(node.GetNumberOfControlPoints()):
        status, place = node.GetNthControlPointPositionStatus(index), [0.0] * 3
        if status == node.PositionDefined:
            node.GetNthControlPointPosition(index, place)
        said.append([node.GetNthControlPointLabel(index), node.GetNthControlPointLocked(index), status, np.round(place, 3).tolist()])
    return json.dumps(said)


def _same(then: str | list[list[float]], now: str | list[list[float]]) -> bool:
    return then == now if isinstance(now, str) or isinstance(then, str) else same_points(then, now)


def _contents(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLScalarVolumeNode) -> list[str | list[list[float]]]:
    """What a node holds, as it lies in the world and as it lies on its CT's grid: control points in mm, or digests of its voxels.

    In the world alone where a transform bends the CT: whatever works on it says so.
    """
    try:
        to_grids = [np.linalg.inv(ijk_to_lps(ct))]
    except FaceDeidError:
        to_grids = []
    if node.IsA("vtkMRMLMarkupsNode"):
        points = control_points(node)
        on_grids = [(ras(points) @ to_grid[:3, :3].T + to_grid[:3, 3]) * ct.GetSpacing() for to_grid in to_grids]
        return [np.round(places, 4).tolist() for places in (points, *on_grids)]
    segments = segments_from_node(node)
    return [_digest(segments, to_grid) for to_grid in (None, *to_grids)]


def _digest(segments: Sequence[Segment], to_grid: np.ndarray | None) -> str:
    """The digest of segments' voxels and places: in world LPS mm, or in voxels of the grid that a matrix takes them ``to_grid``."""
    digest = hashlib.sha256()
    for segment in segments:
        held = segment.mask.array  # in the box that holds it; of an empty one there is a voxel that is not set
        shape = held.shape if held.any() else (0, 0, 0)
        if to_grid is None:
            place = np.round(segment.mask.geometry.to_lps(np.zeros(3, dtype=int)), 1).tolist()
        else:
            place = (np.round(to_grid @ segment.mask.geometry.ijk_to_lps, 2) + 0.0).tolist()
        digest.update(f"{segment.name} {place} {shape}".encode())
        digest.update(np.packbits(held if held.any() else held[:0]).tobytes())
    return digest.hexdigest()
