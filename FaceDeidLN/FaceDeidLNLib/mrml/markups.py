"""Landmarks and the face curve as markups, the skin as a model."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..core.errors import InputError
from ..core.landmarks import Landmark, Landmarks
from .matrices import LPS_RAS, matrix_from_array, share_parent, to_world_ras
from .scene import SceneContext

_CURVE_COLOR = (1.0, 0.45, 0.1)
_SKIN_COLOR = (0.88, 0.80, 0.74)
#: Slicer looks for the skin along a ray no longer than this share of the square root of the skin's diagonal, and takes the
#: nearest vertex beyond it; 1 is the longest it allows (18 mm on a head).
_SEARCH_TOLERANCE = 1.0
_SOURCES = ("automatic", "derived", "user")
_CONFIDENCE = "confidence "


def ras(lps: np.ndarray) -> np.ndarray:
    """RAS mm (N, 3) of LPS mm points (N, 3), and the other way round."""
    return np.atleast_2d(np.asarray(lps, dtype=float)) * (-1.0, -1.0, 1.0)


def add_landmarks(
    context: SceneContext, landmarks: Landmarks, name: str = "Landmarks", reference: slicer.vtkMRMLTransformableNode | None = None
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A new vtkMRMLMarkupsFiducialNode with the landmarks; missing ones are points whose position is unset.

    Labels are the names; the description says source, confidence and reason. ``reference`` gives its parent transform.
    """
    node = context.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    share_parent(node, reference)
    for landmark in landmarks:
        position = (0.0, 0.0, 0.0) if landmark.position is None else ras(landmark.position)[0]
        index = node.AddControlPointWorld(vtk.vtkVector3d(*position), landmark.name)
        node.SetNthControlPointDescription(index, _description(landmark))
        if landmark.position is None:
            node.UnsetNthControlPointPosition(index)
    node.CreateDefaultDisplayNodes()
    return node


def _description(landmark: Landmark) -> str:
    parts = [landmark.source, f"{_CONFIDENCE}{landmark.confidence:.3f}" if landmark.position is not None else "missing", landmark.reason]
    return "; ".join(part for part in parts if part)


def landmarks_from_node(node: slicer.vtkMRMLMarkupsNode) -> Landmarks:
    """The points of a fiducial node in world LPS, by label; a point that was described by ``add_landmarks`` keeps its
    source, confidence and reason, any other one is the user's. Undefined points are missing landmarks.
    """
    return Landmarks({p.name: p for p in (_landmark(node, n) for n in range(node.GetNumberOfControlPoints()))})


def _landmark(node: slicer.vtkMRMLMarkupsNode, index: int) -> Landmark:
    label = node.GetNthControlPointLabel(index)
    source, confidence, reason = _described(node.GetNthControlPointDescription(index))
    if node.GetNthControlPointPositionStatus(index) != slicer.vtkMRMLMarkupsNode.PositionDefined:
        return Landmark(label, None, 0.0, source, reason or "no position was set")
    position = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(index, position)
    return Landmark(label, ras(position)[0], confidence, source, reason)


def _described(description: str) -> tuple[str, float, str]:
    """Source, confidence and reason as ``_description`` wrote them; ("user", 1, "") for any other text."""
    parts = description.split("; ", 2)
    if parts[0] not in _SOURCES or len(parts) < 2:
        return "user", 1.0, ""
    reason = parts[2] if len(parts) == 3 else ""
    if not parts[1].startswith(_CONFIDENCE):
        return parts[0], 0.0, reason
    try:
        return parts[0], float(parts[1].removeprefix(_CONFIDENCE)), reason
    except ValueError:
        return "user", 1.0, ""


def add_curve(
    context: SceneContext,
    control_points_lps: np.ndarray,
    name: str = "Face curve",
    reference: slicer.vtkMRMLTransformableNode | None = None,
    skin_node: slicer.vtkMRMLModelNode | None = None,
) -> slicer.vtkMRMLMarkupsClosedCurveNode:
    """A new vtkMRMLMarkupsClosedCurveNode through control points (N, 3) in LPS mm.

    With a ``skin_node`` (vtkMRMLModelNode) the path between the control points lies on it, also after the user has
    dragged one; without it the path is straight between them. ``reference`` gives its parent transform.
    """
    node = context.scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", name)
    share_parent(node, reference)
    points = vtk.vtkPoints()
    for position in ras(control_points_lps):
        points.InsertNextPoint(position)
    node.SetControlPointPositionsWorld(points)
    if skin_node is None:
        node.SetCurveTypeToLinear()
    else:
        node.SetSurfaceConstraintMaximumSearchRadiusTolerance(_SEARCH_TOLERANCE)
        node.SetAndObserveSurfaceConstraintNode(skin_node)
    node.CreateDefaultDisplayNodes()
    if node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetSelectedColor(*_CURVE_COLOR)
        node.GetDisplayNode().SetPointLabelsVisibility(False)
    return node


def curve_points_from_node(node: slicer.vtkMRMLMarkupsCurveNode) -> tuple[np.ndarray, np.ndarray]:
    """The defined control points (N, 3) and the path between them (M, 3) of a curve node, world LPS mm.

    :raises InputError: fewer than three control points: that encloses nothing.
    """
    positions = []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(index, position)
            positions.append(position)
    if len(positions) < 3:
        raise InputError(f'The curve "{node.GetName()}" has {len(positions)} points: a closed curve needs at least three.')
    path = node.GetCurvePointsWorld()
    return ras(positions), ras(vtk_to_numpy(path.GetData()))


def add_skin_model(
    context: SceneContext, surface_lps: vtk.vtkPolyData, name: str = "Skin", reference: slicer.vtkMRMLTransformableNode | None = None
) -> slicer.vtkMRMLModelNode:
    """A new vtkMRMLModelNode of a surface whose points are world LPS mm; ``reference`` gives its parent transform."""
    node = context.scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    share_parent(node, reference)
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix_from_array(np.linalg.inv(to_world_ras(node)) @ LPS_RAS))
    to_local = vtk.vtkTransformPolyDataFilter()
    to_local.SetTransform(transform)
    to_local.SetInputData(surface_lps)
    to_local.Update()
    node.SetAndObservePolyData(to_local.GetOutput())
    node.CreateDefaultDisplayNodes()
    if node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetColor(*_SKIN_COLOR)
        node.GetDisplayNode().SetOpacity(0.6)
    return node


def surface_lps_from_node(node: slicer.vtkMRMLModelNode) -> vtk.vtkPolyData:
    """The surface of a vtkMRMLModelNode with its points in world LPS mm (a copy).

    :raises InputError: the model has no surface.
    """
    if node.GetPolyData() is None or node.GetPolyData().GetNumberOfPoints() == 0:
        raise InputError(f'The model "{node.GetName()}" is empty.')
    matrix = LPS_RAS @ to_world_ras(node)
    surface = vtk.vtkPolyData()
    surface.DeepCopy(node.GetPolyData())
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float) @ matrix[:3, :3].T + matrix[:3, 3]
    surface.GetPoints().SetData(numpy_to_vtk(points, deep=True))
    return surface
